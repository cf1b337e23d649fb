"""Finding patients by name as it is typed: 张三, zhangsan, zhang san, zs, 张san, or an inner part of these."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from imaging_core.domain.identifiers import InstitutionCode, PatientKey
from imaging_core.index.tables import StudyRow
from imaging_core.patients.readings import Reading, is_han, pieces_of, readings_of
from imaging_core.patients.tables import NAME_KEY_LENGTH, NameKeyRow, PatientRow

_MOST_SYLLABLES = 16
_MOST_CANDIDATES = 1000
"""How many of those that fit are ordered; who types so little types on, and a common surname costs no more."""
_BEHIND_ALL = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class FoundPatient:
    """A patient and the day of the newest examination held here."""

    patient: PatientRow = field(repr=False)
    last_exam_on: date | None


@dataclass(frozen=True, slots=True)
class NameKey:
    """A beginning by which a name is found."""

    key: str = field(repr=False)
    inner: bool


def keys_of(name: str) -> frozenset[NameKey]:
    """Return every beginning by which a name is found.

    >>> sorted(item.key for item in keys_of("张三") if not item.inner)
    ['zhangsan', 'zs', '张三']
    """
    return frozenset(chain.from_iterable(map(_keys, readings_of(name))))


def can_be_searched(text: str) -> bool:
    """Return whether a text says enough: one Chinese character, or two letters of pinyin."""
    return any(map(_says_enough, _typed(text)))


def file_name(session: Session, patient: PatientRow) -> None:
    """Write the keys of a patient's name, in place of those of an earlier one."""
    session.execute(delete(NameKeyRow).where(NameKeyRow.patient_key == patient.id))
    if rows := name_rows(PatientKey(patient.id), InstitutionCode(patient.institution_code), patient.name):
        session.execute(insert(NameKeyRow), rows)


def name_rows(patient: PatientKey, institution_code: InstitutionCode, name: str) -> list[dict[str, object]]:
    """Return the rows of a name's keys."""
    return [
        {"patient_key": patient, "institution_code": institution_code, "inner": item.inner, "key": item.key}
        for item in keys_of(name)
    ]


def find_by_name(
    session: Session,
    *,
    institution_code: InstitutionCode,
    text: str,
    first: Sequence[PatientKey] = (),
    limit: int,
) -> list[FoundPatient]:
    """Return patients of an institution whose name fits: those of `first`, in its order, before all others.

    Then who is called exactly so, whose name begins so, in whose name it stands; the newest examination leads in each.
    """
    typed = [key for key in _typed(text) if _says_enough(key)]
    if not typed:
        return []
    fitting, own = _fitting(typed, text), PatientRow.institution_code == institution_code
    found: dict[PatientKey, FoundPatient] = {}
    if first:
        known = _best(session, fitting.where(NameKeyRow.patient_key.in_(first)), own, limit=len(first))
        found = {key: known[key] for key in first if key in known}
    for inner in (False, True):
        if len(found) < limit:
            there = fitting.where(NameKeyRow.institution_code == institution_code, NameKeyRow.inner == inner)
            # whole names come before longer ones
            candidates = there.order_by(NameKeyRow.key).limit(_MOST_CANDIDATES)
            found |= _best(session, candidates, own, PatientRow.id.not_in(found), limit=limit - len(found))
    return list(found.values())[:limit]


def _keys(reading: Reading) -> Iterator[NameKey]:
    for start in range(min(len(reading), _MOST_SYLLABLES)):
        rest = reading[start:]
        for key in (
            "".join(syllable.written for syllable in rest),
            "".join(syllable.read for syllable in rest),
            "".join(syllable.read[:1] for syllable in rest),
        ):
            if _says_enough(key):
                yield NameKey(key[:NAME_KEY_LENGTH], inner=start > 0)


def _says_enough(key: str) -> bool:
    return len(key) > 1 or is_han(key)


def _typed(text: str) -> list[str]:
    """Return what a text may be the beginning of. Characters beside letters are taken as pinyin too: 张san."""
    typed = ["".join(pieces_of(text))]
    if _is_mixed(text):
        typed += ["".join(syllable.read for syllable in reading) for reading in readings_of(text)]
    return [key[:NAME_KEY_LENGTH] for key in typed]


def _is_mixed(text: str) -> bool:
    return {is_han(piece) for piece in pieces_of(text)} == {True, False}


def _fitting(typed: Sequence[str], text: str) -> Select[int, bool]:
    begins = or_(*(and_(NameKeyRow.key >= key, NameKeyRow.key < key + _BEHIND_ALL) for key in typed))
    query = select(NameKeyRow.patient_key, NameKeyRow.key.in_(typed).label("exact")).where(begins)
    if not _is_mixed(text):
        return query
    # Of those that sound so, only who is written so.
    written = (PatientRow.name.contains(part, autoescape=True) for part in pieces_of(text) if is_han(part))
    return query.join(PatientRow, PatientRow.id == NameKeyRow.patient_key).where(*written)


def _best(
    session: Session, candidates: Select[int, bool], *conditions: ColumnElement[bool], limit: int
) -> dict[PatientKey, FoundPatient]:
    each = candidates.subquery()
    exact = func.max(case((each.c.exact, 1), else_=0)).label("exact")
    of_patients = select(each.c.patient_key, exact).group_by(each.c.patient_key).subquery()
    newest = (
        select(func.max(StudyRow.study_date))
        .where(StudyRow.patient_key == PatientRow.id, StudyRow.instance_count > 0)
        .scalar_subquery()
        .label("newest")
    )
    query = (
        select(PatientRow, newest)
        .join(of_patients, of_patients.c.patient_key == PatientRow.id)
        .where(PatientRow.merged_into.is_(None), *conditions)
        .order_by(of_patients.c.exact.desc(), newest.desc().nulls_last(), PatientRow.name, PatientRow.id)
        .limit(limit)
    )
    return {PatientKey(row.id): FoundPatient(row, on) for row, on in session.execute(query)}
