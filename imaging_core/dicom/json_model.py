"""The DICOM JSON model (PS3.18 F.2) of a received data set: all its attributes, text as UTF-8, large values by address.

Written by hand like the header scanner, and for the same reasons: it reads what strangers sent, in the serving
process, allocates nothing by a declared length, and costs a tenth of what a general parser does.
"""

import base64
import math
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from pydicom.datadict import dictionary_VR

from imaging_core.dicom.charset import decode_text
from imaging_core.dicom.elements import ITEM, ITEM_END, PIXEL_TAGS, SEQUENCE_END, UNDEFINED_LENGTH
from imaging_core.dicom.limits import Limits
from imaging_core.errors import DamagedDicom, LimitExceeded

Json = dict[str, Any]

INLINE_BYTES: Final = 1024
"""Binary values up to this size stand in the JSON itself; larger ones have an address."""
_TEXT_BYTES: Final = 1024 * 1024
_CHARSET: Final = 0x00080005
_SIGN: Final = 0x00280103
_SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_BINARY: Final = {"OB": 1, "OD": 8, "OF": 4, "OL": 4, "OV": 8, "OW": 2, "UN": 1}
_NUMBERS: Final = {"FL": "f", "FD": "d", "SL": "l", "SS": "h", "SV": "q", "UL": "L", "US": "H", "UV": "Q"}
_ONE_TEXT: Final = frozenset({"LT", "ST", "UR", "UT"})
"""Never several values: a backslash is a character."""
_IN_CHARSET: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_INTEGER: Final = re.compile(r"[+-]?\d{1,15}")
_PN_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


@dataclass(frozen=True, slots=True)
class BulkValue:
    """Where a value that is not in the JSON lies, counted within the data set's bytes as they were given."""

    offset: int
    length: int
    vr: str


