"""Acknowledgements: for every message one that its sender can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.interop.hl7v2.acknowledgement import AckCode, Verdict, write_ack
from imaging_core.interop.hl7v2.message import read_message
from tests.builders.hl7 import adt_a04, read_ack
from tests.builders.records import NOON

REFUSED = Verdict(AckCode.REJECT, "缺少患者编号", "PID-3", "101")


def answer(raw: bytes, verdict: Verdict = REFUSED) -> bytes:
    return write_ack(raw, verdict, application="MINGYING", now=NOON)


class TestAnswer:
    @given(raw=st.binary(max_size=200))
    def test_any_bytes_get_an_answer_that_can_be_parsed(self, raw):
        for sent in (raw, b"MSH|^~\\&|" + raw, adt_a04()[: len(raw)] + raw):
            read = read_message(answer(sent))
            assert [segment.name for segment in read.segments] == ["MSH", "MSA", "ERR"]
            assert read.required("MSA", "").value(1) == "AR"
            assert read.required("MSA", "").value(3) == "PID-3 缺少患者编号"

    def test_names_field_condition_and_reason(self):
        read = read_message(answer(adt_a04(control_id="C7")))
        error = read.required("ERR", "")
        assert read.required("MSA", "").value(2) == "C7"
        assert error.repetitions(2) == [[["PID"], ["1"], ["3"]]]
        assert (error.value(3), error.value(4), error.value(8)) == ("101", "E", "缺少患者编号")

    def test_an_acceptance_has_no_error_segment(self):
        read = read_message(answer(adt_a04(), Verdict(AckCode.ACCEPT)))
        assert [segment.name for segment in read.segments] == ["MSH", "MSA"]

    @pytest.mark.parametrize(
        ("charset", "encoding", "label"),
        [
            ("GB2312", "gb18030", "GB2312"),
            ("UTF-8", "utf-8", "UTF-8"),
            ("", "utf-8", "UNICODE UTF-8"),
            ("", "gb18030", "GB18030"),
            ("BIG5", "gb18030", "GB18030"),
            ("GB2312", "utf-8", "UNICODE UTF-8"),
        ],
    )
    def test_speaks_the_senders_charset_and_labels_it_rightly(self, charset, encoding, label):
        written = answer(adt_a04(charset=charset, encoding=encoding))
        ack = read_ack(written, encoding="utf-8" if "UTF" in label else "gb18030")
        assert (ack.charset, ack.reason) == (label, "PID-3 缺少患者编号")

    def test_goes_back_to_the_sender(self):
        header = read_message(answer(adt_a04(facility="测试医院"))).header
        assert (header.value(3), header.value(5), header.value(6)) == ("MINGYING", "HIS", "测试医院")
        assert (header.value(11), header.value(12)) == ("P", "2.4")
