"""Index rows of arrivals: found or made, counted, and told to the change feed. Never commits.

Studies and series are few and go through the unit of work; instances and changes are many and are written as plain
rows, all of a group at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from imaging_core.blobs import BlobRef
from imaging_core.dicom.header import InstanceHeader
from imaging_core.dicom.syntaxes import encoding_of
from imaging_core.index.feed import INSTANCE_CONFLICT, INSTANCE_STORED
from imaging_core.index.tables import ChangeRow, InstanceRow, QuarantineRow, SeriesRow, StudyRow, commit_in_order
from imaging_core.ingest.results import Origin, StoreOutcome, StoreResult
from imaging_core.patients.matching import match_study


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that arrived: for whom, from where, where they are kept, when."""

    institution_code: str
    origin: Origin
    ref: BlobRef
    at: datetime


@dataclass(frozen=True, slots=True)
class Instance:
    """A readable arrival. `differs_from`: keys of the rows of its UID whose content was compared and is another."""

    header: InstanceHeader
    arrival: Arrival
    differs_from: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An arrival that cannot be filed, and why."""

    reason_code: str
    reason: str
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Meanwhile somebody filed content under this UID that was not compared; nothing was written for this arrival."""


@dataclass(frozen=True, slots=True)
class Known:
    """A revision of a UID that the index has."""

    key: int
    revision: int
    transfer_syntax_uid: str
    ref: BlobRef


_KNOWN = (
    InstanceRow.sop_instance_uid,
    InstanceRow.id,
    InstanceRow.revision,
    InstanceRow.transfer_syntax_uid,
    InstanceRow.blob_digest,
    InstanceRow.blob_size,
    InstanceRow.blob_locator,
)


def known_revisions(session: Session, institution_code: str, uids: Collection[str]) -> dict[str, list[Known]]:
    """Return what the index has of these SOP Instance UIDs, oldest revision first."""
    rows = session.execute(
        select(*_KNOWN)
        .where(InstanceRow.institution_code == institution_code, InstanceRow.sop_instance_uid.in_(uids))
        .order_by(InstanceRow.revision)
    )
    found: dict[str, list[Known]] = {}
    for uid, key, revision, syntax, digest, size, locator in rows:
        found.setdefault(uid, []).append(Known(key, revision, syntax, BlobRef(digest, size, locator)))
    return found


@dataclass
class _Group:
    """What is known and what is to be written while a group is filed."""

    studies: dict[tuple[str, str], StudyRow] = field(default_factory=dict)
    series: dict[tuple[int, str], SeriesRow] = field(default_factory=dict)
    known: dict[tuple[str, str], list[Known]] = field(default_factory=dict)
    new_studies: dict[int, StudyRow] = field(default_factory=dict)
    instances: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    in_group: set[tuple[str, str]] = field(default_factory=set)


def file_arrivals(session: Session, arrivals: Sequence[Instance | Unreadable]) -> list[StoreResult | Overtaken]:
    """Write the rows of a group of arrivals; one result each, in order."""
    group = _Group()
    by_institution: dict[str, list[str]] = {}
    for one in arrivals:
        if isinstance(one, Instance):
            by_institution.setdefault(one.arrival.institution_code, []).append(one.header.sop_instance_uid)
    for code, uids in by_institution.items():
        for uid, known in known_revisions(session, code, uids).items():
            group.known[code, uid] = known
    results: list[StoreResult | Overtaken] = [
        _file(session, group, one) if isinstance(one, Instance) else _quarantine(session, one) for one in arrivals
    ]
    session.flush()
    for study in group.new_studies.values():
        match_study(session, study, study.last_received_at)
    session.flush()
    if group.instances:
        session.execute(insert(InstanceRow), group.instances)
    if group.changes:
        # changes go last: on PostgreSQL the first one takes a lock that every writer of the feed wants
        commit_in_order(session.connection())
        session.execute(insert(ChangeRow), group.changes)
    return results


