"""Decisions about patients: merge, split, move, and undo, with everything that is a patient's."""

from contextlib import suppress
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

import api.db.tables  # noqa: F401  # tables register themselves
from imaging_core.documents.laboratory import LaboratoryResult, laboratory_results_of, store_laboratory_results
from imaging_core.domain.grants import Right
from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.base import Base
from imaging_core.index.tables import ChangeRow, StudyRow
from imaging_core.patients.decision_tables import PatientDecisionRow
from imaging_core.patients.decisions import (
    By,
    NewPatient,
    Taken,
    follow_merges,
    merge_patients,
    move_to_patient,
    undo_decision,
)
from imaging_core.patients.errors import (
    AlreadyUndone,
    DecidedLater,
    DecisionError,
    DecisionNotFound,
    HeldByBoth,
    NothingToMove,
    PatientMerged,
    PatientNotFound,
    PatientNumberTaken,
    SamePatient,
)
from imaging_core.patients.name_search import find_by_name
from imaging_core.patients.registry import find_patient, phone_of, record_discharge, register_patient
from imaging_core.patients.tables import PatientRow
from imaging_core.patients.verification import verify_phone
from imaging_core.reports.filing import file_report, match_waiting_reports
from imaging_core.reports.reading import current_report
from imaging_core.reports.tables import ReportRow
from imaging_core.sharing.grants import grant_of, open_grant, visible_studies
from imaging_core.sharing.links import LinkIssuer, issue_report_link, redeem_link
from imaging_core.worklist.tables import WorklistDecisionRow
from tests.builders.hl7 import ID_NUMBER, PHONE, adt_a04, oru_r01
from tests.builders.records import (
    HOSPITAL,
    NOON,
    OTHER_HOSPITAL,
    add_patient,
    add_study,
    field_cipher,
    incoming_report,
    registration,
)

pytestmark = pytest.mark.clause("R4.4")

BY = By("account-1", "核对申请单后确认", NOON)
ISSUER = LinkIssuer(b"\x05" * 32)
EVERYTHING = frozenset(Right)


def owner(session, study) -> PatientKey | None:
    return session.scalars(select(StudyRow.patient_key).where(StudyRow.id == study.id)).one()


def move(session, former, to, *studies, laboratory=(), by=BY):
    taken = Taken([study.study_instance_uid for study in studies], laboratory)
    return move_to_patient(session, taken, institution_code=HOSPITAL, former=former, to=to, by=by)


def undo(session, decision):
    return undo_decision(session, decision.id, institution_code=HOSPITAL, by=BY)


@pytest.fixture
def two(session):
    """Two patients, each with a study."""
    first, second = add_patient(session), other_patient(session)
    return (
        first,
        second,
        add_study(session, patient_key=first, accession_number="ACC0001"),
        add_study(session, patient_id="TEST0002", patient_key=second, accession_number="ACC0002"),
    )


def other_patient(session, number="TEST0002", **more):
    more = {"name": "测试乙某", "phone": "13800000002", "id_number": None} | more
    return register_patient(session, field_cipher(), registration(number, **more), NOON)


