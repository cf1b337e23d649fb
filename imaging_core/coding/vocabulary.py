"""The words of exam item names, read from the tables beside this module. Their content is DEMO content."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


class Kind(Enum):
    """What a word of a name is."""

    PART = auto()
    FIXED = auto()
    SIDE = auto()
    MODALITY = auto()
    METHOD = auto()
    SEPARATOR = auto()
    OPEN = auto()
    CLOSE = auto()
    NOISE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a normalised name. `values` are names of parts, methods, …, in our own spelling."""

    kind: Kind
    values: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class BodyPart:
    """A body part of the dictionary."""

    name: str
    code: str
    aliases: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    paired: bool = False


@dataclass(frozen=True, slots=True)
class Method:
    """A way of examining."""

    name: str
    code: str
    words: tuple[str, ...] = ()
    modality: str | None = None
    """The modality that the method implies."""
    part: str | None = None
    """The part that is meant when the name gives none."""
    default_of: tuple[str, ...] = ()
    post_processing: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All tables."""

    parts: Mapping[str, BodyPart]
    methods: Mapping[str, Method]
    modalities: Mapping[str, str]
    """Modality → code."""
    modality_parts: Mapping[str, str]
    fixed: Mapping[str, tuple[str, str]]
    """A word that says modality and part at once."""
    words: Mapping[str, tuple[Kind, tuple[str, ...]]]
    longest: int


def normalise(name: str) -> str:
    """Return the name in half width and upper case, without blanks, device classes and counts.

    >>> normalise("胸部 ６４排螺旋ct（平扫）")
    '胸部螺旋CT(平扫)'
    """
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", name)).upper()
    text = re.sub(r"[【\[〔{<《]", "(", text)
    text = re.sub(r"[】\]〕}>》]", ")", text)
    text = re.sub(r"[–—−－~]", "-", text)
    text = re.sub(r"PET[/-]?(CT|MRI?)", lambda m: f"PET-{m.group(1)[:2]}", text)
    text = re.sub(r"SPECT/CT", "SPECT-CT", text)
    text = re.sub(r"C-[/+、,]?C\+", "平扫+增强", text)
    text = re.sub(r"\d+(?:\.\d+)?(?:排|层|T(?![12]?WI))", "", text)
    # 颈、胸、腰椎 leaves out what the last one says; 腰骶椎 and 骶尾椎 are one part and stay
    text = re.sub(
        r"(?<![一-龥])([颈胸腰](?:[、,+/和及]?[颈胸腰])+)椎(?!段)",
        lambda m: "、".join(f"{char}椎" for char in re.findall(r"[颈胸腰]", m.group(1))),
        text,
    )
    text = re.sub(r"([颈胸])[、,+/和及]?([胸腰])椎(?!段)", _both_spines, text)
    text = re.sub(r"胸[、,+/和及]?(上|下|全)?腹(?:部)?(?!主动脉|部主动脉|[一-龥]*主动脉)", r"胸部、\1腹部", text)
    text = re.sub(r"(腹)(?:部)?[、,+/和及]?盆(?:腔|部)?", r"\1部、盆腔", text)
    return re.sub(r"上[、,+/和及]?(中)?[、,+/和及]?下腹(?:部)?", _abdomens, text)


def _both_spines(match: re.Match[str]) -> str:
    return f"{match.group(1)}椎、{match.group(2)}椎"


def _abdomens(match: re.Match[str]) -> str:
    return "上腹部、中腹部、下腹部" if match.group(1) else "上腹部、下腹部"


def tokens(name: str) -> list[Token]:
    """Return the words of a normalised name by longest match; what is in no table is UNKNOWN, joined."""
    known = vocabulary()
    found: list[Token] = []
    position = 0
    while position < len(name):
        token = _longest(known, name, position)
        if token.kind is Kind.UNKNOWN and found and found[-1].kind is Kind.UNKNOWN:
            token = Token(Kind.UNKNOWN, (), found.pop().text + token.text)
            position += 1
        else:
            position += len(token.text)
        found.append(token)
    return found


def _longest(known: Vocabulary, name: str, position: int) -> Token:
    for length in range(min(known.longest, len(name) - position), 0, -1):
        text = name[position : position + length]
        entry = known.words.get(text)
        if entry is not None:
            return Token(entry[0], entry[1], text)
    return Token(Kind.UNKNOWN, (), name[position])


def overlap(one: str, other: str) -> bool:
    """Return whether an examination of one part shows something of the other.

    >>> overlap("胸部", "肋骨"), overlap("全腹部", "膀胱"), overlap("肝脏", "脾脏")
    (True, True, False)
    """
    return not _shown(one).isdisjoint(_shown(other))


def contains(whole: str, part: str) -> bool:
    """Return whether the one covers all of the other."""
    return _shown(part) <= _shown(whole)


@cache
def _shown(part: str) -> frozenset[str]:
    known = vocabulary().parts
    shown = {part}
    for covered in known[part].covers if part in known else ():
        shown |= _shown(covered)
    return frozenset(shown)


@cache
def vocabulary() -> Vocabulary:
    """Return the shipped tables."""
    part_rows, table = _yaml("parts"), _yaml("methods")
    parts = {name: BodyPart(name, **_tuples(row)) for name, row in part_rows.items()}
    methods = {name: Method(name, **_tuples(row)) for name, row in table["methods"].items()}
    fixed = {word: (row["modality"], row["part"]) for word, row in table["fixed_names"].items()}
    words: dict[str, tuple[Kind, tuple[str, ...]]] = dict.fromkeys(table["noise"], (Kind.NOISE, ()))
    words |= dict.fromkeys(table["separators"], (Kind.SEPARATOR, ()))
    words |= {word: (Kind.SIDE, (side,)) for word, side in table["sides"].items()}
    for part in parts.values():
        words |= dict.fromkeys((part.name, *part.aliases), (Kind.PART, (part.name,)))
    for name, row in table["modalities"].items():
        words |= dict.fromkeys(row["words"], (Kind.MODALITY, (name,)))
    for method in methods.values():
        words |= dict.fromkeys((method.name.upper(), *method.words), (Kind.METHOD, (method.name,)))
    words |= {word: (Kind.METHOD, tuple(names)) for word, names in table["compound_methods"].items()}
    words |= {word: (Kind.FIXED, (word,)) for word in fixed}
    words |= {"(": (Kind.OPEN, ()), ")": (Kind.CLOSE, ())}
    return Vocabulary(
        parts=parts,
        methods=methods,
        modalities={name: row["code"] for name, row in table["modalities"].items()},
        modality_parts={name: row["part"] for name, row in table["modalities"].items() if "part" in row},
        fixed=fixed,
        words=words,
        longest=max(map(len, words)),
    )


def _yaml(name: str) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = yaml.safe_load(
        files("imaging_core.coding").joinpath(f"{name}.yaml").read_text("utf-8")
    )
    return content


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
