"""编码对照 as a person reviews it: the hospital's own items, what they may stand for, and what was decided."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from imaging_core.coding import ExamItem, starter_catalogue
from imaging_core.coding.mappings import Suggestion, check_items, items_of, kept, name_key, suggestion
from imaging_core.coding.tables import CodeMappingRow
from imaging_core.reminders.tables import OrderItemRow
from imaging_core.reports.tables import ReportVersionRow


class State(StrEnum):
    """How far the mapping of an item is. Only the first two count for reminders and registration."""

    CONFIRMED = "confirmed"
    """As it was suggested."""
    CHANGED = "changed"
    """Others than were suggested."""
    SUGGESTED = "suggested"
    UNMAPPED = "unmapped"
    """Nothing complete to suggest."""


DECIDED = frozenset({State.CONFIRMED, State.CHANGED})


class MappingStale(Exception):
    """Somebody else decided meanwhile."""

    def __init__(self, row: CodeMappingRow | None) -> None:
        super().__init__("mapping decided meanwhile")
        self.decided_by = row.decided_by if row else None
        self.decided_at = row.decided_at if row else None


@dataclass(frozen=True, slots=True)
class LocalItem:
    """One item of the hospital's own. `uses` counts orders and reports."""

    code: str
    name: str
    uses: int
    row: CodeMappingRow | None

    @property
    def suggestion(self) -> Suggestion:
        """What the parser reads in the name."""
        return suggestion(self.name)

    @property
    def proposed(self) -> tuple[ExamItem, ...]:
        """What to confirm: what an imported list says, else the parser's guess where it is complete."""
        return _proposed(self.name, self.row)

    @property
    def confirmed(self) -> tuple[ExamItem, ...]:
        """What a person confirmed."""
        return items_of(self.row.confirmed) if self.row else ()

    @property
    def state(self) -> State:
        """How far it is."""
        if self.row and self.row.confirmed:
            return State.CHANGED if self.row.changed else State.CONFIRMED
        return State.SUGGESTED if self.proposed else State.UNMAPPED


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the items, and of what was ordered and reported, has a confirmed mapping."""

    items: int
    items_covered: int
    uses: int
    uses_covered: int


@dataclass(frozen=True, slots=True)
class Imported:
    """One row of an imported list."""

    code: str
    name: str
    items: tuple[ExamItem, ...]


def local_items(session: Session, institution_code: str) -> list[LocalItem]:
    """Return all items that arrived or were imported, the most used first."""
    found: dict[tuple[str, str], LocalItem] = {}
    for row in session.scalars(select(CodeMappingRow).where(CodeMappingRow.institution_code == institution_code)):
        found[row.local_code, row.name_key] = LocalItem(row.local_code, row.local_name, 0, row)
    for code, name, uses in _arrived(session, institution_code):
        key = (code, name_key(name))
        item = found.get(key, LocalItem(code, name, 0, None))
        found[key] = replace(item, uses=item.uses + uses)
    return sorted(_without_twins(found), key=lambda item: (-item.uses, item.name, item.code))


def coverage(items: Sequence[LocalItem]) -> Coverage:
    """Return the figures of coverage."""
    covered = [item for item in items if item.state in DECIDED]
    return Coverage(len(items), len(covered), sum(item.uses for item in items), sum(item.uses for item in covered))


def confirm(
    session: Session,
    institution_code: str,
    *,
    code: str,
    name: str,
    items: Sequence[ExamItem],
    seen: int,
    unlike_name: bool,
    by: int,
    now: datetime,
) -> tuple[CodeMappingRow, bool]:
    """Keep what a person chose; return its row, and whether anything is new.

    Raises:
        MappingRefused: the items cannot be meant by the name.
        MappingStale: the mapping is no more the one that was `seen` (its version, 0 for none).
    """
    check_items(name, items, unlike_name=unlike_name)
    catalogue = starter_catalogue()
    chosen = kept(items, catalogue)
    row = _row(session, institution_code, code, name)
    if row is not None and row.confirmed == chosen and row.catalogue_version == catalogue.version:
        return row, False  # the same answer twice: by a second click, or by a second person
    if (row.version if row else 0) != seen:
        raise MappingStale(row)
    if row is None:
        row = _added(session, institution_code, code, name)
    else:
        row.version += 1
    row.confirmed, row.catalogue_version = chosen, catalogue.version
    row.changed = set(items) != set(_proposed(name, row))
    row.decided_by, row.decided_at = by, now
    return row, True


def reopen(
    session: Session, institution_code: str, *, code: str, name: str, seen: int, by: int, now: datetime
) -> CodeMappingRow:
    """Take a confirmation back.

    Raises:
        LookupError: there is none.
        MappingStale: it is no more the one that was `seen`.
    """
    row = _row(session, institution_code, code, name)
    if row is None or (row.version == seen and not row.confirmed):
        raise LookupError("no confirmed mapping")
    if row.version != seen:
        raise MappingStale(row)
    row.version += 1
    row.confirmed, row.catalogue_version, row.changed = [], "", False
    row.decided_by, row.decided_at = by, now
    return row


def take_list(session: Session, institution_code: str, rows: Sequence[Imported]) -> int:
    """Keep an imported list; what it says is proposed, and what persons confirmed stays. Return how many are new."""
    known = {
        (row.local_code, row.name_key): row
        for row in session.scalars(select(CodeMappingRow).where(CodeMappingRow.institution_code == institution_code))
    }
    new = 0
    for given in rows:
        row = known.get((given.code, name_key(given.name)))
        if row is None:
            row = _new(institution_code, given.code, given.name)
            session.add(row)
            new += 1
        row.proposed = kept(given.items, starter_catalogue())
    session.flush()
    return new


def _proposed(name: str, row: CodeMappingRow | None) -> tuple[ExamItem, ...]:
    if row and row.proposed:
        return items_of(row.proposed)
    read = suggestion(name)
    return tuple(one.item for one in read.items) if read.complete else ()


def _arrived(session: Session, institution_code: str) -> Iterator[tuple[str, str, int]]:
    ordered = session.execute(
        select(OrderItemRow.name, func.count())
        .where(OrderItemRow.institution_code == institution_code, OrderItemRow.name != "")
        .group_by(OrderItemRow.name)
    )
    for name, uses in ordered:
        yield "", name, uses
    reported = session.execute(
        select(
            ReportVersionRow.exam_code,
            ReportVersionRow.exam_item,
            func.count(func.distinct(ReportVersionRow.report_id)),
        )
        .where(ReportVersionRow.institution_code == institution_code, ReportVersionRow.exam_item != "")
        .group_by(ReportVersionRow.exam_code, ReportVersionRow.exam_item)
    )
    for code, name, uses in reported:
        yield code.partition("^")[0], name, uses


def _without_twins(found: dict[tuple[str, str], LocalItem]) -> Iterator[LocalItem]:
    """Orders bring the name alone: they count with the one coded item of that name, where there is one."""
    coded = defaultdict(list)
    for code, key in found:
        if code:
            coded[key].append((code, key))
    uses = Counter({place: item.uses for place, item in found.items()})
    folded = set()
    for (code, key), item in found.items():
        if not code and item.row is None and len(coded[key]) == 1:
            uses[coded[key][0]] += item.uses
            folded.add((code, key))
    for place, item in found.items():
        if place not in folded:
            yield replace(item, uses=uses[place])


def _row(session: Session, institution_code: str, code: str, name: str) -> CodeMappingRow | None:
    return session.scalars(
        select(CodeMappingRow)
        .where(
            CodeMappingRow.institution_code == institution_code,
            CodeMappingRow.local_code == code,
            CodeMappingRow.name_key == name_key(name),
        )
        .with_for_update()
    ).one_or_none()


def _added(session: Session, institution_code: str, code: str, name: str) -> CodeMappingRow:
    row = _new(institution_code, code, name)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise MappingStale(_row(session, institution_code, code, name)) from error
    return row


def _new(institution_code: str, code: str, name: str) -> CodeMappingRow:
    return CodeMappingRow(
        institution_code=institution_code,
        local_code=code,
        local_name=name.strip(),
        name_key=name_key(name),
        proposed=[],
        confirmed=[],
        version=1,
        changed=False,
        catalogue_version="",
    )
