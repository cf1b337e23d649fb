"""Stored bytes read again: what decayed is found, repaired bit by bit, and told of."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from imaging_core.blobs import BlobRef, FilesystemBlobStore, ReplicatedBlobStore, SegmentBlobStore, WhenDown
from imaging_core.blobs.replicated import MARK, open_marked
from imaging_core.errors import StoreUnavailable
from imaging_core.index.tables import InstanceRow
from imaging_core.scrub import Scrub, Scrubbed, catch_up, replica_standing, standing
from tests.builders.archive import NOON, Archive, open_archive
from tests.builders.dicom import ct_instance

pytestmark = pytest.mark.integration
ALL = 10**12
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def replica(tmp_path: Path) -> Path:
    folder = tmp_path / "replica"
    folder.mkdir()
    (folder / MARK).touch()
    return folder


@pytest.fixture
def archive(tmp_path: Path, replica: Path) -> Archive:
    blobs = ReplicatedBlobStore(
        SegmentBlobStore(tmp_path / "blobs"),
        lambda: open_marked(replica, SegmentBlobStore),
        when_down=WhenDown.GO_ON,
    )
    archive = open_archive(f"sqlite:///{tmp_path / 'index.db'}", blobs)
    archive.store(*(ct_instance(number=number) for number in (1, 2, 3)))
    return archive


def scrub(archive: Archive, *, backup: FilesystemBlobStore | None = None, most_bytes: int = ALL) -> Scrubbed:
    scrubbing = Scrub(
        archive.blobs,
        reads=archive.database.reads,
        writes=archive.database.writes,
        clock=lambda: LATER,
        backup=backup,
    )
    return scrubbing.some(most_bytes=most_bytes)


def refs(archive: Archive) -> list[BlobRef]:
    with archive.database.reading() as session:
        rows = session.query(InstanceRow).order_by(InstanceRow.id)
        return [BlobRef(row.blob_digest, row.blob_size, row.blob_locator) for row in rows]


def contents(archive: Archive, store: str) -> list[bytes]:
    """Return what one store alone holds of each instance."""
    blobs = archive.blobs
    assert isinstance(blobs, ReplicatedBlobStore)
    copies = [next(copy for copy in blobs.copies(ref) if copy.name == store) for ref in refs(archive)]
    return [b"".join(blobs.side(store).read(copy.ref)) for copy in copies if copy.ref is not None]


def flip_a_bit(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        [byte] = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 0x10]))


def segment(folder: Path) -> Path:
    [path] = folder.glob("segments/*.segment")
    return path


class TestFound:
    @pytest.mark.clause("R5.1")
    @pytest.mark.parametrize("side", ["primary", "replica"])
    @pytest.mark.parametrize("fault", ["flipped", "cut", "deleted"])
    def test_a_damaged_copy_is_repaired_from_the_other_bit_by_bit(
        self, archive: Archive, tmp_path: Path, replica: Path, side: str, fault: str
    ):
        sent = [ct_instance(number=number) for number in (1, 2, 3)]
        place = archive.blobs.place(refs(archive)[2])
        assert place is not None
        path = segment(replica if side == "replica" else tmp_path / "blobs")
        if fault == "flipped":
            flip_a_bit(path, place.offset + 300)
        elif fault == "cut":
            with path.open("r+b") as file:
                file.truncate(place.offset + 300)
        else:
            path.unlink()
        found = scrub(archive)
        faulty = 3 if fault == "deleted" else 1
        assert (found.blobs, found.damaged, found.repaired) == (3, faulty, faulty)
        assert contents(archive, "primary") == contents(archive, "replica") == sent
        again = scrub(archive)
        assert (again.damaged, again.pass_done) == (0, True)
        with archive.database.reading() as session:
            stands = standing(session)
        assert (stands.damaged, stands.repaired, stands.unrepaired) == (faulty, faulty, 0)
        assert stands.last_full_pass == LATER

    def test_a_document_and_what_is_large_are_repaired_as_files(self, archive: Archive, tmp_path: Path):
        large = ct_instance(2048, 2100, number=9)
        archive.store(large)
        [path] = [path for path in (tmp_path / "blobs").glob("??/*") if path.is_file()]
        flip_a_bit(path, 5_000_000)
        assert scrub(archive).repaired == 1
        assert path.read_bytes() == large
        assert path.with_suffix(".damaged").stat().st_size == len(large)

    def test_without_a_right_copy_it_comes_from_a_backup_or_stays_open(self, tmp_path: Path):
        store = SegmentBlobStore(tmp_path / "blobs")
        archive = open_archive(f"sqlite:///{tmp_path / 'index.db'}", store)
        archive.store(content := ct_instance())
        place = store.place(refs(archive)[0])
        assert place is not None
        flip_a_bit(place.path, place.offset + 300)
        backup = FilesystemBlobStore(tmp_path / "backup")
        for _ in range(2):  # told of once, however often it is met
            assert (scrub(archive, backup=backup).damaged, scrub(archive).repaired) == (1, 0)
        with archive.database.reading() as session:
            assert standing(session).unrepaired == 1
        backup.put(BytesIO(content))
        assert scrub(archive, backup=backup).repaired == 1
        assert b"".join(store.read(refs(archive)[0])) == content
        with archive.database.reading() as session:
            assert (standing(session).damaged, standing(session).unrepaired) == (1, 0)

    def test_goes_on_where_it_stopped_and_begins_anew_at_the_end(self, archive: Archive):
        steps = [scrub(archive, most_bytes=1) for _ in range(4)]
        assert [step.blobs for step in steps] == [1, 1, 1, 0]
        assert [step.pass_done for step in steps] == [False, False, False, True]
        assert scrub(archive, most_bytes=1).blobs == 1

    def test_a_replica_out_of_reach_is_no_damage(self, archive: Archive, tmp_path: Path, replica: Path):
        (replica / MARK).unlink()
        again = open_archive(
            f"sqlite:///{tmp_path / 'index.db'}",
            ReplicatedBlobStore(SegmentBlobStore(tmp_path / "blobs"), lambda: open_marked(replica, SegmentBlobStore)),
        )
        found = scrub(again)
        assert (found.blobs, found.damaged, found.out_of_reach) == (3, 0, 3)


class TestCatchingUp:
    def caught_up(self, archive: Archive, most_bytes: int = ALL):
        blobs = archive.blobs
        assert isinstance(blobs, ReplicatedBlobStore)
        return catch_up(
            blobs, reads=archive.database.reads, writes=archive.database.writes, now=LATER, most_bytes=most_bytes
        )

    @pytest.mark.clause("R5.1")
    def test_what_came_while_the_replica_was_down_is_copied_later(
        self, tmp_path: Path, replica: Path, archive: Archive
    ):
        (replica / MARK).unlink()
        archive.blobs.close()  # type: ignore[attr-defined]  # a replicated one has it
        alone = open_archive(
            f"sqlite:///{tmp_path / 'index.db'}",
            ReplicatedBlobStore(
                SegmentBlobStore(tmp_path / "blobs"),
                lambda: open_marked(replica, SegmentBlobStore),
                when_down=WhenDown.GO_ON,
            ),
        )
        large = ct_instance(2048, 2100, number=9)
        alone.store(ct_instance(number=4), ct_instance(number=5), large)
        with pytest.raises(StoreUnavailable):
            self.caught_up(alone)
        with alone.database.reading() as session:
            assert replica_standing(session).lacking == 3
        (replica / MARK).touch()
        first = self.caught_up(alone, most_bytes=1)
        assert (first.copied, first.lacking) == (3, 0)
        sent = [*(ct_instance(number=number) for number in (1, 2, 3, 4, 5)), large]
        assert contents(alone, "replica") == contents(alone, "primary") == sent
        assert self.caught_up(alone).copied == 0
        # the replica alone can give an index all of it
        assert len(list(SegmentBlobStore(replica).instances())) == 6

    def test_what_is_from_before_there_was_a_replica_is_copied_too(self, tmp_path: Path, replica: Path):
        before = open_archive(f"sqlite:///{tmp_path / 'old.db'}", SegmentBlobStore(tmp_path / "old"))
        before.store(content := ct_instance())
        archive = open_archive(
            f"sqlite:///{tmp_path / 'old.db'}",
            ReplicatedBlobStore(SegmentBlobStore(tmp_path / "old"), lambda: open_marked(replica, SegmentBlobStore)),
        )
        assert (done := self.caught_up(archive)).copied == 1
        assert done.is_complete
        assert contents(archive, "replica") == [content]