class TestMove:
    def test_what_hangs_on_the_study_goes_with_it_and_comes_back(self, session, two):
        first, second, study, _ = two
        file_report(session, incoming_report(first), NOON)
        decision = move(session, first, second, study)
        assert owner(session, study) == second
        assert current_report(session, study) is not None
        assert session.scalars(select(ReportRow.patient_key)).all() == [second]
        undo(session, decision)
        assert owner(session, study) == first
        assert session.scalars(select(ReportRow.patient_key)).all() == [first]

    def test_links_and_sessions_of_the_former_patient_open_the_study_no_more(self, session, two):
        first, second, study, _ = two
        issued = issue_report_link(session, ISSUER, study, NOON)
        grant, cookie = open_grant(session, issued.link, EVERYTHING, NOON, timedelta(hours=1))
        assert grant_of(session, cookie, NOON) == grant
        move(session, first, second, study)
        assert redeem_link(session, issued.token, NOON) is None
        assert grant_of(session, cookie, NOON) is None
        # even for a request that had its grant already
        assert study not in session.scalars(visible_studies(grant, NOON)).all()
        assert issue_report_link(session, ISSUER, study, NOON).token != issued.token

    def test_undone_the_paper_opens_again_and_what_was_open_stays_closed(self, session, two):
        first, second, study, _ = two
        issued = issue_report_link(session, ISSUER, study, NOON)
        _, cookie = open_grant(session, issued.link, EVERYTHING, NOON, timedelta(hours=1))
        decision = move(session, first, second, study)
        new_paper = issue_report_link(session, ISSUER, study, NOON)
        _, wrong = open_grant(session, new_paper.link, EVERYTHING, NOON, timedelta(hours=1))
        undo(session, decision)
        assert redeem_link(session, issued.token, NOON) is not None
        assert redeem_link(session, new_paper.token, NOON) is None
        assert grant_of(session, cookie, NOON) is None
        assert grant_of(session, wrong, NOON) is None

    def test_a_report_that_waits_with_the_new_patient_finds_the_study_and_waits_again_when_undone(self, session, two):
        first, second, study, _ = two
        file_report(session, incoming_report(second, source_id="R2", accession_number="ACC0001"), NOON)
        assert current_report(session, study) is None
        decision = move(session, first, second, study)
        assert current_report(session, study) is not None
        undo(session, decision)
        assert session.scalars(select(ReportRow.study_instance_uid)).all() == [None]
        assert match_waiting_reports(session, NOON) == 0

    def test_laboratory_reports_go_where_they_are_told(self, session, two):
        first, second, _, _ = two
        lines = [LaboratoryResult("L1", "WBC", "白细胞", "5"), LaboratoryResult("L2", "WBC", "白细胞", "6")]
        store_laboratory_results(session, institution_code=HOSPITAL, patient=first, results=lines, now=NOON)
        decision = move(session, first, second, laboratory=["L1"])

        def numbers(patient):
            found = laboratory_results_of(session, institution_code=HOSPITAL, patient=patient)
            return [line.report_number for line in found]

        assert (numbers(first), numbers(second)) == (["L2"], ["L1"])
        undo(session, decision)
        assert (numbers(first), numbers(second)) == (["L2", "L1"], []) or numbers(first) == ["L1", "L2"]

    def test_who_decided_when_and_why_is_kept(self, session, two):
        first, second, study, _ = two
        decision = move(session, first, second, study)
        undo_decision(session, decision.id, institution_code=HOSPITAL, by=By("account-2", "看错了", NOON))
        row = session.get_one(PatientDecisionRow, decision.id)
        assert (row.actor, row.reason, row.at) == ("account-1", "核对申请单后确认", NOON)
        assert (row.undone_by, row.undone_reason, row.undone_at) == ("account-2", "看错了", NOON)
        told = select(ChangeRow.study_instance_uid).where(ChangeRow.kind == "study_moved")
        assert session.scalars(told).all() == [study.study_instance_uid] * 2

    def test_what_is_not_the_patients_any_more_is_refused(self, session, two):
        first, second, study, other = two
        for former, to, what in [(second, first, study), (first, first, study), (None, first, other)]:
            with pytest.raises(NothingToMove):
                move(session, former, to, what)
        with pytest.raises(NothingToMove):
            move(session, first, second)
        with pytest.raises(NothingToMove):
            move(session, first, second, laboratory=["L9"])
        elsewhere = add_patient(session, institution=OTHER_HOSPITAL)
        with pytest.raises(PatientNotFound):
            move(session, first, elsewhere, study)

    def test_a_report_number_that_both_have_is_left_to_a_person(self, session, two):
        first, second, study, _ = two
        file_report(session, incoming_report(first), NOON)
        file_report(session, incoming_report(second, accession_number="ACC0002"), NOON)
        with pytest.raises(HeldByBoth):
            move(session, first, second, study)


