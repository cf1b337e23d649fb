"""What a doctor is shown of the patient before them: examinations here and elsewhere, and today's reminders.

load → ask other places, within their time. What is held here never waits longer for others than that.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from api.wiring import Services
from api.workflows.laboratory_reports import persons_laboratory_reports, title_of
from api.workflows.prefetch_history import history_elsewhere
from api.workflows.todays_reminders import Reminder, reminders_in, todays_checks
from imaging_core.coding.kinds import ExamKind, kind_of
from imaging_core.documents.laboratory_reports import LaboratoryReport
from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders.elsewhere import ElsewhereExam, ElsewhereState
from imaging_core.reminders.history import HeldExam, held_exams, identity_of
from imaging_core.reminders.tables import OrderCheckRow


@dataclass(frozen=True, slots=True)
class ListedExam:
    """An examination in the list. `reference` is a digest: pages handle no UIDs of the archive."""

    reference: str
    kind: ExamKind
    item: str
    on: date
    institution: str
    elsewhere: bool
    held: bool
    """Its archive is here, of whichever institution it is."""
    opening: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the plugin shows."""

    name: str = field(repr=False)
    exams: tuple[ListedExam, ...]
    state: ElsewhereState
    reminders: tuple[Reminder, ...]
    as_of: datetime | None
    """When other places were asked last, where they gave no news now."""


def patient_overview(services: Services, patient: PatientKey) -> Overview:
    """Return what is known of a patient of this hospital. Other places delay it by their limit at most."""
    with services.database.reading() as session:
        row = session.get_one(PatientRow, patient)
        name = row.name
        held = held_exams(session, services.cipher, patient)
        identity = identity_of(session, services.cipher, patient)
        checks = todays_checks(row.institution_code, services.clock())
        of_patient = session.scalars(checks.where(OrderCheckRow.patient_id == row.patient_id))
        reminders = tuple(chain.from_iterable(map(reminders_in, of_patient)))
        reports = persons_laboratory_reports(session, services, patient)
        own = [_held(services, row.institution_code, exam) for exam in held]
        own += [_laboratory(services, row.institution_code, *named) for named in reports.items()]
    answer, as_of = history_elsewhere(services, identity)
    known = {exam.study.study_instance_uid for exam in held}
    others = [_elsewhere(exam) for exam in answer.exams if exam.reference not in known]
    exams = sorted([*own, *others], key=lambda exam: exam.on, reverse=True)
    return Overview(name, tuple(exams), answer.state, reminders, as_of)


def held_study(session: Session, services: Services, patient: PatientKey, reference: str) -> StudyRow | None:
    """Return the study of a reference in this patient's list; None when there is none, or none any more."""
    held = held_exams(session, services.cipher, patient)
    return next((exam.study for exam in held if _reference_of(exam.study) == reference), None)


def _held(services: Services, hospital: str, exam: HeldExam) -> ListedExam:
    code = exam.study.institution_code
    elsewhere = code != hospital
    return ListedExam(
        reference=_reference_of(exam.study),
        kind=kind_of(exam.study.modalities, exam.item),
        item=exam.item,
        on=exam.on,
        institution=services.settings.institution_name(code),
        elsewhere=elsewhere,
        held=True,
    )


def _laboratory(services: Services, hospital: str, reference: str, report: LaboratoryReport) -> ListedExam:
    return ListedExam(
        reference=reference,
        kind=ExamKind.LABORATORY,
        item=title_of(report),
        on=report.observed_at.astimezone(CHINA).date(),
        institution=services.settings.institution_name(report.institution_code),
        elsewhere=report.institution_code != hospital,
        held=False,
    )


def _elsewhere(exam: ElsewhereExam) -> ListedExam:
    opening = exam.opening or {}
    return ListedExam(
        reference=_reference("elsewhere", exam.institution_code, exam.reference),
        kind=kind_of([opening.get("modality", "")], exam.item),
        item=exam.item,
        on=exam.on,
        institution=exam.institution_name or exam.institution_code,
        elsewhere=True,
        held=False,
        opening=exam.opening,
    )


def _reference_of(study: StudyRow) -> str:
    return _reference("held", study.institution_code, study.study_instance_uid)


def _reference(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:32]
