"""Where an instance came from, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """By which door an instance came."""

    CSTORE = "cstore"
    STOW = "stow"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an instance came from. `peer` is an AE title, a machine's name or an import run; never a person."""

    channel: Channel
    peer: str


class StoreOutcome(StrEnum):
    """What became of an instance; in each case its bytes are kept."""

    STORED = "stored"
    ALREADY_STORED = "already_stored"
    CONFLICT_KEPT = "conflict_kept"
    """The same UID is here with other content: kept beside it, not served, waits for a person."""
    QUARANTINED = "quarantined"
    """Not filed: unreadable, truncated or without identifiers; `reason` says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreResult:
    """What became of one instance. UIDs are empty and a reason is given when it was quarantined."""

    outcome: StoreOutcome
    digest: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    reason_code: str = ""
    reason: str = ""
