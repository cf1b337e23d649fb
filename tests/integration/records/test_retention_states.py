"""Any order of visits, holds, plans, approvals and years: what is here is what may not go yet."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from imaging_core.blobs import MemoryBlobStore
from imaging_core.retention.errors import NothingPastTerm, PlanClosed, SamePerson
from imaging_core.retention.plans import find_plan, lines_of, reject_plan
from tests.builders.dicom import study_uid
from tests.builders.records import open_records
from tests.builders.retention import CHECKER, HOSPITAL, MAKER, Hospital

PATIENTS = ["TEST0001", "TEST0002"]
KINDS = ["outpatient", "inpatient", "checkup"]


class RetentionStates(RuleBasedStateMachine):
    """The archive beside a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="retention-")
        self.records = open_records(f"sqlite:///{Path(self.folder.name) / 'records.sqlite3'}")
        self.hospital = Hospital(self.records.database, MemoryBlobStore())
        self.plans: dict[str, tuple[str, str]] = {}
        """State and maker."""
        self.expected: set[str] = set()

    def teardown(self) -> None:
        self.records.database.close()
        self.folder.cleanup()

    @rule(patient=st.sampled_from(PATIENTS), kind=st.sampled_from(KINDS))
    def visit(self, patient: str, kind: str) -> None:
        if len(self.hospital.examined) < 8:
            self.expected.add(self.hospital.visit(patient, kind))

    @rule(years=st.sampled_from([1, 9, 16, 31]))
    def time_passes(self, years: int) -> None:
        if self.hospital.now.year + years < 2300:
            self.hospital.now = self.hospital.now.replace(year=self.hospital.now.year + years, day=2)

    @precondition(lambda self: self.expected)
    @rule(data=st.data(), by=st.sampled_from([MAKER, CHECKER]))
    def hold(self, data: st.DataObject, by: str) -> None:
        one = data.draw(st.sampled_from(sorted(self.expected)))
        self.hospital.hold(study=one, by=MAKER)

    @precondition(lambda self: self.hospital.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        hold = data.draw(st.sampled_from(sorted(self.hospital.held)))
        with pytest.raises(SamePerson):
            self.hospital.release(hold, by=MAKER)
        self.hospital.release(hold, by=CHECKER)

    @rule(by=st.sampled_from([MAKER, CHECKER]))
    def plan(self, by: str) -> None:
        try:
            plan = self.hospital.plan(by)
        except NothingPastTerm:
            return
        self.plans[plan] = ("proposed", by)

    @precondition(lambda self: self.plans)
    @rule(data=st.data(), by=st.sampled_from([MAKER, CHECKER]), refuses=st.booleans())
    def decide(self, data: st.DataObject, by: str, refuses: bool) -> None:
        plan = data.draw(st.sampled_from(sorted(self.plans)))
        state, maker = self.plans[plan]

        def act() -> None:
            if refuses:
                with self.records.database.writing() as session:
                    reject_plan(find_plan(session, HOSPITAL, plan), by=by, now=self.hospital.now, reason="")
            else:
                self.hospital.approve(plan, by)

        if state != "proposed":
            with pytest.raises(PlanClosed):
                act()
        elif by == maker:
            with pytest.raises(SamePerson):
                act()
        else:
            act()
            self.plans[plan] = ("rejected" if refuses else "approved", maker)

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def run(self, data: st.DataObject) -> None:
        plan = data.draw(st.sampled_from(sorted(self.plans)))
        state, maker = self.plans[plan]
        if state in ("proposed", "rejected"):
            with pytest.raises(PlanClosed):
                self.hospital.run(plan)
            return
        assert self.hospital.run(plan)
        self.plans[plan] = ("done", maker)
        if state == "approved":
            self.expected -= self._may_go(plan)

    def _may_go(self, plan: str) -> set[str]:
        with self.records.database.writing() as session:
            lines = {row.study_instance_uid for row in lines_of(session, find_plan(session, HOSPITAL, plan))}
        hospital = self.hospital
        return {
            one.name
            for one in hospital.examined.values()
            if study_uid(one.name) in lines
            and not hospital.is_held(one)
            and hospital.lawful_until(one) < hospital.today
        }

    @invariant()
    def what_is_here_is_what_may_not_go(self) -> None:
        assert self.hospital.kept() == self.expected
        assert set(self.hospital.stones()) == set(self.hospital.examined) - self.expected


TestRetentionStates = RetentionStates.TestCase
TestRetentionStates.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
pytestmark = pytest.mark.clause("R5.1")
