"""Finding audit events: newest first, page after page, with what a study's number stands for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from api.accounts.tables import AccountRow
from api.db.tables import AuditEventRow, AuditLinkRow
from imaging_core.documents.tables import DocumentRow
from imaging_core.index.tables import StudyRow
from imaging_core.reports.tables import ReportRow
from imaging_core.sharing.tables import LinkRow

_BATCH = 500
Found = tuple[AuditEventRow, int | None]
"""An event and the number of its link; None while it waits for its seal."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for. Empty means anything."""

    since: datetime | None = None
    until: datetime | None = None
    who: str = ""
    """A login or name of staff, a kind of actor, or an actor's id."""
    kind: str = ""
    """What stands before the dot of an action."""
    outcome: str = ""
    study: str = ""
    """StudyInstanceUID or accession number: finds its report, documents and links too."""


def page(
    session: Session, code: str, wanted: Wanted, *, limit: int, before: tuple[datetime, str] | None = None
) -> list[Found]:
    """Return the newest events that fit, older than `before`."""
    statement = _events(session, code, wanted)
    if before is not None:
        at, event_id = before
        statement = statement.where(
            or_(AuditEventRow.at < at, and_(AuditEventRow.at == at, AuditEventRow.id < event_id))
        )
    return [(event, link) for event, link in session.execute(statement.limit(limit))]


def count(session: Session, code: str, wanted: Wanted, *, most: int) -> int:
    """Return how many events fit; beyond `most` nothing is counted."""
    some = _events(session, code, wanted).limit(most + 1).with_only_columns(AuditEventRow.id).order_by(None)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def stream(session: Session, code: str, wanted: Wanted) -> Iterator[Found]:
    """Yield all events that fit; memory stays flat."""
    for event, link in session.execute(_events(session, code, wanted).execution_options(yield_per=_BATCH)):
        yield event, link
        session.expunge(event)


def logins(session: Session, code: str) -> dict[str, str]:
    """Return what the audit calls accounts, with login and name."""
    rows = session.execute(
        select(AccountRow.id, AccountRow.login, AccountRow.name).where(AccountRow.institution_code == code)
    )
    return {f"account:{number}": f"{name}（{login}）" for number, login, name in rows}


def _events(session: Session, code: str, wanted: Wanted) -> Select[AuditEventRow, int]:
    conditions: list[ColumnElement[bool]] = [AuditEventRow.institution_code == code]
    if wanted.since:
        conditions.append(AuditEventRow.at >= wanted.since)
    if wanted.until:
        conditions.append(AuditEventRow.at < wanted.until)
    if wanted.outcome:
        conditions.append(AuditEventRow.outcome == wanted.outcome)
    if wanted.kind:
        conditions.append(AuditEventRow.action.startswith(wanted.kind + ".", autoescape=True))
    if wanted.who:
        conditions.append(_by(session, code, wanted.who))
    if wanted.study:
        conditions.append(_about(session, code, wanted.study))
    return (
        select(AuditEventRow, AuditLinkRow.sequence)
        .outerjoin(AuditLinkRow, AuditLinkRow.event_id == AuditEventRow.id)
        .where(*conditions)
        .order_by(AuditEventRow.at.desc(), AuditEventRow.id.desc())
    )


def _by(session: Session, code: str, who: str) -> ColumnElement[bool]:
    named = select(AccountRow.id).where(
        AccountRow.institution_code == code, or_(AccountRow.login == who.lower(), AccountRow.name == who)
    )
    actors = [f"account:{number}" for number in session.scalars(named)]
    # what was done to an account belongs to its story as well
    return or_(
        AuditEventRow.actor.in_([who, *actors]), AuditEventRow.actor_kind == who, AuditEventRow.object_id.in_(actors)
    )


def _about(session: Session, code: str, study: str) -> ColumnElement[bool]:
    numbered = select(StudyRow.study_instance_uid).where(
        StudyRow.institution_code == code, StudyRow.accession_number == study
    )
    uids = [study, *session.scalars(numbered)]
    keys = [*uids]
    for key, row in (
        (ReportRow.report_key, ReportRow),
        (DocumentRow.document_key, DocumentRow),
        (LinkRow.link_id, LinkRow),
    ):
        keys += session.scalars(select(key).where(row.institution_code == code, row.study_instance_uid.in_(uids)))
    # a download names its study in the detail
    named = [cast(AuditEventRow.detail, Text).contains(f'"{uid}"', autoescape=True) for uid in uids]
    return or_(AuditEventRow.object_id.in_(keys), *named)
