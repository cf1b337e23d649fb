"""What desks report and get, and what the console shows of them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.patient import NO_NUL, Model

WorkstationId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=NO_NUL)]


class Heartbeat(Model):
    """What a desk says of itself; nothing of who sits there."""

    workstation: WorkstationId
    label: Words
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4}){2}$")]
    os: Words
    wakes: Annotated[int, Field(ge=0, le=2**31 - 1)]


class HeartbeatAnswer(Model):
    """What is switched on at this desk, the newest shell, and when to report again."""

    history_reminders: bool
    duplicate_reminders: bool
    newest_version: str
    next_seconds: int


class Switches(Model):
    """Which reminders may let the panel slide out by itself."""

    history_reminders: bool
    duplicate_reminders: bool


class WorkstationOut(Model):
    """One desk."""

    workstation: str
    label: str
    version: str
    outdated: bool
    os: str
    online: bool
    first_seen_at: datetime
    last_seen_at: datetime
    wakes: int
    last_woken_at: datetime | None
    history_reminders: bool
    duplicate_reminders: bool
    switched_at: datetime | None
    switched_by: str | None
    """Name of the account."""


class WorkstationList(Model):
    """Desks that fit the question, and how many there are in all."""

    total: int
    fitting: int
    newest_version: str
    workstations: list[WorkstationOut]
