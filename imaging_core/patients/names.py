"""Whether two records speak of the same person, by name and what stands beside it."""

from datetime import date

from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import PatientKey
from imaging_core.patients.identity import written_name
from imaging_core.patients.matrix import NameLikeness
from imaging_core.patients.readings import readings_of
from imaging_core.patients.tables import PatientRow


def names_another_person(patient: PatientRow, *, name: str, sex: str, birth_date: date | None) -> bool:
    """Return whether a hospital record speaks of somebody else than this patient.

    Two different Chinese names are two people; a name in another writing needs another sex or birth date too. No
    name, or the same one in Chinese or pinyin, never contradicts. Images are judged by the conflict matrix instead.
    """
    if not name or is_name_of(name, patient):
        return False
    if _is_chinese(name) and _is_chinese(patient.name):
        return True
    other_birth_date = None not in {birth_date, patient.birth_date} and birth_date != patient.birth_date
    return {sex, patient.sex} == {"M", "F"} or other_birth_date


def _pinyins(name: str) -> frozenset[str]:
    return frozenset("".join(syllable.read for syllable in reading) for reading in readings_of(name)) - {""}


def _is_chinese(name: str) -> bool:
    return any("\u3400" <= character <= "\u9fff" or character >= "\U00020000" for character in name)


def is_name_of(name: str, patient: PatientRow) -> bool:
    """Return whether a name as written anywhere, a DICOM person name too, is this patient's."""
    return compare_names(name, patient.name) in {NameLikeness.SAME, NameLikeness.VARIANT}


def compare_names(name: str, known: str) -> NameLikeness:
    """Return how a name as written anywhere, a DICOM person name too, compares with one on record.

    >>> compare_names("CE^SHI", "测试"), compare_names("测^试=CE^SHI", "测试")
    (<NameLikeness.VARIANT: 'variant'>, <NameLikeness.SAME: 'same'>)
    """
    # PS3.5 6.2.1: alphabetic, ideographic and phonetic groups, each Family^Given.
    found = {_compare(group, known) for group in name.split("=")}
    return next(likeness for likeness in NameLikeness if likeness in found)


def _compare(group: str, known: str) -> NameLikeness:
    written, on_record = (written_name(text).replace(" ", "").casefold() for text in (group, known))
    if not written or not on_record:
        return NameLikeness.ABSENT
    if written == on_record:
        return NameLikeness.SAME
    both_chinese = _is_chinese(group) and _is_chinese(known)
    # Pinyin only against pinyin: different Chinese names may sound the same. In any reading: whoever typed at the
    # modality may not know that a surname is read otherwise.
    if not both_chinese and not _pinyins(group).isdisjoint(_pinyins(known)):
        return NameLikeness.VARIANT
    one_is_chinese = _is_chinese(group) != _is_chinese(known)
    return NameLikeness.UNLIKE if one_is_chinese else NameLikeness.DIFFERENT


def same_person_name(session: Session, patient: PatientKey, name: str) -> bool:
    """Return whether `name`, as read from a paper, is that of a patient of ours."""
    row = session.get(PatientRow, patient)
    return row is not None and is_name_of(name, row)