def _file(session: Session, group: _Group, instance: Instance) -> StoreResult | Overtaken:
    header, arrival = instance.header, instance.arrival
    name = (arrival.institution_code, header.sop_instance_uid)
    known = group.known.get(name, [])
    if name in group.in_group or any(row.key not in instance.differs_from for row in known):
        return Overtaken()
    study = _find_study(session, group, header, arrival)
    series = _find_series(session, group, study, header)
    row = _instance_row(header, arrival) | {"series_id": series.id}
    if known:
        # nothing is overwritten: the newcomer waits beside the current one
        row |= {"revision": known[-1].revision + 1, "current": False, "conflict": True}
        session.query(InstanceRow).where(InstanceRow.id.in_([one.key for one in known])).update({"conflict": True})
        kind, outcome = INSTANCE_CONFLICT, StoreOutcome.CONFLICT_KEPT
    else:
        _count(study, series, header, arrival)
        kind, outcome = INSTANCE_STORED, StoreOutcome.STORED
    group.in_group.add(name)
    group.instances.append(row)
    group.changes.append(
        {
            "institution_code": arrival.institution_code,
            "kind": kind,
            "study_instance_uid": study.study_instance_uid,
            "subject": header.sop_instance_uid,
            "at": arrival.at,
        }
    )
    return result_of(outcome, header, arrival.ref.digest)


def _quarantine(session: Session, unreadable: Unreadable) -> StoreResult:
    """Put bytes that cannot be filed where a person will look; the same bytes twice wait once."""
    arrival = unreadable.arrival
    if quarantined_as(session, arrival.institution_code, arrival.ref.digest) is None:
        session.add(
            QuarantineRow(
                institution_code=arrival.institution_code,
                channel=str(arrival.origin.channel),
                reason_code=unreadable.reason_code,
                reason=unreadable.reason,
                blob_digest=arrival.ref.digest,
                blob_locator=arrival.ref.locator,
                blob_size=arrival.ref.size,
                received_at=arrival.at,
            )
        )
        session.flush()
    return StoreResult(
        outcome=StoreOutcome.QUARANTINED,
        digest=arrival.ref.digest,
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


def _find_study(session: Session, group: _Group, header: InstanceHeader, arrival: Arrival) -> StudyRow:
    """Return the study, locked against other writers of the same study, made when new."""
    name = (arrival.institution_code, str(header.study_instance_uid))
    if (study := group.studies.get(name)) is not None:
        return study
    study = session.scalars(
        select(StudyRow)
        .where(StudyRow.institution_code == name[0], StudyRow.study_instance_uid == name[1])
        .with_for_update()
    ).one_or_none()
    if study is None:
        study = _study_row(header, arrival)
        session.add(study)
        session.flush()
    if study.instance_count == 0:
        group.new_studies[study.id] = study
    group.studies[name] = study
    return study


def _find_series(session: Session, group: _Group, study: StudyRow, header: InstanceHeader) -> SeriesRow:
    name = (study.id, str(header.series_instance_uid))
    if (series := group.series.get(name)) is not None:
        return series
    series = session.scalars(
        select(SeriesRow).where(SeriesRow.study_id == study.id, SeriesRow.series_instance_uid == name[1])
    ).one_or_none()
    if series is None:
        series = SeriesRow(
            institution_code=study.institution_code,
            study_id=study.id,
            series_instance_uid=header.series_instance_uid,
            modality=_fit(header.modality, 16),
            series_number=header.series_number,
            series_description=_fit(header.series_description, 256),
            body_part_examined=_fit(header.body_part_examined, 64),
            instance_count=0,
        )
        session.add(series)
        session.flush()
    group.series[name] = series
    return series


def _count(study: StudyRow, series: SeriesRow, header: InstanceHeader, arrival: Arrival) -> None:
    if series.instance_count == 0:
        study.series_count += 1
    series.instance_count += 1
    study.instance_count += 1
    study.last_received_at = arrival.at
    modality = _fit(header.modality, 16)
    if modality and modality not in study.modalities:
        study.modalities = sorted([*study.modalities, modality])


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
        "blob_digest": arrival.ref.digest,
        "blob_locator": arrival.ref.locator,
        "blob_size": arrival.ref.size,
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
    )
