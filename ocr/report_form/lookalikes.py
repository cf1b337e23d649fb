"""Characters that a reader confuses, put right where only one reading makes sense.

Every correction replaces one character by one character, so places and confidences stay valid. What could change the
meaning (levels, negations, anatomy) is reported as well, for a person to confirm; pure spelling (mmo1/L, MR1) is not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ocr.layout.spans import Span
from ocr.report_form.units import spelled_unit
from ocr.report_form.vocabulary import TERMS
from ocr.types import Line

_UNSURE = 0.90
_SPELLING: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=MR)[1l|](?![A-Za-z0-9])"), "I"),
    (re.compile(r"(?<=T[12]W)[1l|](?![A-Za-z0-9])"), "I"),
    (re.compile(r"(?<=[DS]W)[1l|](?![A-Za-z0-9])"), "I"),
    (re.compile(r"(?<=FLA)[1l|](?=R)"), "I"),
    (re.compile(r"^[Yyr](?=-谷氨酰)"), "γ"),
    (re.compile(r"(?<=平扫)[·•](?=增强)"), "+"),
)
_MEANING: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![\dA-Za-z./])[1lI|](?=[1-5]/(?:[1-5]|S[1lI])\D)"), "L"),
    (re.compile(r"(?<=^\d[.、．])[1lI|](?=[1-5]/(?:[1-5]|S[1lI])\S{0,2}椎)"), "L"),
    (re.compile(r"末(?=见|明显|发现|显示|探及|累及|受累|闻及|触及|扪及|提示|引出)"), "未"),
)
_NEVER_GUESSED = frozenset("左右双上下前后内外未无不有大小高低增减轻重")
"""Characters that turn a finding round are shown to a person instead."""
_BODY_LENGTH = 9
_DOT_BETWEEN_LEVELS = re.compile(r"(?<=\d)[·•](?=\s?[CTLS]\d)")
_DOT_AT_CLAUSE_END = re.compile(r"(?<=[\u4e00-\u9fffA-Za-z0-9)）”%])[·•](?=\s*(?:[\u4e00-\u9fffA-Z]|$))")


@dataclass(frozen=True, slots=True)
class Correction:
    """A corrected place that a person should confirm. `span` lies in the corrected line."""

    span: Span
    read: str


def corrected(line: Line) -> tuple[Line, list[Correction]]:
    """Return the line as it must have been printed, and the corrections to confirm."""
    text = _unit_spelling(line.text)
    for pattern, character in _SPELLING:
        text = pattern.sub(character, text)
    text = _clause_ends(text)
    noted: list[tuple[int, int]] = []
    for pattern, character in _MEANING:
        noted += [(match.start(), match.end()) for match in pattern.finditer(text)]
        text = pattern.sub(character, text)
    text, terms = _terms(text, line.char_confidences)
    noted += terms
    fixed = replace(line, text=text)
    return fixed, [Correction(Span(fixed, start, end), line.text[start:end]) for start, end in sorted(set(noted))]


def _clause_ends(text: str) -> str:
    """A low full stop or comma printed in the middle of its square is read as a dot. Names keep theirs."""
    if len(text) < _BODY_LENGTH and not text.endswith(("·", "•")):
        return text
    return _DOT_AT_CLAUSE_END.sub("。", _DOT_BETWEEN_LEVELS.sub("、", text))


def _unit_spelling(text: str) -> str:
    def same_length(match: re.Match[str]) -> str:
        spelled = spelled_unit(match[0])
        return spelled if spelled is not None and len(spelled) == len(match[0]) else match[0]

    return re.sub(r"[A-Za-zμµ%01|^\-*]{1,6}(?:\d{0,2})/[A-Za-z1|0]{1,4}", same_length, text)


def _terms(text: str, confidences: Sequence[float]) -> tuple[str, list[tuple[int, int]]]:
    """Put right single unsure characters of anatomical words that have exactly one possible spelling."""
    if len(confidences) != len(text):
        return text, []
    noted = []
    for index, confidence in enumerate(confidences):
        if confidence >= _UNSURE or not _is_chinese(text[index]):
            continue
        fitting = [
            (term[offset], index - offset, index - offset + len(term))
            for term in TERMS
            for offset in range(len(term))
            if _differs_only_at(text, index, term, offset)
        ]
        if not fitting:
            continue
        longest = max(end - start for _, start, end in fitting)
        best = {spelling for spelling in fitting if spelling[2] - spelling[1] == longest}
        characters = {character for character, _, _ in best}
        if len(characters) != 1 or _NEVER_GUESSED & (characters | {text[index]}):
            continue
        character, start, end = min(best)
        text = text[:index] + character + text[index + 1 :]
        noted.append((start, end))
    return text, noted


def _differs_only_at(text: str, index: int, term: str, offset: int) -> bool:
    start = index - offset
    window = text[start : start + len(term)] if start >= 0 else ""
    if len(window) != len(term) or window == term:
        return False
    return window[:offset] == term[:offset] and window[offset + 1 :] == term[offset + 1 :]


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
