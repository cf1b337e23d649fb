"""Questions to the index: one study, its series and instances, and a search in the manner of QIDO-RS.

Only current instances count: a conflicting revision waits for a person and is never served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, String, cast, select
from sqlalchemy.orm import Session

from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyQuery:
    """Matching keys of a study search; empty ones match everything (PS3.4 C.2.2.2.3).

    `patient_name` may hold the wildcards `*` and `?` and ignores case.
    """

    patient_id: str = ""
    patient_name: str = ""
    accession_number: str = ""
    study_instance_uid: str = ""
    modality: str = ""
    study_date_from: date | None = None
    study_date_to: date | None = None
    limit: int = 50
    offset: int = 0


def study(session: Session, institution_code: str, study_instance_uid: str) -> StudyRow | None:
    """Return one study, None when the institution has none of this UID."""
    return session.scalars(
        select(StudyRow).where(
            StudyRow.institution_code == institution_code, StudyRow.study_instance_uid == study_instance_uid
        )
    ).one_or_none()


def series_of(session: Session, study_row: StudyRow) -> Sequence[SeriesRow]:
    """Return the series of a study that have instances, by Series Number; those without number come last."""
    return session.scalars(
        select(SeriesRow)
        .where(SeriesRow.study_id == study_row.id, SeriesRow.instance_count > 0)
        .order_by(SeriesRow.series_number.is_(None), SeriesRow.series_number, SeriesRow.series_instance_uid)
    ).all()


def instances_of(session: Session, series_row: SeriesRow) -> Sequence[InstanceRow]:
    """Return the current instances of a series by Instance Number; the anatomical order is in the manifest."""
    return session.scalars(
        select(InstanceRow)
        .where(InstanceRow.series_id == series_row.id, InstanceRow.current)
        .order_by(InstanceRow.instance_number.is_(None), InstanceRow.instance_number, InstanceRow.sop_instance_uid)
    ).all()


def instance(
    session: Session, institution_code: str, study_instance_uid: str, sop_instance_uid: str
) -> InstanceRow | None:
    """Return the current instance of a study, None when there is none."""
    return session.scalars(
        select(InstanceRow)
        .join(SeriesRow, InstanceRow.series_id == SeriesRow.id)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(
            InstanceRow.institution_code == institution_code,
            InstanceRow.sop_instance_uid == sop_instance_uid,
            InstanceRow.current,
            StudyRow.study_instance_uid == study_instance_uid,
        )
    ).one_or_none()


def search_studies(session: Session, institution_code: str, query: StudyQuery) -> Sequence[StudyRow]:
    """Return the matching studies, newest first; ties keep one order over all pages."""
    return session.scalars(
        select(StudyRow)
        .where(StudyRow.institution_code == institution_code, StudyRow.instance_count > 0, *_conditions(query))
        .order_by(StudyRow.study_date.desc().nulls_last(), StudyRow.id.desc())
        .limit(query.limit)
        .offset(query.offset)
    ).all()


def _conditions(query: StudyQuery) -> list[ColumnElement[bool]]:
    equal = {
        StudyRow.patient_id: query.patient_id,
        StudyRow.accession_number: query.accession_number,
        StudyRow.study_instance_uid: query.study_instance_uid,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value]
    if query.patient_name:
        conditions.append(StudyRow.patient_name.ilike(_like(query.patient_name), escape="\\"))
    if query.modality:
        # modalities is a JSON list of code strings, which hold no quotes
        conditions.append(cast(StudyRow.modalities, String).contains(f'"{query.modality}"', autoescape=True))
    if query.study_date_from is not None:
        conditions.append(StudyRow.study_date >= query.study_date_from)
    if query.study_date_to is not None:
        conditions.append(StudyRow.study_date <= query.study_date_to)
    return conditions


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
