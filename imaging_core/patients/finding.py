"""Finding the records of a person who was verified elsewhere."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.identity import id_number_fault, same_id_numbers
from imaging_core.patients.names import NameRule, names_another_person
from imaging_core.patients.registry import ID_NUMBER
from imaging_core.patients.tables import PatientRow


def patients_of_person(
    session: Session, cipher: FieldCipher, *, institution_code: InstitutionCode, id_number: str, name: str
) -> list[PatientKey]:
    """Return the patients of an institution with this resident ID number, in its 15- or 18-digit form.

    A name never finds anybody; it only takes away: children are registered with a parent's number.
    """
    if id_number_fault(id_number) is not None:
        return []
    indexes = {cipher.blind_index(number, purpose=ID_NUMBER) for number in same_id_numbers(id_number)}
    rows = session.scalars(
        select(PatientRow).where(
            PatientRow.institution_code == institution_code, PatientRow.id_number_index.in_(indexes)
        )
    )
    rule = NameRule.CHINESE_DECIDES
    return [
        PatientKey(row.id)
        for row in rows
        if not names_another_person(row, name=name, sex="", birth_date=None, rule=rule)
    ]
