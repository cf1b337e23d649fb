"""Compaction: the disk gets its room back, and nothing that is named is ever lost, whenever it is cut off."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from imaging_core.blobs import BlobRef, NewBlob, SegmentBlobStore
from imaging_core.blobs.segments import compaction, removals
from imaging_core.blobs.segments.compaction import Compaction, Limits
from imaging_core.blobs.segments.records import FILE_MARK
from imaging_core.errors import BlobMissing
from tests.builders.archive import placed

pytestmark = pytest.mark.clause("R5.1")

ABOUT = {"institution_code": "12340000TEST000001", "received_at": "2026-03-01T12:00+00:00"}
AT_ONCE = Limits(dead_share=0.25, quiet=timedelta(0), kept=timedelta(0))
KEPT = Limits(dead_share=0.25, quiet=timedelta(0))


class Index:
    """Rows that name blobs, in a file: another process must see what a killed one wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as database:
            database.execute("CREATE TABLE IF NOT EXISTS rows (digest TEXT, size INTEGER, locator TEXT)")

    def add(self, *refs: BlobRef) -> None:
        with self._open() as database:
            rows = [(ref.digest, ref.size, ref.locator) for ref in refs]
            database.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows)

    def refs(self) -> list[BlobRef]:
        with self._open() as database:
            return [BlobRef(*row) for row in database.execute("SELECT * FROM rows ORDER BY rowid")]

    def drop(self, ref: BlobRef) -> None:
        with self._open() as database:
            database.execute("DELETE FROM rows WHERE locator = ?", (ref.locator,))

    def named(self, segment: str) -> Collection[str]:
        return {ref.digest for ref in self.refs() if ref.locator.startswith(f"segments/{segment}@")}

    def move(self, segment: str, *, to: str, offsets: Mapping[str, int]) -> None:
        with self._open() as database:
            for digest in self.named(segment):
                if digest in offsets:
                    new = f"segments/{to}@{offsets[digest]}"
                    old = f"segments/{segment}@%"
                    database.execute(
                        "UPDATE rows SET locator = ? WHERE digest = ? AND locator LIKE ?", (new, digest, old)
                    )

    def _open(self) -> "_Committing":
        return _Committing(self.path)


class _Committing:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA synchronous=OFF")  # a killed process is no power loss

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, kind: object, *_error: object) -> None:
        with closing(self._connection):
            if kind is None:
                self._connection.commit()


