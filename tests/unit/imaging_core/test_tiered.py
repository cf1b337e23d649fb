"""Segments move to a colder place and back; what is read stays the same at every step, also of one that is killed."""

import contextlib
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from imaging_core.blobs import BlobRef, NewBlob
from imaging_core.blobs.cold import MARK, ColdFolder
from imaging_core.blobs.tiered import Ages, TieredBlobStore
from imaging_core.errors import StoreUnavailable

ABOUT = {"institution_code": "12340000TEST000001", "received_from": "stow:x", "received_at": "2026-03-01T12:00+00:00"}
CONTENTS = [bytes([number]) * 5000 for number in range(4)]
AGES = Ages(after=timedelta(days=365), unused=timedelta(days=90))


class Killed(Exception):
    """Stands for a process that ends here."""


@pytest.fixture
def cold(tmp_path: Path) -> Path:
    folder = tmp_path / "cold"
    folder.mkdir()
    (folder / MARK).touch()
    return folder


def opened(tmp_path: Path) -> TieredBlobStore:
    return TieredBlobStore(tmp_path / "hot", ColdFolder(tmp_path / "cold"), roll_bytes=8000)


@pytest.fixture
def store(tmp_path: Path, cold: Path) -> TieredBlobStore:
    return opened(tmp_path)


@pytest.fixture
def refs(store: TieredBlobStore) -> list[BlobRef]:
    found = [store.add([NewBlob((content,), ABOUT)])[0] for content in CONTENTS]
    store.close()
    return found


def whole(store: TieredBlobStore, refs: list[BlobRef]) -> list[bytes]:
    return [b"".join(store.read_unnoticed(ref)) for ref in refs]


def age(tmp_path: Path, days: int) -> None:
    for path in (tmp_path / "hot" / "segments").glob("*.segment*"):
        os.utime(path, (time.time() - days * 86_400,) * 2)


def segment(ref: BlobRef) -> str:
    return ref.locator.removeprefix("segments/").partition("@")[0]


def told(store: TieredBlobStore) -> set[str]:
    return {ref.locator for ref, _ in store.instances()}


def nothing(_name: str, _size: int, _sha256: str) -> None:
    """Write nothing down."""


class TestPolicy:
    def test_only_sealed_segments_that_are_old_and_unused_go(self, tmp_path, store, refs):
        assert store.candidates(AGES) == []
        age(tmp_path, 400)
        assert set(store.candidates(AGES)) == {segment(ref) for ref in refs}
        store.place(refs[0])  # somebody looks at it
        assert segment(refs[0]) not in store.candidates(AGES)
        whole(store, refs)  # the scrub does not count
        assert segment(refs[3]) in store.candidates(AGES)
        [fresh] = store.add([NewBlob((b"fresh",), ABOUT)])
        age(tmp_path, 400)
        assert segment(fresh) not in store.candidates(AGES)


class TestMoved:
    @pytest.mark.clause("R5.1")
    def test_cold_bytes_are_read_as_before_and_come_back(self, tmp_path, store, refs):
        before = told(store)
        shas: dict[str, str] = {}
        for name in {segment(ref) for ref in refs}:
            assert store.cool(name, lambda name, _size, sha256: shas.update({name: sha256}))
        assert list((tmp_path / "hot" / "segments").glob("*.segment")) == []
        again = opened(tmp_path)
        assert whole(again, refs) == CONTENTS
        assert b"".join(again.read(refs[2], start=10, length=20)) == CONTENTS[2][10:30]
        assert all(again.exists(ref) for ref in refs)
        assert (place := again.place(refs[1])) is not None
        assert place.path.read_bytes()[place.offset : place.offset + place.length] == CONTENTS[1]
        assert told(again) == before
        assert set(again.cold_segments()) == set(shas)
        for name, sha256 in shas.items():
            again.warm(name, sha256, nothing)
        assert whole(again, refs) == CONTENTS
        assert told(again) == before
        assert [path.name for path in (tmp_path / "cold").iterdir()] == [MARK]
        assert again.candidates(AGES) == []  # what was asked back stays a while

    def test_a_damaged_segment_stays_where_it_is(self, tmp_path, store, refs):
        path = tmp_path / "hot" / "segments" / segment(refs[0])
        with path.open("r+b") as file:
            file.seek(1000)
            file.write(b"x")
        assert not store.cool(path.name, nothing)
        assert path.exists()

    def test_a_segment_somebody_writes_stays_where_it_is(self, tmp_path, store):
        [ref] = store.add([NewBlob((b"pixels",), ABOUT)])
        assert not store.cool(segment(ref), nothing)

    def test_a_given_up_record_is_told_of_no_more_and_its_segment_is_wanted_on_disk(self, tmp_path, store, refs):
        store.cool(segment(refs[0]), nothing)
        assert store.remove(refs[0])
        assert refs[0].locator not in told(store)
        assert store.with_removed_records() == [segment(refs[0])]

    def test_a_cold_disk_that_is_not_mounted_is_not_written_to(self, tmp_path, store, refs, cold):
        (cold / MARK).unlink()
        with pytest.raises(StoreUnavailable):
            store.cool(segment(refs[0]), nothing)
        assert whole(store, refs) == CONTENTS


class TestKilled:
    @pytest.mark.clause("R5.1")
    @pytest.mark.parametrize("way", ["there", "back"])
    @pytest.mark.parametrize("step", range(1, 12))
    def test_at_any_step_nothing_is_lost_and_the_next_call_finishes(
        self, tmp_path, store, refs, monkeypatch, way, step
    ):
        name = segment(refs[0])
        shas: list[str] = []
        if way == "back":
            store.cool(name, lambda _name, _size, sha256: shas.append(sha256))
        self._die_at(monkeypatch, step)
        with contextlib.suppress(Killed):
            if way == "there":
                store.cool(name, nothing)
            else:
                store.warm(name, shas[0], nothing)
        monkeypatch.undo()
        again = opened(tmp_path)
        assert whole(again, refs) == CONTENTS
        assert len(told(again)) == len(CONTENTS)
        if way == "there" and (tmp_path / "hot" / "segments" / name).exists():
            assert again.cool(name, nothing)
        elif way == "back" and (tmp_path / "cold" / name).exists():
            again.warm(name, shas[0], nothing)
        assert whole(again, refs) == CONTENTS
        assert ((tmp_path / "hot" / "segments" / name).exists(), (tmp_path / "cold" / name).exists()) == (
            way == "back",
            way == "there",
        )

    @staticmethod
    def _die_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        """Let the process end before its n-th change of a disk."""
        count = 0

        def counted(change):
            def call(*arguments, **named):
                nonlocal count
                count += 1
                if count == step:
                    raise Killed
                return change(*arguments, **named)

            return call

        for owner, change in ((Path, "replace"), (Path, "unlink"), (os, "fsync"), (Path, "touch")):
            monkeypatch.setattr(owner, change, counted(getattr(owner, change)))
