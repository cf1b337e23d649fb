"""The patient index: register, update, discharge, find."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.index.tables import ChangeRow
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.comparing import compare_sexes, compare_values
from imaging_core.patients.errors import IdentityConflict, PatientNotFound
from imaging_core.patients.identity import normalise_id_number, normalise_phone, written_name
from imaging_core.patients.lookalikes import note_lookalikes
from imaging_core.patients.matching import match_studies
from imaging_core.patients.matrix import Evidence, Issuer, Source, Verdict, judge
from imaging_core.patients.name_search import file_name
from imaging_core.patients.names import compare_names
from imaging_core.patients.registration import Registration
from imaging_core.patients.tables import PatientRow
from imaging_core.patients.visits import take_over_visits

PHONE = "phone"
ID_NUMBER = "id_number"


def register_patient(session: Session, cipher: FieldCipher, registration: Registration, now: datetime) -> PatientKey:
    """Register a patient or update a known one, and take over studies that came before.

    Raises:
        IdentityConflict: the patient_id is known with another name and another ID number. A changed
            name alone (a newborn gets one) or a corrected ID number alone is an update.
    """
    row = _row_of(session, registration.institution_code, registration.patient_id)
    known = row is not None
    if row is None:
        row = PatientRow(
            institution_code=registration.institution_code, patient_id=registration.patient_id, registered_at=now
        )
        session.add(row)
    else:
        _refuse_another_person(cipher, row, registration)
    name_before = row.name
    _take_over(row, registration, now)
    if registration.phone is not None:
        _set_phone(cipher, row, normalise_phone(registration.phone))
    if registration.id_number is not None:
        _set_id_number(cipher, row, normalise_id_number(registration.id_number))
    session.flush()
    if row.name != name_before:
        file_name(session, row)
    if row.merged_into is not None:
        take_over_visits(surviving(session, row), row)
    else:
        note_lookalikes(session, row, now)
    match_studies(session, PatientKey(row.id), now)
    _record(session, row, "patient_updated" if known else "patient_registered", now)
    return PatientKey(row.id)


def record_discharge(
    session: Session,
    *,
    institution_code: InstitutionCode,
    patient_id: str,
    discharged_at: datetime,
    now: datetime,
) -> PatientKey:
    """Note a discharge (出院). An older one than is known changes nothing. Raises `PatientNotFound`."""
    row = _row_of(session, institution_code, patient_id)
    if row is None:
        raise PatientNotFound(institution_code)
    row = surviving(session, row)
    if row.discharged_at is None or row.discharged_at < discharged_at:
        row.discharged_at = discharged_at
        row.updated_at = now
        session.flush()
        _record(session, row, "patient_discharged", now)
    return PatientKey(row.id)


def find_patient(session: Session, *, institution_code: InstitutionCode, patient_id: str) -> PatientKey | None:
    """Return the patient with this number of the hospital; of merged records the one that stands for the person."""
    row = _row_of(session, institution_code, patient_id)
    return None if row is None else PatientKey(surviving(session, row).id)


def addressed_record(session: Session, *, institution_code: InstitutionCode, patient_id: str) -> PatientRow | None:
    """Return the record that has this number itself, merged or not."""
    return _row_of(session, institution_code, patient_id)


def surviving(session: Session, row: PatientRow) -> PatientRow:
    """Return the record that stands for the person of this one."""
    while row.merged_into is not None:
        row = session.get_one(PatientRow, row.merged_into)
    return row


def with_own(session: Session, patient: PatientKey, column: str) -> PatientRow | None:
    """Return the record of a person that holds a sealed field: the patient's own, else one merged into it."""
    row = session.get(PatientRow, patient)
    if row is None or getattr(row, column) is not None:
        return row
    merged = select(PatientRow).where(PatientRow.merged_into == patient, getattr(PatientRow, column).is_not(None))
    return session.scalars(merged.order_by(PatientRow.updated_at.desc(), PatientRow.id).limit(1)).first() or row


