"""A body split in memory says the same as one that streams through the parser."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.routes.multipart_related import InvalidMultipart, read_parts, split_at_once

TYPE = 'multipart/related; type="application/dicom"; boundary=b'
PIECES = st.sampled_from(
    [b"--b", b"\r\n--b", b"\r\n--b\r\n", b"--", b"\r\n", b"\r\n\r\n", b"\n", b"-", b"b", b"x", b"A: c"]
)


def streamed(body: bytes, folder: Path) -> list[bytes] | None:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    async def read() -> list[bytes]:
        contents = []
        async for part in read_parts(TYPE, chunks(), part_limit=10**6, folder=folder):
            with part.content as content:
                contents.append(content.read())
        return contents

    try:
        return asyncio.run(read())
    except InvalidMultipart:
        return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, max_size=14))
def test_what_it_takes_the_parser_takes_alike(pieces: list[bytes], tmp_path: Path):
    body = b"--b\r\n" + b"".join(pieces)
    found = split_at_once(TYPE, body)
    assert found is None or found == streamed(body, tmp_path)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(st.binary(max_size=300).filter(lambda content: b"\r\n--b" not in content), min_size=1, max_size=4)
)
def test_takes_every_plain_body(contents: list[bytes], tmp_path: Path):
    head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    body = b"\r\n".join(head + content for content in contents) + b"\r\n--b--\r\n"
    assert split_at_once(TYPE, body) == contents == streamed(body, tmp_path)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/related", "multipart/form-data; boundary=b"])
def test_leaves_other_types_to_who_judges_them(content_type: str):
    assert split_at_once(content_type, b"--b\r\n\r\nx\r\n--b--") is None
