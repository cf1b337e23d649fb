"""Index rows of one arrival: found or made, counted, and told to the change feed. Never commits."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.blobs import BlobRef
from imaging_core.dicom.header import InstanceHeader
from imaging_core.index.feed import INSTANCE_CONFLICT, INSTANCE_STORED
from imaging_core.index.tables import ChangeRow, InstanceRow, QuarantineRow, SeriesRow, StudyRow
from imaging_core.ingest.results import Origin, StoreOutcome, StoreResult
from imaging_core.patients.matching import match_study


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that arrived: for whom, from where, where they are kept, when."""

    institution_code: str
    origin: Origin
    ref: BlobRef
    dataset_digest: str
    at: datetime


def file_instance(session: Session, header: InstanceHeader, arrival: Arrival) -> StoreResult:
    """Write the rows of an instance; a no-op when the same instance is here already."""
    study = _find_study(session, header, arrival)
    known = session.scalars(
        select(InstanceRow)
        .where(
            InstanceRow.institution_code == arrival.institution_code,
            InstanceRow.sop_instance_uid == header.sop_instance_uid,
        )
        .order_by(InstanceRow.revision)
    ).all()
    if any(_is_same(row, header, arrival) for row in known):
        return _result(StoreOutcome.ALREADY_STORED, header, arrival)
    series = _find_series(session, study, header)
    instance = _instance_row(header, arrival)
    instance.series = series
    session.add(instance)
    if known:
        # nothing is overwritten: the newcomer waits beside the current one
        instance.revision, instance.current, instance.conflict = known[-1].revision + 1, False, True
        for row in known:
            row.conflict = True
        kind, outcome = INSTANCE_CONFLICT, StoreOutcome.CONFLICT_KEPT
    else:
        _count(study, series, header, arrival)
        kind, outcome = INSTANCE_STORED, StoreOutcome.STORED
    session.flush()
    if study.instance_count == 1 and outcome is StoreOutcome.STORED:
        match_study(session, study, arrival.at)
    session.add(
        ChangeRow(
            institution_code=arrival.institution_code,
            kind=kind,
            study_instance_uid=study.study_instance_uid,
            subject=header.sop_instance_uid,
            at=arrival.at,
        )
    )
    return _result(outcome, header, arrival)


def quarantine(session: Session, reason_code: str, reason: str, arrival: Arrival) -> StoreResult:
    """Put bytes that cannot be filed where a person will look; the same bytes twice wait once."""
    waiting = select(QuarantineRow.id).where(
        QuarantineRow.institution_code == arrival.institution_code,
        QuarantineRow.blob_digest == arrival.ref.digest,
        QuarantineRow.resolved_at.is_(None),
    )
    if session.scalars(waiting.limit(1)).one_or_none() is None:
        session.add(
            QuarantineRow(
                institution_code=arrival.institution_code,
                channel=str(arrival.origin.channel),
                reason_code=reason_code,
                reason=reason,
                blob_digest=arrival.ref.digest,
                blob_locator=arrival.ref.locator,
                blob_size=arrival.ref.size,
                received_at=arrival.at,
            )
        )
    return StoreResult(
        outcome=StoreOutcome.QUARANTINED, digest=arrival.ref.digest, reason_code=reason_code, reason=reason
    )


def _is_same(row: InstanceRow, header: InstanceHeader, arrival: Arrival) -> bool:
    if row.blob_digest == arrival.ref.digest:
        return True
    same_encoding = row.transfer_syntax_uid == header.transfer_syntax_uid
    return same_encoding and row.dataset_digest == arrival.dataset_digest


def _find_study(session: Session, header: InstanceHeader, arrival: Arrival) -> StudyRow:
    """Return the study, locked against other writers of the same study, made when new."""
    study = session.scalars(
        select(StudyRow)
        .where(
            StudyRow.institution_code == arrival.institution_code,
            StudyRow.study_instance_uid == header.study_instance_uid,
        )
        .with_for_update()
    ).one_or_none()
    if study is None:
        study = _study_row(header, arrival)
        session.add(study)
    return study


def _find_series(session: Session, study: StudyRow, header: InstanceHeader) -> SeriesRow:
    series = None
    if study.id is not None:
        series = session.scalars(
            select(SeriesRow).where(
                SeriesRow.study_id == study.id, SeriesRow.series_instance_uid == header.series_instance_uid
            )
        ).one_or_none()
    if series is None:
        series = SeriesRow(
            institution_code=study.institution_code,
            study=study,
            series_instance_uid=header.series_instance_uid,
            modality=_fit(header.modality, 16),
            series_number=header.series_number,
            series_description=_fit(header.series_description, 256),
            body_part_examined=_fit(header.body_part_examined, 64),
            instance_count=0,
        )
        session.add(series)
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


def _instance_row(header: InstanceHeader, arrival: Arrival) -> InstanceRow:
    return InstanceRow(
        institution_code=arrival.institution_code,
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=header.instance_number,
        number_of_frames=header.number_of_frames,
        rows=header.rows,
        columns=header.columns,
        blob_digest=arrival.ref.digest,
        blob_locator=arrival.ref.locator,
        blob_size=arrival.ref.size,
        dataset_digest=arrival.dataset_digest,
        received_at=arrival.at,
        received_from=_fit(f"{arrival.origin.channel}:{arrival.origin.peer}", 128),
    )


def _fit(text: str, length: int) -> str:
    # lenient: an overlong value is cut in the index; the received bytes keep it
    return text[:length]


def _result(outcome: StoreOutcome, header: InstanceHeader, arrival: Arrival) -> StoreResult:
    return StoreResult(
        outcome=outcome,
        digest=arrival.ref.digest,
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        study_instance_uid=header.study_instance_uid,
    )
