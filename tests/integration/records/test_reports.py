"""Reports: matched to their study in either order, kept in versions, shown only when verified."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from imaging_core.domain.identifiers import ReportKey
from imaging_core.index.tables import ChangeRow, StudyRow
from imaging_core.patients.matching import match_study, match_waiting_studies
from imaging_core.reports.errors import ReportOfAnotherPatient
from imaging_core.reports.filing import file_report, match_reports, match_waiting_reports
from imaging_core.reports.reading import current_report, find_report, reports_of
from imaging_core.reports.tables import ReportRow, ReportVersionRow
from imaging_core.reports.types import FilingOutcome, Report, ReportStatus
from tests.builders.records import HOSPITAL, NOON, OTHER_HOSPITAL, add_patient, add_study, incoming_report

VERIFIED, AMENDED = ReportStatus.VERIFIED, ReportStatus.AMENDED
PRELIMINARY, WITHDRAWN = ReportStatus.PRELIMINARY, ReportStatus.WITHDRAWN


def shown_report(session, study: StudyRow) -> Report:
    shown = current_report(session, study)
    assert shown is not None
    return shown


@pytest.fixture
def patient(session):
    return add_patient(session)


@pytest.fixture
def study(session, patient):
    return add_study(session, patient_key=patient, accession_number="ACC0001", study_id="EX1")


class TestWhoseReport:
    def test_a_report_that_names_another_patients_study_is_refused_and_leaves_nothing(self, session, study):
        other = add_patient(session, "TEST0002")
        with pytest.raises(ReportOfAnotherPatient):
            file_report(session, incoming_report(other, study=study.study_instance_uid), NOON)
        assert session.scalar(select(func.count()).select_from(ReportRow)) == 0

    def test_an_accession_number_shared_with_another_patient_does_not_match(self, session, study):
        other = add_patient(session, "TEST0002")
        filed = file_report(session, incoming_report(other), NOON)
        assert filed.study_instance_uid is None
        assert current_report(session, study) is None

    def test_the_same_accession_number_in_another_hospital_does_not_match(self, session, patient):
        elsewhere = add_study(session, institution=OTHER_HOSPITAL, patient_key=patient, accession_number="ACC0001")
        filed = file_report(session, incoming_report(patient), NOON)
        assert filed.study_instance_uid is None
        assert current_report(session, elsewhere) is None

    def test_a_study_moved_to_another_patient_leaves_its_report_behind(self, session, patient, study):
        file_report(session, incoming_report(patient), NOON)
        study.patient_key = add_patient(session, "TEST0002")
        session.flush()
        assert current_report(session, study) is None

    def test_a_report_is_found_only_among_visible_studies(self, session, patient, study):
        key = file_report(session, incoming_report(patient), NOON).report_key
        seen = select(StudyRow).where(StudyRow.id == study.id)
        unseen = select(StudyRow).where(StudyRow.id != study.id)
        assert [found.report_key for found in reports_of(session, seen)] == [key]
        assert find_report(session, seen, key) is not None
        assert find_report(session, unseen, key) is None
        assert find_report(session, seen, ReportKey("0" * 32)) is None


class TestMatching:
    @pytest.mark.parametrize(
        ("accession_number", "exam_id"),
        [("ACC0001", ""), ("", "ACC0001"), ("UNKNOWN", "ACC0001"), ("", "EX1"), ("EX1", "")],
    )
    def test_numbers_find_the_study_wherever_the_sender_puts_them(
        self, session, patient, study, accession_number, exam_id
    ):
        report = incoming_report(patient, accession_number=accession_number, exam_id=exam_id)
        assert file_report(session, report, NOON).study_instance_uid == study.study_instance_uid

    def test_a_named_uid_is_not_overruled_by_a_number(self, session, patient, study):
        filed = file_report(session, incoming_report(patient, study="1.2.3.4"), NOON)
        assert filed.study_instance_uid is None
        named = add_study(session, uid="1.2.3.4", patient_key=patient)
        assert match_reports(session, named, NOON) == [filed.report_key]
        assert match_reports(session, study, NOON) == []

    @pytest.mark.parametrize("numbers", [{"accession_number": "LATE"}, {"accession_number": "", "exam_id": "LATE"}])
    def test_a_report_that_comes_first_waits_for_its_study(self, session, patient, numbers):
        filed = file_report(session, incoming_report(patient, **numbers), NOON)
        assert filed.study_instance_uid is None
        study = add_study(session, accession_number="LATE")
        match_study(session, study, NOON)
        assert match_reports(session, study, NOON) == [filed.report_key]
        assert shown_report(session, study).report_key == filed.report_key
        assert match_reports(session, study, NOON) == []

    def test_a_study_without_patient_gets_no_report(self, session, patient):
        file_report(session, incoming_report(patient, accession_number="LATE"), NOON)
        study = add_study(session, accession_number="LATE", patient_id="TEST0009")
        assert match_reports(session, study, NOON) == []

    def test_a_study_without_numbers_takes_no_waiting_report(self, session, patient):
        file_report(session, incoming_report(patient, accession_number="", exam_id=""), NOON)
        study = add_study(session, patient_key=patient)
        assert match_reports(session, study, NOON) == []

    def test_a_correction_that_names_another_study_of_the_patient_moves_the_report(self, session, patient, study):
        right = add_study(session, patient_key=patient)
        file_report(session, incoming_report(patient), NOON)
        moved = incoming_report(patient, study=right.study_instance_uid, status=AMENDED, impression="更正。")
        assert file_report(session, moved, NOON).study_instance_uid == right.study_instance_uid
        assert current_report(session, study) is None
        assert shown_report(session, right).impression == "更正。"


class TestSweep:
    def test_what_was_committed_in_the_same_moment_is_matched_later(self, session, patient):
        filed = file_report(session, incoming_report(patient), NOON)
        file_report(session, incoming_report(patient, source_id="B", accession_number="NEVER"), NOON)
        study = add_study(session, accession_number="ACC0001")
        add_study(session, patient_id="NOBODY")
        assert match_waiting_studies(session, NOON) == 1
        assert match_waiting_reports(session, NOON) == 1
        assert shown_report(session, study).report_key == filed.report_key
        assert (match_waiting_studies(session, NOON), match_waiting_reports(session, NOON)) == (0, 0)


class TestVersions:
    def test_a_preliminary_report_is_never_shown(self, session, patient, study):
        file_report(session, incoming_report(patient, status=PRELIMINARY), NOON)
        assert current_report(session, study) is None

    def test_a_withdrawn_report_disappears_and_a_verified_one_after_it_is_marked_amended(self, session, patient, study):
        file_report(session, incoming_report(patient), NOON)
        file_report(session, incoming_report(patient, status=WITHDRAWN, findings="", impression=""), NOON)
        assert current_report(session, study) is None
        file_report(session, incoming_report(patient, impression="新。"), NOON)
        assert shown_report(session, study).amended is True

    def test_the_same_message_twice_has_no_second_effect(self, session, patient, study):
        report = incoming_report(patient)
        first = file_report(session, report, NOON)
        again = file_report(session, report, NOON + timedelta(hours=1))
        assert (again.outcome, again.version) == (FilingOutcome.UNCHANGED, first.version)
        assert session.scalar(select(func.count()).select_from(ReportVersionRow)) == 1

    def test_a_late_retransmission_of_the_first_version_does_not_undo_a_correction(self, session, patient, study):
        first = incoming_report(patient, impression="旧。")
        file_report(session, first, NOON)
        file_report(session, incoming_report(patient, impression="新。", status=AMENDED), NOON)
        assert file_report(session, first, NOON).outcome is FilingOutcome.UNCHANGED
        assert shown_report(session, study).impression == "新。"

    def test_a_version_issued_earlier_that_arrives_later_is_kept_but_not_shown(self, session, patient, study):
        newer = incoming_report(patient, impression="新。", status=AMENDED, reported_at=NOON)
        older = incoming_report(patient, impression="旧。", reported_at=NOON - timedelta(hours=1))
        file_report(session, newer, NOON)
        assert file_report(session, older, NOON).outcome is FilingOutcome.OUTDATED
        assert shown_report(session, study).impression == "新。"
        assert session.scalar(select(func.count()).select_from(ReportVersionRow)) == 2

    @pytest.mark.parametrize("status", [AMENDED, VERIFIED])
    def test_a_correction_is_shown_and_marked_amended(self, session, patient, study, status):
        file_report(session, incoming_report(patient, impression="旧。"), NOON)
        filed = file_report(session, incoming_report(patient, impression="新。", status=status), NOON)
        shown = shown_report(session, study)
        assert (filed.outcome, filed.version) == (FilingOutcome.NEW_VERSION, 2)
        assert (shown.impression, shown.amended, shown.version) == ("新。", True, 2)

    def test_verified_after_preliminary_is_no_amendment(self, session, patient, study):
        file_report(session, incoming_report(patient, status=PRELIMINARY), NOON)
        file_report(session, incoming_report(patient), NOON)
        assert shown_report(session, study).status is VERIFIED

    def test_a_report_opened_again_for_editing_stays_readable(self, session, patient, study):
        file_report(session, incoming_report(patient, impression="旧。"), NOON)
        file_report(session, incoming_report(patient, status=PRELIMINARY, impression="草稿。"), NOON)
        assert shown_report(session, study).impression == "旧。"

    def test_of_two_reports_of_a_study_the_one_issued_last_is_current(self, session, patient, study):
        file_report(session, incoming_report(patient, source_id="A", reported_at=NOON, impression="甲"), NOON)
        earlier = NOON - timedelta(days=1)
        file_report(session, incoming_report(patient, source_id="B", reported_at=earlier, impression="乙"), NOON)
        assert shown_report(session, study).impression == "甲"
        assert len(reports_of(session, select(StudyRow).where(StudyRow.id == study.id))) == 2

    def test_the_change_feed_says_what_became_of_the_report(self, session, patient, study):
        before = session.scalar(select(func.count()).select_from(ChangeRow))
        for status, text in ((PRELIMINARY, "1"), (VERIFIED, "2"), (VERIFIED, "2"), (AMENDED, "3"), (WITHDRAWN, "")):
            file_report(session, incoming_report(patient, status=status, findings=text), NOON)
        session.flush()
        changes = session.scalars(select(ChangeRow).order_by(ChangeRow.sequence).offset(before)).all()
        assert [change.kind for change in changes] == [
            "report_preliminary",
            "report_verified",
            "report_amended",
            "report_withdrawn",
        ]
        assert {change.study_instance_uid for change in changes} == {study.study_instance_uid}
        assert {change.institution_code for change in changes} == {HOSPITAL}

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        messages=st.lists(
            st.tuples(st.sampled_from(list(ReportStatus)), st.sampled_from("甲乙丙"), st.booleans()), max_size=8
        )
    )
    def test_whatever_arrives_patients_read_the_last_decision_and_never_a_draft(self, session, messages):
        with session.begin_nested() as undone:
            patient = add_patient(session)
            study = add_study(session, patient_key=patient, accession_number="ACC0001")
            expected = None
            for status, text, repeated in messages:
                report = incoming_report(patient, status=status, findings=text, impression=text)
                for _ in range(1 + repeated):
                    file_report(session, report, NOON)
                if status is not PRELIMINARY:
                    expected = None if status is WITHDRAWN else text
            shown = current_report(session, study)
            assert (shown.findings if shown else None) == expected
            undone.rollback()
