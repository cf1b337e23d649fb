"""Retention over decades: nothing goes before its term, and what goes goes by a plan that two people approved."""

import hashlib
import random
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from imaging_core.blobs import BlobRef, MemoryBlobStore, SegmentBlobStore
from imaging_core.blobs.segments.compaction import Limits
from imaging_core.index.base import Base
from imaging_core.index.tables import InstanceRow, QuarantineRow
from imaging_core.ingest import Channel, Origin
from imaging_core.ingest.reindex import reindex
from imaging_core.retention.errors import (
    HoldNotFound,
    NothingPastTerm,
    NothingToHold,
    PlanChanged,
    PlanClosed,
    PlanNotFound,
    SamePerson,
)
from imaging_core.retention.places import IndexPlaces
from imaging_core.retention.plans import find_plan, reject_plan
from imaging_core.retention.tables import PendingRemovalRow, PlannedStudyRow
from imaging_core.retention.terms import Policy
from tests.builders.dicom import ct_instance, study_uid
from tests.builders.records import Records, open_records
from tests.builders.retention import CHECKER, FIRST, HOSPITAL, MAKER, Hospital

pytestmark = pytest.mark.clause("R5.1")

YEAR = timedelta(days=366)


@pytest.fixture
def hospital(records: Records, tmp_path: Path) -> Iterator[Hospital]:
    store = SegmentBlobStore(tmp_path / "blobs")
    yield Hospital(records.database, store)
    store.close()


def lines(hospital: Hospital, plan: str) -> dict[str, str]:
    """Return what became of each line."""
    with hospital.database.reading() as session:
        rows = session.scalars(
            select(PlannedStudyRow).where(PlannedStudyRow.plan_id == find_plan(session, HOSPITAL, plan).id)
        )
        return {row.study_instance_uid: row.dropped_because or row.state for row in rows}


