import json

import pytest

from api.secrets import KeysUnreadable, load_or_create_keys


class TestKeys:
    def test_two_installations_share_no_key(self, tmp_path):
        one, other = load_or_create_keys(tmp_path / "a"), load_or_create_keys(tmp_path / "b")
        assert one.audit != other.audit
        assert len({one.audit, one.link, one.blind_index, *one.field_cipher.values()}) == 4

    def test_the_same_folder_gives_the_same_keys(self, tmp_path):
        assert load_or_create_keys(tmp_path).link == load_or_create_keys(tmp_path).link

    def test_the_file_is_for_its_owner_only(self, tmp_path):
        load_or_create_keys(tmp_path)
        assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600

    def test_a_file_that_others_may_read_is_refused(self, tmp_path):
        load_or_create_keys(tmp_path)
        (tmp_path / "keys.json").chmod(0o644)
        with pytest.raises(KeysUnreadable, match="chmod 600"):
            load_or_create_keys(tmp_path)

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"audit": {}}', '{"audit": {"1": "eA=="}}'])
    def test_a_damaged_file_is_refused_and_left_as_it_is(self, tmp_path, content):
        path = tmp_path / "keys.json"
        path.touch(0o600)
        path.write_text(content)
        with pytest.raises(KeysUnreadable, match="backup"):
            load_or_create_keys(tmp_path)
        assert path.read_text() == content

    def test_a_short_key_is_refused(self, tmp_path):
        load_or_create_keys(tmp_path)
        path = tmp_path / "keys.json"
        document = json.loads(path.read_text())
        document["audit"]["1"] = "c2hvcnQ="
        path.write_text(json.dumps(document))
        with pytest.raises(KeysUnreadable, match="32 bytes"):
            load_or_create_keys(tmp_path)

    def test_keys_do_not_show_in_a_printed_object(self, tmp_path):
        keys = load_or_create_keys(tmp_path)
        assert keys.audit.hex() not in repr(keys)
        assert repr(keys.audit) not in repr(keys)
