"""The texts under which a person name (VR PN) is filed, and how a key for one is read.

PS3.4 C.2.2.2.1 lets a person name match regardless of case, accents and the place of its components. So each of its
groups is filed without them: as written, and of Chinese characters the pinyin and the initials too.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from imaging_core.patients.readings import is_han, readings_of

LONGEST: Final = 64
_COUNTS: Final = re.compile(r"[^\W_]+")
_COUNTS_OR_WILD: Final = re.compile(r"[^\W_]+|[*?]+")
_MOST_SYLLABLES: Final = 16


@dataclass(frozen=True, slots=True)
class FiledName:
    """One text under which a name is found. `inner` texts begin at a later word or character than the first."""

    text: str = field(repr=False)
    inner: bool


def filed_names(person_name: str) -> frozenset[FiledName]:
    """Return the texts under which a DICOM person name is filed.

    >>> sorted(item.text for item in filed_names("ZHANG^SAN=张^三") if not item.inner)
    ['zhangsan', 'zs', '张三']
    """
    return frozenset(item for group in person_name.split("=") for item in _of_group(group))


def pattern_of(key: str) -> str:
    """Return a key for a person name in the form of the filed texts; `*` and `?` stay wildcards.

    Of several groups the first that says anything counts.

    >>> pattern_of("Zhang^S*")
    'zhangs*'
    """
    for group in key.split("="):
        pattern = "".join(_COUNTS_OR_WILD.findall(_plain(group)))
        if pattern:
            return pattern
    return ""


def words_of(key: str) -> list[str]:
    """Return the words of a key for fuzzy matching, without wildcards.

    >>> words_of("San Zhang*")
    ['san', 'zhang']
    """
    return _COUNTS.findall(_plain(key))


def _of_group(group: str) -> Iterator[FiledName]:
    # ü is typed v in pinyin, and u where Müller is meant
    for plain in {_plain(group), _plain(group.replace("ü", "u").replace("Ü", "U"))}:
        words = _COUNTS.findall(plain)
        for number in range(min(len(words), _MOST_SYLLABLES)):
            yield FiledName("".join(words[number:])[:LONGEST], inner=number > 0)
    if not is_han(group):
        return
    for reading in readings_of(group):
        for number in range(min(len(reading), _MOST_SYLLABLES)):
            rest = reading[number:]
            texts = {
                "".join(syllable.written for syllable in rest),
                "".join(syllable.read for syllable in rest),
                "".join(syllable.read[:1] for syllable in rest),
            }
            yield from (FiledName(text[:LONGEST], inner=number > 0) for text in texts if text)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold().replace("ü", "v"))
    return "".join(character for character in folded if not unicodedata.combining(character))