class TestSplit:
    def test_a_patient_is_made_with_a_name_that_can_be_searched_and_goes_when_undone(self, session, two):
        first, _, study, _ = two
        decision = move(session, first, NewPatient("测试丙某", sex="M"), study)
        assert decision.kind == "split"
        made = session.get_one(PatientRow, owner(session, study))
        assert made.patient_id.startswith("MY-")
        found = find_by_name(session, institution_code=HOSPITAL, text="测试丙某", limit=5)
        assert [item.patient.id for item in found] == [made.id]
        undo(session, decision)
        assert owner(session, study) == first
        assert session.get(PatientRow, made.id) is None

    def test_a_made_patient_for_whom_something_came_stays(self, session, two):
        first, _, study, _ = two
        decision = move(session, first, NewPatient("测试丙某", patient_id="TEST0003"), study)
        made = PatientKey(decision.to_patient)
        file_report(session, incoming_report(made, source_id="R3", accession_number="ACC0003"), NOON)
        undo(session, decision)
        assert owner(session, study) == first
        assert session.get(PatientRow, made) is not None

    def test_the_number_of_a_known_patient_is_refused(self, session, two):
        first, _, study, _ = two
        with pytest.raises(PatientNumberTaken):
            move(session, first, NewPatient("测试丙某", patient_id="TEST0002"), study)


class TestMerge:
    def test_everything_goes_to_one_record_and_comes_back(self, session, two):
        first, second, study, other = two
        file_report(session, incoming_report(second, source_id="R2", accession_number="ACC0002"), NOON)
        line = LaboratoryResult("L1", "WBC", "白细胞", "5")
        store_laboratory_results(session, institution_code=HOSPITAL, patient=second, results=[line], now=NOON)
        issued = issue_report_link(session, ISSUER, other, NOON)
        decision = merge_patients(session, into=first, merged=second, by=BY)
        assert {owner(session, study), owner(session, other)} == {first}
        assert current_report(session, other) is not None
        assert len(laboratory_results_of(session, institution_code=HOSPITAL, patient=first)) == 1
        link = redeem_link(session, issued.token, NOON)
        assert link is not None
        assert link.patient == first
        undo(session, decision)
        assert (owner(session, study), owner(session, other)) == (first, second)
        assert len(laboratory_results_of(session, institution_code=HOSPITAL, patient=second)) == 1
        link = redeem_link(session, issued.token, NOON)
        assert link is not None
        assert link.patient == second

    def test_the_other_number_finds_the_person_and_no_second_record(self, session, two):
        first, second, _, _ = two
        merge_patients(session, into=first, merged=second, by=BY)
        assert find_patient(session, institution_code=HOSPITAL, patient_id="TEST0002") == first
        assert find_by_name(session, institution_code=HOSPITAL, text="测试乙某", limit=5) == []

    def test_what_comes_for_the_other_number_later_follows_and_is_taken_back_too(self, session, two):
        first, second, _, _ = two
        decision = merge_patients(session, into=first, merged=second, by=BY)
        late = add_study(session, patient_id="TEST0002", patient_key=second)
        assert follow_merges(session, NOON) == 1
        assert follow_merges(session, NOON) == 0
        assert owner(session, late) == first
        undo(session, decision)
        assert owner(session, late) == second
        assert follow_merges(session, NOON) == 0

    def test_a_phone_that_only_the_other_record_has_proves_the_person(self, session, two):
        _, second, _, _ = two
        bare = other_patient(session, "TEST0003", phone=None, name="测试乙某")
        decision = merge_patients(session, into=bare, merged=second, by=BY)
        assert phone_of(session, field_cipher(), bare) == "13800000002"
        assert verify_phone(session, field_cipher(), bare, "13800000002")
        assert not verify_phone(session, field_cipher(), bare, PHONE)
        undo(session, decision)
        assert not verify_phone(session, field_cipher(), bare, "13800000002")

    def test_the_later_discharge_counts_for_the_person(self, session, two):
        first, second, _, _ = two

        def discharge(number, days):
            at = NOON + timedelta(days=days)
            record_discharge(session, institution_code=HOSPITAL, patient_id=number, discharged_at=at, now=NOON)

        discharge("TEST0001", 1)
        discharge("TEST0002", 5)
        decision = merge_patients(session, into=first, merged=second, by=BY)
        assert session.get_one(PatientRow, first).discharged_at == NOON + timedelta(days=5)
        undo(session, decision)
        assert session.get_one(PatientRow, first).discharged_at == NOON + timedelta(days=1)
        again = merge_patients(session, into=first, merged=second, by=BY)
        discharge("TEST0002", 9)
        undo(session, again)
        # a term is never shortened by what came since
        assert session.get_one(PatientRow, first).discharged_at == NOON + timedelta(days=9)

    def test_laboratory_lines_that_both_have_stay_once(self, session, two):
        first, second, _, _ = two
        line = LaboratoryResult("L1", "WBC", "白细胞", "5")
        for patient in (first, second):
            store_laboratory_results(session, institution_code=HOSPITAL, patient=patient, results=[line], now=NOON)
        merge_patients(session, into=first, merged=second, by=BY)
        assert len(laboratory_results_of(session, institution_code=HOSPITAL, patient=first)) == 1
        assert follow_merges(session, NOON) == 0

    def test_impossible_ones_are_refused(self, session, two):
        first, second, study, _ = two
        with pytest.raises(SamePatient):
            merge_patients(session, into=first, merged=first, by=BY)
        with pytest.raises(PatientNotFound):
            merge_patients(session, into=first, merged=add_patient(session, institution=OTHER_HOSPITAL), by=BY)
        with pytest.raises(PatientNotFound):
            merge_patients(session, into=first, merged=PatientKey(999_999), by=BY)
        merge_patients(session, into=first, merged=second, by=BY)
        with pytest.raises(PatientMerged):
            merge_patients(session, into=second, merged=other_patient(session, "TEST0003"), by=BY)
        with pytest.raises(PatientMerged):
            move(session, first, second, study)


