"""MLLP framing: the same messages come out however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging_core.interop.hl7v2.errors import MessageTooLarge
from imaging_core.interop.hl7v2.framing import MllpFramer, framed
from tests.builders.hl7 import adt_a04, oru_r01

LIMIT = 4096
contents = st.binary(max_size=200).map(lambda raw: raw.replace(b"\x0b", b"").replace(b"\x1c", b""))
noise = st.binary(max_size=20).map(lambda raw: raw.replace(b"\x0b", b"").replace(b"\x1c", b"?"))


def fed(framer: MllpFramer, *pieces: bytes) -> list[bytes]:
    return [message for piece in pieces for message in framer.feed(piece)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


class TestFraming:
    def test_a_message_without_end_never_comes_out(self):
        framer = MllpFramer(LIMIT)
        assert fed(framer, b"\x0bMSH|^~\\&|cut") == []
        assert framer.unfinished

    def test_a_message_too_large_is_refused_with_its_head_after_those_before_it(self):
        framer = MllpFramer(LIMIT)
        messages = framer.feed(framed(b"MSH|1") + b"\x0bMSH|^~\\&|HIS" + b"x" * LIMIT)
        assert next(messages) == b"MSH|1"
        with pytest.raises(MessageTooLarge) as refused:
            next(messages)
        assert refused.value.head.startswith(b"MSH|^~\\&|HIS")
        assert len(refused.value.head) <= 4096

    def test_a_message_of_exactly_the_limit_passes(self):
        assert fed(MllpFramer(LIMIT), framed(b"x" * LIMIT)) == [b"x" * LIMIT]

    def test_a_drip_of_bytes_outside_a_frame_is_not_collected(self):
        framer = MllpFramer(8)
        assert fed(framer, *[b"GET / HTTP/1.1\r\n"] * 100, framed(b"MSH")) == [b"MSH"]

    def test_a_message_begun_anew_counts_from_its_last_start(self):
        assert fed(MllpFramer(LIMIT), b"\x0bMSH|cut off\x0bMSH|whole\x1c\r") == [b"MSH|whole"]

    def test_a_vertical_tab_inside_a_text_does_not_begin_a_message(self):
        assert fed(MllpFramer(LIMIT), b"\x0bMSH|a\rOBX|line one\x0bline two\r\x1c\r") == [
            b"MSH|a\rOBX|line one\x0bline two\r"
        ]

    def test_an_end_without_carriage_return_ends_the_message(self):
        assert fed(MllpFramer(LIMIT), b"\x0bone\x1c\x0btwo\x1c") == [b"one", b"two"]

    @given(messages=st.lists(st.tuples(noise, contents), max_size=5), places=st.lists(st.integers(0, 5000)))
    def test_any_cut_of_the_bytes_gives_the_same_messages(self, messages, places):
        data = b"".join(before + framed(content) for before, content in messages)
        expected = [content for _, content in messages]
        assert fed(MllpFramer(LIMIT), data) == expected
        assert fed(MllpFramer(LIMIT), *cut(data, places)) == expected
        assert fed(MllpFramer(LIMIT), *(bytes([byte]) for byte in data)) == expected

    @given(data=st.binary(max_size=500), places=st.lists(st.integers(0, 500)))
    def test_any_bytes_at_all_are_survived_alike(self, data, places):
        assert fed(MllpFramer(LIMIT), *cut(data, places)) == fed(MllpFramer(LIMIT), data)

    def test_no_chinese_character_looks_like_a_frame(self):
        for raw in (adt_a04(name="测试患者〇𠮷"), oru_r01(encoding="utf-8", charset="UNICODE UTF-8")):
            assert fed(MllpFramer(1 << 16), framed(raw)) == [raw]