class TestDisposal:
    def test_what_two_people_decided_is_gone_with_all_that_hangs_on_it_and_proved(self, hospital: Hospital):
        old = hospital.visit("TEST0001", "outpatient")
        kept = hospital.visit("TEST0002", "inpatient")
        with hospital.database.writing() as session:
            before = {table.name: session.scalar(select(func.count()).select_from(table)) for table in _DETAILS}
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        hospital.approve(plan)
        assert hospital.run(plan)
        assert hospital.kept() == {kept}
        stone, approved, instances = hospital.stones()[old]
        assert (stone.made_by, stone.approved_by, approved.state, instances) == (MAKER, CHECKER, "done", 1)
        assert (stone.policy_version, stone.keep_until) == ("1", date(2041, 3, 1))
        assert hospital.derived_dropped == [study_uid(old)]
        with hospital.database.reading() as session:
            for table in _DETAILS:
                assert session.scalar(select(func.count()).select_from(table)) == (before[table.name] or 0) // 2
            assert session.scalar(select(func.count()).select_from(PendingRemovalRow)) == 0

    def test_a_store_built_anew_does_not_bring_it_back_and_compaction_frees_its_bytes(
        self, hospital: Hospital, tmp_path: Path
    ):
        hospital.visit("TEST0001", "outpatient")
        kept = hospital.visit("TEST0002", "inpatient")
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        hospital.approve(plan)
        hospital.run(plan)
        hospital.blobs.close()  # type: ignore[attr-defined]
        found = reindex(hospital.blobs, hospital.ingestor, hospital.database.reads, change=True)
        assert (found.kept, found.unindexed, found.agrees) == (1, 0, True)
        database = hospital.database
        places = IndexPlaces(database.reads, database.writes)
        limits = Limits(quiet=timedelta(0), kept=timedelta(0))
        done = SegmentBlobStore(tmp_path / "blobs").compactor(places, limits).run()
        assert len(done.deleted) == 1
        assert done.freed_bytes > 0
        assert hospital.kept() == {kept}
        assert reindex(hospital.blobs, hospital.ingestor, database.reads, change=True).agrees

    def test_bytes_that_another_institution_has_too_stay(self, hospital: Hospital, tmp_path: Path):
        hospital.visit("TEST0001", "outpatient")
        with hospital.database.writing() as session:
            row = session.scalars(select(InstanceRow)).one()
            session.add(
                QuarantineRow(
                    institution_code="OTHER",
                    channel="stow",
                    reason_code="not_dicom",
                    reason="",
                    blob_digest=row.blob_digest,
                    blob_locator=row.blob_locator,
                    blob_size=row.blob_size,
                    received_at=hospital.now,
                )
            )
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        hospital.approve(plan)
        assert hospital.run(plan)
        with hospital.database.reading() as session:
            other = session.scalars(select(QuarantineRow)).one()
        ref = BlobRef(other.blob_digest, other.blob_size, other.blob_locator)
        assert hashlib.sha256(b"".join(hospital.blobs.read(ref))).hexdigest() == ref.digest
        limits = Limits(dead_share=0, quiet=timedelta(0), kept=timedelta(0))
        hospital.blobs.close()  # type: ignore[attr-defined]
        places = IndexPlaces(hospital.database.reads, hospital.database.writes)
        SegmentBlobStore(tmp_path / "blobs").compactor(places, limits).run()
        assert hospital.blobs.exists(ref)

    def test_the_same_study_that_comes_again_is_a_new_arrival(self, hospital: Hospital):
        name = hospital.visit("TEST0001", "outpatient")
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        hospital.approve(plan)
        hospital.run(plan)
        assert hospital.kept() == set()
        hospital.image("TEST0001", "outpatient", name)
        assert hospital.kept() == {name}
        assert len(list(hospital.blobs.instances())) == 1

    @pytest.mark.parametrize("replica", [False, True])
    def test_compaction_of_either_store_moves_its_own_side_of_a_place(self, hospital: Hospital, replica: bool):
        hospital.visit("TEST0001", "outpatient")
        places = IndexPlaces(hospital.database.reads, hospital.database.writes, replica=replica)
        with hospital.database.writing() as session:
            row = session.scalars(select(InstanceRow)).one()
            row.blob_locator = "segments/a.segment@40|segments/a.segment@80"
            digest = row.blob_digest
        assert set(places.named("a.segment")) == {digest}
        assert set(places.named("b.segment")) == set()
        places.move("a.segment", to="b~a.segment", offsets={digest: 8})
        moved = ["segments/b~a.segment@8", "segments/a.segment@80"]
        if replica:
            moved = ["segments/a.segment@40", "segments/b~a.segment@8"]
        with hospital.database.reading() as session:
            assert session.scalars(select(InstanceRow.blob_locator)).one() == "|".join(moved)
        assert set(places.named("a.segment")) == set()


_DETAILS = [
    table for table in Base.metadata.sorted_tables if table.name in {"studies", "series", "instances", "study_names"}
]


