"""Text for the index from bytes that often lie about their character set.

Chinese devices write GB18030 without saying so, or say ISO_IR 100 (PS3.3 C.12.1.1.2 knows GB18030, GBK and
ISO 2022 IR 58; ISO 2022 IR 165 is seen too). What is decoded here is for searching and showing; the received
bytes are never changed.
"""

import re
from collections import Counter
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
    LATIN1 = "latin-1"
    """Nothing that fits was declared, and the bytes are no Chinese."""
    REPLACED = "replaced"
    """Some bytes fit no rule and became U+FFFD."""


@dataclass(frozen=True, slots=True)
class DecodedText:
    """Text and the rule that gave it."""

    text: str
    rule: CharsetRule


_LATIN: Final = frozenset({"ISO_IR 100", "ISO 2022 IR 100"})
_UNLABELLED: Final = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"}) | _LATIN
_CHINESE: Final = frozenset(
    {"GB18030", "GBK", "GB2312", "ISO 2022 GBK", "ISO 2022 58", "ISO 2022 IR 58", "ISO_IR 58"}
    | {"ISO 2022 IR 165", "ISO_IR 165", "ISO 2022 IR 171", "CP936"}
)
_ESCAPE: Final = re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]")
_CHINESE_RUN: Final = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff·—…“”‘’]+"
)
_GB2312_PAIR: Final = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")
_BEYOND_ASCII: Final = re.compile("[^\0-\x7f]")
_BEYOND_LATIN1: Final = re.compile("[^\0-\x7f\xc0-\xd6\xd8-\xf6\xf8-\xff]")
_WORD_WITH_ACCENT: Final = re.compile("[A-Za-z]*[\xc0-\xff][A-Za-z\xc0-\xff]*")
_ACCENTS: Final = re.compile("[\xc0-\xff]{2,}")
_SMALL_ACCENTS: Final = re.compile("[\xdf-\xff]{2}")
# letters that stand side by side in the languages of Latin-1: RECONSTRUÇÃO, MUÑÓN, GRÖSSE, Théâtre
_ACCENT_PAIRS: Final = (
    *("çã", "çõ", "çà", "çá", "çé", "çó", "áñ", "éñ", "íñ", "óñ", "úñ", "ñá", "ñé", "ñí", "ñó", "ñú", "éé", "éâ", "éà"),
    *("ïé", "ää", "öö", "åå", "äö", "öä", "åä", "äß", "öß", "üß", "íá", "áð", "íð", "óð", "úð", "æð", "ðá"),
)


def decode_text(raw: bytes, declared: Sequence[str]) -> DecodedText:
    """Return the text of one value; `declared` is Specific Character Set, empty when absent.

    >>> decode_text("张三".encode("gbk"), ["ISO_IR 100"])
    DecodedText(text='张三', rule=<CharsetRule.GB18030: 'gb18030'>)
    >>> decode_text("RECONSTRUÇÃO".encode("latin-1"), ["ISO_IR 100"])
    DecodedText(text='RECONSTRUÇÃO', rule=<CharsetRule.DECLARED: 'declared'>)
    """
    return readings(raw, declared)[0]


def decode_texts(values: Sequence[bytes], declared: Sequence[str]) -> list[DecodedText]:
    """Return the texts of values of one file: what is doubtful alone is read as what stands beside it.

    >>> [one.text for one in decode_texts(["CT钦".encode("gbk"), "胸部平扫".encode("gbk")], ["ISO_IR 100"])]
    ['CT钦', '胸部平扫']
    """
    choices = [readings(raw, declared) for raw in values]
    fitting: Counter[CharsetRule] = Counter(
        reading.rule for choice in choices for reading in choice if reading.rule is not CharsetRule.ASCII
    )
    return [max(choice, key=lambda reading: fitting[reading.rule]) for choice in choices]


def readings(raw: bytes, declared: Sequence[str]) -> list[DecodedText]:
    """Return the texts that the bytes of one value may mean, the likeliest first."""
    raw = raw.replace(b"\0", b"")
    if raw.isascii() and b"\x1b" not in raw:
        return [DecodedText(raw.decode("ascii").strip(), CharsetRule.ASCII)]
    names = [name.strip().upper().replace("ISO IR", "ISO_IR") for name in declared] or [""]
    if any(name in _CHINESE for name in names):
        return [_declared_chinese(raw)]
    if all(name in _UNLABELLED for name in names):
        return _unlabelled(raw, names)
    if names == ["ISO_IR 192"]:
        return _declared_unicode(raw)
    return _declared(raw, declared)


