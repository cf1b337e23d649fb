"""The upkeep of stored bytes as the worker, an administrator and a monitor meet it."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select

from api.db.tables import AuditEventRow, WorkRow
from api.jobs import STORAGE, Work, anything_due, recall_far_off
from api.settings import Settings
from api.storage_metrics import storage_metrics
from api.wiring import Services, build_services
from api.workflows.keep_storage import figures_of, keep_storage, owe_upkeep, scrub_budget
from imaging_core.blobs import ReplicatedBlobStore
from imaging_core.index.tables import InstanceRow
from imaging_core.ingest import Channel, Origin, StoreOutcome, StoreResult
from tests.builders.command_line import invoke
from tests.builders.dicom import ct_instance
from tests.builders.hospital import SmallHospital

pytestmark = pytest.mark.integration


@pytest.fixture
def replicated(clinic: SmallHospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The clinic after its administrator set a replica and prepared its folder."""
    settings = clinic.services.settings
    environment = {
        "DATA": str(settings.data),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MODE": "demo",
        "BLOBS__REPLICA__FOLDER": str(tmp_path / "second disk"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"MINGYING_{name}", value)
    assert mingying("storage", "prepare").exit_code == 0
    services = build_services(Settings.load(), clock=clinic.clock)
    yield services
    services.close()


def mingying(*arguments: str):
    return invoke(arguments)


def work(services: Services) -> dict[str, Work]:
    with services.database.writing() as session:
        owe_upkeep(services, session, services.clock())
        session.flush()
        rows = session.scalars(select(WorkRow).where(WorkRow.kind == STORAGE))
        return {row.subject: Work(row.kind, row.institution_code, row.subject, row.generation) for row in rows}


def figures(services: Services) -> dict[str, float]:
    lines = (line.split(" ") for line in storage_metrics(services).decode().splitlines() if not line.startswith("#"))
    return {name.removeprefix("mingying_storage_"): float(value) for name, value in lines}


@pytest.mark.clause("R5.1")
class TestUpkeep:
    def test_copies_counts_and_reads_again_and_owes_itself(self, replicated: Services):
        with replicated.database.reading() as session:
            instances = session.scalars(select(InstanceRow)).all()
        for task in work(replicated).values():
            keep_storage(replicated, task)
        found = figures(replicated)
        assert found["instances"] == len(instances)
        assert found["bytes"] == sum(row.blob_size for row in instances)
        assert (found["replica_lacking"], found["scrub_unrepaired"]) == (0, 0)
        assert found["scrub_bytes"] >= found["bytes"]
        assert found["free_bytes"] > 0
        again = work(replicated)
        assert set(again) == {"scrub", "replica", "growth"}
        assert all(one.generation > 1 for one in again.values())
        # what was stored before there was a replica lies in both now
        blobs = replicated.blobs
        assert isinstance(blobs, ReplicatedBlobStore)
        with replicated.database.reading() as session:
            refs = [replicated.blob_ref(row) for row in session.scalars(select(InstanceRow))]
        assert all(copy.ref and blobs.side(copy.name).exists(copy.ref) for ref in refs for copy in blobs.copies(ref))

    def test_without_the_replica_that_there_was_everything_is_still_read(self, replicated: Services, monkeypatch):
        keep_storage(replicated, work(replicated)["replica"])
        monkeypatch.delenv("MINGYING_BLOBS__REPLICA__FOLDER")
        alone = build_services(Settings.load(), clock=replicated.clock)
        with alone.database.reading() as session:
            [row, *_] = session.scalars(select(InstanceRow))
        assert len(b"".join(alone.blobs.read(alone.blob_ref(row)))) == row.blob_size
        assert figures_of(alone).replica is None
        alone.close()

    def test_damage_is_repaired_audited_and_told(self, replicated: Services):
        keep_storage(replicated, work(replicated)["replica"])
        with replicated.database.reading() as session:
            [row, *_] = session.scalars(select(InstanceRow))
        place = replicated.blobs.place(replicated.blob_ref(row))
        assert place is not None
        with place.path.open("r+b") as file:
            file.seek(place.offset + 400)
            file.write(b"damage")
        told = json.loads(mingying("scrub", "--all", "--json").stdout)
        assert (told["damaged"], told["repaired"], told["unreferenced"]["instances"]) == (1, 1, 0)
        assert figures(replicated)["scrub_mismatches"] == 1
        with replicated.database.reading() as session:
            event = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "archive.bytes_repaired")).one()
        assert event.detail == {"copy": "primary", "fault": "changed", "repaired_from": "replica"}

    def test_a_lost_disk_is_read_from_the_replica_and_filled_again(self, replicated: Services):
        keep_storage(replicated, work(replicated)["replica"])
        with replicated.database.reading() as session:
            refs = [replicated.blob_ref(row) for row in session.scalars(select(InstanceRow))]
        contents = [b"".join(replicated.blobs.read(ref)) for ref in refs]
        disk = replicated.settings.data / "blobs"
        shutil.rmtree(disk)
        after = build_services(Settings.load(), clock=replicated.clock)
        blobs = after.blobs
        assert isinstance(blobs, ReplicatedBlobStore)
        assert [b"".join(blobs.read(ref)) for ref in refs] == contents
        told = json.loads(mingying("scrub", "--all", "--json").stdout)
        assert told["repaired"] == told["damaged"] == len(refs)
        with after.database.reading() as session:
            refs = [after.blob_ref(row) for row in session.scalars(select(InstanceRow))]
        here = [blobs.copies(ref)[0].ref for ref in refs]
        assert [b"".join(blobs.side("primary").read(ref)) for ref in here if ref is not None] == contents
        after.close()

    def test_what_cannot_be_repaired_ends_with_status_1_until_a_backup_is_given(
        self, clinic: SmallHospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        settings = clinic.services.settings
        for name, value in (("DATA", settings.data), ("DATABASE_URL", settings.database_url), ("MODE", "demo")):
            monkeypatch.setenv(f"MINGYING_{name}", str(value))
        monkeypatch.setenv("MINGYING_REDIS_URL", settings.redis_url)
        assert mingying("backup", "create", str(tmp_path / "backup")).exit_code == 0
        with clinic.services.database.reading() as session:
            [row, *_] = session.scalars(select(InstanceRow))
        place = clinic.services.blobs.place(clinic.services.blob_ref(row))
        assert place is not None
        place.path.unlink()
        assert mingying("scrub", "--all").exit_code == 1
        assert "damaged" in mingying("check").output
        repaired = mingying("scrub", "--all", "--backup", str(tmp_path / "backup"), "--json")
        assert repaired.exit_code == 0
        assert json.loads(repaired.stdout)["standing"]["unrepaired"] == 0


@pytest.mark.clause("R5.1")
def test_old_images_go_to_the_colder_place_are_read_there_and_come_back(
    clinic: SmallHospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    settings = clinic.services.settings
    environment = {
        "DATA": str(settings.data),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MODE": "demo",
        "BLOBS__COLD__FOLDER": str(tmp_path / "cheap disk"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"MINGYING_{name}", value)
    assert mingying("storage", "prepare").exit_code == 0
    with clinic.services.database.reading() as session:
        refs = [clinic.services.blob_ref(row) for row in session.scalars(select(InstanceRow))]
    contents = [b"".join(clinic.services.blobs.read(ref)) for ref in refs]
    clinic.services.blobs.close()  # type: ignore[attr-defined]  # segments have it
    [segment] = (settings.data / "blobs" / "segments").glob("*.segment")
    with segment.open("r+b") as file:
        sealed = file.seek(0, 2)
    year = 366 * 86_400
    os.utime(segment, (time.time() - year,) * 2)
    loaded = Settings.load()
    smaller = loaded.model_copy(update={"blobs": loaded.blobs.model_copy(update={"segment_bytes": sealed})})
    services = build_services(smaller, clock=clinic.clock)
    keep_storage(services, work(services)["tiers"])
    assert not segment.exists()
    assert figures(services)["cold_bytes"] == sealed
    assert [b"".join(services.blobs.read(ref)) for ref in refs] == contents
    assert "1 segments" in mingying("storage", "show").output
    assert "nothing" in mingying("storage", "restore", "1.2.3").output
    assert "1 segments brought back" in mingying("storage", "restore", "ACC0001").output
    assert segment.exists()
    assert figures(services)["cold_segments"] == 0
    services.close()


def test_a_clock_that_was_ten_years_ahead_and_is_set_right_holds_nothing_up(clinic: SmallHospital):
    clinic.clock.forward(days=3650)
    assert store(clinic, number=7).outcome == StoreOutcome.STORED
    clinic.follow(derive=False)
    clinic.clock.forward(days=-3650)
    assert store(clinic, number=8).outcome == StoreOutcome.STORED
    assert store(clinic, number=7).outcome == StoreOutcome.ALREADY_STORED
    with clinic.services.database.writing() as session:
        assert recall_far_off(session, clinic.clock()) > 0
        assert recall_far_off(session, clinic.clock()) == 0
        assert anything_due(session, clinic.clock())


def store(clinic: SmallHospital, *, number: int) -> StoreResult:
    return clinic.services.ingestor.store_instance(
        BytesIO(ct_instance(number=number)),
        institution_code=clinic.institution_code,
        origin=Origin(Channel.STOW, "test"),
    )


def test_reads_as_much_at_once_as_the_period_asks_for_and_never_faster_than_it_may():
    settings = Settings(mode="demo")
    tib = 1024**4
    in_one_period = scrub_budget(settings, 20 * tib) * 90 * 24 * 60
    assert 20 * tib < in_one_period < 23 * tib
    most = settings.blobs.scrub_bytes_a_second * 60
    assert scrub_budget(settings, 10_000 * tib) == most
    assert scrub_budget(settings, 0) > 0
