"""Moving an old PACS in: study after study, newest first, and counted against what is over there.

How far it came stands in the index. Run again, after a kill or for what failed, it asks the old PACS anew and fetches
only what is not complete here.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.network.remote import Remote, RemoteFailed, RemoteUnreachable
from imaging_core.network.tables import MigratedStudyRow
from imaging_core.network.throttle import Throttle

log = logging.getLogger(__name__)

_MOST_NAMED = 1000
_TRIES = 2
_BY_NUMBER = "compared by number only"
_PAUSES, _PAUSE_SECONDS = 10, 60.0
_T = TypeVar("_T")


class State(StrEnum):
    """What became of a study."""

    WAITING = "waiting"
    COMPLETE = "complete"
    MISSING = "missing"
    """Some instances are there and not here."""
    DIFFERING = "differing"
    """Here is more than there, or the same instance with other content."""
    FAILED = "failed"
    """It could not be fetched or compared."""


@dataclass(frozen=True, slots=True)
class Dates:
    """From the first to the last day, both included."""

    first: date
    last: date

    def newest_first(self) -> Iterator[date]:
        """Yield every day."""
        day = self.last
        while day >= self.first:
            yield day
            day -= timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOutcome:
    """One study that is not complete."""

    study_instance_uid: str
    study_date: date | None
    state: State
    theirs: int
    ours: int
    missing: Sequence[str]
    reason: str


@dataclass(slots=True, kw_only=True)
class MigrationReport:
    """What a run found and did."""

    source: str
    began: datetime
    ended: datetime
    found: int = 0
    complete: int = 0
    already_here: int = 0
    """Complete without having been fetched now."""
    instances_there: int = 0
    instances_here: int = 0
    not_complete: list[StudyOutcome] = field(default_factory=list)
    days_not_listed: list[tuple[str, str]] = field(default_factory=list)
    """Days of which the old PACS gave no full list, and why."""

    stopped: str = ""
    """Why it ended before it was through: the old PACS did not answer any more."""

    @property
    def whole(self) -> bool:
        """Whether everything over there is here, and the same."""
        return not self.not_complete and not self.days_not_listed and not self.stopped


@dataclass(frozen=True, slots=True)
class _Listed:
    study_instance_uid: str
    study_date: date | None
    instances: int | None


class Migration:
    """One run.

    Args:
        remote: The old PACS.
        source: How its studies are marked in the index.
        institution_code: Whose they are here.
        reads: Opens sessions that read.
        writes: Opens sessions that write.
        fetch: Brings one study here; raises RemoteFailed.
        throttle: Says when the next study may be fetched.
        clock: Gives the aware time.
        progress: Is told of studies done and known.
    """

    def __init__(
        self,
        *,
        remote: Remote,
        source: str,
        institution_code: str,
        reads: sessionmaker[Session],
        writes: sessionmaker[Session],
        fetch: Callable[[str], object],
        throttle: Throttle,
        clock: Callable[[], datetime],
        progress: Callable[[int, int], None] = lambda _done, _known: None,
    ) -> None:
        self._remote = remote
        self._source = source
        self._institution_code = institution_code
        self._reads = reads
        self._writes = writes
        self._fetch = fetch
        self._throttle = throttle
        self._clock = clock
        self._progress = progress

    def run(self, dates: Dates | None) -> MigrationReport:
        """Fetch what is missing. Without dates the old PACS is asked once for all it has, undated studies too."""
        now = self._clock()
        report = MigrationReport(source=self._source, began=now, ended=now)
        try:
            for day in dates.newest_first() if dates else (None,):
                self._bring_day(day, report)
        except RemoteUnreachable as error:
            report.stopped = str(error)
        report.ended = self._clock()
        return report

    def _bring_day(self, day: date | None, report: MigrationReport) -> None:
        try:
            listed = self._patiently(lambda: self._list(day))
        except RemoteUnreachable:
            raise
        except RemoteFailed as error:
            report.days_not_listed.append((day.isoformat() if day else "", str(error)[:128]))
            return
        done = report.found
        report.found += len(listed)
        for number, study in enumerate(listed, 1):
            self._bring(study, report)
            self._progress(done + number, report.found)

    def _patiently(self, ask: Callable[[], _T]) -> _T:
        """Ask again for some minutes while the old PACS does not answer: it may be restarted at night."""
        for _ in range(_PAUSES):
            try:
                return ask()
            except RemoteUnreachable:
                self._throttle.pause(_PAUSE_SECONDS)
        return ask()

    def _list(self, day: date | None) -> Sequence[_Listed]:
        keys = {
            "StudyDate": day.strftime("%Y%m%d") if day else "",
            "StudyInstanceUID": "",
            "NumberOfStudyRelatedInstances": "",
        }
        found: dict[str, _Listed] = {}
        for item in self._remote.find("STUDY", keys):
            uid, number = item["StudyInstanceUID"], item["NumberOfStudyRelatedInstances"]
            if not uid:
                raise RemoteFailed("a study without Study Instance UID was listed")
            found[uid] = _Listed(uid, _date(item["StudyDate"]) or day, int(number) if number.isdigit() else None)
        return sorted(found.values(), key=lambda study: (study.study_date or date.min, study.study_instance_uid))[::-1]

    def _bring(self, study: _Listed, report: MigrationReport) -> None:
        outcome = self._compare(study)
        if outcome.state is State.COMPLETE:
            report.already_here += 1
        tries = 0
        while outcome.state in (State.MISSING, State.WAITING) and tries < _TRIES:
            tries += 1
            self._throttle.wait()
            self._note(_waiting(study, outcome), tried=True)
            try:
                self._patiently(lambda: self._fetch(study.study_instance_uid))
            except RemoteUnreachable:
                raise
            except RemoteFailed as error:
                log.warning("study not fetched", extra={"study_instance_uid": study.study_instance_uid})
                outcome = self._failed(study, self._compare(study, fetched=True), error)
            else:
                outcome = self._compare(study, fetched=True)
        self._note(outcome)
        report.instances_there += outcome.theirs
        report.instances_here += outcome.ours
        if outcome.state is State.COMPLETE:
            report.complete += 1
        else:
            report.not_complete.append(outcome)

    def _failed(self, study: _Listed, outcome: StudyOutcome, error: RemoteFailed) -> StudyOutcome:
        if outcome.state is State.COMPLETE:
            return outcome  # it said it failed, and all is here
        return StudyOutcome(
            study_instance_uid=study.study_instance_uid,
            study_date=study.study_date,
            state=State.FAILED,
            theirs=outcome.theirs,
            ours=outcome.ours,
            missing=outcome.missing,
            reason=str(error)[:128],
        )

    def _compare(self, study: _Listed, *, fetched: bool = False) -> StudyOutcome:
        """Compare every instance by its UID, once; from then on it is enough that neither number has changed."""
        ours, conflicts = self._here(study.study_instance_uid)
        theirs: int = study.instances if study.instances is not None else -1
        missing: list[str] = []
        reason = ""
        state = State.COMPLETE
        if not ours and not fetched:
            state = State.WAITING
        elif not (len(ours) == theirs and self._compared(study.study_instance_uid, theirs)):
            try:
                there = self._patiently(lambda: self._instances_there(study.study_instance_uid))
            except RemoteUnreachable:
                raise
            except RemoteFailed as error:
                # some old archives answer at study level only
                same = len(ours) == theirs
                state, reason = (State.COMPLETE, _BY_NUMBER) if same else (State.FAILED, str(error)[:128])
            else:
                theirs = len(there)
                missing = sorted(there - ours)
                state = State.MISSING if missing else State.DIFFERING if ours - there else State.COMPLETE
                reason = f"{len(ours - there)} instances are here only" if state is State.DIFFERING else ""
        if state is State.COMPLETE and conflicts:
            state, reason = State.DIFFERING, f"{conflicts} instances came with other content than the one kept"
        return StudyOutcome(
            study_instance_uid=study.study_instance_uid,
            study_date=study.study_date,
            state=state,
            theirs=max(theirs, 0),
            ours=len(ours),
            missing=missing[:_MOST_NAMED],
            reason=reason,
        )

    def _here(self, study_instance_uid: str) -> tuple[set[str], int]:
        where = (
            StudyRow.institution_code == self._institution_code,
            StudyRow.study_instance_uid == study_instance_uid,
        )
        with self._reads() as session:
            joined = select(InstanceRow.sop_instance_uid).join(SeriesRow).join(StudyRow).where(*where)
            uids = set(session.scalars(joined.where(InstanceRow.current)))
            conflicts = session.scalar(
                select(func.count())
                .select_from(InstanceRow)
                .join(SeriesRow)
                .join(StudyRow)
                .where(*where, InstanceRow.current.is_(False), InstanceRow.conflict)
            )
        return uids, conflicts or 0

    def _compared(self, study_instance_uid: str, instances: int) -> bool:
        """Return whether an earlier comparison found so many instances, all of them here."""
        with self._reads() as session:
            row = session.scalars(select(MigratedStudyRow).where(*self._row(study_instance_uid))).one_or_none()
            return row is not None and row.state == State.COMPLETE and row.theirs == instances

    def _instances_there(self, study_instance_uid: str) -> set[str]:
        there: set[str] = set()
        for series in self._remote.find("SERIES", {"StudyInstanceUID": study_instance_uid, "SeriesInstanceUID": ""}):
            keys = {"StudyInstanceUID": study_instance_uid, "SeriesInstanceUID": series["SeriesInstanceUID"]}
            there |= {item["SOPInstanceUID"] for item in self._remote.find("IMAGE", keys | {"SOPInstanceUID": ""})}
        return there

    def _row(self, study_instance_uid: str) -> tuple[ColumnElement[bool], ...]:
        return (
            MigratedStudyRow.institution_code == self._institution_code,
            MigratedStudyRow.source == self._source,
            MigratedStudyRow.study_instance_uid == study_instance_uid,
        )

    def _note(self, outcome: StudyOutcome, *, tried: bool = False) -> None:
        with self._writes.begin() as session:
            row = session.scalars(select(MigratedStudyRow).where(*self._row(outcome.study_instance_uid))).one_or_none()
            if row is None:
                row = MigratedStudyRow(
                    institution_code=self._institution_code,
                    source=self._source,
                    study_instance_uid=outcome.study_instance_uid,
                    attempts=0,
                )
                session.add(row)
            row.study_date, row.state, row.reason = outcome.study_date, outcome.state, outcome.reason
            row.theirs, row.ours, row.missing = outcome.theirs, outcome.ours, list(outcome.missing)
            row.attempts += tried
            row.changed_at = self._clock()


def _waiting(study: _Listed, outcome: StudyOutcome) -> StudyOutcome:
    return StudyOutcome(
        study_instance_uid=study.study_instance_uid,
        study_date=study.study_date,
        state=State.WAITING,
        theirs=outcome.theirs,
        ours=outcome.ours,
        missing=outcome.missing,
        reason="",
    )


def _date(text: str) -> date | None:
    digits = text.replace(".", "").replace("-", "")[:8]
    try:
        return datetime.strptime(digits, "%Y%m%d").date()  # noqa: DTZ007  # a date has no zone
    except ValueError:
        return None
