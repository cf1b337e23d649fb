"""Where frames lie within received bytes."""

import struct
from dataclasses import replace

import pytest

from imaging_core.blobs import BlobRef
from imaging_core.errors import PixelsNotReadable
from imaging_core.retrieve import Found
from imaging_core.retrieve.frames import encapsulated_frames, native_frame

EXPLICIT, BIG, JPEG, RLE, MPEG4 = (f"1.2.840.10008.1.2{end}" for end in (".1", ".2", ".4.50", ".5", ".4.102"))


def image(frames: int, *, syntax: str = EXPLICIT, length: int, bits: int = 16, samples: int = 1) -> Found:
    """Return an instance of 4 × 4 pixels that lie from byte 100 on."""
    return Found(
        blob=BlobRef("0" * 64, 100 + length, ""),
        institution_code="",
        study_instance_uid="1",
        series_instance_uid="2",
        sop_instance_uid="3",
        sop_class_uid="4",
        transfer_syntax_uid=syntax,
        number_of_frames=frames,
        rows=4,
        columns=4,
        bits_allocated=bits,
        samples_per_pixel=samples,
        pixel_offset=100,
        pixel_length=length,
        conflict=False,
    )


def item(value: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(value)) + value


def frames(table: list[int], fragments: list[bytes], count: int, syntax: str = JPEG) -> list[bytes]:
    """Return the frames of an encapsulated value with this offset table and these fragments."""
    value = item(b"".join(struct.pack("<L", offset) for offset in table)) + b"".join(map(item, fragments))
    value += b"\xfe\xff\xdd\xe0\0\0\0\0"
    raw = b"\0" * 100 + value
    found = image(count, syntax=syntax, length=len(value))
    located = encapsulated_frames(found, lambda at, length: raw[at : at + length])
    return [b"".join(raw[at : at + length] for at, length in spans) for spans in located.frames]


class TestNative:
    def test_lie_one_after_another(self):
        assert [native_frame(image(3, length=96), number) for number in (1, 3)] == [(100, 32), (164, 32)]

    def test_a_padded_value_is_no_other(self):
        assert native_frame(image(1, length=16 * 3 + 0, bits=8, samples=3), 1) == (100, 48)
        odd = replace(image(1, length=10, bits=8), rows=3, columns=3)
        assert native_frame(odd, 1) == (100, 9)

    @pytest.mark.parametrize(
        "found",
        [
            image(3, length=6, bits=1),  # begins within a byte
            image(1, length=32, syntax=BIG),
            image(1, length=32, syntax=JPEG),
            image(1, length=32, bits=8, samples=3),  # YBR_FULL_422: two values for three samples
            replace(image(1, length=32), pixel_offset=None),
            image(0, length=0),
        ],
    )
    def test_what_must_be_taken_apart_is_left_to_the_decoder(self, found):
        assert native_frame(replace(found, rows=3) if found.bits_allocated == 1 else found, 1) is None


class TestEncapsulated:
    def test_one_fragment_each_needs_no_table(self):
        assert frames([], [b"aa", b"bbbb"], 2) == [b"aa", b"bbbb"]

    def test_all_fragments_are_the_only_frame(self):
        assert frames([0], [b"aa", b"bb", b"cc"], 1) == [b"aabbcc"]

    def test_the_table_says_where_a_frame_of_several_fragments_begins(self):
        assert frames([0, 20], [b"aa", b"bb", b"cc"], 2) == [b"aabb", b"cc"]

    def test_without_a_table_the_end_marker_does(self):
        parts = [b"aa", b"b\xff\xd9\0", b"cc", b"\xff\xd9"]
        assert frames([], parts, 2) == [b"aab\xff\xd9\0", b"cc\xff\xd9"]

    @pytest.mark.parametrize(
        ("syntax", "fragments"), [(JPEG, [b"aa", b"bb", b"cc"]), (RLE, [b"aa", b"b\xff\xd9\0", b"cc"])]
    )
    def test_what_cannot_be_told_apart_is_refused(self, syntax, fragments):
        with pytest.raises(PixelsNotReadable):
            frames([], fragments, 2, syntax)

    def test_a_video_has_no_frames(self):
        with pytest.raises(PixelsNotReadable, match="video"):
            frames([], [b"aa"], 1, MPEG4)
