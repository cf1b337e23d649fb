"""Finding instances for retrieval: one prepared select, and what it found kept for less than a second.

No ORM objects: this is asked a thousand times a second.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Engine, Row, Select, bindparam, select

from imaging_core.blobs import BlobRef
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow

FRESH_SECONDS: Final = 1.0
"""So long may an instance that is no longer current still be served."""
_KEPT: Final = 10_000
_WHOLE_SERIES: Final = 2_000
"""A series up to this size is looked up whole once a second of its instances is asked for."""
_ASKED_SERIES: Final = 512


@dataclass(frozen=True, slots=True)
class Found:
    """A current instance: which it is, and where its bytes and pixels lie."""

    blob: BlobRef
    institution_code: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    number_of_frames: int
    rows: int
    columns: int
    bits_allocated: int | None
    samples_per_pixel: int | None
    pixel_offset: int | None
    pixel_length: int | None
    conflict: bool
    """Another content of this UID waits for a person."""


_STUDY: BindParameter[str] = bindparam("study")
_SERIES: BindParameter[str] = bindparam("series")
_SOP: BindParameter[str] = bindparam("sop")
_CODE: BindParameter[str] = bindparam("code")
_ALL: Final = (
    select(
        StudyRow.institution_code,
        StudyRow.study_instance_uid,
        SeriesRow.series_instance_uid,
        InstanceRow.sop_instance_uid,
        InstanceRow.sop_class_uid,
        InstanceRow.transfer_syntax_uid,
        InstanceRow.number_of_frames,
        InstanceRow.rows,
        InstanceRow.columns,
        InstanceRow.bits_allocated,
        InstanceRow.samples_per_pixel,
        InstanceRow.pixel_offset,
        InstanceRow.pixel_length,
        InstanceRow.conflict,
        InstanceRow.blob_digest,
        InstanceRow.blob_size,
        InstanceRow.blob_locator,
        SeriesRow.instance_count,
    )
    .join(SeriesRow, InstanceRow.series_id == SeriesRow.id)
    .join(StudyRow, SeriesRow.study_id == StudyRow.id)
    .where(InstanceRow.current)
)
_IN_ORDER: Final = (
    SeriesRow.series_number.is_(None),
    SeriesRow.series_number,
    SeriesRow.series_instance_uid,
    InstanceRow.instance_number.is_(None),
    InstanceRow.instance_number,
    InstanceRow.sop_instance_uid,
)
_OF_STUDY: Final = _ALL.where(StudyRow.institution_code == _CODE, StudyRow.study_instance_uid == _STUDY).order_by(
    *_IN_ORDER
)
_OF_SERIES: Final = _OF_STUDY.where(SeriesRow.series_instance_uid == _SERIES)
_ONE: Final = _ALL.where(
    InstanceRow.institution_code == _CODE,
    InstanceRow.sop_instance_uid == _SOP,
    StudyRow.study_instance_uid == _STUDY,
    SeriesRow.series_instance_uid == _SERIES,
)


class InstanceFinder:
    """Finds current instances of one institution. Threads may share it."""

    def __init__(self, engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._kept: OrderedDict[tuple[str, str, str, str], tuple[float, Found]] = OrderedDict()
        self._asked: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, institution_code: str, study: str, series: str, sop: str) -> Found | None:
        """Return an instance that was looked up less than a second ago; asks no database."""
        kept = self._kept.get((institution_code, study, series, sop))
        return kept[1] if kept is not None and kept[0] > self._monotonic() else None

    def instance(self, institution_code: str, study: str, series: str, sop: str) -> Found | None:
        """Return one current instance, None when the institution has none."""
        found = self.known(institution_code, study, series, sop)
        if found is not None:
            return found
        values = {"code": institution_code, "study": study, "series": series, "sop": sop}
        began = self._monotonic()
        with self._engine.connect() as connection:
            row = connection.execute(_ONE, values).one_or_none()
            if row is None:
                return None
            others = self._rest_of_series(connection, values, int(row.instance_count))
        self._keep([_found(item) for item in (*others, row)], began)
        return _found(row)

    def series(self, institution_code: str, study: str, series: str) -> Sequence[Found]:
        """Return the current instances of a series by Instance Number; none when there is no such series."""
        return self._several(_OF_SERIES, institution_code, {"study": study, "series": series})

    def study(self, institution_code: str, study: str) -> Sequence[Found]:
        """Return the current instances of a study by Series and Instance Number; none when there is no such study."""
        return self._several(_OF_STUDY, institution_code, {"study": study})

    def _several(
        self, statement: Select[*tuple[Any, ...]], institution_code: str, values: dict[str, str]
    ) -> Sequence[Found]:
        with self._engine.connect() as connection:
            return [_found(row) for row in connection.execute(statement, {"code": institution_code, **values})]

    def _rest_of_series(
        self, connection: Connection, values: dict[str, str], count: int
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return the whole series when another of its instances was asked for a moment ago: the rest will be, too."""
        key, now = (values["code"], values["study"], values["series"]), self._monotonic()
        with self._lock:
            before = self._asked.pop(key, None)
            self._asked[key] = now
            while len(self._asked) > _ASKED_SERIES:
                self._asked.popitem(last=False)
        if before is None or now - before > 10 * FRESH_SECONDS or count > _WHOLE_SERIES:
            return ()
        return connection.execute(_OF_SERIES, values).all()

    def _keep(self, instances: Sequence[Found], began: float) -> None:
        until = began + FRESH_SECONDS
        with self._lock:
            for found in instances:
                key = (
                    found.institution_code,
                    found.study_instance_uid,
                    found.series_instance_uid,
                    found.sop_instance_uid,
                )
                self._kept[key] = (until, found)
                self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def _found(row: Row[*tuple[Any, ...]]) -> Found:
    return Found(BlobRef(row.blob_digest, row.blob_size, row.blob_locator), *row[:14])
