"""Visits of merged records count for the one that stands for the person: they start the retention clock."""

from datetime import datetime

from imaging_core.patients.tables import PatientRow


def take_over_visits(survivor: PatientRow, gone: PatientRow) -> None:
    """Let the later visit and discharge of both count."""
    if _later(gone.last_visit_at, survivor.last_visit_at):
        survivor.last_visit_at, survivor.encounter_class = gone.last_visit_at, gone.encounter_class
    if _later(gone.discharged_at, survivor.discharged_at):
        survivor.discharged_at = gone.discharged_at


def visits_of(row: PatientRow) -> dict[str, str | None]:
    """Return the visits of a record as they are written down with a decision."""
    return {
        "last_visit_at": row.last_visit_at.isoformat() if row.last_visit_at else None,
        "discharged_at": row.discharged_at.isoformat() if row.discharged_at else None,
        "encounter_class": row.encounter_class,
    }


def set_visits(row: PatientRow, visits: dict[str, str | None]) -> None:
    """Put back what `visits_of` returned."""
    last, discharged = visits["last_visit_at"], visits["discharged_at"]
    row.last_visit_at = datetime.fromisoformat(last) if last else None
    row.discharged_at = datetime.fromisoformat(discharged) if discharged else None
    row.encounter_class = visits["encounter_class"]


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one > other)
