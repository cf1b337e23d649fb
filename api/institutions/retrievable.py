"""From which institutions of the list studies can be retrieved, by what our own retrievals came to.

Every opening of a study of another institution is in the audit, with its institution and outcome: the newest one says
how it stands. Nobody is asked for this, and an institution nobody opened anything of counts as not retrievable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.db.tables import AuditEventRow
from api.institutions.tables import InstitutionRow

WANTED = 0.8
"""可调阅的医疗机构数占全省医疗机构总数的比例应达到 80%."""
COUNTS_FOR = timedelta(days=90)
"""How long a successful retrieval shows that an institution can be reached. Our own figure."""
_OPENINGS = ("elsewhere.opened", "prior_exam.opened")


class State(StrEnum):
    """How an institution stands."""

    RETRIEVABLE = "retrievable"
    FAILED = "failed"
    """The newest retrieval did not succeed."""
    UNTRIED = "untried"
    """Nothing of it was opened in the time that counts."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An institution and how it stands."""

    code: str
    name: str
    area: str
    state: State
    succeeded_at: datetime | None
    failed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One row of a list to import."""

    code: str
    name: str
    area: str


def listed(session: Session, institution_code: str, now: datetime) -> list[Listed]:
    """Return the whole list, by area and name."""
    succeeded = _newest(session, institution_code, now, "success")
    failed = _newest(session, institution_code, now, "failed")
    rows = session.scalars(
        select(InstitutionRow)
        .where(InstitutionRow.institution_code == institution_code)
        .order_by(InstitutionRow.area, InstitutionRow.name, InstitutionRow.id)
    )
    return [_listed(row, succeeded.get(row.listed_code), failed.get(row.listed_code)) for row in rows]


def share(institutions: Sequence[Listed]) -> float | None:
    """Return the share that is retrievable, None of an empty list."""
    if not institutions:
        return None
    return sum(one.state is State.RETRIEVABLE for one in institutions) / len(institutions)


def replace_list(session: Session, institution_code: str, rows: Sequence[Wanted], now: datetime) -> None:
    """Keep the list in place of the one before: it names all institutions there are."""
    session.execute(delete(InstitutionRow).where(InstitutionRow.institution_code == institution_code))
    session.add_all(
        InstitutionRow(
            institution_code=institution_code, listed_code=row.code, name=row.name, area=row.area, imported_at=now
        )
        for row in rows
    )


def _listed(row: InstitutionRow, succeeded: datetime | None, failed: datetime | None) -> Listed:
    state = State.RETRIEVABLE if succeeded else State.UNTRIED
    if failed and (succeeded is None or failed > succeeded):
        state = State.FAILED
    return Listed(row.listed_code, row.name, row.area, state, succeeded, failed)


def _newest(session: Session, institution_code: str, now: datetime, outcome: str) -> dict[str, datetime]:
    in_detail = AuditEventRow.detail["institution_code"].as_string()
    found = session.execute(
        select(
            AuditEventRow.object_kind,
            AuditEventRow.object_id,
            in_detail,
            func.max(AuditEventRow.at, type_=AuditEventRow.at.type),
        )
        .where(
            AuditEventRow.institution_code == institution_code,
            AuditEventRow.at > now - COUNTS_FOR,
            AuditEventRow.action.in_(_OPENINGS),
            AuditEventRow.outcome == outcome,
            (AuditEventRow.object_kind == "institution") | in_detail.is_not(None),
        )
        .group_by(AuditEventRow.object_kind, AuditEventRow.object_id, in_detail)
    )
    newest: dict[str, datetime] = {}
    for kind, name, told, at in found:
        code = told or (name if kind == "institution" else "")
        newest[code] = max(at, newest.get(code, at))
    return newest
