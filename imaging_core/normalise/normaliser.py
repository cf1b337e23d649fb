"""Normalising what is stored: reads the first instance of each series, judges it, keeps the outcome beside the index.

Nothing here runs before a sender hears that an instance is stored. Every step may be repeated: the rows of a study
are brought to what its bytes say, whatever they were.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobFile, BlobRef, BlobStore
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.raw_values import read_procedure_names, read_raw_values
from imaging_core.errors import ImagingError
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.ingest.results import Channel
from imaging_core.normalise.devices import DeviceRule
from imaging_core.normalise.keeping import JudgedSeries, Seen, study_row, write_study
from imaging_core.normalise.required import CHECKED
from imaging_core.normalise.rules import active_rules, newest_change
from imaging_core.normalise.series import CHARSET, SOP_CLASS, TEXTS, NormalisedSeries, normalise_series
from imaging_core.normalise.tables import NormalisedStudyRow
from imaging_core.normalise.upkeep import forget_study, waiting_studies
from imaging_core.normalise.values import VERSION

_WANTED: Final = frozenset({CHARSET, SOP_CLASS, *TEXTS.values(), *CHECKED})
_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class _First:
    """The first instance of a series, and where it came from."""

    series_instance_uid: str
    blob: BlobRef
    has_pixels: bool
    ae_title: str


@dataclass(frozen=True, slots=True)
class _Task:
    """What one study is judged by, and what must not have changed when the outcome is written."""

    firsts: Sequence[_First]
    modalities: Sequence[str]
    seen: Seen
    rules: Sequence[DeviceRule]
    requested: int
    rules_changed: int


class Normaliser:
    """Normalises studies. Threads may share it."""

    def __init__(
        self,
        blobs: BlobStore,
        limits: Limits,
        *,
        reads: sessionmaker[Session],
        writes: sessionmaker[Session],
        clock: Callable[[], datetime],
    ) -> None:
        self._blobs = blobs
        self._limits = limits
        self._reads = reads
        self._writes = writes
        self._clock = clock

    def normalise_study(self, institution_code: str, study_instance_uid: str) -> bool:
        """Bring what is kept of a study up to date; return whether there is such a study."""
        with self._reads() as session:
            task = _task(session, institution_code, study_instance_uid)
        if task is None:
            with self._writes() as session, session.begin():
                forget_study(session, institution_code, study_instance_uid)
            return False
        judged = [
            JudgedSeries(first.series_instance_uid, first.ae_title, self._judge(first, task)) for first in task.firsts
        ]
        with self._writes() as session, session.begin():
            row = study_row(session, institution_code, study_instance_uid)
            asked = row.requested != task.requested
            row.version = 0 if asked or newest_change(session, institution_code) != task.rules_changed else VERSION
            write_study(session, row, judged, task.seen, self._clock())
        return True

    def normalise_waiting(self, institution_code: str, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Normalise the studies that are marked or were done by older rules, one after another; return how many."""
        done = last = 0
        failed: Exception | None = None
        while not stop():
            with self._reads() as session:
                found = session.execute(waiting_studies(institution_code, after=last).limit(_AT_ONCE)).all()
            if not found:
                break
            for key, uid in found:
                last = key
                if stop():
                    break
                try:
                    self.normalise_study(institution_code, uid)
                except Exception as error:  # noqa: BLE001  # one study must not keep the others waiting
                    failed = error
                else:
                    done += 1
        if failed is not None:
            raise failed
        return done

    def _judge(self, first: _First, task: _Task) -> NormalisedSeries | None:
        """Return a series judged, None when its bytes cannot be read."""
        try:
            # a file over the port has all that reading needs
            file = cast(BinaryIO, BlobFile(self._blobs, first.blob))
            raw = read_raw_values(file, first.blob.size, self._limits, _WANTED)
        except ImagingError:
            return None
        file.seek(0)
        return normalise_series(
            raw,
            read_procedure_names(file),
            ae_title=first.ae_title,
            rules=task.rules,
            modalities_of_study=task.modalities,
            received=task.seen.first_at.date(),
            has_pixels=first.has_pixels,
        )


def _task(session: Session, institution_code: str, study_instance_uid: str) -> _Task | None:
    study = session.scalars(
        select(StudyRow).where(
            StudyRow.institution_code == institution_code, StudyRow.study_instance_uid == study_instance_uid
        )
    ).one_or_none()
    if study is None:
        return None
    first = (
        select(func.min(InstanceRow.id))
        .join(SeriesRow, SeriesRow.id == InstanceRow.series_id)
        .where(SeriesRow.study_id == study.id, InstanceRow.current)
        .group_by(InstanceRow.series_id)
    )
    rows = session.execute(
        select(SeriesRow.series_instance_uid, InstanceRow)
        .join(InstanceRow, InstanceRow.series_id == SeriesRow.id)
        .where(InstanceRow.id.in_(first))
        .order_by(InstanceRow.id)
    ).all()
    if not rows:
        return None
    requested = session.scalar(
        select(NormalisedStudyRow.requested).where(
            NormalisedStudyRow.institution_code == institution_code,
            NormalisedStudyRow.study_instance_uid == study_instance_uid,
        )
    )
    return _Task(
        firsts=[
            _First(
                uid, BlobRef(row.blob_digest, row.blob_size, row.blob_locator), row.number_of_frames > 0, _ae_title(row)
            )
            for uid, row in rows
        ],
        modalities=study.modalities,
        seen=Seen(study.first_received_at, study.last_received_at),
        rules=active_rules(session, institution_code),
        requested=requested or 0,
        rules_changed=newest_change(session, institution_code),
    )


def _ae_title(row: InstanceRow) -> str:
    channel, _, peer = row.received_from.partition(":")
    return peer if channel == Channel.CSTORE else ""
