"""Telling the regional platform of orders and decisions (重复开单提醒, 开单回执): what is owed, and the job for it.

Owed in the transaction of the check or the decision, so no order waits for the platform and none is forgotten with a
process. Notice and receipt go under the order's own `view_record_id`: a job killed between sending and noting it sends
the same again, which changes nothing there.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.jobs import TELL_ORDER, owe
from api.wiring import Services
from api.workflows.register_study import PlatformNotConfigured
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.interop.regional import Decision, OrderItem, Person, PlatformRejected, PlatformUnreachable
from imaging_core.interop.regional.tables import OrderTellingRow
from imaging_core.patients.identity import id_number_fault
from imaging_core.patients.registry import find_patient
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders.history import identity_of
from imaging_core.reminders.tables import OrderCheckRow, OrderItemRow


class State(StrEnum):
    """How far the platform knows of an order."""

    WAITING = "waiting"
    """Owed; tried again after each failure."""
    TOLD = "told"
    INCOMPLETE = "incomplete"
    """The platform knows people by ID number, and this one has none; a later registration of the patient mends it."""
    REFUSED = "refused"
    """The platform said no; a person looks at it, or a decision changes it."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What the platform is to have of an order."""

    platform_record_id: str
    person: Person
    items: Sequence[OrderItem]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps([asdict(item) for item in self.items]).encode()).hexdigest()


def owe_order(services: Services, session: Session, institution_code: str, view_record_id: str, now: datetime) -> None:
    """Owe the platform, where one is connected, the newest of an order. For the transaction that changed the order."""
    if services.platform is None:
        return
    row = session.get(OrderTellingRow, view_record_id)
    if row is None:
        row = OrderTellingRow(view_record_id=view_record_id, institution_code=institution_code)
        session.add(row)
    _set(row, State.WAITING, "", now)
    owe(session, kind=TELL_ORDER, institution_code=institution_code, subject=view_record_id, due_at=now)


def owe_incomplete_orders(services: Services, session: Session, patient: PatientRow, now: datetime) -> None:
    """Owe the orders again that lacked a patient's ID number."""
    rows = session.scalars(
        select(OrderTellingRow)
        .join(OrderCheckRow, OrderCheckRow.view_record_id == OrderTellingRow.view_record_id)
        .where(
            OrderTellingRow.institution_code == patient.institution_code,
            OrderTellingRow.state == State.INCOMPLETE,
            OrderCheckRow.institution_code == patient.institution_code,
            OrderCheckRow.patient_id == patient.patient_id,
        )
    ).all()
    for row in rows:
        owe_order(services, session, row.institution_code, row.view_record_id, now)


def tell_order(services: Services, *, institution_code: str, view_record_id: str) -> None:
    """Bring the platform to what we have of an order; nothing is sent when it has that already.

    Raises:
        PlatformUnreachable: try again later.
        PlatformNotConfigured: likewise.
    """
    platform = services.platform
    if platform is None:
        raise PlatformNotConfigured
    with services.database.writing() as session:
        told = _load(session, services, institution_code, view_record_id)
    if told is None:
        return
    try:
        record_id = told.platform_record_id
        if not record_id:
            record_id = platform.notify_order(told.person, told.items, view_record_id=view_record_id).view_record_id
            with services.database.writing() as session:
                session.get_one(OrderTellingRow, view_record_id).platform_record_id = record_id
        platform.send_receipt(record_id, told.person, told.items)
    except PlatformRejected as error:
        _note_failure(services, view_record_id, State.REFUSED, error.code)
    except PlatformUnreachable as error:
        _note_failure(services, view_record_id, State.WAITING, type(error).__name__)
        raise
    else:
        _note_success(services, view_record_id, told)


def _load(session: Session, services: Services, institution_code: str, view_record_id: str) -> _Told | None:
    """Return what to tell; None when it cannot be told, or is no news."""
    check, row = session.get(OrderCheckRow, view_record_id), session.get(OrderTellingRow, view_record_id)
    if check is None or row is None:
        return None
    patient = find_patient(session, institution_code=InstitutionCode(institution_code), patient_id=check.patient_id)
    identity = identity_of(session, services.cipher, patient) if patient is not None else None
    if identity is None or id_number_fault(identity.id_number) is not None:
        _set(row, State.INCOMPLETE, "no_id_number", services.clock())
        return None
    person = Person(name=identity.name, id_number=identity.id_number)
    items = [item for ordered in check.items for item in _items(ordered)]
    told = _Told(row.platform_record_id, person, items)
    if row.content_digest == told.digest:
        _set(row, State.TOLD, "", services.clock())
        return None
    return told


def _items(ordered: OrderItemRow) -> list[OrderItem]:
    """Return an ordered item as the single items it was split into; one that nobody could read as it stands."""
    decision = None
    if ordered.decision is not None:
        accepted = ordered.decision == "accept"
        decision = Decision(recognized=accepted, reason=ordered.reason or "", comment=ordered.comment or "")
    if len(ordered.parts) < 2:
        part = next(iter(ordered.parts), {"standard_code": "", "modality": ""})
        return [OrderItem(part["standard_code"] or "", ordered.name, part["modality"], decision)]
    return [
        OrderItem(
            part["standard_code"] or "",
            f"{part['side']}{part['body_part']}{part['modality']}{'+'.join(part['method'])}",
            part["modality"],
            decision,
        )
        for part in ordered.parts
    ]


def _note_success(services: Services, view_record_id: str, told: _Told) -> None:
    now = services.clock()
    with services.database.writing() as session:
        row = session.get_one(OrderTellingRow, view_record_id)
        _set(row, State.TOLD, "", now)
        row.attempts, row.content_digest, row.told_at = 0, told.digest, now
        record(
            session,
            Actor("system", "orders", row.institution_code),
            "order.told",
            object_kind="order_check",
            object_id=view_record_id,
            now=now,
            detail={"items": len(told.items), "decided": sum(item.decision is not None for item in told.items)},
        )


def _note_failure(services: Services, view_record_id: str, state: State, reason: str) -> None:
    with services.database.writing() as session:
        row = session.get_one(OrderTellingRow, view_record_id)
        _set(row, state, reason[:64], services.clock())
        row.attempts += 1
        if state is State.REFUSED:
            row.platform_record_id = ""  # a platform that lost its memory gets the notice again


def _set(row: OrderTellingRow, state: State, reason: str, now: datetime) -> None:
    row.state, row.reason, row.changed_at = state, reason, now
