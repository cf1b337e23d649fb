"""Which study a file on a disk belongs to: told by the caller, by a list beside it, or by its own name."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from imaging_core.index.tables import StudyRow

LARGEST_LIST: Final = 4 * 1024 * 1024
_MOST_LINES: Final = 100_000
_SHORTEST: Final = 4
"""Of a word of a file name that is taken for an accession number: page numbers are shorter."""
_WORDS: Final = re.compile(r"[^\W_]+(?:-[^\W_]+)*|[^\W_]+")
_COLUMNS: Final = {
    "file": ("file", "文件", "文件名"),
    "accession_number": ("accession_number", "检查号", "检查流水号"),
    "study_instance_uid": ("study_instance_uid", "检查uid", "studyuid"),
    "title": ("title", "标题", "名称"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody said of a file. Without a UID or number, its name has to say it."""

    study_instance_uid: str = ""
    accession_number: str = ""
    title: str = ""

    @property
    def names_a_study(self) -> bool:
        """Return whether it says which study."""
        return bool(self.study_instance_uid or self.accession_number)


class NoStudy(Exception):
    """No study, or more than one, is meant; carries a reason code and a sentence without personal data."""

    def __init__(self, reason_code: str, reason: str) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


def read_list(content: bytes) -> dict[str, Told] | None:
    """Return what a CSV says of the files beside it, by name; None when it is no such list.

    Its first line names the columns: `file` and `accession_number` or `study_instance_uid`, perhaps `title`, or
    文件, 检查号, 检查UID, 标题. UTF-8 or GB18030, comma, semicolon or tab.
    """
    if len(content) > LARGEST_LIST or b"\0" in content:
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        headings = [heading.strip().lower() for heading in next(lines, [])]
        places = {
            name: next(place for place, heading in enumerate(headings) if heading in words)
            for name, words in _COLUMNS.items()
            if set(words) & set(headings)
        }
        if "file" not in places or not {"accession_number", "study_instance_uid"} & set(places):
            return None
        told: dict[str, Told] = {}
        for number, line in enumerate(lines):
            cells = {name: line[place].strip() for name, place in places.items() if place < len(line)}
            name = cells.pop("file", "")
            if name and number < _MOST_LINES:
                told[str(PurePosixPath(name.replace("\\", "/")))] = Told(**cells)
    except csv.Error:
        return None
    return told


def find_study(session: Session, institution_code: str, told: Told, file_name: str) -> StudyRow:
    """Return the one study that is meant.

    What was told counts alone; a file name is looked through for accession numbers, the whole of it first.

    Raises:
        NoStudy: Nobody has such a study here, or several have.
    """
    own = select(StudyRow).where(StudyRow.institution_code == institution_code)
    if told.study_instance_uid:
        return _one(session.scalars(own.where(StudyRow.study_instance_uid == told.study_instance_uid)).all())
    if told.accession_number:
        return _one(session.scalars(own.where(StudyRow.accession_number == told.accession_number).limit(2)).all())
    stem = PurePosixPath(file_name).stem
    if len(stem) >= _SHORTEST:
        whole = session.scalars(own.where(StudyRow.accession_number == stem).limit(2)).all()
        if whole:
            return _one(whole)
    words = {word for found in _WORDS.findall(stem) for word in (found, *found.split("-")) if len(word) >= _SHORTEST}
    return _one(session.scalars(own.where(StudyRow.accession_number.in_(words)).limit(2)).all() if words else [])


def _one(studies: Sequence[StudyRow]) -> StudyRow:
    if not studies:
        raise NoStudy("no_study", "no study of this institution is named by it or by what was told of it")
    if len(studies) > 1:
        raise NoStudy("several_studies", "more than one study is named; tell the Study Instance UID")
    return studies[0]
