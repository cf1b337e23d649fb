"""Text from bytes that lie about their character set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.dicom.charset import CharsetRule, decode_text


class TestMislabelled:
    @pytest.mark.parametrize("declared", [[], [""], ["ISO_IR 6"], ["ISO_IR 100"], ["ISO 2022 IR 100"]])
    @pytest.mark.parametrize("text", ["张三", "胸部CT平扫", "王^小东", "欧阳^娜娜", "李四 男,55岁"])
    @pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
    def test_chinese_is_found_out(self, declared: list[str], text: str, encoding: str):
        assert decode_text(text.encode(encoding), declared).text == text

    def test_a_rare_character_beside_a_common_one_is_read(self):
        assert decode_text("王喆".encode("gbk"), ["ISO_IR 100"]).text == "王喆"

    @pytest.mark.parametrize("name", ["Jérôme^Bücher", "Müller^Jörg", "Garções^João", "Ångström", "Peña", "Çelik"])
    def test_western_names_stay_what_they_are(self, name: str):
        decoded = decode_text(name.encode("latin-1"), ["ISO_IR 100"])
        assert (decoded.text, decoded.rule) == (name, CharsetRule.DECLARED)


class TestDeclared:
    @pytest.mark.parametrize(
        "declared", ["GB18030", "GBK", "ISO 2022 IR 58", "ISO 2022 IR 165", "iso_ir 58", "ISO 2022 GBK"]
    )
    def test_every_way_to_say_chinese_is_read(self, declared: str):
        assert decode_text("王^小东".encode("gbk"), ["", declared]).text == "王^小东"

    def test_escapes_are_no_text(self):
        raw = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab="
        assert decode_text(raw, ["", "ISO 2022 IR 58"]).text == "Zhang^XiaoDong=张^小东="

    def test_gbk_labelled_as_unicode_is_read(self):
        assert decode_text("张三".encode("gbk"), ["ISO_IR 192"]).text == "张三"

    def test_a_character_whose_second_byte_is_a_backslash_is_not_split(self):
        assert decode_text("乗".encode("gbk"), ["GBK"]).text == "乗"  # 81 5C

    @pytest.mark.parametrize("declared", [["NONSENSE"], ["ISO 2022 IR 87", "?"], ["\\"], ["ISO_IR 144", "GARBAGE"]])
    @given(raw=st.binary(max_size=60))
    def test_nothing_is_too_odd_to_answer(self, declared: list[str], raw: bytes):
        assert isinstance(decode_text(raw, declared).text, str)

    @pytest.mark.parametrize(
        ("name", "person"),
        [
            ("chrGB2312", "Zhang^XiaoDong=张^小东="),
            ("chrX1", "Wang^XiaoDong=王^小東="),
            ("chrX2", "Wang^XiaoDong=王^小东="),
            ("chrH31", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
            ("chrKoreanMulti", "김희중"),
            ("chrRuss", "Люкceмбypг"),
            ("chrArab", "قباني^لنزار"),
            ("chrFren", "Buc^Jérôme"),
        ],
    )
    def test_the_samples_of_the_standard_are_read(self, shared_data, name: str, person: str):
        from io import BytesIO

        from imaging_core.dicom.header import read_header
        from imaging_core.dicom.limits import Limits

        content = (shared_data / "dicom/charset" / f"{name}.dcm").read_bytes()
        assert read_header(BytesIO(content), len(content), Limits()).patient_name == person
