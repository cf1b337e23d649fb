"""Uploaded e-reports: what the bytes are, and what is refused."""

import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from imaging_core.documents.errors import DocumentTooLarge, DocumentTypeRefused, RefusalReason
from imaging_core.documents.sniffing import MediaType, checked_media_type


def jpeg(width: int = 40, height: int = 30) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height), "white").save(buffer, "JPEG")
    return buffer.getvalue()


def pdf(*objects: bytes) -> bytes:
    """Return a PDF-like file of these objects."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, content) for number, content in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def stream(dictionary: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (dictionary, len(content), content)


def reason(data: bytes) -> RefusalReason:
    with pytest.raises(DocumentTypeRefused) as refused:
        checked_media_type(data)
    return refused.value.reason


class TestRefused:
    @pytest.mark.parametrize(
        "data",
        [
            b"<html><script>alert(1)</script>",
            b"PK\x03\x04zip",
            b"GIF89a",
            b"MZ\x90",
            b"  %PDF-1.7\n%%EOF",
            b"<svg/>%PDF-1.7 %%EOF",
        ],
    )
    def test_other_types_whatever_they_are_called(self, data):
        assert reason(data) is RefusalReason.UNKNOWN_TYPE

    def test_nothing(self):
        assert reason(b"") is RefusalReason.EMPTY

    @pytest.mark.parametrize(
        "data",
        [
            pdf(b"<< >>")[:-10],
            b"%PDF-1.7",
            jpeg()[:-200],
            jpeg()[:4],
            b"\xff\xd8\xff\xe0\x00\x00" + b"0" * 50 + b"\xff\xd9",
            b"\xff\xd8\xff" + b"\xff" * 500 + b"\xd9",
        ],
    )
    def test_cut_or_broken_files(self, data):
        assert reason(data) is RefusalReason.DAMAGED

    @pytest.mark.parametrize(
        "content",
        [
            b"<< /S /JavaScript /JS (app.alert(1)) >>",
            b"<< /S /J#61vaScript /JS (x) >>",
            b"<< /S /#4a#61#76#61#53#63#72#69#70#74 >>",
            b"<< /S /Launch /F (cmd.exe) >>",
            b"<< /Type /EmbeddedFile >>",
            b"<< /Names << /EmbeddedFiles 3 0 R >> >>",
            b"<< /Subtype /RichMedia >>",
            b"<< /AcroForm << /XFA 4 0 R >> >>",
            b"<< /S /SubmitForm /F (http://x) >>",
            stream(b"/Filter /FlateDecode /Type /ObjStm", zlib.compress(b"1 0 << /S /JavaScript >>")),
            stream(b"/Filter /FlateDecode /Type /O#62jStm", zlib.compress(b"1 0 << /S /J#61vaScript >>")),
            stream(b"/Filter [/ASCIIHexDecode /FlateDecode] /Type /ObjStm", b"789c"),
            stream(b"", b"3 0 obj << /S /JavaScript >> endobj"),
        ],
    )
    def test_pdf_with_active_content_in_the_open_escaped_or_compressed(self, content):
        assert reason(pdf(b"<< /Type /Catalog >>", content)) is RefusalReason.ACTIVE_CONTENT

    def test_an_encrypted_pdf_cannot_be_checked(self):
        assert reason(pdf(b"<< /Encrypt 5 0 R >>")) is RefusalReason.ENCRYPTED

    def test_a_compressed_bomb_is_not_inflated(self):
        bomb = zlib.compress(b"0" * (80 * 1024 * 1024), 9)
        with pytest.raises(DocumentTooLarge):
            checked_media_type(pdf(stream(b"/Filter /FlateDecode /Type /ObjStm", bomb)))

    def test_a_picture_of_too_many_pixels(self):
        head = bytearray(jpeg())
        frame = head.index(b"\xff\xc0")
        head[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
        with pytest.raises(DocumentTooLarge):
            checked_media_type(bytes(head))

    @given(data=st.binary(max_size=300), start=st.sampled_from([b"", b"%PDF-1.7\n", b"\xff\xd8\xff", jpeg()[:200]]))
    def test_any_bytes_get_a_type_or_a_refusal(self, data, start):
        try:
            outcome: object = checked_media_type(start + data)
        except (DocumentTypeRefused, DocumentTooLarge) as refused:
            outcome = refused
        assert isinstance(outcome, MediaType | DocumentTypeRefused | DocumentTooLarge)


class TestTaken:
    def test_a_jpeg(self):
        assert checked_media_type(jpeg()) is MediaType.JPEG

    def test_a_progressive_jpeg_with_trailing_bytes(self):
        buffer = BytesIO()
        Image.new("L", (64, 64)).save(buffer, "JPEG", progressive=True)
        assert checked_media_type(buffer.getvalue() + b"\x00" * 40) is MediaType.JPEG

    def test_a_plain_pdf_with_compressed_pages(self):
        buffer = BytesIO()
        canvas = Canvas(buffer, pageCompression=1)
        canvas.drawString(100, 700, "JavaScript is a word here, /JS too")
        canvas.save()
        assert checked_media_type(buffer.getvalue()) is MediaType.PDF

    def test_a_pdf_with_harmless_object_streams(self):
        content = zlib.compress(b"1 0 << /Type /Page >>")
        taken = pdf(stream(b"/Type /ObjStm /Filter /FlateDecode /DecodeParms null", content))
        assert checked_media_type(taken) is MediaType.PDF
