"""ADT messages: what they say about a patient."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.interop.hl7v2.errors import FieldProblem
from imaging_core.interop.hl7v2.fields import (
    date_of,
    encounter_of,
    id_number_of,
    patient_id_of,
    person_name,
    phone_of,
    sex_of,
    time_of,
)
from imaging_core.interop.hl7v2.message import NULL, Message, Segment
from imaging_core.patients.registration import Registration

_LONGEST_PATIENT_ID = 64  # PS3.5 6.2: LO
_LONGEST_NAME = 64
_CLOCK_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReadRegistration:
    """A registration and what in its message could not be read and was left out."""

    registration: Registration
    warnings: tuple[str, ...] = ()


def patient_id(message: Message) -> str:
    """Return the hospital's number of the patient. Raises `FieldProblem` naming PID or PID-3."""
    pid = message.required("PID", "缺少患者信息段")
    number = patient_id_of(pid)
    if not number or number == NULL:
        raise FieldProblem("PID-3", "缺少患者编号", condition="101")
    if len(number) > _LONGEST_PATIENT_ID:
        raise FieldProblem("PID-3", f"患者编号超过 {_LONGEST_PATIENT_ID} 个字符")
    return number


def prior_patient_id(message: Message) -> str:
    """Return the number that a merge (A40) gives up. Raises `FieldProblem` naming MRG or MRG-1."""
    mrg = message.required("MRG", "缺少合并信息段")
    number = mrg.value(1, 1)
    if not number or number == NULL:
        raise FieldProblem("MRG-1", "缺少被合并的患者编号", condition="101")
    if len(number) > _LONGEST_PATIENT_ID:
        raise FieldProblem("MRG-1", f"患者编号超过 {_LONGEST_PATIENT_ID} 个字符")
    return number


def read_registration(message: Message, institution_code: InstitutionCode, now: datetime) -> ReadRegistration:
    """Return what A01, A03, A04 or A08 says. Needs PID-3 and PID-5; for A01 and A04 PV1-2 too.

    Raises:
        FieldProblem: one of these is missing.
    """
    number = patient_id(message)
    pid = message.required("PID", "缺少患者信息段")
    name = person_name(pid, 5)
    if not name or name == NULL:
        raise FieldProblem("PID-5", "缺少患者姓名", condition="101")
    if len(name) > _LONGEST_NAME:
        raise FieldProblem("PID-5", f"患者姓名超过 {_LONGEST_NAME} 个字符")
    pv1 = _visit(message)
    visit_class = pv1.value(2) if pv1 else ""
    registration = Registration(
        institution_code=institution_code,
        patient_id=number,
        name=name,
        sex=sex_of(pid.value(8)),
        birth_date=date_of(pid.value(7)),
        phone="" if pid.value(13) == NULL else phone_of(pid, 13),
        id_number=id_number_of(pid) or ("" if pid.value(19) == NULL else None),
        encounter_class=encounter_of(visit_class),
        visit_at=_visit_time(message, pv1, now),
    )
    unread = (
        (bool(pid.value(8)) and registration.sex is None, "PID-8 性别无法识别"),
        (bool(pid.value(7)) and registration.birth_date is None, "PID-7 出生日期无法识别"),
        (bool(pid.raw(13)) and registration.phone is None, "PID-13 电话无法识别"),
        (bool(visit_class) and registration.encounter_class is None, "PV1-2 就诊类型无法识别"),
    )
    return ReadRegistration(registration, tuple(text for is_so, text in unread if is_so))


def discharge_time(message: Message, now: datetime) -> datetime:
    """Return when the patient was discharged: PV1-45, else the time of the event (EVN-6, EVN-2).

    Raises:
        FieldProblem: PV1-45 cannot be read, lies in the future, or no time is given at all.
    """
    pv1 = message.first("PV1")
    stated = pv1.value(45) if pv1 else ""
    if stated:
        at = time_of(stated)
        if at is None:
            raise FieldProblem("PV1-45", "出院时间无法识别")
    else:
        event = message.first("EVN")
        at = (time_of(event.value(6)) or time_of(event.value(2))) if event else None
        if at is None:
            raise FieldProblem("PV1-45", "缺少出院时间", condition="101")
    # The retention clock starts here: a clock that is a little off is tolerated, a typing error of a year is not.
    if at - now >= _CLOCK_TOLERANCE:
        raise FieldProblem("PV1-45", "出院时间晚于当前时间")
    return at


def _visit(message: Message) -> Segment | None:
    pv1 = message.first("PV1")
    if message.header.value(9, 2) in {"A01", "A04"} and (pv1 is None or not pv1.value(2)):
        raise FieldProblem("PV1-2", "缺少就诊类型", condition="101")
    return pv1


def _visit_time(message: Message, pv1: Segment | None, now: datetime) -> datetime | None:
    event = message.first("EVN")
    candidates = [pv1.value(44) if pv1 else "", event.value(2) if event else "", message.header.value(7)]
    # A visit far ahead is an appointment or a typing error; it would hide every real visit until then.
    return next((at for at in map(time_of, candidates) if at is not None and at - now < _CLOCK_TOLERANCE), None)
