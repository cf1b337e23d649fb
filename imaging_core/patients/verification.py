"""Checking that the person at the door knows the phone or ID number on record."""

import hmac

from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import PatientKey
from imaging_core.patients.cipher import FieldCipher
from imaging_core.patients.identity import normalise_phone, same_id_numbers
from imaging_core.patients.registry import ID_NUMBER, PHONE, with_own

# Compared against where nothing is on record, so that this takes as long; no HMAC in hexadecimal equals it.
_NOTHING = "-" * 64


def verify_phone(session: Session, cipher: FieldCipher, patient: PatientKey, phone: str) -> bool:
    """Return whether `phone` is the one on record. Unknown patient, no phone and a wrong one look the same."""
    row = with_own(session, patient, "phone_index")
    on_record = (row.phone_index if row else None) or _NOTHING
    return hmac.compare_digest(cipher.blind_index(normalise_phone(phone), purpose=PHONE), on_record)


def verify_id_number(session: Session, cipher: FieldCipher, patient: PatientKey, id_number: str) -> bool:
    """Return whether `id_number` is the one on record, in its 15- or 18-digit form."""
    row = with_own(session, patient, "id_number_index")
    on_record = (row.id_number_index if row else None) or _NOTHING
    matches = [
        hmac.compare_digest(cipher.blind_index(number, purpose=ID_NUMBER), on_record)
        for number in same_id_numbers(id_number)
    ]
    return any(matches)
