"""What a report denies: the scopes of its negations."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from interpret.language import cues


def alternation(words: tuple[str, ...] | list[str]) -> str:
    """Return a pattern that prefers the longest word."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    return (
        re.compile(f"(?P<no>{alternation(cues('not_negation'))})|(?P<yes>{alternation(cues('negation'))})"),
        re.compile(alternation(cues("scope_end")) + r"|\n"),
        re.compile(f"(?:{alternation(cues('post_negation'))})"),
        re.compile(alternation(cues("gone"))),
    )


_CUT_BEFORE = "，。；！\n("
_SCOPED_DE = re.compile(r"^(?:不伴|未伴|无)")


@lru_cache(maxsize=4096)  # one clause is asked about by status, terms, guides and the check
def negated_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return the denied slices of a text, cue included.

    A scope runs from its cue to the end of the clause, to 但/仅见/可见, or to the 的 of "不伴…的结节".
    未见明显变化 and 不除外 deny nothing. …阴性, …(-), …不明显 deny what stands before them in the clause.

    >>> [text[a:b] for text in ["右肺见结节，未见空洞"] for a, b in negated_spans(text)]
    ['未见空洞']
    """
    cue, stop, post, gone = _patterns()
    spans: list[tuple[int, int]] = []
    position = 0
    while match := cue.search(text, position):
        position = match.end()
        if match.group("no"):
            continue
        end = _scope_end(text, match, stop)
        if spans and match.start() < spans[-1][1]:
            continue
        spans.append((match.start(), end))
        position = max(position, end)
    for match in [*post.finditer(text), *gone.finditer(text)]:
        start = max(text.rfind(char, 0, match.start()) for char in _CUT_BEFORE) + 1
        if not any(a <= match.start() < b for a, b in spans):
            spans.append((start, match.end()))
    return tuple(sorted(spans))


def _scope_end(text: str, match: re.Match[str], stop: re.Pattern[str]) -> int:
    end = len(text)
    if found := stop.search(text, match.end()):
        end = found.start()
    bracket = text.find("(", match.end())
    if 0 <= bracket < end and ")" in text[bracket:]:
        inside = text[bracket : text.find(")", bracket)]
        end = bracket if not re.search("、", inside) else end
    closing = text.find(")", match.end(), end)
    if closing >= 0 and "(" not in text[match.end() : closing]:
        end = closing
    if _SCOPED_DE.match(match.group()) and "明" not in match.group():
        of = text.find("的", match.end(), end)
        end = of if of > 0 else end
    return end


def blank_out(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Replace spans by dots of the same length."""
    out = list(text)
    for start, end in spans:
        out[start:end] = "·" * (end - start)
    return "".join(out)
