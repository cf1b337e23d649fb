"""Stored bytes for serving: at once or by waiting, from disk and from a store without files."""

import os
from io import BytesIO

import pytest

from imaging_core.blobs import BlobRef, BlobStore, MemoryBlobStore, SegmentBlobStore
from imaging_core.errors import BlobMissing
from imaging_core.retrieve.content import PIECE, Content
from tests.builders.archive import placed

pytestmark = pytest.mark.integration

BYTES = os.urandom(300_000)


@pytest.fixture(params=["memory", "filesystem"])
def kept(request, tmp_path) -> tuple[Content, BlobRef, BlobStore]:
    store: BlobStore = MemoryBlobStore() if request.param == "memory" else SegmentBlobStore(tmp_path)
    return Content(store), store.put(BytesIO(BYTES)), store


class TestRead:
    @pytest.mark.parametrize(("start", "length"), [(0, 300_000), (1, 10), (70_001, 150_000), (299_999, 1), (0, 0)])
    def test_gives_exactly_the_part(self, kept, start, length):
        content, ref, _ = kept
        for _ in range(2):
            assert content.read(ref, start, length) == BYTES[start : start + length]
            again = content.at_once(ref, start, length)
            assert again is None or bytes(again) == BYTES[start : start + length]
        assert content.reader(ref)(start, length) == BYTES[start : start + length]

    def test_more_than_there_is_is_an_error_and_no_short_answer(self, kept):
        content, ref, _ = kept
        with pytest.raises(BlobMissing):
            content.read(ref, 299_000, 2_000)
        assert content.at_once(ref, 299_000, 2_000) is None

    def test_a_blob_that_is_not_there_is_missing(self, kept):
        content, ref, _ = kept
        other = BlobRef("0" * 64, 5, ref.locator[:-1] + "x")
        assert content.at_once(other, 0, 5) is None
        with pytest.raises(BlobMissing):
            content.read(other, 0, 5)


class TestAtOnce:
    def test_waits_for_nothing_so_a_first_look_and_a_large_one_are_left_to_read(self, tmp_path):
        store = SegmentBlobStore(tmp_path)
        content, ref = Content(store), store.put(BytesIO(bytes(PIECE + 1)))
        assert content.at_once(ref, 0, 10) is None  # not opened yet
        content.read(ref, 0, 10)
        assert content.at_once(ref, 0, PIECE + 1) is None

    def test_a_file_that_was_deleted_is_let_go_when_another_is_opened(self, tmp_path):
        store = SegmentBlobStore(tmp_path)
        first, second = (store.put(BytesIO(data)) for data in (b"first", b"second"))
        content = Content(store)
        assert content.read(first, 0, 5) == b"first"
        placed(store, first).path.unlink()
        content.read(second, 0, 6)
        with pytest.raises(BlobMissing):
            content.read(first, 0, 5)
