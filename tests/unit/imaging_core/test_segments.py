"""Segments: what a crash leaves behind, who may write, and that a reader meets every whole record."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging_core.blobs import BlobRef, NewBlob, SegmentBlobStore
from imaging_core.blobs.segments.records import FILE_MARK, head_of, padding, walk
from imaging_core.errors import StorageFull
from tests.builders.archive import placed

ABOUT = {"institution_code": "12340000TEST000001"}


def add(store: SegmentBlobStore, *contents: bytes) -> list[BlobRef]:
    return store.add([NewBlob((content,), ABOUT) for content in contents])


def whole(store: SegmentBlobStore, ref: BlobRef) -> bytes:
    return b"".join(store.read(ref))


def segments(root: Path) -> list[Path]:
    return sorted((root / "segments").glob("*.segment"))


class TestAfterACrash:
    @pytest.mark.parametrize("torn", [1, 40, 57, 90, 1000])
    def test_a_half_written_end_is_cut_off_and_what_was_whole_stays(self, tmp_path: Path, torn: int):
        store = SegmentBlobStore(tmp_path)
        kept = add(store, b"first" * 100, b"second" * 100)
        store.close()
        [segment] = segments(tmp_path)
        end = segment.stat().st_size
        with segment.open("ab") as file:
            file.write((head_of(b"\1" * 32, 5000, b"{}") + b"x" * 5000)[:torn])
        again = SegmentBlobStore(tmp_path)
        [new] = add(again, b"third")
        assert segments(tmp_path) == [segment]
        assert placed(again, new).offset < end + 200
        assert [whole(again, ref) for ref in (*kept, new)] == [b"first" * 100, b"second" * 100, b"third"]
        assert [ref.digest for ref, _ in again.instances()] == [ref.digest for ref in (*kept, new)]

    def test_a_record_whose_bytes_never_reached_the_disk_is_cut_off(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path)
        [kept, lost] = add(store, b"kept" * 100, b"lost" * 100)
        store.close()
        place = placed(store, lost)
        with place.path.open("r+b") as file:  # the length was written, the pages were not
            file.seek(place.offset)
            file.write(b"\0" * place.length)
        again = SegmentBlobStore(tmp_path)
        [new] = add(again, b"new")
        assert placed(again, new).offset <= place.offset
        assert whole(again, kept) == b"kept" * 100

    def test_a_foreign_file_among_the_segments_is_left_alone(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path)
        foreign = tmp_path / "segments" / "0.segment"
        foreign.write_bytes(b"no segment of ours")
        [ref] = add(store, b"content")
        assert foreign.read_bytes() == b"no segment of ours"
        assert whole(store, ref) == b"content"


class TestWriters:
    def test_two_at_once_hold_a_segment_each_and_one_who_comes_later_takes_what_is_free(self, tmp_path: Path):
        first, second = SegmentBlobStore(tmp_path), SegmentBlobStore(tmp_path)
        refs = [*add(first, b"a"), *add(second, b"b"), *add(first, b"c")]
        assert len(segments(tmp_path)) == 2
        first.close()
        third = SegmentBlobStore(tmp_path)
        refs += add(third, b"d")
        assert len(segments(tmp_path)) == 2
        assert [whole(second, ref) for ref in refs] == [b"a", b"b", b"c", b"d"]

    def test_another_process_leaves_a_held_segment_alone(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path)
        [ref] = add(store, b"mine")
        program = (
            "import sys; from pathlib import Path; from imaging_core.blobs import *;"
            "SegmentBlobStore(Path(sys.argv[1])).add([NewBlob((b'theirs',), {})])"
        )
        subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, cwd=Path(__file__).parents[3])
        assert len(segments(tmp_path)) == 2
        assert whole(store, ref) == b"mine"

    def test_a_full_segment_is_never_written_again(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path, roll_bytes=1000)
        refs = [ref for number in range(6) for ref in add(store, bytes([number]) * 600)]
        assert len(segments(tmp_path)) == 3
        assert [whole(store, ref) for ref in refs] == [bytes([number]) * 600 for number in range(6)]

    def test_a_disk_that_is_full_refuses_and_what_was_kept_stays(self, tmp_path: Path):
        resource = pytest.importorskip("resource")
        store = SegmentBlobStore(tmp_path)
        [kept] = add(store, b"kept" * 100)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        import signal

        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
            with pytest.raises(StorageFull):
                add(store, os.urandom(50_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        [after] = add(store, b"after")
        assert [whole(store, ref) for ref in (kept, after)] == [b"kept" * 100, b"after"]
        assert len(list(store.instances())) == 2


class TestWalk:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        contents=st.lists(st.binary(max_size=60), min_size=1, max_size=5),
        cut=st.integers(0, 10_000),
        flip=st.integers(0, 10_000),
    )
    def test_never_tells_of_a_record_that_is_not_whole(
        self, tmp_path: Path, contents: list[bytes], cut: int, flip: int
    ):
        import hashlib

        segment = bytearray(FILE_MARK)
        for content in contents:
            record = head_of(hashlib.sha256(content).digest(), len(content), b'{"a":1}') + content
            segment += record + padding(len(record))
        damaged = bytearray(segment)
        damaged[flip % len(damaged)] ^= 1
        for bytes_ in (segment[: cut % (len(segment) + 1)], damaged):
            for found in walk(BytesIO(bytes(bytes_)), len(bytes_), check_contents=True):
                content = bytes(bytes_[found.offset : found.offset + found.size])
                assert hashlib.sha256(content).hexdigest() == found.digest
                assert content in contents
