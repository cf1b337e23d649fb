"""Index rows of arrivals: found or made, counted, and told to the change feed. Never commits.

What runs for every instance are plain statements; what happens once a study or series goes through the unit of work.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from imaging_core.blobs import About, BlobRef
from imaging_core.dicom.header import InstanceHeader
from imaging_core.dicom.syntaxes import encoding_of
from imaging_core.index.feed import INSTANCE_CONFLICT, INSTANCE_STORED
from imaging_core.index.tables import ChangeRow, InstanceRow, QuarantineRow, SeriesRow, StudyRow, commit_in_order
from imaging_core.ingest.results import Origin, StoreOutcome, StoreResult
from imaging_core.patients.matching import match_study


@dataclass(slots=True)
class Arrival:
    """Bytes that arrived: for whom, from where, when. They are in `content`, or where `ref` says once they are kept."""

    institution_code: str
    origin: Origin
    at: datetime
    content: bytes = b""
    ref: BlobRef | None = None

    @property
    def about(self) -> About:
        """What the store is told of them."""
        return {
            "institution_code": self.institution_code,
            "received_from": received_from(self.origin),
            "received_at": self.at.isoformat(),
        }

    @property
    def kept(self) -> BlobRef:
        """Where they are kept; only asked once they are."""
        return cast(BlobRef, self.ref)


@dataclass(frozen=True, slots=True)
class Instance:
    """A readable arrival. `differs_from`: keys of the rows of its UID whose content was compared and is another."""

    header: InstanceHeader
    arrival: Arrival
    differs_from: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An arrival that cannot be filed, and why. `digest`: SHA-256 of its bytes."""

    reason_code: str
    reason: str
    digest: str
    arrival: Arrival


Keep = Callable[[Sequence[Arrival]], Callable[[], None]]
"""Begins to keep the bytes of those that are not kept yet; what it returns waits until they survive a power loss."""


