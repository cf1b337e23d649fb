"""A patient's examinations at other hospitals (外院检查), as the regional platform knows them.

The platform's own numbers stay here: in Redis, under the grant that asked, until it ends. The page gets handles,
which are the same each time, and open nothing under any other grant.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import TypeVar

import structlog
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from api.wiring import Services
from imaging_core.domain.grants import Grant
from imaging_core.interop.regional import Examination, History, Person, PlatformError
from imaging_core.patients.identity import id_number_fault
from imaging_core.reminders.history import identity_of

log = structlog.get_logger(__name__)

CONSENT = "elsewhere"
"""The purpose that a patient agrees to before the platform is told who they are."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Opening:
    """What the platform needs to open an examination that it told of."""

    view_record_id: str
    examination: Examination


_OPENING = TypeAdapter(Opening)


class FewAtOnce:
    """Asks the platform, a few questions at a time: one that hangs must not hold the threads of everything else."""

    def __init__(self, questions: int) -> None:
        self._free = BoundedSemaphore(questions)

    def ask(self, question: Callable[[], _Answer]) -> _Answer | None:
        """Return the answer; None when the platform has none in its time, or too many are waiting for it."""
        if not self._free.acquire(blocking=False):
            return None
        try:
            return question()
        except PlatformError as error:
            log.warning("regional platform not asked", error=type(error).__name__)
            return None
        finally:
            self._free.release()


def person_of(services: Services, session: Session, grant: Grant) -> Person | None:
    """Return by whom the platform knows the grant's patient; None without a resident ID number on record.

    A number that cannot be right is none: it may be a stranger's, and so would be what the platform answers.
    """
    identity = identity_of(session, services.cipher, grant.patient)
    if identity is None or id_number_fault(identity.id_number) is not None:
        return None
    return Person(name=identity.name, id_number=identity.id_number)


def keep(services: Services, grant: Grant, history: History) -> Mapping[str, Examination]:
    """Keep what was found until the grant ends; return it by handle, in its order."""
    found = {_handle(services, grant, examination): examination for examination in history.examinations}
    key = _key(grant)
    lasts = max(int((grant.expires_at - services.clock()).total_seconds()), 1)
    with services.redis.pipeline() as pipeline:
        pipeline.delete(key)
        for handle, examination in found.items():
            pipeline.hset(key, handle, _OPENING.dump_json(Opening(history.view_record_id, examination)).decode())
        pipeline.expire(key, lasts)
        pipeline.execute()
    return found


def kept(services: Services, grant: Grant, handle: str) -> Opening | None:
    """Return what a handle stands for; None for one that this grant was not told."""
    value = services.redis.hget(_key(grant), handle)
    return _OPENING.validate_json(value) if isinstance(value, bytes) else None


def _handle(services: Services, grant: Grant, examination: Examination) -> str:
    place = f"{examination.institution_code}/{examination.examination_id}"
    return services.link_issuer.token(f"exam-elsewhere/{grant.institution_code}/{grant.patient}/{place}")


def _key(grant: Grant) -> str:
    return f"exams-elsewhere:{grant.grant_id}"
