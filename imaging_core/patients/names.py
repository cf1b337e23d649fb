"""Whether two records speak of the same person, by name and what stands beside it."""

from datetime import date
from enum import StrEnum

from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import PatientKey
from imaging_core.patients.identity import written_name
from imaging_core.patients.readings import readings_of
from imaging_core.patients.tables import PatientRow


class NameRule(StrEnum):
    """How much a differing name says."""

    NAME_AND_MORE = "name_and_more"
    """Typed at a modality: pinyin, titles, broken character sets. Birth date or sex must differ too."""
    CHINESE_DECIDES = "chinese_decides"
    """Both come from hospital records: two different Chinese names are two people."""


def names_another_person(patient: PatientRow, *, name: str, sex: str, birth_date: date | None, rule: NameRule) -> bool:
    """Return whether somebody else than this patient is described.

    A mistyped patient_id would show one patient's images or report to another. No name, or the
    same one in Chinese or pinyin, never contradicts. `name` may be a DICOM person name.
    """
    if not name or is_name_of(name, patient):
        return False
    if rule is NameRule.CHINESE_DECIDES and _is_chinese(name) and _is_chinese(patient.name):
        return True
    other_birth_date = None not in {birth_date, patient.birth_date} and birth_date != patient.birth_date
    return {sex, patient.sex} == {"M", "F"} or other_birth_date


def _pinyins(name: str) -> frozenset[str]:
    return frozenset("".join(syllable.read for syllable in reading) for reading in readings_of(name)) - {""}


def _is_chinese(name: str) -> bool:
    return any("\u3400" <= character <= "\u9fff" or character >= "\U00020000" for character in name)


def is_name_of(name: str, patient: PatientRow) -> bool:
    """Return whether a name as written anywhere, a DICOM person name too, is this patient's."""
    # PS3.5 6.2.1: alphabetic, ideographic and phonetic groups, each Family^Given.
    for group in name.split("="):
        if written_name(group).replace(" ", "") == patient.name.replace(" ", ""):
            return True
        # Pinyin only against pinyin: different Chinese names may sound the same.
        one_is_latin = not (_is_chinese(group) and _is_chinese(patient.name))
        # In any reading: whoever typed at the modality may not know that a surname is read otherwise.
        if one_is_latin and not _pinyins(group).isdisjoint(_pinyins(patient.name)):
            return True
    return False


def same_person_name(session: Session, patient: PatientKey, name: str) -> bool:
    """Return whether `name`, as read from a paper, is that of a patient of ours."""
    row = session.get(PatientRow, patient)
    return row is not None and is_name_of(name, row)
