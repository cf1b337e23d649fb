"""Keeping drafts and versions; the rules are those of `knowledge_base.editorial`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.editorial.tables import DraftRow, VersionRow
from knowledge_base import EntryKind
from knowledge_base.editorial import Draft, DraftState, EntryText, Person, Published
from knowledge_base.errors import StaleEdit


def last_revision(session: Session, institution_code: str) -> int:
    """Return how often the institution has published anything."""
    newest = select(func.max(VersionRow.revision)).where(VersionRow.institution_code == institution_code)
    return session.scalar(newest) or 0


def newest_versions(session: Session, institution_code: str) -> list[Published]:
    """Return the last published version of each entry, in the order of publication."""
    newest = (
        select(func.max(VersionRow.revision))
        .where(VersionRow.institution_code == institution_code)
        .group_by(VersionRow.entry_id)
    )
    rows = select(VersionRow).where(
        VersionRow.institution_code == institution_code, VersionRow.revision.in_(newest.scalar_subquery())
    )
    return [_published(row) for row in session.scalars(rows.order_by(VersionRow.revision))]


def versions_of(session: Session, institution_code: str, entry_id: str) -> list[Published]:
    """Return every published version of an entry, oldest first."""
    rows = select(VersionRow).where(VersionRow.institution_code == institution_code, VersionRow.entry_id == entry_id)
    return [_published(row) for row in session.scalars(rows.order_by(VersionRow.version))]


def add_version(session: Session, institution_code: str, published: Published) -> None:
    """Keep a new version.

    Raises:
        StaleEdit: somebody published in this very moment.
    """
    row = VersionRow(
        institution_code=institution_code,
        revision=last_revision(session, institution_code) + 1,
        entry_id=published.entry_id,
        kind=published.kind,
        version=published.version,
        content=asdict(published.text),
        writers=list(published.writers),
        author=published.author,
        reviewer_id=published.reviewer.account_id,
        reviewer=published.reviewer.name,
        published_at=published.published_at,
        restored_from=published.restored_from,
    )
    _add(session, row)


def open_draft(session: Session, institution_code: str, entry_id: str) -> Draft | None:
    """Return the draft of an entry that is not published yet."""
    row = session.scalars(_open_drafts(institution_code).where(DraftRow.entry_id == entry_id)).one_or_none()
    return _draft(row) if row else None


def open_drafts(session: Session, institution_code: str) -> list[Draft]:
    """Return all drafts that are not published yet, longest waiting first."""
    return [_draft(row) for row in session.scalars(_open_drafts(institution_code).order_by(DraftRow.changed_at))]


def keep_draft(session: Session, institution_code: str, draft: Draft) -> None:
    """Keep a draft after a step.

    Raises:
        StaleEdit: another step was taken in this very moment.
    """
    values: dict[str, Any] = {
        "content": asdict(draft.text),
        "based_on": draft.based_on,
        "state": draft.state,
        "revision": draft.revision,
        "writers": list(draft.writers),
        "author": draft.author,
        "reason": draft.reason,
        "changed_at": draft.changed_at,
    }
    if draft.revision == 1:
        _add(
            session,
            DraftRow(
                draft_id=draft.draft_id,
                institution_code=institution_code,
                entry_id=draft.entry_id,
                kind=draft.kind,
                **values,
            ),
        )
        return
    mine = update(DraftRow).where(DraftRow.draft_id == draft.draft_id, DraftRow.revision == draft.revision - 1)
    changed = session.execute(mine.values(values))
    assert isinstance(changed, CursorResult)  # noqa: S101  # what an update gives
    if changed.rowcount != 1:
        raise StaleEdit


def _add(session: Session, row: DraftRow | VersionRow) -> None:
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise StaleEdit from error


def _open_drafts(institution_code: str) -> Any:  # noqa: ANN401  # a select of rows
    return select(DraftRow).where(
        DraftRow.institution_code == institution_code, DraftRow.state != DraftState.PUBLISHED.value
    )


def _text(content: dict[str, Any]) -> EntryText:
    lists: dict[str, Sequence[str]] = {name: content[name] for name in ("surfaces", "questions", "source_ids")}
    return EntryText(
        title=content["title"],
        plain=content["plain"],
        body=content["body"],
        **{name: tuple(items) for name, items in lists.items()},
    )


def _published(row: VersionRow) -> Published:
    return Published(
        entry_id=row.entry_id,
        kind=EntryKind(row.kind),
        version=row.version,
        text=_text(row.content),
        writers=tuple(row.writers),
        author=row.author,
        reviewer=Person(row.reviewer_id, row.reviewer),
        published_at=row.published_at,
        restored_from=row.restored_from,
    )


def _draft(row: DraftRow) -> Draft:
    return Draft(
        draft_id=row.draft_id,
        entry_id=row.entry_id,
        kind=EntryKind(row.kind),
        text=_text(row.content),
        based_on=row.based_on,
        state=DraftState(row.state),
        revision=row.revision,
        writers=tuple(row.writers),
        author=row.author,
        changed_at=row.changed_at,
        reason=row.reason,
    )
