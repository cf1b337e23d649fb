"""From a doctor's order to what was examined already, and back to the doctor's decision.

load → ask other places, within their time → record. One `view_record_id` from the first selection of an order to
its decision; a receipt of every check, also of one that found nothing.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.settings import ReminderSettings
from api.wiring import Services
from api.workflows.tell_order import owe_order
from imaging_core.coding import ParsedName, parse_name, starter_catalogue
from imaging_core.coding.mappings import confirmed_mappings, kept
from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.patients.registration import EncounterClass
from imaging_core.patients.registry import find_patient
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders import Level, PriorExam, Rule, judge, needs_reason
from imaging_core.reminders.elsewhere import Answer, ElsewhereExam, ElsewhereState, PatientIdentity
from imaging_core.reminders.history import HeldExam, held_exams, identity_of
from imaging_core.reminders.reasons import RepeatReason
from imaging_core.reminders.tables import OrderCheckRow, OrderItemRow, OrderReceiptRow
from imaging_core.sharing.links import LinkKind, new_link, usable_link

_ONE_ORDER = timedelta(hours=4)
"""Between selecting and signing; the same items again later are another order."""
_LINK_LASTS = timedelta(hours=12)
_MOST_SHOWN = 10
_SAVED = frozenset({"order-sign", "orm"})
"""Channels by which an order comes that is saved; one that is only being selected is nothing to tell the platform."""


@dataclass(frozen=True, slots=True)
class OrderedItem:
    """One item as the HIS names it."""

    order_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a doctor is about to order for one patient."""

    channel: str
    patient_id: str
    items: tuple[OrderedItem, ...]
    encounter_id: str = ""
    encounter_class: EncounterClass | None = None
    """None: that of the patient's last registration."""
    ordered_by: str = ""


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier examination as a doctor is told of it."""

    level: Level
    institution: str
    item: str
    on: date
    url: str | None


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """What was found for one item. `decided` once a doctor has said what to do."""

    card_id: str
    item: OrderedItem
    level: Level
    asks_reason: bool
    decided: bool
    priors: tuple[Prior, ...]
    still_needed: tuple[str, ...] = ()
    """Parts of the item that nothing the same was found for: they must not be cancelled with the others."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The answer to an order."""

    view_record_id: str
    patient_known: bool
    elsewhere: ElsewhereState
    items: tuple[CheckedItem, ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    view_record_id: str
    patient: PatientKey | None
    identity: PatientIdentity | None
    encounter: EncounterClass
    items: Sequence[ParsedName]
    """The ordered items, as confirmed or read."""
    held: Sequence[tuple[HeldExam, ParsedName]]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An examination that is compared: held here with a study, or only known elsewhere."""

    prior: PriorExam
    institution: str
    item: str
    study: StudyRow | None
    opening: Mapping[str, Any] | None


def check_order(services: Services, actor: Actor, order: Order) -> Checked:
    """Return what was examined already, and record that it was asked. Other places delay it by their limit at most."""
    now = services.clock()
    with services.database.reading() as session:
        loaded = _load(services, session, actor, order, now)
    parts = [part for name in loaded.items for part in name.items]
    answer = services.elsewhere.find(loaded.identity, parts, view_record_id=loaded.view_record_id)
    with services.database.writing() as session:
        return _record(services, session, actor, order, loaded, answer, now)


def decide(
    services: Services,
    session: Session,
    actor: Actor,
    row: OrderItemRow,
    *,
    accepted: bool,
    reason: RepeatReason | None,
    comment: str,
    now: datetime,
) -> None:
    """Keep what the doctor decided; the newest decision counts, the audit keeps each."""
    row.decision = "accept" if accepted else "repeat"
    row.reason = reason
    row.comment = comment or None
    row.decided_at = now
    owe_order(services, session, row.institution_code, row.view_record_id, now)
    detail = {"card": row.card_id, "decision": row.decision, "reason": reason}
    record(
        session, actor, "order.decided", object_kind="order_check", object_id=row.view_record_id, now=now, detail=detail
    )


def _load(services: Services, session: Session, actor: Actor, order: Order, now: datetime) -> _Loaded:
    code = InstitutionCode(actor.institution_code)
    before = _checked_before(session, actor, order, now)
    record_id = before.view_record_id if before else uuid4().hex
    patient = find_patient(session, institution_code=code, patient_id=order.patient_id)
    own = confirmed_mappings(session, code, [item.name for item in order.items])
    items = [own.read(item.name) for item in order.items]
    if patient is None:
        return _Loaded(record_id, None, None, order.encounter_class or EncounterClass.OUTPATIENT, items, ())
    registered = session.get_one(PatientRow, patient).encounter_class
    return _Loaded(
        record_id,
        patient,
        identity_of(session, services.cipher, patient),
        order.encounter_class or EncounterClass(registered or EncounterClass.OUTPATIENT),
        items,
        _read_held(session, held_exams(session, services.cipher, patient)),
    )


def _read_held(session: Session, held: Sequence[HeldExam]) -> list[tuple[HeldExam, ParsedName]]:
    """Return examinations with what their items say: each institution confirms its own names."""
    names: dict[str, set[str]] = {}
    for exam in held:
        names.setdefault(exam.study.institution_code, set()).add(exam.item)
    mappings = {code: confirmed_mappings(session, code, of_code) for code, of_code in names.items()}
    return [(exam, mappings[exam.study.institution_code].read(exam.item, exam.item_code)) for exam in held]


def _record(
    services: Services,
    session: Session,
    actor: Actor,
    order: Order,
    loaded: _Loaded,
    answer: Answer,
    now: datetime,
) -> Checked:
    settings = services.settings.reminders
    candidates = _candidates(settings, loaded.held, answer.exams)
    check = _check_row(session, actor, order, loaded, answer.state, now)
    judged = partial(
        judge,
        hospital=actor.institution_code,
        today=now.astimezone(CHINA).date(),
        history=[candidate.prior for candidate in candidates],
        rule=_rule(settings),
    )
    for row, name in zip(check.items, loaded.items, strict=True):
        judgement = judged(name)
        row.parts = [
            {**part, "level": judged(replace(name, items=(item,))).level.name.lower()}
            for part, item in zip(_parts(name), name.items, strict=True)
        ]
        row.level = judgement.level.name.lower()
        row.asks_reason = needs_reason(judgement.level, loaded.encounter)
        found = sorted(
            ((level, c) for level, c in zip(judgement.levels, candidates, strict=True) if level),
            key=lambda pair: (pair[0], pair[1].prior.on),
            reverse=True,
        )
        row.priors = [_shown(services, session, row, level, c, now) for level, c in found[:_MOST_SHOWN]]
    _receipt(session, actor, order, check, answer.state, now)
    if order.channel in _SAVED:
        owe_order(services, session, check.institution_code, check.view_record_id, now)
    return Checked(
        view_record_id=check.view_record_id,
        patient_known=loaded.patient is not None,
        elsewhere=answer.state,
        items=tuple(_checked(services, row) for row in check.items),
    )


def _receipt(
    session: Session, actor: Actor, order: Order, check: OrderCheckRow, elsewhere: ElsewhereState, now: datetime
) -> None:
    level = max((Level[row.level.upper()] for row in check.items), default=Level.NONE)
    count = sum(len(row.priors) for row in check.items)
    session.add(
        OrderReceiptRow(
            institution_code=actor.institution_code,
            view_record_id=check.view_record_id,
            channel=order.channel,
            level=level.name.lower(),
            prior_count=count,
            elsewhere=elsewhere,
            at=now,
        )
    )
    detail = {"channel": order.channel, "level": level.name.lower(), "priors": count, "elsewhere": elsewhere}
    record(
        session,
        actor,
        "order.checked",
        object_kind="order_check",
        object_id=check.view_record_id,
        now=now,
        detail=detail,
    )
    session.flush()


def _checked_before(session: Session, actor: Actor, order: Order, now: datetime) -> OrderCheckRow | None:
    return session.scalars(
        select(OrderCheckRow)
        .where(
            OrderCheckRow.institution_code == actor.institution_code,
            OrderCheckRow.order_key == _order_key(order),
            OrderCheckRow.created_at > now - _ONE_ORDER,
        )
        .order_by(OrderCheckRow.created_at.desc())
        .limit(1)
    ).first()


def _check_row(
    session: Session, actor: Actor, order: Order, loaded: _Loaded, state: ElsewhereState, now: datetime
) -> OrderCheckRow:
    row = _checked_before(session, actor, order, now)
    if row is None:
        row = OrderCheckRow(
            view_record_id=loaded.view_record_id,
            institution_code=actor.institution_code,
            patient_id=order.patient_id,
            encounter_id=order.encounter_id,
            order_key=_order_key(order),
            created_at=now,
            items=[_item_row(actor, item) for item in order.items],
        )
        session.add(row)
    row.encounter_class = loaded.encounter
    row.ordered_by = order.ordered_by
    row.elsewhere = state
    row.checked_at = now
    return row


def _item_row(actor: Actor, item: OrderedItem) -> OrderItemRow:
    return OrderItemRow(
        institution_code=actor.institution_code,
        card_id=str(uuid4()),
        order_id=item.order_id,
        name=item.name,
        parts=[],
        level=Level.NONE.name.lower(),
        asks_reason=False,
        priors=[],
    )


def _parts(name: ParsedName) -> list[dict[str, Any]]:
    # anew at every check: between selecting and signing a person may have confirmed what the item stands for
    return [
        {**{word: value for word, value in part.items() if word != "methods"}, "method": part["methods"]}
        for part in kept(name.items, starter_catalogue())
    ]


def _order_key(order: Order) -> str:
    words = [order.patient_id, order.encounter_id]
    for item in order.items:  # in their order, which is that of the rows
        words += [item.order_id, item.name]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def _rule(settings: ReminderSettings) -> Rule:
    return Rule(
        window_days=settings.window_days,
        outside_window=Level[settings.outside_window.upper()],
        include_own_hospital=settings.include_own_hospital,
        per_modality=settings.per_modality,
    )


def _candidates(
    settings: ReminderSettings, held: Sequence[tuple[HeldExam, ParsedName]], elsewhere: Sequence[ElsewhereExam]
) -> list[_Candidate]:
    here = [
        _Candidate(
            PriorExam(exam.study.institution_code, item, exam.on, exam.status),
            settings.institution_names.get(exam.study.institution_code, exam.study.institution_code),
            exam.item,
            exam.study,
            None,
        )
        for exam, item in held
    ]
    known = {exam.study.study_instance_uid for exam, _ in held}
    there = [
        _Candidate(
            PriorExam(exam.institution_code, parse_name(exam.item), exam.on, exam.status),
            exam.institution_name or exam.institution_code,
            exam.item,
            None,
            exam.opening,
        )
        for exam in elsewhere
        if exam.reference not in known
    ]
    return here + there


def _shown(
    services: Services, session: Session, row: OrderItemRow, level: Level, candidate: _Candidate, now: datetime
) -> dict[str, Any]:
    study = candidate.study
    return {
        "level": level.name.lower(),
        "institution": candidate.institution,
        "item": candidate.item,
        "on": candidate.prior.on.isoformat(),
        "study_instance_uid": study.study_instance_uid if study else None,
        "link_id": _link_id(services, session, row, study, now) if study else None,
        "opening": dict(candidate.opening) if candidate.opening else None,
    }


def _link_id(services: Services, session: Session, row: OrderItemRow, study: StudyRow, now: datetime) -> str:
    """Return the link that was shown for the study before, or a new one: select and sign show the same address."""
    shown = (prior["link_id"] for prior in row.priors if prior["study_instance_uid"] == study.study_instance_uid)
    before = next(shown, None)
    if before is not None and usable_link(session, before, now) is not None:
        return str(before)
    return new_link(session, services.link_issuer, study, LinkKind.DOCTOR, now, now + _LINK_LASTS).link.link_id


def _checked(services: Services, row: OrderItemRow) -> CheckedItem:
    return CheckedItem(
        card_id=row.card_id,
        item=OrderedItem(row.order_id, row.name),
        level=Level[row.level.upper()],
        asks_reason=row.asks_reason,
        decided=row.decision is not None,
        priors=tuple(_prior(services, row, prior) for prior in row.priors),
        still_needed=tuple(
            f"{part['modality']}{part['side']}{part['body_part']}{'+'.join(part['method'])}"
            for part in row.parts
            if part["level"] != Level.SAME.name.lower()
        ),
    )


def _prior(services: Services, row: OrderItemRow, prior: dict[str, Any]) -> Prior:
    url = None
    if prior["link_id"] is not None:
        url = f"{_prior_exams(services, row)}/{services.link_issuer.token(prior['link_id'])}"
    elif prior["opening"] is not None:
        url = f"{_prior_exams(services, row)}/elsewhere/{opening_token(services, row, prior)}"
    return Prior(
        Level[prior["level"].upper()], prior["institution"], prior["item"], date.fromisoformat(prior["on"]), url
    )


def _prior_exams(services: Services, row: OrderItemRow) -> str:
    return f"{services.settings.base_url}/prior-exams/{row.view_record_id}"


def opening_token(services: Services, row: OrderItemRow, prior: Mapping[str, Any]) -> str:
    """Return the token by which a card opens an examination elsewhere; only who was shown the card has it."""
    opening = prior["opening"]
    place = f"{opening['institution_code']}/{opening['examination_id']}"
    return services.link_issuer.token(f"elsewhere/{row.view_record_id}/{row.card_id}/{place}")


def opening_of(
    services: Services, session: Session, view_record_id: str, token: str, now: datetime
) -> dict[str, Any] | None:
    """Return what a card's token opens elsewhere; None when it opens nothing, or nothing any more."""
    check = session.get(OrderCheckRow, view_record_id)
    if check is None or now - check.checked_at > _LINK_LASTS:
        return None
    for row in check.items:
        for prior in row.priors:
            if prior["opening"] and hmac.compare_digest(opening_token(services, row, prior), token):
                opening: dict[str, Any] = prior["opening"]
                return opening
    return None