@dataclass(frozen=True, slots=True)
class Known:
    """A revision of a UID that the index has."""

    key: int
    revision: int
    transfer_syntax_uid: str
    ref: BlobRef


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The index has content under this UID that was not compared; nothing was written for this arrival."""

    known: Sequence[Known]


_studies, _series, _instances, _changes = (
    cast(Table, row.__table__) for row in (StudyRow, SeriesRow, InstanceRow, ChangeRow)
)
# built once: building costs more than executing, and these run for every instance
_KNOWN: Final = (
    select(
        _instances.c.id,
        _instances.c.revision,
        _instances.c.transfer_syntax_uid,
        _instances.c.blob_digest,
        _instances.c.blob_size,
        _instances.c.blob_locator,
    )
    .where(_instances.c.institution_code == bindparam("code"), _instances.c.sop_instance_uid == bindparam("uid"))
    .order_by(_instances.c.revision)
)
# one statement finds the study, keeps other writers of it waiting, and counts
_COUNT_IN_STUDY: Final = (
    update(_studies)
    .where(_studies.c.institution_code == bindparam("code"), _studies.c.study_instance_uid == bindparam("uid"))
    .values(instance_count=_studies.c.instance_count + bindparam("more"), last_received_at=bindparam("at"))
    .returning(_studies.c.id, _studies.c.modalities)
)
_COUNT_IN_SERIES: Final = (
    update(_series)
    .where(_series.c.study_id == bindparam("study"), _series.c.series_instance_uid == bindparam("uid"))
    .values(instance_count=_series.c.instance_count + bindparam("more"))
    .returning(_series.c.id, _series.c.instance_count)
)
_INSERT_INSTANCES: Final = insert(_instances)
_INSERT_CHANGES: Final = insert(_changes)


def known_revisions(connection: Connection, institution_code: str, sop_instance_uid: str) -> list[Known]:
    """Return what the index has of a SOP Instance UID, oldest revision first."""
    rows = connection.execute(_KNOWN, {"code": institution_code, "uid": sop_instance_uid}).all()
    return [
        Known(key, revision, syntax, BlobRef(digest, size, locator))
        for key, revision, syntax, digest, size, locator in rows
    ]


def file_arrivals(
    session: Session, arrivals: Sequence[Instance | Unreadable], keep: Keep
) -> list[StoreResult | Overtaken]:
    """Keep the bytes of a group of arrivals and write their rows; one result each, in order.

    The bytes go to the disk while studies and series are counted, and are there before a row names them.
    """
    group = _sort_out(session, arrivals)
    wait = keep([one.arrival for place, one in enumerate(arrivals) if place not in group.overtaken])
    try:
        rows = [row for study in _by_study(group.fresh.values()) for row in _count_study(session, study)]
        rows += [(one, _set_beside(session, one, known)) for one, known in group.conflicts.values()]
    finally:
        wait()
    if rows:
        connection = session.connection()
        connection.execute(_INSERT_INSTANCES, [_instance_row(one.header, one.arrival) | more for one, more in rows])
        # changes go last: on PostgreSQL the first one takes a lock that every writer of the feed wants
        commit_in_order(connection)
        told = [_change(one, INSTANCE_STORED) for one in group.fresh.values()]
        told += [_change(one, INSTANCE_CONFLICT) for one, _ in group.conflicts.values()]
        connection.execute(_INSERT_CHANGES, told)
    return [
        group.overtaken.get(place) or _settled(session, one, place in group.fresh) for place, one in enumerate(arrivals)
    ]


@dataclass(frozen=True, slots=True)
class _Group:
    """Arrivals by their place: new ones, those whose UID is taken by other content, those to be compared first."""

    fresh: dict[int, Instance]
    conflicts: dict[int, tuple[Instance, Sequence[Known]]]
    overtaken: dict[int, Overtaken]


def _sort_out(session: Session, arrivals: Sequence[Instance | Unreadable]) -> _Group:
    connection = session.connection()
    group = _Group({}, {}, {})
    names: set[tuple[str, str]] = set()
    for place, one in enumerate(arrivals):
        code = one.arrival.institution_code
        if isinstance(one, Unreadable):
            one.arrival.ref = one.arrival.ref or quarantined_as(session, code, one.digest)
            continue
        name = (code, str(one.header.sop_instance_uid))
        known = known_revisions(connection, *name)
        if name in names or any(revision.key not in one.differs_from for revision in known):
            group.overtaken[place] = Overtaken(known)
        elif known:
            group.conflicts[place] = one, known
        else:
            group.fresh[place] = one
        names.add(name)
    return group


def _settled(session: Session, one: Instance | Unreadable, stored: bool) -> StoreResult:
    if isinstance(one, Unreadable):
        return _quarantine(session, one)
    outcome = StoreOutcome.STORED if stored else StoreOutcome.CONFLICT_KEPT
    return result_of(outcome, one.header, one.arrival.kept.digest)


def _by_study(instances: Iterable[Instance]) -> list[list[Instance]]:
    """Group by study, in one order for every writer, so that two of them never wait for each other."""
    studies: dict[tuple[str, str], list[Instance]] = {}
    for one in instances:
        studies.setdefault((one.arrival.institution_code, str(one.header.study_instance_uid)), []).append(one)
    return [studies[name] for name in sorted(studies)]


def _count_study(session: Session, instances: Sequence[Instance]) -> list[tuple[Instance, dict[str, Any]]]:
    """Count new instances of one study; return each with what its row says of its place."""
    first = instances[0]
    connection = session.connection()
    counted = {
        "code": first.arrival.institution_code,
        "uid": first.header.study_instance_uid,
        "more": len(instances),
        "at": instances[-1].arrival.at,
    }
    found = connection.execute(_COUNT_IN_STUDY, counted).one_or_none()
    study, had = found if found is not None else (_new_study(session, instances), [])
    by_series: dict[str, list[Instance]] = {}
    for one in instances:
        by_series.setdefault(str(one.header.series_instance_uid), []).append(one)
    rows: list[tuple[Instance, dict[str, Any]]] = []
    begun = 0
    for uid, members in sorted(by_series.items()):
        series, count = _count_in_series(session, study, uid, members)
        begun += count == len(members)
        rows += [(one, {"series_id": series}) for one in members]
    modalities = {_fit(one.header.modality, 16) for one in instances} - {""}
    if begun or not modalities <= set(had):
        row = session.get_one(StudyRow, study)
        row.series_count += begun
        row.modalities = sorted({*row.modalities, *modalities})
        session.flush()
        # a study whose first images are here now may belong to a patient who is registered already
        match_study(session, row, row.last_received_at)
        session.flush()
    return rows


def _new_study(session: Session, instances: Sequence[Instance]) -> int:
    row = _study_row(instances[0].header, instances[0].arrival)
    row.instance_count = len(instances)
    row.last_received_at = instances[-1].arrival.at
    session.add(row)
    session.flush()
    return row.id


def _count_in_series(session: Session, study: int, uid: str, members: Sequence[Instance]) -> tuple[int, int]:
    """Return key and number of instances of a series, the new members counted."""
    counted = {"study": study, "uid": uid, "more": len(members)}
    found = session.connection().execute(_COUNT_IN_SERIES, counted).one_or_none()
    if found is not None:
        return found[0], found[1]
    header, code = members[0].header, members[0].arrival.institution_code
    row = _series_row(header, code, study, len(members))
    session.add(row)
    session.flush()
    return row.id, len(members)


def _set_beside(session: Session, instance: Instance, known: Sequence[Known]) -> dict[str, Any]:
    """Return what the row of an instance whose UID is taken says: it waits beside the current one, for a person."""
    header, arrival = instance.header, instance.arrival
    study = session.scalars(
        select(StudyRow.id)
        .where(
            StudyRow.institution_code == arrival.institution_code,
            StudyRow.study_instance_uid == header.study_instance_uid,
        )
        .with_for_update()
    ).one_or_none()
    if study is None:
        row = _study_row(header, arrival)
        session.add(row)
        session.flush()
        study = row.id
    series = session.scalars(
        select(SeriesRow.id).where(
            SeriesRow.study_id == study, SeriesRow.series_instance_uid == header.series_instance_uid
        )
    ).one_or_none()
    if series is None:
        begun = _series_row(header, arrival.institution_code, study, 0)
        session.add(begun)
        session.flush()
        series = begun.id
    session.execute(update(InstanceRow).where(InstanceRow.id.in_([one.key for one in known])).values(conflict=True))
    return {"series_id": series, "revision": known[-1].revision + 1, "current": False, "conflict": True}


def _change(instance: Instance, kind: str) -> dict[str, Any]:
    return {
        "institution_code": instance.arrival.institution_code,
        "kind": kind,
        "study_instance_uid": instance.header.study_instance_uid,
        "subject": instance.header.sop_instance_uid,
        "at": instance.arrival.at,
    }


def _quarantine(session: Session, unreadable: Unreadable) -> StoreResult:
    """Put bytes that cannot be filed where a person will look; the same bytes twice wait once."""
    arrival, ref = unreadable.arrival, unreadable.arrival.kept
    if quarantined_as(session, arrival.institution_code, ref.digest) is None:
        session.add(
            QuarantineRow(
                institution_code=arrival.institution_code,
                channel=str(arrival.origin.channel),
                reason_code=unreadable.reason_code,
                reason=unreadable.reason,
                blob_digest=ref.digest,
                blob_locator=ref.locator,
                blob_size=ref.size,
                received_at=arrival.at,
            )
        )
        session.flush()
    return StoreResult(
        outcome=StoreOutcome.QUARANTINED,
        digest=ref.digest,
        reason_code=unreadable.reason_code,
        reason=unreadable.reason,
    )


def quarantined_as(session: Session, institution_code: str, digest: str) -> BlobRef | None:
    """Return where bytes of this digest lie that wait in quarantine already."""
    row = session.execute(
        select(QuarantineRow.blob_digest, QuarantineRow.blob_size, QuarantineRow.blob_locator)
        .where(
            QuarantineRow.institution_code == institution_code,
            QuarantineRow.blob_digest == digest,
            QuarantineRow.resolved_at.is_(None),
        )
        .limit(1)
    ).one_or_none()
    return None if row is None else BlobRef(*row)


def _series_row(header: InstanceHeader, institution_code: str, study: int, instance_count: int) -> SeriesRow:
    return SeriesRow(
        institution_code=institution_code,
        study_id=study,
        series_instance_uid=header.series_instance_uid,
        modality=_fit(header.modality, 16),
        series_number=header.series_number,
        series_description=_fit(header.series_description, 256),
        body_part_examined=_fit(header.body_part_examined, 64),
        laterality=_fit(header.laterality, 16),
        protocol_name=_fit(header.protocol_name, 64),
        station_name=_fit(header.station_name, 64),
        manufacturer=_fit(header.manufacturer, 64),
        series_date=header.series_date,
        series_time=_fit(header.series_time, 28),
        performed_procedure_step_start_date=header.performed_procedure_step_start_date,
        performed_procedure_step_start_time=_fit(header.performed_procedure_step_start_time, 28),
        instance_count=instance_count,
    )


def _study_row(header: InstanceHeader, arrival: Arrival) -> StudyRow:
    return StudyRow(
        institution_code=arrival.institution_code,
        study_instance_uid=header.study_instance_uid,
        patient_id=_fit(header.patient_id, 64),
        patient_name=_fit(header.patient_name, 324),
        patient_sex=_fit(header.patient_sex, 16),
        patient_birth_date=header.patient_birth_date,
        accession_number=_fit(header.accession_number, 64),
        study_id=_fit(header.study_id, 64),
        study_date=header.study_date,
        study_time=_fit(header.study_time, 28),
        study_description=_fit(header.study_description, 256),
        referring_physician_name=_fit(header.referring_physician_name, 324),
        modalities=[],
        series_count=0,
        instance_count=0,
        first_received_at=arrival.at,
        last_received_at=arrival.at,
    )


def _instance_row(header: InstanceHeader, arrival: Arrival) -> dict[str, Any]:
    pixels = header.pixels
    if pixels is not None and encoding_of(header.transfer_syntax_uid).deflated:
        pixels = None  # they lie at no place of the bytes as received
    return {
        "institution_code": arrival.institution_code,
        "sop_instance_uid": header.sop_instance_uid,
        "sop_class_uid": header.sop_class_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "instance_number": header.instance_number,
        "number_of_frames": header.number_of_frames,
        "rows": header.rows,
        "columns": header.columns,
        "bits_allocated": header.bits_allocated,
        "samples_per_pixel": header.samples_per_pixel,
        "pixel_offset": None if pixels is None else pixels.offset,
        "pixel_length": None if pixels is None else pixels.length,
        "revision": 1,
        "current": True,
        "conflict": False,
        "blob_digest": arrival.kept.digest,
        "blob_locator": arrival.kept.locator,
        "blob_size": arrival.kept.size,
        "received_at": arrival.at,
        "received_from": received_from(arrival.origin),
    }


def received_from(origin: Origin) -> str:
    """Return how the index names where an instance came from."""
    return _fit(f"{origin.channel}:{origin.peer}", 128)


def _fit(text: str, length: int) -> str:
    # lenient: an overlong value is cut in the index; the received bytes keep it
    return text[:length]


def result_of(outcome: StoreOutcome, header: InstanceHeader, digest: str) -> StoreResult:
    """Return what a sender hears of a readable instance."""
    return StoreResult(
        outcome=outcome,
        digest=digest,
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        study_instance_uid=header.study_instance_uid,
        series_instance_uid=header.series_instance_uid,
    )
