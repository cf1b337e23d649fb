"""The standard catalogue: codes composed of examination type, body part and method, as DB34/T 4791-2024 composes them.

The shipped catalogue is DEMO: the shape is the standard's, the codes are our own. A hospital imports the real tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from imaging_core.coding.items import ExamItem, ParsedName
from imaging_core.coding.vocabulary import vocabulary

_UNKNOWN_WORD = 0.15
_NO_MODALITY = 0.4
_NO_METHOD = 0.1


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One version of a code table."""

    version: str
    demo: bool
    modalities: Mapping[str, str]
    parts: Mapping[str, str]
    methods: Mapping[str, str]
    prefix: str = ""

    def code_of(self, item: ExamItem) -> str | None:
        """Return the code of an item, None when the catalogue lacks its type, part or a method. Sides have no code.

        >>> starter_catalogue().code_of(ExamItem("CT", "胸部", "", ("增强", "平扫")))
        'DEMO-01-0301-0102'
        """
        modality, part = self.modalities.get(item.modality), self.parts.get(item.body_part)
        methods = [self.methods.get(method) for method in item.methods or default_methods(item.modality)]
        known = [code for code in methods if code is not None]
        if modality is None or part is None or len(known) != len(methods):
            return None
        return f"{self.prefix}{modality}-{part}-{''.join(sorted(known)) or '00'}"

    def item_of(self, code: str) -> ExamItem | None:
        """Return the item of a code, None when the catalogue has no such code.

        >>> starter_catalogue().item_of("DEMO-01-0301-0102")
        ExamItem(modality='CT', body_part='胸部', side='', methods=('平扫', '增强'))
        """
        pieces = code.removeprefix(self.prefix).split("-")
        if not code.startswith(self.prefix) or len(pieces) != 3:
            return None
        modality, part, methods = pieces
        names = {known: name for name, known in self.methods.items()}
        given = [] if methods == "00" else [methods[at : at + 2] for at in range(0, len(methods), 2)]
        item = ExamItem(
            next((name for name, known in self.modalities.items() if known == modality), ""),
            next((name for name, known in self.parts.items() if known == part), ""),
            "",
            tuple(names.get(method, "") for method in given),
        )
        return item if self.code_of(item) == code else None


@cache
def starter_catalogue() -> Catalogue:
    """Return the shipped demo catalogue."""
    known = vocabulary()
    return Catalogue(
        version="demo-1",
        demo=True,
        modalities=known.modalities,
        parts={name: part.code for name, part in known.parts.items()},
        methods={name: method.code for name, method in known.methods.items()},
        prefix="DEMO-",
    )


@dataclass(frozen=True, slots=True)
class MappedItem:
    """An item, its code and how sure the mapping is (0 to 1); a person confirms what is not certain."""

    item: ExamItem
    standard_code: str | None
    score: float


def mapped(parsed: ParsedName, catalogue: Catalogue) -> list[MappedItem]:
    """Return the codes of a parsed name with scores.

    >>> plain = ParsedName("胸部CT平扫", (ExamItem("CT", "胸部", "", ("平扫",)),))
    >>> [(one.standard_code, one.score) for one in mapped(plain, starter_catalogue())]
    [('DEMO-01-0301-01', 1.0)]
    """
    doubt = _UNKNOWN_WORD * len(parsed.unknown)
    return [_mapped(item, catalogue, doubt) for item in parsed.items]


def _mapped(item: ExamItem, catalogue: Catalogue, doubt: float) -> MappedItem:
    code = catalogue.code_of(item)
    if not item.modality:
        doubt += _NO_MODALITY
    if not item.methods and default_methods(item.modality):
        doubt += _NO_METHOD
    score = round(max(1.0 - doubt, 0.0), 2)
    return MappedItem(item, code, score if code else min(score, 0.5))


def default_methods(modality: str) -> tuple[str, ...]:
    """Return what is meant when a name gives no method: CT and MR without a word are plain scans."""
    return tuple(method.name for method in vocabulary().methods.values() if modality in method.default_of)
