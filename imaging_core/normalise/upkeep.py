"""Which studies are to be normalised again, and what goes when a study goes."""

from collections.abc import Sequence

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from imaging_core.index.tables import StudyRow
from imaging_core.normalise.tables import FindingRow, NormalisedSeriesRow, NormalisedStudyRow
from imaging_core.normalise.values import VERSION


def mark_all(session: Session, institution_code: str) -> int:
    """Ask for all studies of the index to be normalised again, also for those that never were; return how many."""
    session.execute(
        update(NormalisedStudyRow)
        .where(NormalisedStudyRow.institution_code == institution_code)
        .values(version=0, requested=NormalisedStudyRow.requested + 1)
    )
    known = select(NormalisedStudyRow.study_instance_uid).where(NormalisedStudyRow.institution_code == institution_code)
    new = session.scalars(
        select(StudyRow.study_instance_uid).where(
            StudyRow.institution_code == institution_code,
            StudyRow.instance_count > 0,
            StudyRow.study_instance_uid.not_in(known),
        )
    ).all()
    session.add_all(NormalisedStudyRow(institution_code=institution_code, study_instance_uid=uid) for uid in new)
    session.flush()
    return waiting(session, institution_code)


def waiting(session: Session, institution_code: str) -> int:
    """Return how many studies are to be normalised again."""
    return session.scalar(select(func.count()).select_from(waiting_studies(institution_code).subquery())) or 0


def institutions_waiting(session: Session) -> Sequence[str]:
    """Return the institutions that have such studies."""
    marked = select(NormalisedStudyRow.institution_code).where(NormalisedStudyRow.version < VERSION).distinct()
    return session.scalars(marked).all()


def forget_study(session: Session, institution_code: str, study_instance_uid: str) -> None:
    """Delete what is kept of a study that is no more."""
    row = session.scalars(of_study(institution_code, study_instance_uid).with_for_update()).one_or_none()
    if row is None:
        return
    for table in (FindingRow, NormalisedSeriesRow):
        for kept in session.scalars(select(table).where(table.study_id == row.id)):
            session.delete(kept)
    session.flush()
    session.delete(row)
    session.flush()


def waiting_studies(institution_code: str, *, after: int = 0) -> Select[int, str]:
    """Return a query of the studies that are marked or were done by older rules, in the order of their keys."""
    return (
        select(NormalisedStudyRow.id, NormalisedStudyRow.study_instance_uid)
        .where(
            NormalisedStudyRow.version < VERSION,
            NormalisedStudyRow.institution_code == institution_code,
            NormalisedStudyRow.id > after,
        )
        .order_by(NormalisedStudyRow.id)
    )


def of_study(institution_code: str, study_instance_uid: str) -> Select[NormalisedStudyRow]:
    """Return a query of what is kept of a study."""
    return select(NormalisedStudyRow).where(
        NormalisedStudyRow.institution_code == institution_code,
        NormalisedStudyRow.study_instance_uid == study_instance_uid,
    )
