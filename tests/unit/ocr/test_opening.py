import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ocr.errors import PictureRefused
from ocr.image.opening import clean_jpeg, open_pages
from ocr.image.sniff import FileType, sniff
from ocr.limits import PictureLimits
from ocr.messages import REASONS
from ocr.types import Refusal
from tests.builders.report_pictures import encoded, texture

LIMITS = PictureLimits()


def refusal_of(data: bytes, limits: PictureLimits = LIMITS) -> Refusal:
    with pytest.raises(PictureRefused) as caught:
        open_pages(data, limits)
    return caught.value.refusal


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds almost nothing: 1.4 KB would become gigabytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


class TestSniff:
    @pytest.mark.parametrize(
        ("data", "refusal"),
        [
            (b"", Refusal.NOT_A_PICTURE),
            (b"PK\x03\x04 a zip", Refusal.NOT_A_PICTURE),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Refusal.NOT_A_PICTURE),
            (b"GIF89a....", Refusal.OTHER_PICTURE_TYPE),
            (b"II*\x00....", Refusal.OTHER_PICTURE_TYPE),
            (b"\x00\x00\x00\x18ftypheic....", Refusal.HEIC),
        ],
    )
    def test_other_types_are_refused_with_their_own_reason(self, data, refusal):
        assert refusal_of(data) is refusal

    def test_the_bytes_count_and_not_the_name(self):
        assert sniff(encoded(texture(side=300), "PNG")) is FileType.PNG
        assert sniff(encoded(texture(side=300))) is FileType.JPEG
        assert sniff(b"junk\n%PDF-1.7") is FileType.PDF

    @pytest.mark.parametrize("refusal", list(Refusal))
    def test_every_refusal_has_a_chinese_sentence(self, refusal):
        assert REASONS[refusal].endswith("。")


class TestLimits:
    def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(self):
        assert refusal_of(png_header(20_000, 20_000)) is Refusal.TOO_MANY_PIXELS

    def test_a_long_thin_picture_is_refused_before_it_is_decoded(self):
        assert refusal_of(png_header(300, 30_000)) is Refusal.TOO_NARROW

    def test_a_tiny_picture_is_refused(self):
        assert refusal_of(encoded(texture(side=120))) is Refusal.TOO_SMALL

    def test_too_many_bytes_are_refused_unseen(self):
        assert refusal_of(b"x" * 101, PictureLimits(bytes=100)) is Refusal.TOO_MANY_BYTES

    @pytest.mark.parametrize("kept", [20, 200, 2000])
    @pytest.mark.parametrize("file_type", ["JPEG", "PNG"])
    def test_a_truncated_file_is_called_damaged(self, file_type, kept):
        assert refusal_of(encoded(texture(side=400), file_type)[:kept]) is Refusal.DAMAGED

    def test_a_broken_pdf_is_called_damaged(self):
        assert refusal_of(b"%PDF-1.4\ntrailer nothing") is Refusal.DAMAGED


class TestOpening:
    @pytest.mark.parametrize(
        ("orientation", "size", "corner"),
        [(1, (400, 300), (0, 0)), (3, (400, 300), (399, 299)), (6, (300, 400), (299, 0)), (8, (300, 400), (0, 399))],
    )
    def test_the_camera_turn_is_applied(self, orientation, size, corner):
        picture = Image.new("RGB", (400, 300), "white")
        picture.paste((255, 0, 0), (0, 0, 60, 60))
        page = open_pages(encoded(picture, orientation=orientation), LIMITS).pages[0]
        assert (page.width, page.height) == size
        red, green, _ = page.image[corner[1], corner[0]]
        assert red > 200
        assert green < 60

    def test_the_clean_copy_carries_no_metadata(self):
        original = encoded(texture(side=300), orientation=6)
        copy = clean_jpeg(open_pages(original, LIMITS).pages[0])
        assert b"SECRET-CAMERA" in original
        assert b"SECRET-CAMERA" not in copy
        assert not Image.open(io.BytesIO(copy)).getexif()

    def test_a_large_picture_is_kept_at_working_size_and_knows_its_full_size(self):
        page = open_pages(encoded(texture(side=3000)), PictureLimits(working_side=1000)).pages[0]
        assert page.image.shape == (1000, 1000, 3)
        assert (page.width, page.scale) == (3000, 3.0)

    def test_what_is_transparent_becomes_paper(self):
        page = open_pages(encoded(Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG"), LIMITS).pages[0]
        assert int(page.image.min()) == 255

    def test_sixteen_bit_grey_is_scaled_and_not_clipped(self):
        grey = np.full((300, 300), 0x8000, dtype=np.uint16)
        page = open_pages(encoded(Image.fromarray(grey), "PNG"), LIMITS).pages[0]
        assert int(page.image[0, 0, 0]) == 0x80

    def test_the_first_pages_of_a_pdf_are_read_and_the_rest_counted(self):
        out = io.BytesIO()
        sheets = [Image.new("RGB", (420, 594), colour) for colour in ("red", "white", "white")]
        sheets[0].save(out, "PDF", save_all=True, append_images=sheets[1:])
        opened = open_pages(out.getvalue(), PictureLimits(pdf_pages=2))
        assert (len(opened.pages), opened.left_out) == (2, 1)
        red, green, _ = opened.pages[0].image[100, 100]
        assert red > 250
        assert green < 5
