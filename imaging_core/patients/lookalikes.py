"""Records of one institution that may be one person: noticed when one is registered, decided by a person."""

from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from imaging_core.patients.comparing import compare_sexes, compare_values
from imaging_core.patients.decision_tables import LookalikeRow
from imaging_core.patients.matrix import Evidence, Issuer, Likeness, Source, Verdict, judge
from imaging_core.patients.names import compare_names
from imaging_core.patients.readings import pieces_of
from imaging_core.patients.tables import NAME_KEY_LENGTH, NameKeyRow, PatientRow

_MOST: Final = 20


def note_lookalikes(session: Session, row: PatientRow, now: datetime) -> None:
    """Note the other records that the conflict matrix holds for maybe the same person."""
    for other in _near(session, row):
        if compare_records(row, other) is not Verdict.NEW_MAYBE_KNOWN:
            continue
        first, second = sorted((row.id, other.id))
        known = select(LookalikeRow.id).where(
            LookalikeRow.first_patient == first, LookalikeRow.second_patient == second
        )
        if session.scalars(known).first() is None:
            session.add(
                LookalikeRow(
                    institution_code=row.institution_code, first_patient=first, second_patient=second, found_at=now
                )
            )
    session.flush()


def compare_records(one: PatientRow, other: PatientRow) -> Verdict:
    """Return what the matrix says of two records under two numbers."""
    return judge(
        Evidence(
            source=Source.REGISTRATION,
            same_number=False,
            issuer=Issuer.OURS,
            name=compare_names(one.name, other.name),
            sex=compare_sexes(one.sex, other.sex),
            birth_date=compare_values(one.birth_date, other.birth_date),
            identity=compare_identity(one, other),
        )
    )


def compare_identity(one: PatientRow, other: PatientRow) -> Likeness:
    """Return how ID numbers compare, else whether the phone agrees: families share one, and people change it."""
    by_number = compare_values(one.id_number_index, other.id_number_index)
    if by_number is Likeness.UNKNOWN and compare_values(one.phone_index, other.phone_index) is Likeness.SAME:
        return Likeness.SAME
    return by_number


def _near(session: Session, row: PatientRow) -> list[PatientRow]:
    others = select(PatientRow).where(
        PatientRow.institution_code == row.institution_code, PatientRow.id != row.id, PatientRow.merged_into.is_(None)
    )
    numbers = [
        column == value
        for column, value in (
            (PatientRow.id_number_index, row.id_number_index),
            (PatientRow.phone_index, row.phone_index),
        )
        if value
    ]
    found = {other.id: other for other in session.scalars(others.where(or_(*numbers)).limit(_MOST))} if numbers else {}
    whole = "".join(pieces_of(row.name))[:NAME_KEY_LENGTH]
    named = select(NameKeyRow.patient_key).where(
        NameKeyRow.institution_code == row.institution_code, NameKeyRow.inner.is_(False), NameKeyRow.key == whole
    )
    by_name = others.where(PatientRow.id.in_(named), PatientRow.birth_date == row.birth_date).limit(_MOST)
    return list((found | {other.id: other for other in session.scalars(by_name)}).values())
