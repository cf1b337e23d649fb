"""Reports without a matching number: scored by what they say, linked by themselves only where nothing competes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from imaging_core.index.tables import StudyRow
from imaging_core.reports.filing import file_report
from imaging_core.reports.scoring import Reason, certain, study_candidates
from imaging_core.reports.tables import ReportRow
from imaging_core.worklist.remedies import SYSTEM, link_certain_reports, undo
from imaging_core.worklist.tables import WorklistDecisionRow
from tests.builders.records import NOON, add_patient, add_study, incoming_report
from tests.integration.records.test_patient_decisions import BY

pytestmark = pytest.mark.clause("R4.4")

LATER = NOON + timedelta(minutes=20)
EXAMINED = datetime(2025, 3, 30, 17, 0, tzinfo=UTC)  # the 31st in China


@pytest.fixture
def patient(session):
    return add_patient(session)


def study(session, patient, *, on=date(2025, 3, 31), modality="CT", item="胸部CT平扫", accession_number="") -> StudyRow:
    row = add_study(session, patient_key=patient, accession_number=accession_number)
    row.study_date, row.modalities, row.study_description, row.instance_count = on, [modality], item, 3
    session.flush()
    return row


def report(session, patient, *, item="胸部CT平扫", accession_number="ACC0999") -> ReportRow:
    incoming = incoming_report(patient, accession_number=accession_number)
    key = file_report(session, replace(incoming, exam_item=item, examined_at=EXAMINED), NOON).report_key
    return session.scalars(select(ReportRow).where(ReportRow.report_key == key)).one()


class TestScore:
    def test_number_item_and_day_speak_for_a_study_in_this_order(self, session, patient):
        by_number = study(session, patient, accession_number="ACC0999", on=date(2025, 3, 1), item="")
        by_item = study(session, patient)
        of_head = study(session, patient, modality="MR", item="头颅MR平扫")
        waiting = report(session, patient)
        waiting.study_instance_uid = None  # as if the study had come without its number
        found = study_candidates(session, waiting)
        assert [candidate.study.id for candidate in found] == [by_number.id, by_item.id, of_head.id]
        assert found[1].reasons == (Reason.SAME_MODALITY, Reason.SAME_PART, Reason.SAME_DAY)
        assert {Reason.OTHER_MODALITY, Reason.OTHER_PART} < set(found[2].reasons)

    def test_computed_and_digital_radiography_are_one_modality(self, session, patient):
        study(session, patient, modality="DX", item="胸部正侧位DR")
        (found,) = study_candidates(session, report(session, patient, item="胸部正侧位DR"))
        assert Reason.SAME_MODALITY in found.reasons

    @pytest.mark.parametrize(
        "more",
        [
            {"accession_number": "ACC0001"},
            {"on": date(2025, 3, 28)},
            {"item": "腹部CT平扫"},
            {"modality": "MR"},
            {"item": ""},
        ],
        ids=["other number", "other day", "other part", "other modality", "no part"],
    )
    def test_nothing_is_certain_against_or_without_evidence(self, session, patient, more):
        study(session, patient, **more)
        assert certain(study_candidates(session, report(session, patient))) is None

    def test_of_two_studies_that_fit_none_is_certain(self, session, patient):
        for _ in range(2):
            study(session, patient)
        assert certain(study_candidates(session, report(session, patient))) is None

    def test_a_study_that_has_a_report_is_not_certain(self, session, patient):
        study(session, patient, accession_number="")
        first = report(session, patient)
        link_certain_reports(session, LATER)
        assert first.study_instance_uid is not None
        second = replace(incoming_report(patient, accession_number="ACC0998", source_id="R2"), exam_item="胸部CT平扫")
        file_report(session, replace(second, examined_at=EXAMINED), NOON)
        assert link_certain_reports(session, LATER) == 0


class TestLinkedByItself:
    def test_what_is_certain_is_linked_noted_and_once_undone_left_alone(self, session, patient):
        only = study(session, patient)
        waiting = report(session, patient)
        assert link_certain_reports(session, NOON) == 0, "the study of its number may still come"
        assert link_certain_reports(session, LATER) == 1
        assert waiting.study_instance_uid == only.study_instance_uid
        (noted,) = session.scalars(select(WorklistDecisionRow)).all()
        assert (noted.actor, noted.remedy) == (SYSTEM, "link")
        undo(session, noted, by=BY, holdings=())
        assert waiting.study_instance_uid is None
        assert link_certain_reports(session, LATER) == 0

    def test_another_patients_study_is_never_a_candidate(self, session, patient):
        study(session, None)
        assert study_candidates(session, report(session, patient)) == []