def _declared_chinese(raw: bytes) -> DecodedText:
    # PS3.5 K: the escapes of IR 58 only announce GB 2312 in G1, and GB18030 reads the same bytes
    plain = _ESCAPE.sub(b"", raw)
    chinese, unicode = _strict(plain, "gb18030"), _strict(plain, "utf-8")
    # GB18030 reads most of what is UTF-8, as characters that nobody writes; the other way round it hardly happens
    if unicode is not None and (chinese is None or _has_wide(unicode)):
        return DecodedText(unicode, CharsetRule.UTF8)
    if chinese is not None:
        return DecodedText(chinese, CharsetRule.DECLARED)
    return _replaced(plain, "gb18030")


def _declared_unicode(raw: bytes) -> list[DecodedText]:
    text = _strict(raw, "utf-8")
    if text is None:
        return _unlabelled(raw, ["ISO_IR 192"])
    # 止撞 in GB18030 is two letters of Hebrew: what stands beside it decides
    others = [] if _has_wide(text) else _unlabelled(raw, [""])
    return [DecodedText(text, CharsetRule.DECLARED), *(one for one in others if one.rule is CharsetRule.GB18030)]


def _unlabelled(raw: bytes, names: Sequence[str]) -> list[DecodedText]:
    plain = _ESCAPE.sub(b"", raw)
    chinese, unicode = _strict(plain, "gb18030"), _strict(plain, "utf-8")
    is_chinese = chinese is not None and _plausible_chinese(plain, chinese)
    # two bytes that are UTF-8 may as well be a common Chinese character
    if unicode is not None and (_has_wide(unicode) or _latin_words(unicode) or not is_chinese):
        return [DecodedText(unicode, CharsetRule.UTF8)]
    latin = plain.decode("latin-1").strip()
    as_latin = DecodedText(latin, CharsetRule.DECLARED if _LATIN.intersection(names) else CharsetRule.LATIN1)
    if chinese is None or not is_chinese:
        return [as_latin]
    as_chinese = DecodedText(chinese, CharsetRule.GB18030)
    return [as_latin, as_chinese] if _latin_words(latin) else [as_chinese]


def _declared(raw: bytes, declared: Sequence[str]) -> list[DecodedText]:
    text: str | None
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
        return [DecodedText(text, CharsetRule.DECLARED)]
    return _unlabelled(raw, declared)


def _plausible_chinese(raw: bytes, text: str) -> bool:
    """Return whether GB18030 can be right: only Chinese beyond ASCII, mostly everyday characters."""
    foreign = _BEYOND_ASCII.findall(text)
    if any(not _CHINESE_RUN.fullmatch(character) for character in foreign):
        return False
    return 2 * len(_GB2312_PAIR.findall(raw)) >= len(foreign)


def _has_wide(text: str) -> bool:
    """Return whether there are characters of three bytes, which in UTF-8 are hardly ever anything else by accident."""
    return text.isprintable() and "\u0800" <= max(text, default="") <= "\uffff"


def _latin_words(text: str) -> bool:
    """Return whether all beyond ASCII are accented letters within words as western languages write them.

    Two accents side by side are few pairs in a row of capitals, where Chinese read as Latin-1 looks alike; between
    small letters they may be any two, for everyday Chinese characters begin with what are capitals here.
    """
    if _BEYOND_LATIN1.search(text):
        return False
    for word in _WORD_WITH_ACCENT.findall(text):
        alike = word.replace("ß", "s")
        if not re.search("[A-Za-z]", word) or alike not in {alike.upper(), alike.lower(), alike.capitalize()}:
            return False
        for run in _ACCENTS.findall(word):
            if len(run) > 2 or not (run.lower() in _ACCENT_PAIRS or _SMALL_ACCENTS.fullmatch(run)):
                return False
    return True


def _strict(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding).strip()
    except UnicodeDecodeError:
        return None


def _replaced(raw: bytes, encoding: str) -> DecodedText:
    return DecodedText(raw.decode(encoding, errors="replace").strip(), CharsetRule.REPLACED)
