"""Text for the index from bytes that often lie about their character set.

Chinese devices write GB18030 without saying so, or say ISO_IR 100 (PS3.3 C.12.1.1.2 knows GB18030, GBK and
ISO 2022 IR 58; ISO 2022 IR 165 is seen too). What is decoded here is for searching and showing; the received
bytes are never changed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydicom.charset import convert_encodings, decode_bytes, python_encoding


class CharsetRule(StrEnum):
    """Which rule gave the text."""

    ASCII = "ascii"
    DECLARED = "declared"
    GB18030 = "gb18030"
    UTF8 = "utf-8"
    REPLACED = "replaced"
    """Some bytes fit no rule and became U+FFFD."""


@dataclass(frozen=True, slots=True)
class DecodedText:
    """Text and the rule that gave it."""

    text: str
    rule: CharsetRule


_UNLABELLED: Final = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6", "ISO_IR 100", "ISO 2022 IR 100"})
_CHINESE: Final = frozenset(
    {"GB18030", "GBK", "GB2312", "ISO 2022 GBK", "ISO 2022 58", "ISO 2022 IR 58", "ISO_IR 58"}
    | {"ISO 2022 IR 165", "ISO_IR 165", "ISO 2022 IR 171", "CP936"}
)
_ESCAPE: Final = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")
_CHINESE_RUN: Final = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff·—…“”‘’]+"
)
_LATIN_NEIGHBOUR: Final = re.compile("[a-z][\u3400-\u9fff]|[\u3400-\u9fff][a-z]")
_GB2312_PAIR: Final = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")


def decode_text(raw: bytes, declared: Sequence[str]) -> DecodedText:
    """Return the text of one value; `declared` is Specific Character Set, empty when absent.

    >>> decode_text("张三".encode("gbk"), ["ISO_IR 100"])
    DecodedText(text='张三', rule=<CharsetRule.GB18030: 'gb18030'>)
    >>> decode_text("Jérôme".encode("latin-1"), ["ISO_IR 100"])
    DecodedText(text='Jérôme', rule=<CharsetRule.DECLARED: 'declared'>)
    """
    raw = raw.replace(b"\0", b"")
    if raw.isascii() and b"\x1b" not in raw:
        return DecodedText(raw.decode("ascii").strip(), CharsetRule.ASCII)
    names = [name.strip().upper().replace("ISO IR", "ISO_IR") for name in declared] or [""]
    if any(name in _CHINESE for name in names):
        return _declared_chinese(raw)
    if all(name in _UNLABELLED for name in names):
        return _unlabelled(raw)
    return _declared(raw, declared)


def _declared_chinese(raw: bytes) -> DecodedText:
    # PS3.5 K: the escapes of IR 58 only announce GB 2312 in G1, and GB18030 reads the same bytes
    plain = _ESCAPE.sub(b"", raw)
    for encoding, rule in (("gb18030", CharsetRule.DECLARED), ("utf-8", CharsetRule.UTF8)):
        text = _strict(plain, encoding)
        if text is not None:
            return DecodedText(text, rule)
    return _replaced(plain, "gb18030")


def _unlabelled(raw: bytes) -> DecodedText:
    # valid multi-byte UTF-8 is hardly ever anything else
    for encoding, rule in (("utf-8", CharsetRule.UTF8), ("gb18030", CharsetRule.GB18030)):
        text = _strict(_ESCAPE.sub(b"", raw), encoding)
        if text is not None and (rule is CharsetRule.UTF8 or _plausible_chinese(raw, text)):
            return DecodedText(text, rule)
    return DecodedText(_ESCAPE.sub(b"", raw).decode("latin-1").strip(), CharsetRule.DECLARED)


def _declared(raw: bytes, declared: Sequence[str]) -> DecodedText:
    text: str | None
    if [name.strip().upper() for name in declared] == ["ISO_IR 192"]:
        text = _strict(raw, "utf-8")
        if text is not None:
            return DecodedText(text, CharsetRule.DECLARED)
        text = _strict(raw, "gb18030")
        return DecodedText(text, CharsetRule.GB18030) if text is not None else _replaced(raw, "utf-8")
    try:
        if b"\x1b" in raw:
            encodings = convert_encodings(list(declared))
            text = decode_bytes(raw, encodings, set(b"^=\\")).strip()
        else:
            # PS3.5 6.1.2.5: before any escape the first character set holds
            text = _strict(raw, python_encoding[declared[0].strip()])
    except (LookupError, UnicodeError, ValueError):
        text = None
    if text is not None:
        return DecodedText(text, CharsetRule.DECLARED)
    return _unlabelled(raw)


def _plausible_chinese(raw: bytes, text: str) -> bool:
    """Return whether GB18030 is the likelier reading: only Chinese beyond ASCII, mostly everyday characters."""
    foreign = [character for character in text if ord(character) > 0x7F]
    if any(not _CHINESE_RUN.fullmatch(character) for character in foreign):
        return False
    # "Garções" read as GB18030 has a Chinese character between small Latin letters
    return not _LATIN_NEIGHBOUR.search(text) and 2 * len(_GB2312_PAIR.findall(raw)) >= len(foreign)


def _strict(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding).strip()
    except UnicodeDecodeError:
        return None


def _replaced(raw: bytes, encoding: str) -> DecodedText:
    return DecodedText(raw.decode(encoding, errors="replace").strip(), CharsetRule.REPLACED)