class Shelf:
    """A store with an index: six instances in one segment, two of them given up."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = SegmentBlobStore(root / "blobs")
        self.index = Index(root / "index.db")
        refs = self.store.add([NewBlob((bytes([number]) * 5000,), ABOUT) for number in range(6)])
        self.store.close()  # nobody writes into it any more
        self.index.add(*refs)
        for ref in (refs[0], refs[3]):
            self.give_up(ref)
        self.contents = [bytes([number]) * 5000 for number in (1, 2, 4, 5)]

    def give_up(self, ref: BlobRef) -> None:
        self.index.drop(ref)
        self.store.remove(ref)

    def compact(self, limits: Limits = AT_ONCE) -> Compaction:
        return SegmentBlobStore(self.root / "blobs").compactor(self.index, limits).run()

    def segments(self) -> list[str]:
        return sorted(path.name for path in (self.root / "blobs/segments").glob("*.segment"))

    def check(self) -> None:
        """Every row is readable as it was; a store built anew tells of these and nothing else."""
        store = SegmentBlobStore(self.root / "blobs")
        assert [b"".join(store.read(ref)) for ref in self.index.refs()] == self.contents
        assert sorted(ref.digest for ref, _ in store.instances()) == sorted(ref.digest for ref in self.index.refs())
        for ref, _ in store.instances():
            assert b"".join(store.read(ref)) in self.contents


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


class TestCompaction:
    def test_living_records_move_and_the_room_of_the_others_comes_back(self, shelf: Shelf):
        [old] = shelf.segments()
        before = (shelf.root / "blobs/segments" / old).stat().st_size
        done = shelf.compact()
        assert (done.rewritten, done.deleted, done.freed_bytes) == ([old], [old], 10_000)
        [new] = shelf.segments()
        assert before - (shelf.root / "blobs/segments" / new).stat().st_size >= 10_000
        shelf.check()
        assert shelf.compact() == Compaction()

    def test_a_segment_of_which_little_is_given_up_stays(self, shelf: Shelf):
        assert shelf.compact(Limits(dead_share=0.5, quiet=timedelta(0), kept=timedelta(0))) == Compaction()

    def test_a_segment_that_was_written_a_moment_ago_waits(self, shelf: Shelf):
        assert shelf.compact(Limits(kept=timedelta(0))) == Compaction()

    def test_a_segment_somebody_writes_into_is_left_to_him(self, shelf: Shelf):
        [extra] = shelf.store.add([NewBlob((b"more",), ABOUT)])
        shelf.index.add(extra)
        shelf.contents.append(b"more")
        assert shelf.compact().held == shelf.segments()
        shelf.check()
        shelf.store.close()
        assert shelf.compact().deleted
        shelf.check()

    def test_who_reads_by_an_old_place_goes_on_for_a_day(self, shelf: Shelf):
        before = shelf.index.refs()
        [old] = shelf.segments()
        reading = shelf.store.read(before[0], start=0)
        assert shelf.compact(KEPT).deleted == []
        assert [b"".join(shelf.store.read(ref)) for ref in before] == shelf.contents
        shelf.check()
        assert not any(f"/{old}@" in ref.locator for ref in shelf.index.refs())
        os.utime(shelf.root / "blobs/segments" / old, (time.time() - 2 * 86400,) * 2)
        assert shelf.compact(KEPT).deleted == [old]
        assert b"".join(reading) == shelf.contents[0]  # begun before: the file is open
        shelf.check()
        with pytest.raises(BlobMissing):
            shelf.store.read(before[0])

    def test_a_row_that_was_on_its_way_meanwhile_is_moved_before_the_old_segment_goes(self, shelf: Shelf):
        late = shelf.index.refs()[1]
        shelf.index.drop(late)
        shelf.compact(KEPT)
        shelf.index.add(late)  # committed with the place it was given
        shelf.contents = [shelf.contents[0], *shelf.contents[2:], shelf.contents[1]]
        assert len(shelf.compact().deleted) == 1
        shelf.check()

    def test_nobody_writes_into_a_segment_that_is_replaced(self, shelf: Shelf):
        [old] = shelf.segments()
        shelf.compact(KEPT)
        [new] = shelf.store.add([NewBlob((b"new",), ABOUT)])
        shelf.index.add(new)
        shelf.contents.append(b"new")
        assert f"/{old}@" not in new.locator
        shelf.store.close()
        shelf.check()

    def test_what_is_given_up_after_the_move_is_not_told_of_by_the_old_segment(self, shelf: Shelf):
        shelf.compact(KEPT)
        shelf.give_up(shelf.index.refs()[0])
        del shelf.contents[0]
        shelf.check()
        shelf.compact()
        shelf.compact()
        shelf.check()

    def test_a_segment_with_a_damaged_living_record_is_kept_as_it_is(self, shelf: Shelf):
        place = shelf.store.place(shelf.index.refs()[-1])
        assert place is not None
        with place.path.open("r+b") as file:
            file.seek(place.offset + 100)
            file.write(b"rot")
        os.utime(place.path, (0, 0))
        before = place.path.read_bytes()
        assert shelf.compact().damaged == [place.path.name]
        assert place.path.read_bytes() == before
        assert list(place.path.parent.glob("*.compacting")) == []

    def test_a_forgotten_large_instance_is_not_written_again(self, shelf: Shelf):
        large = shelf.store.put(BytesIO(b"large"))
        shelf.store.note(large, ABOUT)
        shelf.store.close()
        noon = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        shelf.store.forget(large, institution_code=ABOUT["institution_code"], at=noon)
        shelf.check()
        shelf.compact()
        [segment] = shelf.segments()
        assert large.digest.encode() not in (shelf.root / "blobs/segments" / segment).read_bytes()
        shelf.check()


def killed_at(step: int, act: Callable[[], object]) -> bool:
    """Do something in a process of its own that is killed at its n-th call of the disk; return whether it came so far."""
    child = os.fork()
    if child == 0:  # pragma: no cover  # another process
        count = 0

        def counted(call: Callable[..., object]) -> Callable[..., object]:
            def wrapped(*arguments: object, **named: object) -> object:
                nonlocal count
                for _before_and_after in range(2):
                    count += 1
                    if count == step:
                        os.kill(os.getpid(), signal.SIGKILL)
                    if _before_and_after == 0:
                        result = call(*arguments, **named)
                return result

            return wrapped

        for module in (compaction, removals):
            for name in ("force_file", "force_folder", "write_parts", "_copy_part"):
                if hasattr(module, name):
                    setattr(module, name, counted(getattr(module, name)))
        for owner, name in ((Path, "replace"), (Path, "unlink"), (os, "utime"), (Index, "move")):
            setattr(owner, name, counted(getattr(owner, name)))
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed and forked")
class TestKilled:
    def test_at_any_step_nothing_is_lost_and_the_next_run_finishes(self, tmp_path: Path):
        steps = 0
        for step in range(1, 200):
            shelf = Shelf(tmp_path / str(step))
            if not killed_at(step, shelf.compact):
                break
            steps += 1
            shelf.check()
            shelf.compact()
            shelf.compact()
            shelf.check()
            assert len(shelf.segments()) == 1
            assert list((shelf.root / "blobs/segments").glob("*.compacting")) == []
            assert sum(path.stat().st_size for path in (shelf.root / "blobs/segments").glob("*.segment")) < 21_000
        assert steps > 15

    def test_while_giving_up_it_is_given_up_or_not_and_others_stay(self, tmp_path: Path):
        for step in range(1, 50):
            shelf = Shelf(tmp_path / str(step))
            ref = shelf.index.refs()[0]
            if not killed_at(step, partial(shelf.store.remove, ref)):
                break
            told = {found.digest for found, _ in SegmentBlobStore(shelf.root / "blobs").instances()}
            assert {one.digest for one in shelf.index.refs()[1:]} <= told
            shelf.give_up(ref)  # again
            del shelf.contents[0]
            shelf.check()
        assert step > 4

    @pytest.mark.parametrize("torn", [1, 8, 40, 60])
    def test_a_torn_end_of_the_removal_log_is_cut_off(self, shelf: Shelf, torn: int):
        log = shelf.root / "blobs/segments/removed.log"
        with log.open("ab") as file:
            file.write(log.read_bytes()[32 : 32 + torn])
        shelf.check()
        SegmentBlobStore(shelf.root / "blobs").remove(shelf.index.refs()[0])
        shelf.index.drop(shelf.index.refs()[0])
        del shelf.contents[0]
        shelf.check()


class TestDamagedSegment:
    def test_nothing_is_cut_off_before_a_whole_record(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path)
        [first, rotten, behind] = store.add([NewBlob((bytes([number]) * 300,), ABOUT) for number in range(3)])
        store.close()
        place = store.place(rotten)
        assert place is not None
        with place.path.open("r+b") as file:
            file.seek(place.offset)
            file.write(b"rot")
        again = SegmentBlobStore(tmp_path)
        [new] = again.add([NewBlob((b"new",), ABOUT)])
        assert place.path.name not in new.locator
        assert [b"".join(again.read(ref)) for ref in (first, behind, new)] == [b"\0" * 300, b"\2" * 300, b"new"]

    def test_a_damaged_head_hides_its_own_record_alone(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path)
        [first, rotten, behind] = store.add([NewBlob((bytes([number]) * 300,), ABOUT) for number in range(3)])
        place = placed(store, rotten)
        with place.path.open("r+b") as file:
            file.seek(place.offset - 10)
            file.write(b"rot")
        assert [ref for ref, _ in store.instances()] == [first, behind]

    def test_what_was_given_up_stays_so_behind_a_damaged_line(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path)
        refs = store.add([NewBlob((bytes([number]) * 300,), ABOUT) for number in range(4)])
        for ref in refs[:2]:
            assert store.remove(ref)
        [removed_log] = (tmp_path / "segments").glob("removed*")
        with removed_log.open("r+b") as file:
            file.seek(len(FILE_MARK) + 5)
            file.write(b"rot")
        again = SegmentBlobStore(tmp_path)
        assert again.remove(refs[2])
        assert [ref for ref, _ in again.instances()] == [refs[0], refs[3]]
