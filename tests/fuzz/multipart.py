"""Fuzz target: the body of a STOW-RS request, read at once and as it streams in.

The input is the body; its boundary is `b`. Driven by hypothesis in `tests/unit/api/test_multipart_fuzzed.py`, by
atheris with `tests.fuzz.run`.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from api.routes.multipart_related import InvalidMultipart, PartTooLarge, read_parts, split_at_once

CONTENT_TYPE = 'multipart/related; type="application/dicom"; boundary=b'
PART_LIMIT = 2000


def receive(received: bytes, *, step: int = 7) -> list[bytes] | None:
    """Read a body both ways; return its parts, None when it was refused.

    Raises:
        AssertionError: The two ways do not agree, or one broke its promises.
    """
    at_once = split_at_once(CONTENT_TYPE, received)
    try:
        streamed = asyncio.run(_streamed(received, step))
    except PartTooLarge:
        assert len(received) > PART_LIMIT
        return None
    except InvalidMultipart:
        # the quick way may take no body that the careful one refuses
        assert at_once is None, received
        return None
    assert at_once is None or at_once == streamed
    assert sum(map(len, streamed)) <= len(received)
    return streamed


async def _streamed(received: bytes, step: int) -> list[bytes]:
    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(received), step):
            yield received[at : at + step]

    contents = []
    async for part in read_parts(CONTENT_TYPE, body(), part_limit=PART_LIMIT, folder=Path(tempfile.gettempdir())):
        with part.content as content:
            contents.append(content.read())
            assert len(contents[-1]) == part.size <= PART_LIMIT
    return contents
