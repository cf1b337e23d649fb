"""Charsets, delimiters, escapes: from the bytes a Chinese HIS sends to fields."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imaging_core.interop.hl7v2.charset import decode, reply_encoding
from imaging_core.interop.hl7v2.errors import FieldProblem, UnreadableMessage
from imaging_core.interop.hl7v2.message import read_message
from tests.builders.hl7 import adt_a04, escaped, message, msh, oru_r01

# Second bytes 0x7C, 0x5E, 0x7E, 0x5C: the characters whose GB18030 form holds a delimiter.
TREACHEROUS = "".join(
    character
    for character in map(chr, range(0x4E00, 0x9FA6))
    if len(raw := character.encode("gb18030")) == 2 and raw[1:] in b"|^~\\&"
)
chinese = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=12)
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x9FA5, exclude_categories=["Cc", "Cs", "Zs"]))


class TestCharset:
    def test_an_unknown_charset_is_refused_rather_than_guessed(self):
        with pytest.raises(UnreadableMessage) as refused:
            read_message(adt_a04(charset="BIG5"))
        assert refused.value.location == "MSH-18"

    def test_a_character_cut_in_half_is_refused(self):
        raw = "MSH|^~\\&|HIS||||||ADT^A04|1|P|2.4||||||GB18030\rPID|1||T1||测试".encode("gb18030")[:-1]
        with pytest.raises(UnreadableMessage):
            read_message(raw)

    @pytest.mark.parametrize(
        ("declared", "encoding"),
        [
            ("GB18030", "gb18030"),
            ("GB2312", "gb18030"),
            ("gbk", "gb18030"),
            ("", "gb18030"),
            ("", "utf-8"),
            ("8859/1", "gb18030"),
            ("UNICODE UTF-8", "utf-8"),
            ("UNICODE", "utf-8"),
            ("UTF-8", "utf-8"),
            ("GB18030~ASCII", "gb18030"),
            # labelled wrongly, both ways
            ("GB2312", "utf-8"),
            ("UNICODE UTF-8", "gb18030"),
        ],
    )
    def test_chinese_is_read_whatever_the_label_says(self, declared, encoding):
        raw = adt_a04(name="联通测试", charset=declared, encoding=encoding)
        read = read_message(raw)
        assert read.required("PID", "").value(5) == "联通测试"
        assert read.encoding == encoding
        assert reply_encoding(raw) == encoding

    def test_a_byte_order_mark_does_no_harm(self):
        raw = b"\xef\xbb\xbf" + adt_a04(charset="UTF-8", encoding="utf-8")
        assert read_message(raw).header.value(10)

    def test_second_bytes_that_look_like_delimiters_split_nothing(self):
        assert len(TREACHEROUS) > 200
        raw = message(msh("ADT^A04"), f"PID|1||T1||{TREACHEROUS}||19800101")
        pid = read_message(raw).required("PID", "")
        assert (pid.value(5), pid.value(7)) == (TREACHEROUS, "19800101")

    @given(name=chinese, encoding=st.sampled_from(["gb18030", "utf-8"]), declared=st.sampled_from(["", "GB18030"]))
    def test_undeclared_chinese_survives(self, name, encoding, declared):
        raw = message(msh("ADT^A04", charset=declared), f"PID|1||T1||{name}测试患者", encoding=encoding)
        assert decode(raw) == (raw.decode(encoding), encoding)


class TestStructure:
    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\x00\x00",
            b"MSH",
            b"MSH|",
            b"MSH|^~\\&",
            b"MSH|^^^^|HIS",
            b"MSHA^~\\&AHIS",
            b"PID|1||T1",
            b"GET / HTTP/1.1\r\nHost: x\r\n",
            b"\xff\xfe" * 50,
            adt_a04() + adt_a04(),
        ],
    )
    def test_what_is_no_single_message_is_refused(self, raw):
        with pytest.raises(UnreadableMessage):
            read_message(raw)

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize(
        "flood", ["PID" + "|" * 900_000, "PID|" + "^&~" * 300_000, "PV1\r" * 300_000, "PID|" + "\\" * 900_000]
    )
    def test_a_flood_of_delimiters_is_refused_before_it_is_parsed(self, flood):
        with pytest.raises(UnreadableMessage):
            read_message(message(msh("ADT^A04"), flood))

    def test_a_long_report_with_an_attachment_is_no_flood(self):
        text = "\n".join(f"{n}. 双肺未见异常^&密度影。" for n in range(1000))
        raw = oru_r01(findings=text).rstrip(b"\r") + b"\rOBX|3|ED|PDF||^^^Base64^" + b"QUJD" * 500_000 + b"||||||F\r"
        assert next(read_message(raw).all("OBX")).text(5) == text

    @pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n", "\r\r"])
    def test_every_line_end_is_read(self, line_end):
        read = read_message(message(msh("ADT^A04"), "PID|1||T1||测试", "PV1|1|O", line_end=line_end))
        assert [segment.name for segment in read.segments] == ["MSH", "PID", "PV1"]
        assert read.terminated

    def test_a_bare_line_end_inside_report_text_belongs_to_the_text(self):
        raw = "MSH|^~\\&|H||||||ORU^R01|1\rOBX|1|TX|F||第一行\n第二行，CT值40\n第三行||||||F\r".encode("gb18030")
        obx = read_message(raw).required("OBX", "")
        assert obx.text(5) == "第一行\n第二行，CT值40\n第三行"
        assert obx.value(11) == "F"

    def test_own_delimiters_and_z_segments_are_read(self):
        raw = "MSH#*~!%#HIS##########\rPID#1##T1##张*三\rZZZ#a%b*c\r".encode()
        read = read_message(raw)
        assert read.required("PID", "").repetitions(5) == [[["张"], ["三"]]]
        assert read.required("ZZZ", "").repetitions(1) == [[["a", "b"], ["c"]]]

    def test_fields_beyond_the_end_are_empty(self):
        pid = read_message(message(msh("ADT^A04"), "PID|1")).required("PID", "")
        assert (pid.value(19), pid.value(3, 4), pid.text(5), pid.raw(99)) == ("", "", "", "")

    def test_a_missing_required_field_is_named(self):
        with pytest.raises(FieldProblem) as refused:
            read_message(message(msh("ADT^A04"), "PID|1")).required("PID", "").required(3, "缺少患者编号")
        assert (refused.value.location, refused.value.condition) == ("PID-3", "101")

    def test_repr_shows_no_content(self):
        assert "测试患者" not in repr(read_message(adt_a04())) + repr(read_message(adt_a04()).required("PID", ""))

    @given(raw=st.binary(max_size=300))
    def test_any_bytes_are_read_or_refused(self, raw):
        for candidate in (raw, b"MSH|^~\\&|" + raw, adt_a04()[: len(raw)] + raw):
            try:
                outcome = read_message(candidate).segments[0].name
            except UnreadableMessage as refused:
                outcome = refused.location
            assert outcome.startswith("MSH")


class TestText:
    @pytest.mark.parametrize(
        ("sent", "meant"),
        [
            (r"A\T\B\F\C\S\D\R\E\E\F", "A&B|C^D~E\\F"),
            (r"一\.br\二\.sp\三", "一\n二\n三"),
            (r"\H\重\N\点", "重点"),
            (r"长\X0D\短", "长\n短"),
            (r"未知\Zabc\序列", r"未知\Zabc\序列"),
            (r"单个\反斜杠", r"单个\反斜杠"),
            ("一~二", "一\n二"),
            ("不转义的^和&", "不转义的^和&"),
        ],
    )
    def test_escapes_and_repetitions(self, sent, meant):
        read = read_message(message(msh("ORU^R01"), f"OBX|1|TX|F||{sent}"))
        assert read.required("OBX", "").text(5) == meant

    @given(text=printable)
    def test_escaped_text_comes_back(self, text):
        assume(text)
        raw = message(msh("ORU^R01"), f"OBX|1|TX|F||{escaped(text)}||||||F")
        assert read_message(raw).required("OBX", "").text(5) == text.strip()

    def test_the_whole_report_of_the_builder_comes_back(self):
        read = read_message(oru_r01(findings="甲|乙^丙&丁~戊\\己\n庚"))
        assert next(read.all("OBX")).text(5) == "甲|乙^丙&丁~戊\\己\n庚"
