"""The way of a text: draft → in review → published, or returned to its author.

Every step takes a draft and returns the next one, or raises an `EditorialError`; nothing is stored here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from knowledge_base.editorial.text import EntryText, Person, Published
from knowledge_base.entries import EntryKind
from knowledge_base.errors import ReviewerIsAuthor, StaleEdit, WrongState


class DraftState(StrEnum):
    """Where a draft stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Draft:
    """A text on its way. An entry has at most one that is not published."""

    draft_id: str
    entry_id: str
    kind: EntryKind
    text: EntryText
    based_on: int
    """Version of the entry it was written over; 0 for a new entry."""
    state: DraftState
    revision: int
    """Raised by every step, so that nobody acts on what they have not seen."""
    writers: tuple[int, ...]
    """Every account that wrote in it: none of them may publish it."""
    author: str
    """Name of who wrote last."""
    changed_at: datetime
    reason: str = ""
    """Why it was returned."""


def write(
    draft: Draft | None,
    text: EntryText,
    author: Person,
    *,
    draft_id: str,
    entry_id: str,
    kind: EntryKind,
    based_on: int,
    seen: int,
    current: int,
    now: datetime,
) -> Draft:
    """Return the draft with a new text; `seen` is the revision its author had before them, 0 for none.

    Raises:
        StaleEdit: the entry was published, or the draft changed, meanwhile.
        WrongState: it is being reviewed.
    """
    if based_on != current or seen != (draft.revision if draft else 0):
        raise StaleEdit
    if draft is None:
        return Draft(
            draft_id, entry_id, kind, text, based_on, DraftState.DRAFT, 1, (author.account_id,), author.name, now
        )
    _require(draft, DraftState.DRAFT, DraftState.RETURNED)
    return replace(
        draft,
        text=text,
        based_on=based_on,
        state=DraftState.DRAFT,
        revision=draft.revision + 1,
        writers=tuple(dict.fromkeys([*draft.writers, author.account_id])),
        author=author.name,
        changed_at=now,
    )


def submit(draft: Draft, *, seen: int, current: int, now: datetime) -> Draft:
    """Hand a draft to review.

    Raises:
        WrongState: it is there already.
        StaleEdit: the entry was published, or the draft changed, meanwhile.
    """
    _require(draft, DraftState.DRAFT)
    _require_seen(draft, seen=seen, current=current)
    return replace(draft, state=DraftState.IN_REVIEW, revision=draft.revision + 1, reason="", changed_at=now)


def give_back(draft: Draft, reason: str, *, seen: int, now: datetime) -> Draft:
    """Return a draft to its author with a reason.

    Raises:
        WrongState: it is not in review.
        StaleEdit: it changed meanwhile.
    """
    _require(draft, DraftState.IN_REVIEW)
    if seen != draft.revision:
        raise StaleEdit
    return replace(draft, state=DraftState.RETURNED, revision=draft.revision + 1, reason=reason, changed_at=now)


def publish(draft: Draft, reviewer: Person, *, seen: int, current: int, now: datetime) -> tuple[Draft, Published]:
    """Return the draft as published, and the new version.

    Raises:
        ReviewerIsAuthor: the reviewer wrote in it.
        WrongState: it is not in review.
        StaleEdit: the entry was published, or the draft changed, meanwhile.
    """
    if reviewer.account_id in draft.writers:
        raise ReviewerIsAuthor
    _require(draft, DraftState.IN_REVIEW)
    _require_seen(draft, seen=seen, current=current)
    done = replace(draft, state=DraftState.PUBLISHED, revision=draft.revision + 1, changed_at=now)
    version = Published(
        entry_id=draft.entry_id,
        kind=draft.kind,
        version=current + 1,
        text=draft.text,
        writers=draft.writers,
        author=draft.author,
        reviewer=reviewer,
        published_at=now,
    )
    return done, version


def restore(old: Published, reviewer: Person, *, seen: int, current: int, now: datetime) -> Published:
    """Return an earlier text as a new version. What shipped unreviewed is accepted the same way.

    Raises:
        ReviewerIsAuthor: the reviewer wrote that text.
        StaleEdit: the entry was published meanwhile.
    """
    if reviewer.account_id in old.writers:
        raise ReviewerIsAuthor
    if seen != current:
        raise StaleEdit
    return replace(old, version=current + 1, reviewer=reviewer, published_at=now, restored_from=old.version)


def _require(draft: Draft, *states: DraftState) -> None:
    if draft.state not in states:
        raise WrongState(draft.state)


def _require_seen(draft: Draft, *, seen: int, current: int) -> None:
    if seen != draft.revision or draft.based_on != current:
        raise StaleEdit
