"""The index is lost; the bytes give it back."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from imaging_core.blobs import MemoryBlobStore, SegmentBlobStore
from imaging_core.index.tables import InstanceRow, QuarantineRow, StudyRow
from imaging_core.ingest.reindex import reindex
from tests.builders.archive import Archive, open_archive
from tests.builders.dicom import ct_instance, ct_series

pytestmark = [pytest.mark.integration, pytest.mark.clause("R5.1")]


@pytest.fixture(params=["memory", "segments"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    blobs = MemoryBlobStore() if request.param == "memory" else SegmentBlobStore(tmp_path / "blobs")
    opened = open_archive(f"sqlite:///{tmp_path / 'index.db'}", blobs)
    opened.store(*ct_series(3), ct_instance(study="large", rows=2100, columns=2100))
    opened.store(ct_instance(number=1, rows=8), b"no image", ct_instance(), institution_code="OTHER")
    opened.store(ct_instance(number=1, rows=8))  # the same UID with other content
    yield opened
    opened.database.close()


INSTANCE = (
    "institution_code",
    "sop_instance_uid",
    "revision",
    "current",
    "conflict",
    "blob_locator",
    "received_at",
    "received_from",
    "pixel_offset",
)


def rows_of(archive: Archive) -> list[set[tuple[object, ...]]]:
    """Return what the index says, without the numbers that a database gives."""
    with archive.database.reading() as session:
        instances = {tuple(getattr(row, name) for name in INSTANCE) for row in session.scalars(select(InstanceRow))}
        studies = {
            (row.institution_code, row.study_instance_uid, row.instance_count, row.series_count, row.patient_name)
            for row in session.scalars(select(StudyRow))
        }
        quarantined = {
            (row.institution_code, row.blob_digest, row.reason_code, row.channel)
            for row in session.scalars(select(QuarantineRow))
        }
    return [instances, studies, quarantined]


class TestReindex:
    def test_a_lost_index_comes_back_as_it_was(self, archive: Archive, tmp_path: Path):
        again = open_archive(f"sqlite:///{tmp_path / 'new.db'}", archive.blobs)
        found = reindex(again.blobs, again.ingestor, again.database.reads, change=True)
        assert (found.kept, found.unindexed, found.filed, found.quarantined) == (8, 8, 7, 1)
        assert found.agrees
        assert rows_of(again) == rows_of(archive)
        assert reindex(again.blobs, again.ingestor, again.database.reads, change=True).unindexed == 0
        again.database.close()

    def test_where_both_say_the_same_nothing_is_changed(self, archive: Archive):
        before = rows_of(archive)
        found = reindex(archive.blobs, archive.ingestor, archive.database.reads, change=True)
        assert (found.unindexed, found.absent) == (0, ())
        assert rows_of(archive) == before

    def test_only_looking_changes_nothing(self, archive: Archive, tmp_path: Path):
        again = open_archive(f"sqlite:///{tmp_path / 'new.db'}", archive.blobs)
        found = reindex(again.blobs, again.ingestor, again.database.reads, change=False)
        assert (found.unindexed, found.filed, found.agrees) == (8, 0, False)
        assert rows_of(again) == [set(), set(), set()]
        again.database.close()

    def test_an_image_whose_bytes_are_gone_is_named(self, tmp_path: Path):
        archive = open_archive(f"sqlite:///{tmp_path / 'index.db'}", SegmentBlobStore(tmp_path / "blobs"))
        [kept, lost] = archive.store(*ct_series(2))
        with archive.database.reading() as session:
            row = session.scalars(
                select(InstanceRow).where(InstanceRow.sop_instance_uid == lost.sop_instance_uid)
            ).one()
        [segment] = (tmp_path / "blobs" / "segments").iterdir()
        with segment.open("r+b") as file:
            file.truncate(int(row.blob_locator.partition("@")[2]))
        found = reindex(archive.blobs, archive.ingestor, archive.database.reads, change=True)
        assert found.absent == (lost.sop_instance_uid,)
        assert kept.sop_instance_uid not in found.absent
        archive.database.close()


def test_the_command_says_what_it_found_and_did(tmp_path: Path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "api.cli", *arguments, "--data", str(tmp_path / "data"), "--json"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    for number, content in enumerate(ct_series(2)):
        (tmp_path / f"{number}.dcm").write_bytes(content)
    assert run("import", str(tmp_path / "0.dcm"), str(tmp_path / "1.dcm")).returncode == 0
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (tmp_path / "data" / name).unlink(missing_ok=True)
    looked = run("reindex", "--check")
    assert (looked.returncode, json.loads(looked.stdout)["unindexed"]) == (1, 2)
    done = run("reindex")
    assert (done.returncode, json.loads(done.stdout)["filed"]) == (0, 2)
    assert run("reindex", "--check").returncode == 0