class TestNothingGoes:
    def test_before_its_term(self, hospital: Hospital):
        hospital.visit("TEST0001", "outpatient")
        hospital.now += timedelta(days=15 * 365)
        with pytest.raises(NothingPastTerm):
            hospital.plan()

    def test_that_one_person_alone_decided(self, hospital: Hospital):
        hospital.visit("TEST0001", "outpatient")
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        with pytest.raises(PlanClosed):
            hospital.run(plan)
        with pytest.raises(SamePerson):
            hospital.approve(plan, by=MAKER)
        with pytest.raises(PlanClosed):
            hospital.run(plan)
        assert len(hospital.kept()) == 1

    def test_that_was_refused(self, hospital: Hospital):
        hospital.visit("TEST0001", "outpatient")
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        with hospital.database.writing() as session:
            reject_plan(find_plan(session, HOSPITAL, plan), by=CHECKER, now=hospital.now, reason="再核对")
        with pytest.raises(PlanClosed):
            hospital.approve(plan)
        with pytest.raises(PlanClosed):
            hospital.run(plan)
        assert hospital.plan() != plan  # it may be proposed again

    def test_that_was_not_looked_at_as_it_is(self, hospital: Hospital):
        hospital.visit("TEST0001", "outpatient")
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        with pytest.raises(PlanChanged):
            hospital.approve(plan, digest="0" * 64)
        hospital.approve(plan)
        with hospital.database.writing() as session:  # somebody meddles with the lines behind the approval
            session.execute(update(PlannedStudyRow).values(study_instance_uid=study_uid("another")))
        with pytest.raises(PlanChanged):
            hospital.run(plan)
        assert len(hospital.kept()) == 1

    def test_whose_patient_came_again_after_the_approval(self, hospital: Hospital):
        name = hospital.visit("TEST0001", "outpatient")
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        hospital.approve(plan)
        hospital.visit("TEST0001", "outpatient", image=False)
        assert hospital.run(plan)
        assert lines(hospital, plan) == {study_uid(name): "rearmed"}
        assert hospital.kept() == {name}

    def test_that_is_held_or_whose_patient_is(self, hospital: Hospital):
        first, second = hospital.visit("TEST0001", "outpatient"), hospital.visit("TEST0002", "outpatient")
        third = hospital.visit("TEST0003", "outpatient")
        hospital.now += 16 * YEAR
        held = hospital.hold(study=third)
        plan = hospital.plan()
        hospital.approve(plan)
        hospital.hold(study=first)
        hospital.hold(patient="TEST0002")
        assert hospital.run(plan)
        assert lines(hospital, plan) == {study_uid(first): "held", study_uid(second): "held"}
        with pytest.raises(SamePerson):
            hospital.release(held, by=MAKER)
        hospital.release(held)
        with pytest.raises(HoldNotFound):
            hospital.release(held)
        plan = hospital.plan()
        hospital.approve(plan)
        assert hospital.run(plan)
        assert hospital.kept() == {first, second}

    def test_that_got_another_image_after_the_plan(self, hospital: Hospital):
        name = hospital.visit("TEST0001", "outpatient")
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        hospital.approve(plan)
        late = ct_instance(study=name, number=2, patient_id="TEST0001", patient_name="测试患者", study_date="20260301")
        hospital.ingestor.store_instance(BytesIO(late), institution_code=HOSPITAL, origin=Origin(Channel.STOW, "test"))
        assert hospital.run(plan)
        assert lines(hospital, plan) == {study_uid(name): "changed"}

    def test_of_which_nothing_is_known(self, hospital: Hospital):
        with pytest.raises(NothingToHold):
            hospital.hold(patient="TEST0404")
        with pytest.raises(PlanNotFound):
            hospital.run("0" * 16)


class TestCutOff:
    def test_a_plan_that_was_killed_anywhere_goes_on_where_it_stopped(
        self, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
    ):
        class Killed(Exception):
            pass

        names = [hospital.visit(f"TEST{number:04}", "outpatient") for number in range(3)]
        hospital.now += 16 * YEAR
        plan = hospital.plan()
        hospital.approve(plan)
        deaths = iter([1, 2, 1])

        def dies(*_: object) -> None:
            if next(deaths, 0) == 1:
                raise Killed

        with pytest.raises(Killed):
            hospital.run(plan, also=dies)
        assert hospital.kept() == set(names)  # its transaction did not happen
        with pytest.raises(Killed):
            hospital.run(plan, also=dies)
        assert len(hospital.kept()) == 2

        def no_disk(_ref: object) -> bool:
            raise Killed

        monkeypatch.setattr(hospital.blobs, "remove", no_disk)
        with pytest.raises(Killed):
            hospital.run(plan)
        monkeypatch.undo()
        assert hospital.kept() == set()
        assert hospital.run(plan)
        assert hospital.run(plan)  # once more says the same
        assert list(hospital.blobs.instances()) == []
        assert set(hospital.stones()) == set(names)


