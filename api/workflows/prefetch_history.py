"""A registered patient's examinations at other hospitals, asked for before the doctor opens the patient (预读取).

registration → change feed → job → the list, sealed as the patient's own data, in Redis for some hours. It is found by
name and ID number: a corrected number never shows the list of another person. Images stay where they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.jobs import PREFETCH, Work, attempts, owe
from api.wiring import Services
from api.workflows.check_order_platform import PlatformElsewhere
from api.workflows.tell_order import owe_incomplete_orders
from imaging_core.domain.identifiers import PatientKey
from imaging_core.index import feed
from imaging_core.interop.regional import PlatformRejected, PlatformUnreachable
from imaging_core.patients.errors import CipherError
from imaging_core.patients.identity import id_number_fault
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders.elsewhere import Answer, ElsewhereExam, ElsewhereState, PatientIdentity
from imaging_core.reminders.history import identity_of

log = structlog.get_logger(__name__)

PREFETCHING = "prefetch"
"""The cursor in the change feed; read only where a platform is configured."""
LASTS = timedelta(hours=12)
_FRESH = timedelta(minutes=10)
"""So young a list is shown without asking again, and without a word about its age."""
_ONE_REGISTRATION = timedelta(minutes=1)
"""A HIS sends several messages for one."""
_HEAD_START_SECONDS = 0.1
"""What a newer list may take when one is there already."""
_VISIT = timedelta(days=1)
"""A registration of an earlier visit is an import: nobody is about to open that patient."""
_MOST_TRIES = 6
"""With the waits of `api.jobs` some ten minutes; after that the doctor's own look asks anyway."""
_BATCH = 2000
_REGISTERED = {"patient_registered", "patient_updated"}


@dataclass(frozen=True, slots=True)
class KeptHistory:
    """A list and when it was true."""

    found_at: datetime
    exams: tuple[ElsewhereExam, ...]


_KEPT = TypeAdapter(KeptHistory)


def owe_prefetches(services: Services, session: Session, now: datetime) -> int:
    """Owe the question for every patient who was registered for a visit of today; return how many changes were read."""
    changes = feed.read_after(session, PREFETCHING, _BATCH)
    registered = {int(c.subject) for c in changes if c.kind in _REGISTERED and c.at > now - LASTS}
    for patient in session.scalars(select(PatientRow).where(PatientRow.id.in_(registered)).order_by(PatientRow.id)):
        owe_incomplete_orders(services, session, patient, now)
        if patient.last_visit_at is not None and patient.last_visit_at > now - _VISIT:
            owe(
                session,
                kind=PREFETCH,
                institution_code=patient.institution_code,
                subject=str(patient.id),
                due_at=now,
            )
    if changes:
        feed.advance(session, PREFETCHING, changes[-1].sequence)
    return len(changes)


def prefetch_history(services: Services, work: Work) -> None:
    """Ask the platform for a patient's history and keep it.

    Raises:
        PlatformUnreachable: try again later; not any more after so many tries.
    """
    platform, now = services.platform, services.clock()
    patient = PatientKey(int(work.subject))
    with services.database.reading() as session:
        identity = identity_of(session, services.cipher, patient)
        tries = attempts(session, work) + 1
    if platform is None or identity is None or id_number_fault(identity.id_number) is not None:
        return
    kept = kept_history(services, identity)
    if kept is not None and now - kept.found_at < _ONE_REGISTRATION:
        return
    try:
        exams = PlatformElsewhere(platform).find(identity, [], "")
    except PlatformRejected as error:
        log.warning("history refused", code=error.code)
        return
    except PlatformUnreachable:
        if tries < _MOST_TRIES:
            raise
        log.warning("history not prefetched", tries=tries)
        return
    keep_history(services, identity, exams)
    with services.database.writing() as session:
        record(
            session,
            Actor("system", "prefetch", work.institution_code),
            "elsewhere.prefetched",
            object_kind="patient",
            object_id=work.subject,
            now=now,
            detail={"examinations": len(exams)},
        )


def history_elsewhere(services: Services, identity: PatientIdentity | None) -> tuple[Answer, datetime | None]:
    """Return what other places know of a patient, and since when where that is no news.

    With a list at hand nobody waits for the platform; what it answers later replaces the list for the next look.
    """
    kept = kept_history(services, identity) if identity is not None else None
    if kept is not None and services.clock() - kept.found_at < _FRESH:
        return Answer(ElsewhereState.ANSWERED, kept.exams), None
    answer = services.elsewhere.find(
        identity,
        [],
        seconds=_HEAD_START_SECONDS if kept else None,
        whenever=partial(keep_history, services, identity) if identity is not None else None,
    )
    if kept is None or answer.state is ElsewhereState.ANSWERED:
        return answer, None
    return Answer(ElsewhereState.ANSWERED, kept.exams), kept.found_at


def keep_history(services: Services, identity: PatientIdentity, exams: Sequence[ElsewhereExam]) -> None:
    """Keep a list as that of this moment."""
    name = _name(services, identity)
    content = _KEPT.dump_json(KeptHistory(services.clock(), tuple(exams)))
    services.redis.set(name, services.cipher.seal(content, row=name), ex=LASTS)


def kept_history(services: Services, identity: PatientIdentity) -> KeptHistory | None:
    """Return the list that was kept of a person; None when there is none, or none that is still worth showing."""
    name = _name(services, identity)
    sealed = services.redis.get(name)
    if not isinstance(sealed, bytes):
        return None
    try:
        kept = _KEPT.validate_json(services.cipher.open(sealed, row=name))
    except (CipherError, ValidationError):  # of an older version, or under a key that is no more
        return None
    return kept if services.clock() - kept.found_at < LASTS else None


def _name(services: Services, identity: PatientIdentity) -> str:
    return "history:" + services.cipher.blind_index(f"{identity.name}\0{identity.id_number}", purpose="history")
