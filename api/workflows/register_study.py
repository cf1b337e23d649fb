"""Registering studies with the regional platform (区域平台): what is owed, and the job that pays it.

load → ask → record: no transaction is open while the platform answers. The key stands in its row before the first
attempt: a worker killed after the platform stored and before we noted it sends the same again, which changes nothing.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.jobs import REGISTER, owe
from api.settings import Mode
from api.wiring import Services
from imaging_core.coding import starter_catalogue
from imaging_core.coding.mappings import confirmed_mappings
from imaging_core.domain.identifiers import PatientKey, StudyInstanceUid
from imaging_core.index import feed, queries
from imaging_core.index.tables import SeriesRow, StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.interop.regional import (
    Person,
    PlatformRejected,
    PlatformUnreachable,
    Registration,
    RegistrationOutcome,
    Series,
)
from imaging_core.interop.regional.tables import RegistrationRow
from imaging_core.interop.regional.upload import content_digest
from imaging_core.patients.registry import id_number_of
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.reading import current_report
from imaging_core.reports.types import Report

REGISTERING = "register"
"""The cursor in the change feed; read only where a platform is configured, so that one configured later gets all."""
_BATCH = 2000
_PATIENT_CHANGES = {"patient_registered", "patient_updated"}


class State(StrEnum):
    """How far a registration is."""

    WAITING = "waiting"
    """Owed; tried again after each failure."""
    REGISTERED = "registered"
    INCOMPLETE = "incomplete"
    """The platform knows people by ID number, and this one has none; a later registration of the patient mends it."""
    REFUSED = "refused"
    """The platform said no; a person looks at it, or the study changes."""
    WITHDRAWN = "withdrawn"
    """It was registered, and its report was taken back."""


class PlatformNotConfigured(Exception):
    """Work is owed to a platform that is not configured any more; it stays owed."""


def owe_registrations(session: Session, now: datetime, *, quiet: timedelta) -> int:
    """Owe the registration of every study that changed, or whose patient did; due once it has been quiet."""
    changes = feed.read_after(session, REGISTERING, _BATCH)
    studies = _of_patients(session, changes)
    for change in changes:
        if change.study_instance_uid:
            studies.add((change.institution_code, change.study_instance_uid))
    for institution_code, study in sorted(studies):
        owe(session, kind=REGISTER, institution_code=institution_code, subject=study, due_at=now + quiet)
    if changes:
        feed.advance(session, REGISTERING, changes[-1].sequence)
    return len(changes)


def register_study(services: Services, *, institution_code: str, study_instance_uid: str) -> None:
    """Bring the platform to what we have of a study; nothing is sent when it has that already.

    Raises:
        PlatformUnreachable: try again later.
        PlatformNotConfigured: likewise.
    """
    platform = services.platform
    if platform is None:
        raise PlatformNotConfigured
    with services.database.writing() as session:
        registration = _load(session, services, institution_code, study_instance_uid)
    if registration is None:
        return
    try:
        outcome = platform.register(registration)
    except PlatformRejected as error:
        _note_failure(services, registration, State.REFUSED, error.code)
    except PlatformUnreachable as error:
        _note_failure(services, registration, State.WAITING, type(error).__name__)
        raise
    else:
        _note_success(services, institution_code, registration, outcome)


def count_registrations(session: Session) -> dict[str, int]:
    """Return how many studies are in each state."""
    counted = session.execute(select(RegistrationRow.state, func.count()).group_by(RegistrationRow.state))
    return dict(counted.all())


def _of_patients(session: Session, changes: Iterable[feed.Change]) -> set[tuple[str, str]]:
    patients = {int(change.subject) for change in changes if change.kind in _PATIENT_CHANGES}
    if not patients:
        return set()
    studies = session.execute(
        select(StudyRow.institution_code, StudyRow.study_instance_uid).where(StudyRow.patient_key.in_(patients))
    )
    return {(institution_code, study) for institution_code, study in studies}


def _load(session: Session, services: Services, institution_code: str, study_instance_uid: str) -> Registration | None:
    """Return what to send; None when there is nothing to say, or nothing new."""
    study = queries.study(session, institution_code, study_instance_uid)
    if study is None:
        return None
    row = session.scalars(
        select(RegistrationRow).where(
            RegistrationRow.institution_code == institution_code,
            RegistrationRow.study_instance_uid == study_instance_uid,
        )
    ).one_or_none()
    report = current_report(session, study) if study.patient_key is not None else None
    if row is None:
        if report is None:
            return None  # only what was verified leaves the hospital
        row = RegistrationRow(
            institution_code=institution_code,
            study_instance_uid=study_instance_uid,
            examination_id=uuid4().hex,
            state=State.WAITING,
            changed_at=services.clock(),
        )
        session.add(row)
        session.flush()
    if report is None and not row.content_digest:
        _set(row, State.INCOMPLETE, "no_report", services.clock())
        return None
    registration = _registration(session, services, study, row, report)
    if not registration.person.id_number and not registration.withdrawn:
        _set(row, State.INCOMPLETE, "no_id_number", services.clock())
        return None
    if row.content_digest == content_digest(registration):
        return None
    _set(row, State.WAITING, row.reason, services.clock())
    return registration


def _registration(
    session: Session, services: Services, study: StudyRow, row: RegistrationRow, report: Report | None
) -> Registration:
    patient = session.get(PatientRow, study.patient_key) if study.patient_key is not None else None
    id_number = id_number_of(session, services.cipher, PatientKey(patient.id)) if patient else None
    series = queries.series_of(session, study)
    return Registration(
        examination_id=row.examination_id,
        study_instance_uid=StudyInstanceUid(study.study_instance_uid),
        person=Person(name=patient.name if patient else "", id_number=id_number or ""),
        sex=patient.sex if patient else "",
        birth_date=patient.birth_date if patient else None,
        local_patient_id=study.patient_id,
        modality=_modality(series),
        item=(report.exam_item if report else "") or study.study_description,
        item_code=report.exam_code if report else "",
        standard_codes=_standard_codes(session, services, study, report),
        accession_number=study.accession_number,
        encounter_class=(patient.encounter_class if patient else None) or "",
        examined_at=(report.examined_at if report else None) or _performed_at(study),
        report_id=report.report_key if report else row.report_key,
        report_version=report.version if report else row.report_version,
        findings=report.findings if report else "",
        impression=report.impression if report else "",
        reporting_physician=report.reporting_physician if report else "",
        verifying_physician=report.verifying_physician if report else "",
        reported_at=report.reported_at if report else None,
        critical=report.critical if report else None,
        series=tuple(
            Series(item.series_instance_uid, item.modality, item.body_part_examined, item.instance_count)
            for item in series
        ),
        withdrawn=report is None,
    )


def _modality(series: Iterable[SeriesRow]) -> str:
    # what stands beside the images says nothing about the examination
    found = [item.modality for item in series if item.modality not in {"SR", "PR", "KO", "DOC", ""}]
    return found[0] if found else ""


def _standard_codes(session: Session, services: Services, study: StudyRow, report: Report | None) -> tuple[str, ...]:
    """Return the codes a person confirmed; a guess is not sent, and a real platform gets no demo codes."""
    catalogue = starter_catalogue()
    if report is None or not report.exam_item or (catalogue.demo and services.settings.mode is not Mode.DEMO):
        return ()
    mappings = confirmed_mappings(session, study.institution_code, [report.exam_item])
    items = mappings.confirmed(report.exam_item, report.exam_code) or ()
    return tuple(code for code in map(catalogue.code_of, items) if code is not None)


def _performed_at(study: StudyRow) -> datetime:
    if study.study_date is None:
        return study.first_received_at
    digits = study.study_time[:4]
    at = time(int(digits[:2]), int(digits[2:])) if len(digits) == 4 and digits.isdecimal() else time()
    return datetime.combine(study.study_date, at, CHINA).astimezone(UTC)  # scanners write local time (PS3.3 C.7.2.1)


def _note_success(
    services: Services, institution_code: str, registration: Registration, outcome: RegistrationOutcome
) -> None:
    now = services.clock()
    with services.database.writing() as session:
        row = _row(session, registration)
        _set(row, State.WITHDRAWN if registration.withdrawn else State.REGISTERED, "", now)
        row.attempts = 0
        row.report_key = registration.report_id
        row.report_version = registration.report_version
        row.content_digest = content_digest(registration)
        row.registered_at = now
        record(
            session,
            Actor("system", "registration", institution_code),
            "study.withdrawn_from_platform" if registration.withdrawn else "study.registered",
            object_kind="study",
            object_id=registration.study_instance_uid,
            now=now,
            detail={"report_version": registration.report_version, "outcome": outcome},
        )


def _note_failure(services: Services, registration: Registration, state: State, reason: str) -> None:
    with services.database.writing() as session:
        row = _row(session, registration)
        _set(row, state, reason[:64], services.clock())
        row.attempts += 1


def _row(session: Session, registration: Registration) -> RegistrationRow:
    return session.scalars(
        select(RegistrationRow).where(RegistrationRow.examination_id == registration.examination_id)
    ).one()


def _set(row: RegistrationRow, state: State, reason: str, now: datetime) -> None:
    row.state, row.reason, row.changed_at = state, reason, now