class TestFortyYears:
    """A hospital from 2026 to 2066: visits, three policies, holds, plans refused and approved."""

    VERSIONS = (
        FIRST,
        Policy("2", date(2047, 1, 1), "", {"outpatient": 10, "emergency": 15, "inpatient": 30}),
        Policy("3", date(2055, 7, 1), "", {"outpatient": 20, "emergency": 20, "inpatient": 35}),
    )

    def test_nothing_goes_before_its_term_and_what_is_past_it_goes_only_by_approved_plans(self, tmp_path: Path):
        records = open_records(f"sqlite:///{tmp_path / 'records.sqlite3'}")
        hospital = Hospital(records.database, MemoryBlobStore(), versions=self.VERSIONS)
        chance = random.Random(40)
        gone: dict[str, date] = {}
        for year in range(2026, 2067):
            self._live_through(hospital, year, chance)
            self._change_holds(hospital, chance)
            before = hospital.kept()
            assert set(hospital.examined) - before == set(gone)  # a year passed, and nothing went by itself
            overdue = self._overdue(hospital)
            if not overdue:
                with pytest.raises(NothingPastTerm):
                    hospital.plan()
                continue
            if chance.random() < 0.3:
                with hospital.database.writing() as session:
                    reject_plan(find_plan(session, HOSPITAL, hospital.plan()), by=CHECKER, now=hospital.now, reason="")
                assert hospital.kept() == before
            plan = hospital.plan()
            with pytest.raises(PlanClosed):
                hospital.run(plan)
            hospital.approve(plan)
            saved = self._save_one(hospital, overdue, chance)
            assert hospital.run(plan)
            now_gone = before - hospital.kept()
            assert now_gone == overdue - saved
            gone |= dict.fromkeys(now_gone, hospital.today)
        stones = hospital.stones()
        assert set(stones) == set(gone)
        assert len(gone) > 12
        assert {stone.policy_version for stone, _, _ in stones.values()} == {"1", "2", "3"}
        for name, (stone, plan_row, instances) in stones.items():
            assert stone.keep_until < gone[name]
            assert (plan_row.made_by, plan_row.decided_by, plan_row.state) == (MAKER, CHECKER, "done")
            assert (stone.approved_by, instances) == (CHECKER, 1)
        assert self._overdue(hospital) == set()
        records.database.close()

    def _live_through(self, hospital: Hospital, year: int, chance: random.Random) -> None:
        for number in range(12):
            hospital.now = hospital.now.replace(year=year, month=1 + number, day=2)
            # each patient comes for some years only, so that terms run out
            comes = 2026 + number <= year <= 2028 + number
            if comes and chance.random() < 0.7:
                kind = chance.choice(["outpatient", "outpatient", "outpatient", "emergency", "inpatient", "checkup"])
                hospital.visit(f"TEST{number:04}", kind, image=chance.random() < 0.9)
        hospital.now = hospital.now.replace(month=12, day=31)

    def _change_holds(self, hospital: Hospital, chance: random.Random) -> None:
        if hospital.held and chance.random() < 0.4:
            hospital.release(chance.choice(sorted(hospital.held)))
        here = sorted(hospital.kept())
        if here and chance.random() < 0.3:
            hospital.hold(study=chance.choice(here))
        if chance.random() < 0.1:
            hospital.hold(patient=chance.choice(sorted(hospital.visits)))

    def _save_one(self, hospital: Hospital, overdue: set[str], chance: random.Random) -> set[str]:
        """Between approval and run somebody comes again, or a lawyer writes; return what that saves."""
        one = hospital.examined[chance.choice(sorted(overdue))]
        if chance.random() < 0.2:
            hospital.hold(study=one.name)
            return {one.name}
        if chance.random() < 0.1:
            hospital.visit(one.patient, "outpatient", image=False)
            return {name for name in overdue if hospital.examined[name].patient == one.patient}
        return set()

    def _overdue(self, hospital: Hospital) -> set[str]:
        here = hospital.kept()
        return {
            one.name
            for one in hospital.examined.values()
            if one.name in here and not hospital.is_held(one) and hospital.lawful_until(one) < hospital.today
        }