class TestUndo:
    def test_a_study_moved_on_is_left_where_it_is_until_the_later_decision_is_undone(self, session, two):
        first, second, _, other = two
        third = other_patient(session, "TEST0003")
        merge = merge_patients(session, into=first, merged=second, by=BY)
        onward = move(session, first, third, other)
        with pytest.raises(DecidedLater) as refused:
            undo(session, merge)
        assert refused.value.later == [onward.id]
        undo(session, onward)
        undo(session, merge)
        assert owner(session, other) == second

    def test_decisions_about_something_else_do_not_stand_in_the_way(self, session, two):
        first, second, study, other = two
        third = other_patient(session, "TEST0003")
        merge = merge_patients(session, into=first, merged=second, by=BY)
        move(session, first, third, study)
        undo(session, merge)
        assert (owner(session, study), owner(session, other)) == (third, second)

    def test_once_only_and_in_the_own_institution_only(self, session, two):
        first, second, study, _ = two
        decision = move(session, first, second, study)
        with pytest.raises(DecisionNotFound):
            undo_decision(session, decision.id, institution_code=OTHER_HOSPITAL, by=BY)
        undo(session, decision)
        with pytest.raises(AlreadyUndone):
            undo(session, decision)


class TestMessagesForAMergedNumber:
    def test_a_report_goes_to_the_person_and_back_with_the_number(self, records):
        with records.database.writes() as session:
            first = register_patient(session, records.cipher, registration("TEST0009", phone=None), NOON)
            second = register_patient(session, records.cipher, registration(id_number=ID_NUMBER), NOON)
            decision = merge_patients(session, into=first, merged=second, by=BY).id
            session.commit()
        assert b"MSA|AA" in records.take(oru_r01())
        with records.database.writes() as session:
            assert session.scalars(select(ReportRow.patient_key)).all() == [first]
            undo_decision(session, decision, institution_code=HOSPITAL, by=BY)
            assert session.scalars(select(ReportRow.patient_key)).all() == [second]


class TestMergedByTheRegister:
    """ADT^A40: the hospital's register says that two numbers are one patient."""

    def merged(self, records) -> int | None:
        with records.database.reads() as session:
            return session.scalars(select(PatientRow.merged_into).where(PatientRow.patient_id == "TEST0002")).one()

    def register(self, records, **other) -> None:
        for number, more in (("TEST0001", {}), ("TEST0002", other)):
            assert b"MSA|AA" in records.take(adt_a04(patient_id=number, **more))

    def test_merges_once_stands_in_the_history_and_can_be_undone(self, records):
        self.register(records)
        for control_id in ("M1", "M2"):
            assert b"MSA|AA" in records.take(a40(control_id))
        assert self.merged(records) is not None
        with records.database.writes() as session:
            (noted,) = session.scalars(select(WorklistDecisionRow)).all()
            assert (noted.remedy, noted.actor) == ("merge", "hl7")
            undo_decision(session, noted.patient_decision, institution_code=HOSPITAL, by=BY)
            session.commit()
        assert self.merged(records) is None

    def test_two_chinese_names_are_left_to_a_person(self, records):
        self.register(records, name="测试乙某", id_number="110101198001010029")
        answer = records.take(a40("M1"))
        assert b"MSA|AE" in answer
        assert self.merged(records) is None

    def test_without_the_number_that_is_given_up_it_is_refused_by_field(self, records):
        self.register(records)
        assert b"MSA|AR" in records.take(adt_a04(event="A40", control_id="M1"))
        assert b"MSA|AR" in records.take(adt_a04(event="A40", control_id="M2") + b"MRG|\r")
        assert self.merged(records) is None

    def test_a_number_that_was_never_registered_needs_no_merge(self, records):
        assert b"MSA|AA" in records.take(a40("M1"))