def phone_of(session: Session, cipher: FieldCipher, patient: PatientKey) -> str | None:
    """Return the phone on record, to send a code to it; never to show it."""
    row = with_own(session, patient, "phone_sealed")
    if row is None or row.phone_sealed is None:
        return None
    return cipher.decrypt(row.phone_sealed, row=_row_name(row, PHONE))


def id_number_of(session: Session, cipher: FieldCipher, patient: PatientKey) -> str | None:
    """Return the ID number on record, to find the same person at other institutions; never to show it."""
    row = with_own(session, patient, "id_number_sealed")
    if row is None or row.id_number_sealed is None:
        return None
    return cipher.decrypt(row.id_number_sealed, row=_row_name(row, ID_NUMBER))


def reseal_patient(session: Session, cipher: FieldCipher, patient: PatientKey) -> bool:
    """Put the sealed fields of a patient under the current key; return whether anything changed."""
    row = session.get_one(PatientRow, patient)
    changed = False
    if row.phone_sealed is not None and cipher.needs_resealing(row.phone_sealed):
        row.phone_sealed = cipher.reseal(row.phone_sealed, row=_row_name(row, PHONE))
        changed = True
    if row.id_number_sealed is not None and cipher.needs_resealing(row.id_number_sealed):
        row.id_number_sealed = cipher.reseal(row.id_number_sealed, row=_row_name(row, ID_NUMBER))
        changed = True
    return changed


def _row_of(session: Session, institution_code: InstitutionCode, patient_id: str) -> PatientRow | None:
    return session.scalars(
        select(PatientRow).where(PatientRow.institution_code == institution_code, PatientRow.patient_id == patient_id)
    ).one_or_none()


def _refuse_another_person(cipher: FieldCipher, row: PatientRow, registration: Registration) -> None:
    arrived = _index_of(cipher, registration.id_number)
    evidence = Evidence(
        source=Source.REGISTRATION,
        same_number=True,
        issuer=Issuer.OURS,
        name=compare_names(registration.name, row.name),
        sex=compare_sexes(registration.sex or "", row.sex),
        birth_date=compare_values(registration.birth_date, row.birth_date),
        identity=compare_values(arrived, row.id_number_index),
    )
    if judge(evidence) is not Verdict.LINKED:
        raise IdentityConflict(registration.institution_code)


def _index_of(cipher: FieldCipher, id_number: str | None) -> str | None:
    return cipher.blind_index(normalise_id_number(id_number), purpose=ID_NUMBER) if id_number else None


def _take_over(row: PatientRow, registration: Registration, now: datetime) -> None:
    row.name = written_name(registration.name)
    if registration.sex is not None:
        row.sex = registration.sex
    if registration.birth_date is not None:
        row.birth_date = registration.birth_date
    # Messages overtake each other: an older visit never hides a newer one.
    is_newest = registration.visit_at is None or row.last_visit_at is None or registration.visit_at >= row.last_visit_at
    if is_newest:
        row.last_visit_at = registration.visit_at or row.last_visit_at
        row.encounter_class = registration.encounter_class or row.encounter_class
    row.updated_at = now


def _set_phone(cipher: FieldCipher, row: PatientRow, phone: str) -> None:
    row.phone_sealed = cipher.encrypt(phone, row=_row_name(row, PHONE)) if phone else None
    row.phone_index = cipher.blind_index(phone, purpose=PHONE) if phone else None


def _set_id_number(cipher: FieldCipher, row: PatientRow, id_number: str) -> None:
    row.id_number_sealed = cipher.encrypt(id_number, row=_row_name(row, ID_NUMBER)) if id_number else None
    row.id_number_index = cipher.blind_index(id_number, purpose=ID_NUMBER) if id_number else None


def _row_name(row: PatientRow, column: str) -> str:
    # The hospital's number instead of the row id, which does not exist before the first flush.
    return f"patients\0{row.institution_code}\0{row.patient_id}\0{column}"


def _record(session: Session, row: PatientRow, kind: str, now: datetime) -> None:
    session.add(ChangeRow(institution_code=row.institution_code, kind=kind, subject=str(row.id), at=now))
