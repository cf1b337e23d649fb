"""Questions to the index: one study, its series and instances. What is searched for by keys is found by `search`.

Only current instances count: a conflicting revision waits for a person and is never served.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow


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
