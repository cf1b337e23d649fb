"""Two stores: what is acknowledged is in both, and what one loses is read from the other."""

import hashlib
import threading
from io import BytesIO
from pathlib import Path

import pytest

from imaging_core.blobs import BlobRef, MemoryBlobStore, NewBlob, ReplicatedBlobStore, SegmentBlobStore, WhenDown
from imaging_core.blobs.replicated import MARK, open_marked
from imaging_core.errors import BlobMissing, StoreUnavailable

ABOUT = {
    "institution_code": "12340000TEST000001",
    "received_from": "stow:test",
    "received_at": "2026-03-01T12:00+00:00",
}


def whole(store: ReplicatedBlobStore, ref: BlobRef, **part: int) -> bytes:
    return b"".join(store.read(ref, **part))


def blob(content: bytes) -> NewBlob:
    return NewBlob((content,), ABOUT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the replica lies."""
    folder = tmp_path / "replica"
    folder.mkdir()
    (folder / MARK).touch()
    return folder


def opened(tmp_path: Path, folder: Path, when_down: WhenDown = WhenDown.REFUSE) -> ReplicatedBlobStore:
    return ReplicatedBlobStore(
        SegmentBlobStore(tmp_path / "primary"), lambda: open_marked(folder, SegmentBlobStore), when_down=when_down
    )


def lose_a_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.unlink()


class TestBothStores:
    @pytest.mark.clause("R5.1")
    def test_what_is_acknowledged_is_read_from_the_replica_alone_after_the_disk_is_lost(self, tmp_path, folder):
        store = opened(tmp_path, folder)
        small, other = store.add([blob(b"pixels" * 1000), blob(b"more")])
        large = store.put(BytesIO(b"large" * 1000))
        store.note(large, ABOUT)
        store.close()
        lose_a_disk(tmp_path / "primary")
        after = opened(tmp_path, folder)
        assert [whole(after, ref) for ref in (small, other, large)] == [b"pixels" * 1000, b"more", b"large" * 1000]
        assert whole(after, small, start=3, length=6) == b"elspix"
        assert all(after.exists(ref) for ref in (small, other, large))
        # and an index can be built anew from the replica
        assert {ref.digest for ref, _ in after.instances()} == {small.digest, other.digest, large.digest}
        assert [whole(after, ref) for ref, _ in after.instances() if ref.digest == small.digest] == [b"pixels" * 1000]

    def test_arrivals_of_many_threads_are_flushed_together(self, tmp_path, folder):
        groups: list[int] = []

        class Counting(SegmentBlobStore):
            def add(self, blobs):
                groups.append(len(blobs))
                return super().add(blobs)

        store = ReplicatedBlobStore(SegmentBlobStore(tmp_path / "primary"), lambda: open_marked(folder, Counting))
        refs: dict[int, BlobRef] = {}

        def send(number: int) -> None:
            [refs[number]] = store.add([blob(b"%d" % number * 100_000)])

        threads = [threading.Thread(target=send, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(groups) == 40
        assert len(groups) < 40
        assert all(whole(store, refs[number]) == b"%d" % number * 100_000 for number in range(40))

    def test_a_changed_byte_is_not_given_out(self, tmp_path, folder):
        store = opened(tmp_path, folder)
        [ref] = store.add([blob(b"pixels" * 1000)])
        place = store.place(ref)
        assert place is not None
        with place.path.open("r+b") as file:
            file.seek(place.offset + 77)
            file.write(b"\0")
        assert whole(store, ref) == b"pixels" * 1000

    def test_a_file_cut_short_is_read_to_its_end(self, tmp_path, folder):
        store = opened(tmp_path, folder)
        content = bytes(range(256)) * 40_000
        ref = store.put(BytesIO(content))
        place = store.place(ref)
        assert place is not None
        with place.path.open("r+b") as file:
            file.truncate(5_000_000)
        assert hashlib.sha256(whole(store, ref)).hexdigest() == ref.digest
        assert whole(store, ref, start=9_000_000, length=10) == content[9_000_000:9_000_010]

    def test_what_neither_holds_is_missing(self, tmp_path, folder):
        store = opened(tmp_path, folder)
        [ref] = store.add([blob(b"pixels")])
        lose_a_disk(tmp_path / "primary" / "segments")
        lose_a_disk(folder / "segments")
        with pytest.raises(BlobMissing):
            store.read(ref)
        assert not store.exists(ref)

    def test_gives_up_both_copies(self, tmp_path, folder):
        store = ReplicatedBlobStore(first := MemoryBlobStore(), lambda: second)
        second = MemoryBlobStore()
        [ref] = store.add([blob(b"pixels")])
        assert store.remove(ref)
        assert not store.exists(ref)
        assert list(first.instances()) == list(second.instances()) == []


class TestReplicaDown:
    def test_nothing_is_acknowledged_while_the_disk_of_the_replica_is_not_mounted(self, tmp_path, folder):
        (folder / MARK).unlink()
        store = opened(tmp_path, folder)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                store.add([blob(b"pixels")])
            with pytest.raises(StoreUnavailable):
                store.put(BytesIO(b"document"))
        assert list(folder.iterdir()) == []  # what is not mounted is not written to

    def test_where_that_is_wanted_arrivals_go_on_and_say_that_they_have_no_copy(self, tmp_path, folder):
        (folder / MARK).unlink()
        store = opened(tmp_path, folder, WhenDown.GO_ON)
        [ref] = store.add([blob(b"pixels")])
        document = store.put(BytesIO(b"document"))
        assert [whole(store, one) for one in (ref, document)] == [b"pixels", b"document"]
        assert [copy.ref is None for copy in store.copies(ref)] == [False, True]

    def test_a_full_replica_is_down_and_a_failed_first_store_is_not_hidden(self, tmp_path):
        class Full(MemoryBlobStore):
            def add(self, blobs):
                raise OSError(28, "No space left on device")

        with pytest.raises(StoreUnavailable):
            ReplicatedBlobStore(MemoryBlobStore(), Full).add([blob(b"pixels")])
        with pytest.raises(OSError, match="No space"):
            ReplicatedBlobStore(Full(), MemoryBlobStore, when_down=WhenDown.GO_ON).add([blob(b"pixels")])

    def test_a_replica_that_hangs_holds_nobody_longer_than_it_may(self):
        let_go = threading.Event()

        class Hanging(MemoryBlobStore):
            def add(self, blobs):
                let_go.wait()
                return super().add(blobs)

        store = ReplicatedBlobStore(MemoryBlobStore(), Hanging, when_down=WhenDown.GO_ON, seconds=0.05)
        [ref] = store.add([blob(b"pixels")])
        let_go.set()
        assert whole(store, ref) == b"pixels"
        assert store.copies(ref)[1].ref is None
