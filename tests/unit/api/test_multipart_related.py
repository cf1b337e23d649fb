import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.routes.multipart_related import InvalidMultipart, PartTooLarge, read_parts

TYPE = 'multipart/related; type="application/dicom"; boundary=XX'


def body_of(*contents: bytes, boundary: bytes = b"XX") -> bytes:
    parts = [
        b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n" for content in contents
    ]
    return b"".join(parts) + b"--" + boundary + b"--\r\n"


def read(body: bytes, tmp_path: Path, *, cut: int = 7, limit: int = 10_000, content_type: str = TYPE) -> list[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), cut):
            yield body[start : start + cut]

    async def collect() -> list[bytes]:
        found = []
        async for part in read_parts(content_type, chunks(), part_limit=limit, folder=tmp_path):
            with part.content as content:
                found.append(content.read())
        return found

    return asyncio.run(collect())


class TestReadingParts:
    @pytest.mark.parametrize(
        "content_type", ["application/json", "multipart/form-data; boundary=XX", "multipart/related", ""]
    )
    def test_another_media_type_or_no_boundary_is_refused(self, tmp_path, content_type):
        with pytest.raises(InvalidMultipart):
            read(body_of(b"a"), tmp_path, content_type=content_type)

    def test_a_body_that_ends_early_is_refused(self, tmp_path):
        with pytest.raises(InvalidMultipart):
            read(body_of(b"abc")[:-12], tmp_path)

    def test_a_body_that_is_no_multipart_is_refused(self, tmp_path):
        with pytest.raises(InvalidMultipart):
            read(b"\x00\x01\x02 no boundary here", tmp_path)

    def test_a_part_over_the_limit_is_refused(self, tmp_path):
        with pytest.raises(PartTooLarge):
            read(body_of(b"x" * 101), tmp_path, limit=100)

    @given(contents=st.lists(st.binary(max_size=60), min_size=1, max_size=4), cut=st.integers(1, 40))
    def test_any_bytes_in_any_pieces_come_out_as_they_went_in(self, tmp_path_factory, contents, cut):
        contents = [content.replace(b"--XX", b"--YY") for content in contents]
        assert read(body_of(*contents), tmp_path_factory.getbasetemp(), cut=cut) == contents
