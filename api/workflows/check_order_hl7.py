"""ORM^O01: an order that arrives over MLLP is checked like one by CDS Hooks; the plugin shows the result later.

Answered here and not by the archive's intake, because checking an order goes across packages.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from api.audit.record import Actor
from api.wiring import Services
from api.workflows.check_order import Order, OrderedItem, check_order
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.errors import ImagingError
from imaging_core.interop.hl7v2.acknowledgement import AckCode, Verdict, write_ack
from imaging_core.interop.hl7v2.errors import FieldProblem, MessageError, UnreadableMessage
from imaging_core.interop.hl7v2.fields import date_of, encounter_of, person_name, sex_of
from imaging_core.interop.hl7v2.message import Message, Segment, read_message
from imaging_core.interop.hl7v2.registration import patient_id
from imaging_core.interop.hl7v2.tables import Hl7MessageRow
from imaging_core.patients.names import names_another_person
from imaging_core.patients.registry import find_patient
from imaging_core.patients.tables import PatientRow

log = structlog.get_logger(__name__)

_NEW = frozenset({"NW", "SN", "XO", "RP"})
"""HL7 table 0119: new, or changed so that it is to be looked at again."""
_ENDED = frozenset({"CA", "OC", "DC", "OD"})
_LONGEST_NAME, _LONGEST_ORDER_ID, _LONGEST_ID = 512, 128, 64
_MOST_ITEMS = 50
_UNSAVED = Verdict(AckCode.ERROR, "系统暂时无法保存，请稍后重发", condition="207")
_UNREGISTERED = Verdict(AckCode.ACCEPT, "患者未登记，未能核对重复检查")


class _AnotherPerson(MessageError):
    """The name is not that of the patient: what was examined before is none of this order's business."""


def answer_order(services: Services, raw: bytes) -> bytes | None:
    """Check an order and return its acknowledgement; None when the message is no order.

    Never raises for what a sender can send, nor when the database fails: that answers AE.
    """
    if b"ORM" not in raw[:1024]:
        return None
    profile, now = services.intake_profile, services.clock()
    try:
        message = read_message(raw)
        if message.header.value(9).upper() != "ORM":
            return None
        verdict = _taken(services, message, hashlib.sha256(raw).hexdigest(), now)
    except UnreadableMessage:
        return None  # the intake refuses it in the same words as any other
    except _AnotherPerson as problem:
        verdict = Verdict(AckCode.ERROR, problem.reason, problem.location, problem.condition)
    except MessageError as problem:
        verdict = Verdict(AckCode.REJECT, problem.reason, problem.location, problem.condition)
    except (SQLAlchemyError, ImagingError, OSError) as failure:
        log.error("order not checked", failure=type(failure).__name__)
        verdict = _UNSAVED
    log.info("order answered", ack=verdict.code.value, location=verdict.location)
    return write_ack(raw, verdict, application=profile.application, now=now)


def _taken(services: Services, message: Message, digest: str, now: datetime) -> Verdict:
    if message.header.value(9, 2).upper() != "O01":
        raise FieldProblem("MSH-9", "不支持该消息类型或事件", condition="201")
    if not message.header.value(10):
        raise FieldProblem("MSH-10", "缺少消息控制号", condition="101")
    institution = services.intake_profile.institution_of(message)
    order = _order(message)
    with services.database.reading() as session:
        if _is_known(session, institution, digest):
            return Verdict(AckCode.ACCEPT)
        _refuse_another_person(session, institution, message)
    verdict = Verdict(AckCode.ACCEPT)
    if order.items:
        checked = check_order(services, Actor("machine", "hl7", institution), order)
        verdict = verdict if checked.patient_known else _UNREGISTERED
    _remember(services, institution, message, digest, now)
    return verdict


def _order(message: Message) -> Order:
    number = patient_id(message)
    items = tuple(_items(message))
    if len(items) > _MOST_ITEMS:
        raise FieldProblem("OBR", f"检查项目超过 {_MOST_ITEMS} 个")
    pv1, obr = message.first("PV1"), message.first("OBR")
    doctor = obr.value(16) if obr else ""
    return Order(
        channel="orm",
        patient_id=number,
        items=items,
        encounter_id=pv1.value(19)[:_LONGEST_ID] if pv1 else "",
        encounter_class=encounter_of(pv1.value(2)) if pv1 else None,
        ordered_by=doctor[:_LONGEST_ID],
    )


def _items(message: Message) -> Iterator[OrderedItem]:
    """Yield the items of new orders: each ORC speaks for the OBR that follow it."""
    message.required("ORC", "缺少医嘱控制段")
    orc: Segment | None = None
    for segment in message.segments:
        if segment.name == "ORC":
            orc = segment
            control = orc.required(1, "缺少医嘱控制码").upper()
            if control not in _NEW | _ENDED:
                raise FieldProblem("ORC-1", "不支持该医嘱控制码", condition="103")
        elif segment.name == "OBR" and orc is not None and orc.value(1).upper() in _NEW:
            yield _item(orc, segment)


def _item(orc: Segment, obr: Segment) -> OrderedItem:
    order_id = obr.value(2) or orc.value(2)
    if not order_id:
        raise FieldProblem("OBR-2", "缺少申请单号", condition="101")
    name = obr.value(4, 2) or obr.value(4)
    if not name or name.isascii():  # a code alone, which tells nothing about the part
        raise FieldProblem("OBR-4", "缺少检查项目的中文名称", condition="101")
    if len(name) > _LONGEST_NAME or len(order_id) > _LONGEST_ORDER_ID:
        raise FieldProblem("OBR-4" if len(name) > _LONGEST_NAME else "OBR-2", "内容过长")
    return OrderedItem(order_id, name)


def _refuse_another_person(session: Session, institution: InstitutionCode, message: Message) -> None:
    patient = find_patient(session, institution_code=institution, patient_id=patient_id(message))
    pid = message.required("PID", "缺少患者信息段")
    if patient is not None and names_another_person(
        session.get_one(PatientRow, patient),
        name=person_name(pid, 5),
        sex=sex_of(pid.value(8)) or "",
        birth_date=date_of(pid.value(7)),
    ):
        raise _AnotherPerson("PID-5", "姓名与该患者编号的登记不一致，未核对重复检查", condition="204")


def _is_known(session: Session, institution: InstitutionCode, digest: str) -> bool:
    known = select(Hl7MessageRow.id).where(
        Hl7MessageRow.institution_code == institution, Hl7MessageRow.digest == digest
    )
    return session.scalars(known).first() is not None


def _remember(services: Services, institution: InstitutionCode, message: Message, digest: str, now: datetime) -> None:
    row = Hl7MessageRow(
        institution_code=institution,
        digest=digest,
        control_id=message.header.value(10)[:199],
        message_type="ORM^O01",
        patient_id=patient_id(message),
        outcome="filed",
        received_at=now,
    )
    try:
        with services.database.writing() as session:
            session.add(row)
    except IntegrityError:
        log.info("order came twice at once")  # the other connection remembered it
