"""Writing audit events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import uuid4

from sqlalchemy import Table, insert
from sqlalchemy.orm import Session

from api.db.tables import AuditEventRow
from api.messages.audit import ACTIONS, ACTORS


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a kind and an opaque id, never a name."""

    kind: str
    actor_id: str
    institution_code: str


_INSERT: Final = insert(cast(Table, AuditEventRow.__table__))


class WithoutWords(Exception):
    """An auditor could not read what was done or by whom: `api.messages.audit` has no words for it."""


def record(
    session: Session,
    actor: Actor,
    action: str,
    *,
    object_kind: str,
    object_id: str,
    now: datetime,
    outcome: str = "success",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add one event to the caller's transaction. `detail` holds identifiers and counts, no personal data.

    Raises:
        WithoutWords: the action or kind of actor is not among the audit's words.
    """
    if action not in ACTIONS or actor.kind not in ACTORS:
        raise WithoutWords(f"{actor.kind}: {action}")
    event = {
        "id": uuid4().hex,
        "institution_code": actor.institution_code,
        "at": now,
        "actor_kind": actor.kind,
        "actor": actor.actor_id,
        "action": action,
        "object_kind": object_kind,
        "object_id": object_id,
        "outcome": outcome,
        "detail": dict(detail or {}),
    }
    # a plain statement: the unit of work would cost every stored instance as much again
    session.connection().execute(_INSERT, event)
