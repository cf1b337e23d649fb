"""Which instances a C-MOVE or C-GET identifier means (PS3.4 C.4.2.2.1): unique keys only, no wildcards."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from imaging_core.blobs import BlobRef
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.retrieve.finding import Found

MOST: Final = 65_535
"""Numbers of sub-operations are 16 bits wide."""
_KEYS: Final = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
_COLUMNS: Final = {
    "PatientID": StudyRow.patient_id,
    "StudyInstanceUID": StudyRow.study_instance_uid,
    "SeriesInstanceUID": SeriesRow.series_instance_uid,
    "SOPInstanceUID": InstanceRow.sop_instance_uid,
}
_MOST_VALUES: Final = 10_000
_FIELDS: Final = [field.name for field in fields(Found) if field.name != "blob"]


class BadIdentifier(Exception):
    """The identifier does not say what to retrieve; PS3.4 answers it with A900."""


def wanted(identifier: Any, *, patient_root: bool) -> dict[str, list[str]]:  # noqa: ANN401  # a pydicom data set
    """Return the keys that count, each with its values.

    Raises:
        BadIdentifier: No level, the level's own key missing, or a wildcard.
    """
    level = str(identifier.get("QueryRetrieveLevel") or "").strip()
    if level not in _KEYS or (level == "PATIENT" and not patient_root):
        raise BadIdentifier("Query/Retrieve Level is missing or not of this model")
    found: dict[str, list[str]] = {}
    for at, key in _KEYS.items():
        if key == "PatientID" and not patient_root:
            continue  # PS3.4 C.6.2.1: in the study root model it is no unique key
        if values := _values(identifier.get(key), key):
            found[key] = values
        if at == level:
            break
    if _KEYS[level] not in found:
        raise BadIdentifier(f"{_KEYS[level]} is missing")
    return found


def matching_instances(session: Session, institution_code: str, keys: dict[str, list[str]]) -> Sequence[Found]:
    """Return the current instances of an institution, study after study in their order; at most one over `MOST`."""
    conditions: list[ColumnElement[bool]] = [_COLUMNS[key].in_(values) for key, values in keys.items()]
    rows = session.execute(
        select(*map(_column, _FIELDS), InstanceRow.blob_digest, InstanceRow.blob_size, InstanceRow.blob_locator)
        .join(SeriesRow, InstanceRow.series_id == SeriesRow.id)
        .join(StudyRow, SeriesRow.study_id == StudyRow.id)
        .where(InstanceRow.institution_code == institution_code, InstanceRow.current, *conditions)
        .order_by(StudyRow.id, SeriesRow.series_number, SeriesRow.id, InstanceRow.instance_number, InstanceRow.id)
        .limit(MOST + 1)
    )
    width = len(_FIELDS)
    return [Found(**dict(zip(_FIELDS, row, strict=False)), blob=BlobRef(*row[width:])) for row in rows]


def _column(name: str) -> Any:  # noqa: ANN401  # SQLAlchemy's type of a column
    return next(getattr(table, name) for table in (InstanceRow, SeriesRow, StudyRow) if hasattr(table, name))


def _values(value: Any, key: str) -> list[str]:  # noqa: ANN401
    if value is None:
        return []
    several = [value] if isinstance(value, str) else list(value)
    values = [str(item).strip("\0 ") for item in several]
    values = [item for item in values if item]
    if len(values) > _MOST_VALUES:
        raise BadIdentifier(f"{key} has more than {_MOST_VALUES} values")
    if any("*" in item or "?" in item for item in values):
        raise BadIdentifier(f"{key} must name what to retrieve, without wildcards")
    return values
