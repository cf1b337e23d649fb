"""Everything the index names as stored bytes, table by table, in a walk that can be taken up again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping, Table, select, update
from sqlalchemy.orm import Session

from imaging_core.blobs import About, BlobRef
from imaging_core.index.base import Base
from imaging_core.index.tables import InstanceRow, QuarantineRow

_BLOB_COLUMNS = frozenset({"blob_digest", "blob_locator", "blob_size"})


@dataclass(frozen=True, slots=True)
class Holding:
    """One row that names bytes. `about` says what a store has to be told of an instance; None: it is none."""

    table: str
    key: int
    institution_code: str
    ref: BlobRef
    about: About | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands: behind this row of this table."""

    table: str = ""
    key: int = 0


def next_holdings(session: Session, place: Place, *, most: int) -> tuple[Sequence[Holding], Place | None]:
    """Return the next rows, and where the walk stands then; None: it is at its end."""
    tables = _tables()
    names = [name for name in sorted(tables) if name >= place.table]
    for name in names:
        after = place.key if name == place.table else 0
        table = tables[name]
        rows = session.execute(select(table).where(table.c.id > after).order_by(table.c.id).limit(most)).all()
        if rows:
            return [_holding(name, row._mapping) for row in rows], Place(name, rows[-1].id)
    return (), None


def move(session: Session, holding: Holding, ref: BlobRef) -> bool:
    """Write down where the bytes of a row lie now; False when they were moved meanwhile, or the row is gone."""
    table = _tables()[holding.table]
    here = (table.c.id == holding.key, table.c.blob_locator == holding.ref.locator)
    moved = session.execute(update(table).where(*here).values(blob_locator=ref.locator).returning(table.c.id))
    return moved.first() is not None


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
    return Holding(table, row["id"], row["institution_code"], ref, about)
