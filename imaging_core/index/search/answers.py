"""Matches as DICOM JSON (PS3.18 F.2), written as text straight from the rows, without objects between."""

from collections.abc import Callable, Sequence
from datetime import date
from json.encoder import encode_basestring
from typing import Any, Final

from imaging_core.index.search.attributes import Attribute, Level

Writer = Callable[[Any], str]
"""The text of a value, empty for none."""
quoted: Final[Writer] = encode_basestring
_FIXED: Final = {"SpecificCharacterSet": '"ISO_IR 192"', "InstanceAvailability": '"ONLINE"'}
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


def write_matches(rows: Sequence[Sequence[Any]], level: Level, answered: Sequence[Attribute], address: str) -> str:
    """Return a JSON array of matches; `address` is that of the DICOMweb service.

    `rows` have the columns of `finding.columns_of`.
    """
    uids = max(level, 1)
    parts: list[tuple[str, str, Writer | None]] = []
    for item in answered:
        head = f'"{item.tag}":{{"vr":"{item.vr}"'
        if item.column is not None:
            parts.append((head, "", _BY_KEYWORD.get(item.keyword) or _BY_VR.get(item.vr, _text)))
        elif item.keyword in _FIXED:
            parts.append((f'{head},"Value":[{_FIXED[item.keyword]}]}}', "", None))
        else:
            parts.append((f'{head},"Value":["', "url", None))
    return f"[{','.join([_match(row, uids, parts, address) for row in rows])}]"


def _match(row: Sequence[Any], uids: int, parts: Sequence[tuple[str, str, Writer | None]], address: str) -> str:
    column = uids
    texts = []
    for head, kind, writer in parts:
        if writer is not None:
            value = writer(row[column])
            texts.append(f'{head},"Value":[{value}]}}' if value else head + "}")
            column += 1
        elif kind:
            texts.append(f'{head}{address}{_path(row, uids)}"]}}')
        else:
            texts.append(head)
    return f"{{{','.join(texts)}}}"


def _path(row: Sequence[Any], uids: int) -> str:
    path = f"/studies/{row[0]}"
    if uids > 1:
        path += f"/series/{row[1]}"
    return path if uids < 3 else f"{path}/instances/{row[2]}"


def _text(value: str) -> str:
    return quoted(value) if value else ""


def _several(value: str) -> str:
    return ",".join(map(quoted, value.split("\\"))) if value else ""


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _name(value: str) -> str:
    if not value:
        return ""
    groups = zip(_GROUPS, value.split("="), strict=False)
    return "{" + ",".join([f'"{name}":{quoted(group)}' for name, group in groups if group]) + "}"


def _date(value: date | None) -> str:
    return "" if value is None else f'"{value:%Y%m%d}"'


def _day(value: int) -> str:
    return f'"{value:08d}"' if value else ""


def _codes(value: Sequence[str]) -> str:
    return ",".join(map(quoted, value))


def _positive(value: int | None) -> str:
    return str(value) if value else ""  # what has no pixels has neither frames nor rows


_BY_VR: Final[dict[str, Writer]] = {
    "PN": _name,
    "IS": _number,
    "US": _positive,
    "DA": _date,
    "CS": _several,
    "UI": _several,
}
_BY_KEYWORD: Final[dict[str, Writer]] = {
    "StudyDate": _day,
    "ModalitiesInStudy": _codes,
    "NumberOfFrames": _positive,
}
