"""What each kind of message does, inside one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.interop.hl7v2.errors import FieldProblem, NeedsAPerson
from imaging_core.interop.hl7v2.fields import date_of, person_name, sex_of
from imaging_core.interop.hl7v2.message import Message
from imaging_core.interop.hl7v2.observation import read_reports
from imaging_core.interop.hl7v2.registration import discharge_time, patient_id, prior_patient_id, read_registration
from imaging_core.interop.hl7v2.report_codes import ReportCodes
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.decisions import By, merge_patients, note_report
from imaging_core.patients.errors import HeldByBoth, IdentityConflict
from imaging_core.patients.matrix import NameLikeness
from imaging_core.patients.names import compare_names, names_another_person
from imaging_core.patients.registry import find_patient, record_discharge, register_patient
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.errors import ReportOfAnotherPatient
from imaging_core.reports.filing import file_report
from imaging_core.reports.types import FilingOutcome
from imaging_core.worklist.history import note_patient_decision


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way in."""

    message: Message
    institution_code: InstitutionCode
    digest: str
    codes: ReportCodes
    cipher: FieldCipher
    now: datetime
    decided_patient: PatientKey | None = None
    """Whose a report is, by a person's decision; what the message says of the patient counts no more."""


Warnings = tuple[str, ...]
Filing = Callable[[Session, Delivery], Warnings]


def filing_for(message: Message) -> Filing:
    """Return what to do with a message. Raises `FieldProblem` naming MSH-9 for kinds we do not take."""
    kind, event = message.header.value(9, 1).upper(), message.header.value(9, 2).upper()
    filing = _FILINGS.get((kind, event))
    if filing is None:
        known = any(kind == taken for taken, _ in _FILINGS)
        raise FieldProblem("MSH-9", "不支持该消息类型或事件", condition="201" if known else "200")
    return filing


def _register(session: Session, delivery: Delivery) -> Warnings:
    read = read_registration(delivery.message, delivery.institution_code, delivery.now)
    try:
        register_patient(session, delivery.cipher, read.registration, delivery.now)
    except IdentityConflict:
        raise NeedsAPerson(
            "PID-19", "该患者编号已登记为另一身份证号和姓名，已转人工核对", reason_code="identity_conflict"
        ) from None
    return read.warnings


def _discharge(session: Session, delivery: Delivery) -> Warnings:
    number = patient_id(delivery.message)
    discharged_at = discharge_time(delivery.message, delivery.now)
    institution = delivery.institution_code
    warnings: Warnings = ()
    if find_patient(session, institution_code=institution, patient_id=number) is None:
        # Admitted before this service was connected: the discharge still starts the retention clock.
        warnings = _register(session, delivery)
    record_discharge(
        session,
        institution_code=institution,
        patient_id=number,
        discharged_at=discharged_at,
        now=delivery.now,
    )
    return warnings


def _merge(session: Session, delivery: Delivery) -> Warnings:
    """Merge two records, as the hospital's register says; two Chinese names are left to a person all the same."""
    former = prior_patient_id(delivery.message)
    warnings = _register(session, delivery)
    institution = delivery.institution_code
    into = find_patient(session, institution_code=institution, patient_id=patient_id(delivery.message))
    merged = find_patient(session, institution_code=institution, patient_id=former)
    assert into is not None  # noqa: S101  # registered just now
    if merged is None:
        return (*warnings, "MRG-1 的患者编号没有登记，无需合并")
    if merged == into:
        return warnings
    if compare_names(session.get_one(PatientRow, merged).name, session.get_one(PatientRow, into).name) in _TWO_PEOPLE:
        raise NeedsAPerson("MRG-1", "两个患者编号的姓名不一致，已转人工核对", reason_code="merge_conflict")
    try:
        by = By(_REGISTER, "ADT^A40", delivery.now)
        note_patient_decision(session, merge_patients(session, into=into, merged=merged, by=by))
    except HeldByBoth:
        raise NeedsAPerson("MRG-1", "两位患者有同一编号的报告，已转人工核对", reason_code="merge_conflict") from None
    return warnings


def _report(session: Session, delivery: Delivery) -> Warnings:
    number = patient_id(delivery.message)
    patient = delivery.decided_patient
    if patient is None:
        patient = find_patient(session, institution_code=delivery.institution_code, patient_id=number)
    # Read first: a cut or empty report is refused, whoever it is for.
    reports = read_reports(delivery.message, delivery.codes)
    if patient is None:
        raise NeedsAPerson("PID-3", "患者未登记，报告已暂存，登记后自动归档", reason_code="unknown_patient")
    if delivery.decided_patient is None:
        _refuse_another_person(session.get_one(PatientRow, patient), delivery.message)
    for report in reports:
        incoming = report.addressed(institution_code=delivery.institution_code, patient=patient, digest=delivery.digest)
        try:
            filed = file_report(session, incoming, delivery.now)
        except ReportOfAnotherPatient:
            raise NeedsAPerson(
                "ZDS-1", "检查属于其他患者，报告已转人工核对", reason_code="report_of_another_patient"
            ) from None
        if filed.outcome is FilingOutcome.NEW and delivery.decided_patient is None:
            note_report(session, filed.report_key, institution_code=delivery.institution_code, patient_id=number)
    return ()


def _refuse_another_person(patient: PatientRow, message: Message) -> None:
    pid = message.required("PID", "缺少患者信息段")
    is_other = names_another_person(
        patient,
        name=person_name(pid, 5),
        sex=sex_of(pid.value(8)) or "",
        birth_date=date_of(pid.value(7)),
    )
    if is_other:
        raise NeedsAPerson("PID-5", "姓名与该患者编号的登记不一致，报告已转人工核对", reason_code="name_conflict")


_TWO_PEOPLE = frozenset({NameLikeness.DIFFERENT})
_REGISTER = "hl7"
"""Who decides when the hospital's register merges."""

_FILINGS: dict[tuple[str, str], Filing] = {
    ("ADT", "A01"): _register,
    ("ADT", "A03"): _discharge,
    ("ADT", "A04"): _register,
    ("ADT", "A08"): _register,
    ("ADT", "A40"): _merge,
    ("ORU", "R01"): _report,
}
