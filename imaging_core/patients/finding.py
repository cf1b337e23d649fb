"""Finding the records of one person by resident ID number."""

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.identity import id_number_fault, same_id_numbers
from imaging_core.patients.names import names_another_person
from imaging_core.patients.registry import ID_NUMBER
from imaging_core.patients.tables import PatientRow


def with_id_number(cipher: FieldCipher, id_number: str) -> Select[PatientRow]:
    """Select the patients registered with this number, in its 15- or 18-digit form, at any institution.

    Of merged records it selects the one that stands for the person.
    """
    indexes = {cipher.blind_index(written, purpose=ID_NUMBER) for written in same_id_numbers(id_number)}
    merged = select(PatientRow.merged_into).where(
        PatientRow.id_number_index.in_(indexes), PatientRow.merged_into.is_not(None)
    )
    return select(PatientRow).where(
        PatientRow.merged_into.is_(None), or_(PatientRow.id_number_index.in_(indexes), PatientRow.id.in_(merged))
    )


def patients_of_person(
    session: Session, cipher: FieldCipher, *, institution_code: InstitutionCode, id_number: str, name: str
) -> list[PatientKey]:
    """Return the patients of an institution with this resident ID number, in its 15- or 18-digit form.

    A name never finds anybody; it only takes away: children are registered with a parent's number.
    """
    if id_number_fault(id_number) is not None:
        return []
    rows = session.scalars(with_id_number(cipher, id_number).where(PatientRow.institution_code == institution_code))
    return [PatientKey(row.id) for row in rows if not names_another_person(row, name=name, sex="", birth_date=None)]