def a40(control_id: str) -> bytes:
    return adt_a04(event="A40", control_id=control_id) + b"MRG|TEST0002^^^HIS\r"


@cache
def in_memory() -> Engine:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    return engine


class Decisions(RuleBasedStateMachine):
    """Decisions in any order: each study has one owner, and what is undone is as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(in_memory())

    @initialize(owners=st.lists(st.sampled_from([0, 1, 2, 3, None]), min_size=3, max_size=6))
    def begin(self, owners):
        self.patients = [other_patient(self.session, f"TEST{number}") for number in range(4)]
        self.studies = [
            add_study(self.session, patient_id="", patient_key=None if place is None else self.patients[place])
            for place in owners
        ]
        self.start = self.owners()
        self.undoable: list[int] = []
        self.undone_states: dict[int, dict[int, int | None]] = {}

    def owners(self) -> dict[int, int | None]:
        return {row.id: row.patient_key for row in self.session.execute(select(StudyRow.id, StudyRow.patient_key))}

    def decided(self, decide) -> None:
        before = self.owners()
        with suppress(DecisionError, PatientNotFound):
            decision = decide()
            moved = {key: before[key] for key, value in self.owners().items() if value != before[key]}
            self.undoable.append(decision.id)
            self.undone_states[decision.id] = moved
            return
        assert self.owners() == before

    @rule(into=st.integers(0, 3), merged=st.integers(0, 3))
    def merge(self, into, merged):
        self.decided(
            lambda: merge_patients(self.session, into=self.patients[into], merged=self.patients[merged], by=BY)
        )

    @rule(places=st.sets(st.integers(0, 5), min_size=1, max_size=3), to=st.integers(0, 4))
    def move(self, places, to):
        chosen = [self.studies[place % len(self.studies)] for place in places]
        former = owner(self.session, chosen[0])
        target = self.patients[to] if to < 4 else NewPatient("测试丁某")
        self.decided(lambda: move(self.session, former, target, *chosen))

    @precondition(lambda self: self.undoable)
    @rule(data=st.data())
    def undo_any(self, data):
        decision = data.draw(st.sampled_from(self.undoable))
        before = self.owners()
        later = self.undo(decision)
        if later:
            assert set(later) & set(self.undoable) - {decision}
            assert self.owners() == before
            return
        self.undoable.remove(decision)
        assert self.owners() == before | self.undone_states[decision]

    def undo(self, decision) -> list[int]:
        """Return the decisions that stand in the way."""
        try:
            undo_decision(self.session, decision, institution_code=HOSPITAL, by=BY)
        except DecidedLater as refused:
            return list(refused.later)
        return []

    @invariant()
    def every_study_is_nobodys_or_of_a_patient_on_record(self):
        if hasattr(self, "studies"):
            on_record = set(self.session.scalars(select(PatientRow.id).where(PatientRow.merged_into.is_(None))))
            retired = set(self.session.scalars(select(PatientRow.id).where(PatientRow.merged_into.is_not(None))))
            follow_merges(self.session, NOON)
            owners = set(self.owners().values()) - {None}
            assert owners <= on_record
            assert not owners & retired

    def teardown(self):
        for decision in reversed(self.undoable if hasattr(self, "studies") else []):
            undo_decision(self.session, decision, institution_code=HOSPITAL, by=BY)
        if hasattr(self, "studies"):
            assert self.owners() == self.start
        self.session.close()  # thrown away: nothing was committed


TestAnyOrder = Decisions.TestCase
TestAnyOrder.settings = settings(
    max_examples=8, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck)
)
