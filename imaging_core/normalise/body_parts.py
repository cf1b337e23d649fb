"""Body parts in the words of `imaging_core.coding`, from a code or from what people and devices wrote."""

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from imaging_core.coding import overlap, parse_name

_PROJECTIONS: Final = frozenset({"DR", "CR", "RF", "XA"})
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_HAN: Final = re.compile("[\u3400-\u9fff]")


@lru_cache(maxsize=4096)
def parts_in(text: str, modality: str) -> tuple[str, ...]:
    """Return the body parts that a text names, each once, in order.

    >>> parts_in("胸部+上腹部CT平扫", "CT"), parts_in("HELICAL CHEST", "CT"), parts_in("PELVIS", "DR")
    (('胸部', '上腹部'), ('胸部',), ('骨盆',))
    """
    if _HAN.search(text):
        # a name without any part gets that of its modality in orders; here it would be a guess
        named = [item.body_part for item in parse_name(text).items]
        return tuple(dict.fromkeys(part for part in named if part))
    words = _words(projection=modality in _PROJECTIONS)
    spoken = [word for written in _WORD.findall(text) for word in _split(written.upper(), words)]
    found: list[str] = []
    position = 0
    while position < len(spoken):
        taken = 1
        for length in (3, 2, 1):
            part = words.get(" ".join(spoken[position : position + length]))
            if part is not None:
                found.append(part)
                taken = length
                break
        position += taken
    return tuple(dict.fromkeys(found))


def contradict(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two namings of the same images cannot both be right; an empty one says nothing."""
    if not one or not other:
        return False
    return not any(overlap(a, b) for a in one for b in other)


def _split(word: str, words: Mapping[str, str]) -> list[str]:
    return [word] if word in words else word.split("-")  # C-SPINE is one, BRAIN-MRA are two


@cache
def _words(*, projection: bool) -> Mapping[str, str]:
    content: dict[str, Any] = yaml.safe_load(
        files("imaging_core.normalise").joinpath("body_parts.yaml").read_text("utf-8")
    )
    known = {word: part for part, words in content["words"].items() for word in words}
    if projection:
        known |= {word: part for part, words in content["projections"].items() for word in words}
    return known
