"""What the audit page sends and gets."""

from datetime import datetime
from typing import Any

from api.schemas.patient import Model


class EventOut(Model):
    """One event in codes and in words."""

    id: str
    at: datetime
    actor_kind: str
    actor: str
    action: str
    action_name: str
    object_kind: str
    object: str
    outcome: str
    detail: dict[str, Any]
    link: int | None


class EventPage(Model):
    """Events, newest first; `next` asks for those before them."""

    events: list[EventOut]
    next: str | None


class ChainOut(Model):
    """What proving the chain found."""

    intact: bool
    sealed: int
    open: int
    anchored_at: int | None
    faults: list[str]
    fault_count: int
