"""A follow-up made whole: what 它, 这个 or nothing at all refers to, from the turns before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from interpret.guard.mentions import Claim, claims
from interpret.report.anatomy import side_of
from interpret.report.automaton import Match
from interpret.report.prepare import prepare
from interpret.report.reading import ReportReader
from interpret.report.terms import Form
from interpret.types import Side, Turn

_TURNS_LOOKED_AT = 4
_ELLIPSIS_LENGTH = 14
_PRONOUN = re.compile(
    r"它们?|这个(?!报告|检查|医院)|那个|这(?=严重|要紧|会|是|种|要|正常|危险|大|怎么|有)|那(?=会|要|是|严重|怎么|能|有|应该|还|需)|该病|这种(?:情况|病)?|此|上面(?:说的|那个)?|刚才(?:说的|那个)?|前面(?:说的|那个)?"
)
_SIDE_ONLY = re.compile(
    r"(?:左|右|另一|两)(?:边|侧|面)?(?:的|那个|那边)?(?:呢|怎么样|有吗|有没有|也有|严重吗|要紧吗|吗)|另(?:一|外一)(?:边|侧|个)"
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question that stands alone."""

    question: str
    """The question, with its subject put in where it was left out."""
    claims: tuple[Claim, ...]
    """What it is about."""
    words: tuple[str, ...]
    """Hard terms and concepts it is about, longest first."""
    side: Side
    from_history: bool


def resolve(question: str, history: Sequence[Turn], reader: ReportReader) -> Resolved:
    """Return a question that can be answered without its history.

    A subject of its own is kept; a pronoun, a side alone ("那右边的呢") or a short question without any subject
    takes the subject of the latest turn that had one: of its question, else of its answer.
    """
    text = prepare(question).text
    side = side_of(text)
    own = _subject(text, reader)
    side_only = bool(_SIDE_ONLY.search(text))
    pronoun = bool(_PRONOUN.search(text))
    needs = not own.words and (pronoun or side_only or len(text) <= _ELLIPSIS_LENGTH)
    if not needs or not history:
        return Resolved(text, own.claims, own.words, side, from_history=False)
    for turn in reversed(history[-_TURNS_LOOKED_AT:]):
        before = _subject(prepare(turn.question).text, reader)
        if not before.words:
            before = _first(_subject(prepare(turn.answer).text, reader))
        if before.words:
            return Resolved(
                question=_insert(text, before.words[0]),
                claims=_on_side(before.claims, side),
                words=before.words,
                side=side,
                from_history=True,
            )
    return Resolved(text, own.claims, own.words, side, from_history=False)


@dataclass(frozen=True, slots=True)
class _Subject:
    claims: tuple[Claim, ...]
    words: tuple[str, ...]


_EMPTY_WORDS = frozenset("报告 检查 CT MRI DR 平扫 增强 片 信号 密度 回声 强化 异常 增大 增多 良性 癌 肿瘤".split())


def _subject(text: str, reader: ReportReader) -> _Subject:
    found = tuple(claim for claim in claims(text) if claim.concept is not None or claim.organs)
    named = [claim.word for claim in found if claim.concept is not None and claim.concept not in _EMPTY_WORDS]
    marks: list[Match[Form]] = [m for m in reader.marker.mark(text) if m.value.category != "technique"]
    terms = [text[m.start : m.end] for m in marks]
    terms = [term for term in terms if term not in _EMPTY_WORDS]
    concepts = [w for w in reader.concept_words(text) if w not in _EMPTY_WORDS]
    words = sorted(dict.fromkeys([*concepts, *terms, *named]), key=len, reverse=True)
    return _Subject(found, tuple(words))


def _first(subject: _Subject) -> _Subject:
    """Keep the subject the answer named first."""
    return _Subject(subject.claims[:1], subject.words[:1])


def _insert(text: str, subject: str) -> str:
    replaced, count = _PRONOUN.subn(subject, text, count=1)
    return replaced if count else f"{subject}{text}"


def _on_side(found: tuple[Claim, ...], side: Side) -> tuple[Claim, ...]:
    if side is Side.NONE:
        return found
    return tuple(
        Claim(c.concept, c.word, c.organs, frozenset({(side, None)}), frozenset(), c.negated, c.uncertain, c.trend, c.severity, c.clause)
        for c in found
    )  # fmt: skip
