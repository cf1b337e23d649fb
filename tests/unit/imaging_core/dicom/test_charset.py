"""Text from bytes that lie about their character set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.coding.vocabulary import vocabulary
from imaging_core.dicom.charset import CharsetRule, decode_text, decode_texts

pytestmark = pytest.mark.clause("R4.4")

CHINESE_WORDS = sorted(word for word in vocabulary().words if len(word) > 1 and not word.isascii())
COMMON = [bytes((lead, trail)).decode("gb2312") for lead in range(0xB0, 0xD7) for trail in range(0xA1, 0xFF)]
UNLABELLED = [[], ["ISO_IR 6"], ["ISO_IR 100"], ["ISO 2022 IR 100"]]
# words as they stand in images: (declared, bytes, text, rule)
SEEN = [
    (["ISO_IR 100"], b"RECONSTRU\xc7\xc3O", "RECONSTRUÇÃO", CharsetRule.DECLARED),
    (["ISO_IR 100"], b"RECONSTRU\xc7\xd5ES", "RECONSTRUÇÕES", CharsetRule.DECLARED),
    (["ISO_IR 100"], b"CR\xc2NIO SEM CONTRASTE", "CRÂNIO SEM CONTRASTE", CharsetRule.DECLARED),
    (["ISO_IR 100"], b"N\xda\xd1EZ^JOS\xc9", "NÚÑEZ^JOSÉ", CharsetRule.DECLARED),
    (["ISO_IR 100"], b"Gr\xf6\xdfe", "Größe", CharsetRule.DECLARED),
    ([], b"TH\xc9\xc2TRE", "THÉÂTRE", CharsetRule.LATIN1),
    (["ISO_IR 192"], b"Buc^J\xe9r\xf4me", "Buc^Jérôme", CharsetRule.LATIN1),
    (["ISO_IR 100"], "CT室".encode("gbk"), "CT室", CharsetRule.GB18030),
    (["ISO_IR 100"], "X线胸片".encode("gbk"), "X线胸片", CharsetRule.GB18030),
    (["ISO_IR 100"], "chest胸部5mm平扫".encode("gbk"), "chest胸部5mm平扫", CharsetRule.GB18030),
    ([""], "小".encode("gbk"), "小", CharsetRule.GB18030),
    (["GB18030"], "张三".encode(), "张三", CharsetRule.UTF8),
    (["ISO_IR 100"], "Jérôme".encode(), "Jérôme", CharsetRule.UTF8),
    (["GB18030"], b"\xd5\xc5\xff", "张\ufffd", CharsetRule.REPLACED),
]


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


class TestSeen:
    @pytest.mark.parametrize(("declared", "raw", "text", "rule"), SEEN)
    def test_each_is_read_as_it_was_meant(self, declared: list[str], raw: bytes, text: str, rule: CharsetRule):
        decoded = decode_text(raw, declared)
        assert (decoded.text, decoded.rule) == (text, rule)

    def test_the_description_of_a_brazilian_head_is_portuguese(self, shared_data):
        from io import BytesIO

        from imaging_core.dicom.elements import ElementWalker
        from imaging_core.dicom.limits import Limits
        from imaging_core.dicom.preamble import find_start
        from imaging_core.dicom.source import FileSource

        content = next((shared_data / "dicom/ct_cranium_0051").glob("*.dcm")).read_bytes()
        file = BytesIO(content)
        start = find_start(file, len(content), Limits())
        walker = ElementWalker(
            FileSource(file, len(content)), explicit_vr=start.explicit_vr, little_endian=True, limits=Limits()
        )
        values = walker.scan(
            {tag for group in (0x8, 0x10, 0x18, 0x20) for tag in range(group << 16, (group + 1) << 16)}
        )
        raw = [value for value in values.values.values() if b"RECONSTRU" in value]
        assert raw
        assert [decode_text(value, ["ISO_IR 100"]).rule for value in raw] == [CharsetRule.DECLARED] * len(raw)


class TestLaws:
    @given(
        declared=st.sampled_from([*UNLABELLED, ["GB18030"], ["", "ISO 2022 IR 58"]]),
        before=st.sampled_from(["", "CT", "DR", "Zhang^", "LI^", "5mm", "chest", "T12"]),
        text=st.one_of(st.sampled_from(CHINESE_WORDS), st.text(st.sampled_from(COMMON), min_size=2, max_size=6)),
        encoding=st.sampled_from(["gb18030", "utf-8"]),
    )
    def test_chinese_is_chinese_whatever_was_declared(self, declared, before: str, text: str, encoding: str):
        assert decode_text((before + text).encode(encoding), declared).text == before + text

    @given(
        stem=st.text(st.sampled_from("abcdeghilmnoprstuv"), min_size=2, max_size=8),
        accent=st.sampled_from("àáâãäåæçèéêëìíîïñòóôõöøùúûüý"),
        rest=st.text(st.sampled_from("abcdeghilmnoprstuv"), max_size=6),
        case=st.sampled_from([str.upper, str.lower, str.capitalize]),
    )
    def test_a_western_word_that_is_declared_stays_what_it_is(self, stem: str, accent: str, rest: str, case):
        word = case(stem + accent + rest)
        decoded = decode_text(word.encode("latin-1"), ["ISO_IR 100"])
        assert (decoded.text, decoded.rule) == (word, CharsetRule.DECLARED)


class TestOneFile:
    def test_a_doubtful_value_is_read_as_the_others_of_its_file(self):
        doubtful = "CT钦".encode("gbk")
        assert decode_text(doubtful, ["ISO_IR 100"]).text == "CTÇÕ"
        assert decode_texts([doubtful, "胸部平扫".encode("gbk")], ["ISO_IR 100"])[0].text == "CT钦"
        assert decode_texts([doubtful, b"T\xd3RAX", b"CHEST"], ["ISO_IR 100"])[0].text == "CTÇÕ"

    def test_two_letters_of_hebrew_are_chinese_beside_chinese(self):
        name, description = "止撞".encode("gbk"), "胸部平扫".encode("gbk")
        assert [one.text for one in decode_texts([name, description], ["ISO_IR 192"])] == ["止撞", "胸部平扫"]

    def test_nothing_beside_ascii_needs_no_rule(self):
        assert [one.rule for one in decode_texts([b"CT", b""], [])] == [CharsetRule.ASCII] * 2


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
