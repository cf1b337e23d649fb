"""Keeps what searching needs in step with each study, whoever writes it by the unit of work."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, event, insert, inspect
from sqlalchemy.orm import Mapper

from imaging_core.index.search.names import filed_names
from imaging_core.index.search.tables import StudyModalityRow, StudyNameRow
from imaging_core.index.tables import StudyRow


def day_number(day: date | None) -> int:
    """Return a day as a number that sorts, 0 for none.

    >>> day_number(date(2026, 3, 1))
    20260301
    """
    return 0 if day is None else day.year * 10000 + day.month * 100 + day.day


def name_rows(study_id: int, institution_code: str, day: int, person_name: str) -> list[dict[str, Any]]:
    """Return the rows of a study's patient name."""
    own = {"study_id": study_id, "institution_code": institution_code, "study_day": day}
    return [own | {"inner": item.inner, "text": item.text} for item in filed_names(person_name)]


def modality_rows(study_id: int, institution_code: str, day: int, modalities: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a study's modalities."""
    own = {"study_id": study_id, "institution_code": institution_code, "study_day": day}
    return [own | {"modality": modality} for modality in modalities]


@event.listens_for(StudyRow, "before_insert")
@event.listens_for(StudyRow, "before_update")
def _number_day(_mapper: Mapper[StudyRow], _connection: Connection, study: StudyRow) -> None:
    study.study_day = day_number(study.study_date)


@event.listens_for(StudyRow, "after_insert")
def _file(_mapper: Mapper[StudyRow], connection: Connection, study: StudyRow) -> None:
    _file_name(connection, study)
    _file_modalities(connection, study)


@event.listens_for(StudyRow, "after_update")
def _file_again(_mapper: Mapper[StudyRow], connection: Connection, study: StudyRow) -> None:
    changed = {name for name in _FILED if inspect(study).attrs[name].history.has_changes()}
    if changed & {"patient_name", "study_date"}:
        connection.execute(delete(StudyNameRow).where(StudyNameRow.study_id == study.id))
        _file_name(connection, study)
    if changed & {"modalities", "study_date"}:
        connection.execute(delete(StudyModalityRow).where(StudyModalityRow.study_id == study.id))
        _file_modalities(connection, study)


_FILED = ("patient_name", "study_date", "modalities")


def _file_name(connection: Connection, study: StudyRow) -> None:
    if rows := name_rows(study.id, study.institution_code, study.study_day, study.patient_name):
        connection.execute(insert(StudyNameRow), rows)


def _file_modalities(connection: Connection, study: StudyRow) -> None:
    if rows := modality_rows(study.id, study.institution_code, study.study_day, study.modalities or []):
        connection.execute(insert(StudyModalityRow), rows)
