"""Everything the index names as stored bytes, table by table, in a walk that can be taken up again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, Table, func, select, update
from sqlalchemy.orm import Session

from imaging_core.blobs import About, BlobRef
from imaging_core.index.base import Base
from imaging_core.index.tables import InstanceRow, QuarantineRow

_BLOB_COLUMNS = frozenset({"blob_digest", "blob_locator", "blob_size"})
_WANTED = _BLOB_COLUMNS | {"id", "institution_code", "received_at", "received_from", "channel"}


@dataclass(frozen=True, slots=True)
class Holding:
    """One row that names bytes. `about` says what a store has to be told of an instance; None: it is none."""

    table: str
    key: int
    institution_code: str
    ref: BlobRef
    about: About | None
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands: behind this row of this table."""

    table: str = ""
    key: int = 0


def next_holdings(session: Session, place: Place, *, most: int) -> tuple[Sequence[Holding], Place | None]:
    """Return the next rows, and where the walk stands then; None: it is at its end."""
    for name in blob_tables():
        if name >= place.table:
            after = place.key if name == place.table else 0
            if rows := next_in_table(session, name, after, most=most):
                return rows, Place(name, rows[-1].key)
    return (), None


def blob_tables() -> list[str]:
    """Return the tables that name blobs."""
    return sorted(_tables())


def next_in_table(session: Session, name: str, after: int, *, most: int) -> Sequence[Holding]:
    """Return the next rows of one table."""
    table = _tables()[name]
    wanted = [column for column in table.c if column.key in _WANTED]
    rows = session.execute(select(*wanted).where(table.c.id > after).order_by(table.c.id).limit(most))
    return [_holding(name, row) for row in rows.mappings()]


def count_without_copy(session: Session, name: str, after: int) -> int:
    """Return how many rows of a table, behind this one, name bytes that have no second copy."""
    table = _tables()[name]
    lacking = table.c.blob_locator.not_like("%|_%")
    return session.scalar(select(func.count()).select_from(table).where(table.c.id > after, lacking)) or 0


def move(session: Session, old: BlobRef, new: BlobRef) -> int:
    """Write down where bytes lie now, in every row that named their old place; return how many rows did."""
    moved = 0
    for table in _tables().values():
        here = (table.c.blob_digest == old.digest, table.c.blob_locator == old.locator)
        moved += len(
            session.execute(update(table).where(*here).values(blob_locator=new.locator).returning(table.c.id)).all()
        )
    return moved


def still_named(session: Session, holding: Holding) -> bool:
    """Return whether the row still names bytes at this place."""
    table = _tables()[holding.table]
    here = (table.c.id == holding.key, table.c.blob_locator == holding.ref.locator)
    return session.execute(select(table.c.id).where(*here)).first() is not None


def named(session: Session, digests: Sequence[str]) -> set[str]:
    """Return which of these digests some row names."""
    found: set[str] = set()
    for table in _tables().values():
        found.update(session.scalars(select(table.c.blob_digest).where(table.c.blob_digest.in_(digests))))
    return found


def _tables() -> dict[str, Table]:
    return {name: table for name, table in Base.metadata.tables.items() if _BLOB_COLUMNS.issubset(table.c.keys())}


def _holding(table: str, row: RowMapping) -> Holding:
    ref = BlobRef(row["blob_digest"], row["blob_size"], row["blob_locator"])
    about = None
    if table in (InstanceRow.__tablename__, QuarantineRow.__tablename__):
        about = {
            "institution_code": row["institution_code"],
            "received_from": row.get("received_from") or f"{row['channel']}:",
            "received_at": row["received_at"].isoformat(),
        }
    return Holding(table, row["id"], row["institution_code"], ref, about, row.get("received_at"))
