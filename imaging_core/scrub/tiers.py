"""Segments that lie in the colder place: which, and which are wanted back."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs.tiered import Ages, TieredBlobStore
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.scrub.tables import SegmentRow

COLD, WANTED, HOT = "cold", "wanted", "hot"


@dataclass(frozen=True, slots=True)
class TierStanding:
    """How much lies where."""

    cold_segments: int
    cold_bytes: int
    wanted_segments: int


class Tiers:
    """Moves segments between the disk and the colder place, one at a time, and writes down where they are."""

    def __init__(
        self,
        store: TieredBlobStore,
        *,
        reads: sessionmaker[Session],
        writes: sessionmaker[Session],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reads = reads
        self._writes = writes
        self._clock = clock

    def want_study(self, institution_code: str, study_instance_uid: str) -> list[str]:
        """Ask the cold segments of a study back; return their names."""
        locators = (
            select(InstanceRow.blob_locator)
            .join(SeriesRow, InstanceRow.series_id == SeriesRow.id)
            .join(StudyRow, SeriesRow.study_id == StudyRow.id)
            .where(
                StudyRow.institution_code == institution_code,
                or_(
                    StudyRow.study_instance_uid == study_instance_uid,
                    StudyRow.accession_number == study_instance_uid,
                ),
            )
        )
        with self._reads() as session:
            named = {locator.partition("@")[0].removeprefix("segments/") for locator in session.scalars(locators)}
        return self.want(named & set(self._store.cold_segments()))

    def want(self, names: Collection[str]) -> list[str]:
        """Ask cold segments back."""
        with self._writes.begin() as session:
            rows = session.scalars(select(SegmentRow).where(SegmentRow.name.in_(names), SegmentRow.state != HOT)).all()
            for row in rows:
                row.state = WANTED
            return sorted(row.name for row in rows)

    def warm_wanted(self) -> int:
        """Bring back what is wanted, and what must get rid of records that were given up; return how many came."""
        self.want(self._store.with_removed_records())
        with self._reads() as session:
            wanted = session.execute(select(SegmentRow.name, SegmentRow.sha256).where(SegmentRow.state == WANTED)).all()
        for name, sha256 in wanted:
            self._store.warm(name, sha256, self._writer(HOT))
        return len(wanted)

    def cool_one(self, ages: Ages) -> str | None:
        """Move the oldest segment that may go; return its name."""
        for name in self._store.candidates(ages):
            if self._store.cool(name, self._writer(COLD)):
                return name
        return None

    def _writer(self, state: str) -> Callable[[str, int, str], None]:
        def write_down(name: str, size: int, sha256: str) -> None:
            with self._writes.begin() as session:
                session.merge(SegmentRow(name=name, state=state, bytes=size, sha256=sha256, changed_at=self._clock()))

        return write_down


def tier_standing(session: Session) -> TierStanding:
    """Return how much lies in the colder place."""
    counted = select(SegmentRow.state, func.count(), func.sum(SegmentRow.bytes)).group_by(SegmentRow.state)
    by_state = {state: (count, size) for state, count, size in session.execute(counted)}
    cold, wanted = (by_state.get(state, (0, 0)) for state in (COLD, WANTED))
    return TierStanding(cold[0] + wanted[0], cold[1] + wanted[1], wanted[0])