@dataclass(slots=True)
class JsonModel:
    """The attributes of a data set, and its values that have an address, by path: `tag` or `tag/item/tag…`."""

    attributes: Json = field(default_factory=dict)
    bulk: dict[str, BulkValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetBytes:
    """A data set without the value of its pixels.

    `before` ends where that value begins, `after` is what follows it, at `after_offset`. A data set without pixels,
    or given whole, has no `after`.
    """

    before: bytes
    start: int
    explicit_vr: bool
    little_endian: bool
    after: bytes = b""
    after_offset: int = 0


def json_model(dataset: DatasetBytes, limits: Limits, *, address: str) -> JsonModel:
    """Return the attributes of a data set; `address` + path is where a value that is not in them is found.

    Raises:
        DamagedDicom: The structure ends early or is none.
        LimitExceeded: Too many elements or too deep.
    """
    reader = _Reader(limits, address)
    model = JsonModel()
    place = _Place(model, [], little_endian=dataset.little_endian, explicit=dataset.explicit_vr)
    reader.elements(dataset.before, dataset.start, len(dataset.before), place, model.attributes, base=0)
    if dataset.after:
        reader.elements(dataset.after, 0, len(dataset.after), place, model.attributes, base=dataset.after_offset)
    return model


@dataclass(slots=True)
class _Place:
    """What holds for the elements of one data set or item."""

    model: JsonModel
    charsets: Sequence[str]
    little_endian: bool
    explicit: bool
    path: str = ""
    depth: int = 0
    signed: bool = False


class _Reader:
    def __init__(self, limits: Limits, address: str) -> None:
        self._limits = limits
        self._address = address
        self._seen = 0

    def elements(self, raw: bytes, at: int, end: int, place: _Place, found: Json, *, base: int) -> int:
        """Add the elements from `at` on; return where they end: at `end` or behind an item delimiter."""
        order = "<" if place.little_endian else ">"
        tag_of, long = (struct.Struct(order + form).unpack_from for form in ("HH", "L"))
        while end - at >= 8:
            self._seen += 1
            if self._seen > self._limits.elements:
                raise LimitExceeded("data elements", allowed=self._limits.elements, found=self._seen)
            group, element = tag_of(raw, at)
            tag = group << 16 | element
            if tag in (ITEM_END, SEQUENCE_END):
                return at + 8
            if place.explicit and raw[at : at + 8] == b"\0" * 8:
                return end  # padding behind the data set
            vr, length, at, unknown = _head(raw, at, end, tag, place)
            if element == 0:  # PS3.18 F.2.2: no group lengths
                at += length
                continue
            if tag in PIXEL_TAGS and not place.path:
                found[f"{tag:08X}"] = self._addressed(
                    place, tag, vr, base + at, 0 if length == UNDEFINED_LENGTH else length
                )
                if at >= end:
                    return at  # the value was left out
                at = _behind_fragments(raw, at, end, long, tag_of) if length == UNDEFINED_LENGTH else at + length
                continue
            if vr == "SQ" or length == UNDEFINED_LENGTH:
                # PS3.5 6.2.2: the items of an unknown one are in implicit VR little endian
                explicit, little = (False, True) if unknown else (place.explicit, place.little_endian)
                items, at = self._items(raw, at, end, length, tag, place, explicit=explicit, little=little, base=base)
                found[f"{tag:08X}"] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
                continue
            if length > end - at:
                raise DamagedDicom("truncated", "the data set ends in the middle of a value")
            value = raw[at : at + length]
            if tag == _CHARSET:
                place.charsets = [part.strip() for part in value.decode("latin-1").strip("\0 ").split("\\")]
                found["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
            else:
                if tag == _SIGN:
                    place.signed = value.strip(b"\0") != b""
                found[f"{tag:08X}"] = self._element(tag, vr, value, place, base + at)
            at += length
        return end

    def _items(
        self,
        raw: bytes,
        at: int,
        end: int,
        length: int,
        tag: int,
        place: _Place,
        *,
        explicit: bool,
        little: bool,
        base: int,
    ) -> tuple[list[Json], int]:
        if place.depth >= self._limits.sequence_depth:
            raise LimitExceeded("sequence depth", allowed=self._limits.sequence_depth, found=place.depth + 1)
        stop = end if length == UNDEFINED_LENGTH else at + length
        if stop > end:
            raise DamagedDicom("truncated", "the data set ends inside a sequence")
        tag_of, long = (struct.Struct(("<" if little else ">") + form).unpack_from for form in ("HH", "L"))
        items: list[Json] = []
        while stop - at >= 8:
            group, element = tag_of(raw, at)
            item_length, at = int(long(raw, at + 4)[0]), at + 8
            found_tag = group << 16 | element
            if found_tag == SEQUENCE_END:
                return items, at
            if found_tag != ITEM:
                raise DamagedDicom("bad_sequence", f"element {found_tag:08X} stands where an item should begin")
            inner = _Place(
                place.model,
                place.charsets,
                little_endian=little,
                explicit=explicit,
                path=f"{place.path}{tag:08X}/{len(items) + 1}/",
                depth=place.depth + 1,
                signed=place.signed,
            )
            item: Json = {}
            inside = stop if item_length == UNDEFINED_LENGTH else at + item_length
            if inside > stop:
                raise DamagedDicom("truncated", "the data set ends inside an item")
            at = self.elements(raw, at, inside, inner, item, base=base)
            if item_length != UNDEFINED_LENGTH:
                at = inside
            items.append(item)
        return items, stop

    def _element(self, tag: int, vr: str, value: bytes, place: _Place, offset: int) -> Json:
        if vr == "US or SS":
            vr = "SS" if place.signed else "US"
        if not value:
            return {"vr": vr}
        if vr in _BINARY:
            if len(value) > INLINE_BYTES:
                return self._addressed(place, tag, vr, offset, len(value))
            return {"vr": vr, "InlineBinary": base64.b64encode(little_endian(value, vr, place.little_endian)).decode()}
        if len(value) > _TEXT_BYTES:
            return self._addressed(place, tag, vr, offset, len(value))
        values = _values(vr, value, place)
        return {"vr": vr, "Value": values} if values else {"vr": vr}

    def _addressed(self, place: _Place, tag: int, vr: str, offset: int, length: int) -> Json:
        path = f"{place.path}{tag:08X}"
        place.model.bulk[path] = BulkValue(offset, length, vr)
        return {"vr": vr, "BulkDataURI": f"{self._address}{path}"}


def little_endian(value: bytes, vr: str, is_little_endian: bool) -> bytes:
    """Return a binary value with its words in little endian, as PS3.18 F.2.7 asks."""
    width = _BINARY.get(vr, 1)
    if is_little_endian or width == 1 or len(value) % width:
        return value
    return np.frombuffer(value, dtype=f">u{width}").astype(f"<u{width}").tobytes()


def _head(raw: bytes, at: int, end: int, tag: int, place: _Place) -> tuple[str, int, int, bool]:
    """Return representation and length of the element at `at`, where its value begins, and whether it was unknown."""
    order: Literal["little", "big"] = "little" if place.little_endian else "big"
    code = raw[at + 4 : at + 6]
    if place.explicit and code in _SHORT_VRS:
        return code.decode("ascii"), int.from_bytes(raw[at + 6 : at + 8], order), at + 8, False
    if place.explicit and code.isalpha() and code.isupper() and end - at >= 12:
        vr, unknown = code.decode("ascii"), code == b"UN"
        # PS3.5 6.2.2: written by who did not know it, in little endian; we may
        vr = _vr_of(tag) if unknown and place.little_endian else vr
        return vr, int.from_bytes(raw[at + 8 : at + 12], order), at + 12, unknown
    return _vr_of(tag), int.from_bytes(raw[at + 4 : at + 8], order), at + 8, False


def _behind_fragments(raw: bytes, at: int, end: int, long: Callable[..., Any], tag_of: Callable[..., Any]) -> int:
    while end - at >= 8:
        group, element = tag_of(raw, at)
        length, at = int(long(raw, at + 4)[0]), at + 8
        if (group << 16 | element) != ITEM:
            return at
        at += length
    raise DamagedDicom("truncated", "the data set ends inside the pixels")


def _values(vr: str, value: bytes, place: _Place) -> list[Any]:
    form = _NUMBERS.get(vr)
    if form is not None:
        return _numbers(form, value, place.little_endian)
    if vr == "AT":
        order = "<" if place.little_endian else ">"
        return [
            f"{group:04X}{element:04X}"
            for group, element in struct.iter_unpack(order + "HH", value[: len(value) // 4 * 4])
        ]
    text = decode_text(value, place.charsets).text if vr in _IN_CHARSET else value.decode("latin-1")
    if vr in _ONE_TEXT:
        return [text.rstrip("\0 ")]
    parts = [part.strip("\0 ") for part in text.split("\\")]
    if vr == "PN":
        return _without_empty_end([_person(part) for part in parts])
    if vr in ("DS", "IS"):
        return _without_empty_end([_number(part) for part in parts])
    return _without_empty_end([part or None for part in parts])


def _without_empty_end(values: list[Any]) -> list[Any]:
    # PS3.18 F.2.5: an empty one of several values is null; nothing but empty ones is no value
    return values if any(value is not None for value in values) else []


def _numbers(form: str, value: bytes, is_little_endian: bool) -> list[Any]:
    width = struct.calcsize("<" + form)
    count = len(value) // width
    numbers = struct.unpack_from(f"{'<' if is_little_endian else '>'}{count}{form}", value)
    if form == "f":
        # the shortest decimal that is the same 32-bit number
        return [
            float(np.format_float_scientific(np.float32(n))) if math.isfinite(n) else _not_finite(n) for n in numbers
        ]
    return [_not_finite(n) if isinstance(n, float) and not math.isfinite(n) else n for n in numbers]


def _not_finite(number: float) -> str:
    # JSON has no such numbers
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _number(text: str) -> int | float | str | None:
    """Return a decimal or integer string as a number; as text when it is none (PS3.18 F.2.3 allows both)."""
    if not text:
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _person(text: str) -> Json | None:
    groups = {name: group.rstrip() for name, group in zip(_PN_GROUPS, text.split("="), strict=False) if group.strip()}
    return groups or None


@lru_cache(maxsize=8192)
def _vr_of(tag: int) -> str:
    group, element = tag >> 16, tag & 0xFFFF
    if group & 1:
        return "LO" if 0x10 <= element <= 0xFF else "UN"
    try:
        vr = str(dictionary_VR(tag))
    except KeyError:
        return "UN"
    return "OW" if "OW" in vr else vr
