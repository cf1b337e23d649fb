"""The settings file of a desk, and what it remembers."""

import pytest

from workstation.dock import Edge
from workstation.settings import StateFile, WrongSettings, read_settings

SERVER = 'server = "https://imaging.hospital.test/"\n'


@pytest.fixture
def file(tmp_path):
    return tmp_path / "workstation.toml"


class TestSettings:
    def test_need_a_server_and_have_a_sensible_rest(self, file):
        file.write_text("\ufeff" + SERVER, encoding="utf-8")
        settings = read_settings(file)
        assert (settings.server, settings.edge, settings.his_origins) == (
            "https://imaging.hospital.test",
            Edge.RIGHT,
            (),
        )
        assert settings.label

    @pytest.mark.parametrize(
        ("text", "field"),
        [
            ("", "server"),
            ('server = "imaging.hospital.test"', "server"),
            ("server = 5", "server"),
            ('server = "https://user:secret@imaging.test"', "server"),
            (SERVER + 'edge = "top"', "edge"),
            (SERVER + "port = 80", "port"),
            (SERVER + "port = true", "port"),
            (SERVER + 'port = "17651"', "port"),
            (SERVER + 'his_origins = "https://his.test"', "his_origins"),
            (SERVER + 'his_origins = ["https://his.test/page"]', "his_origins"),
            (SERVER + 'his_origins = ["*"]', "his_origins"),
            (SERVER + 'his_origins = ["null"]', "his_origins"),
            (SERVER + "label = 3", "label"),
            (SERVER + 'servr = "x"', "servr"),
            ("server = ", "workstation.toml"),
        ],
    )
    def test_that_are_wrong_are_refused_by_the_name_of_the_field(self, file, text, field):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(WrongSettings, match=field):
            read_settings(file)

    def test_that_are_missing_or_in_another_code_page_name_the_file(self, file):
        with pytest.raises(WrongSettings, match=file.name):
            read_settings(file)
        file.write_bytes('label = "门诊"'.encode("gb18030"))
        with pytest.raises(WrongSettings, match=file.name):
            read_settings(file)


class TestState:
    def test_is_kept_from_run_to_run(self, tmp_path):
        path = tmp_path / "folder" / "state.json"
        first = StateFile(path)
        first.change(woken=True)
        first.change(edge=Edge.LEFT)
        kept = StateFile(path).state
        assert (kept.workstation, kept.edge, kept.wakes) == (first.state.workstation, Edge.LEFT, 1)

    @pytest.mark.parametrize("damaged", ["", "{}", "[]", '{"workstation": "a", "edge": "top", "wakes": 1}', "\x00"])
    def test_that_is_damaged_begins_anew(self, tmp_path, damaged):
        path = tmp_path / "state.json"
        path.write_text(damaged)
        begun = StateFile(path).state
        assert (len(begun.workstation), begun.wakes) == (32, 0)
        assert StateFile(path).state == begun
