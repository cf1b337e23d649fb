"""A word list compiled for one pass over a text."""

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import ahocorasick

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Match(Generic[T]):
    """A word where it stands in the searched text."""

    start: int
    end: int
    value: T

    @property
    def length(self) -> int:
        """Return the number of characters."""
        return self.end - self.start


_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


def fold(text: str) -> str:
    """Upper-case ASCII letters only; the length never changes."""
    return text.translate(_UPPER)


class WordAutomaton(Generic[T]):
    """Aho-Corasick over folded words; a word in Latin letters matches only as a whole word."""

    def __init__(self, words: Iterable[tuple[str, T]]) -> None:
        self._automaton = ahocorasick.Automaton()
        self._empty = True
        for word, value in words:
            if word:
                key = fold(word)
                self._automaton.add_word(key, (len(key), value))
                self._empty = False
        if not self._empty:
            self._automaton.make_automaton()

    def matches(self, text: str) -> Iterator[Match[T]]:
        """Yield every match, overlapping ones included, by end position."""
        if self._empty:
            return
        folded = fold(text)
        for last, (length, value) in self._automaton.iter(folded):
            start, end = last - length + 1, last + 1
            if _is_whole(folded, start, end):
                yield Match(start, end, value)

    def longest(self, text: str) -> list[Match[T]]:
        """Return non-overlapping matches, longer ones first served, in reading order."""
        return longest(list(self.matches(text)))


def longest(matches: list[Match[T]]) -> list[Match[T]]:
    """Keep the longest of overlapping matches (the earlier of equals), in reading order."""
    taken: list[Match[T]] = []
    covered: set[int] = set()
    for match in sorted(matches, key=lambda m: (-m.length, m.start)):
        if covered.isdisjoint(range(match.start, match.end)):
            taken.append(match)
            covered.update(range(match.start, match.end))
    return sorted(taken, key=lambda m: m.start)


def _is_whole(text: str, start: int, end: int) -> bool:
    first, last = text[start], text[end - 1]
    if first.isascii() and first.isalpha() and start and text[start - 1].isascii() and text[start - 1].isalpha():
        return False
    after = text[end] if end < len(text) else ""
    if last.isascii() and last.isalnum() and after.isascii() and after.isalpha():
        return False
    return not (last.isascii() and last.isdigit() and after.isascii() and after.isdigit())
