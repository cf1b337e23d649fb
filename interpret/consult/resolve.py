"""A follow-up made whole: what 它, 这个 or nothing at all refers to, from the turns before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from interpret.consult.passages import own_words
from interpret.guard.alignment import organs_agree
from interpret.guard.mentions import Claim, claims
from interpret.language import pattern_of
from interpret.report.anatomy import organs, side_of
from interpret.report.automaton import Match
from interpret.report.prepare import prepare
from interpret.report.reading import ReportReader
from interpret.report.terms import Form
from interpret.types import Side, Turn

_TURNS_LOOKED_AT = 4
_ELLIPSIS_LENGTH = 14
_FOREIGN_PAIRS = 2


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
    asked: str = ""
    """The question as it was written, in normal writing."""
    organ_words: tuple[str, ...] = ()
    """Organs as the question names them."""
    symptom: bool = False
    """It tells how somebody feels (尿血要紧吗): no finding of the report answers that."""
    foreign: bool = False
    """The question brings a subject of its own that neither report language nor history knows."""

    @property
    def parts(self) -> frozenset[str]:
        """Return the organ roots the question is about."""
        named = frozenset(match.value.root for match in organs(self.question))
        return named or frozenset(organ for claim in self.claims for organ in claim.organs)


def resolve(question: str, history: Sequence[Turn], reader: ReportReader) -> Resolved:
    """Return a question that can be answered without its history.

    A subject of its own is kept; a pronoun, a side alone ("那右边的呢") or a short question without any subject
    takes the subject of the latest question that had one, else that of the latest answer.
    """
    text = prepare(question).text
    side = side_of(text)
    own = _subject(text, reader)
    side_only = bool(pattern_of("consult_resolve", "side_only").search(text))
    pronoun = bool(pattern_of("consult_resolve", "pronoun").search(text))
    named = tuple(match.value.surface for match in organs(text))
    foreign = not (own.words or named or pronoun or side_only) and len(own_words(text)) >= _FOREIGN_PAIRS
    symptom = bool(pattern_of("consult_resolve", "symptom").search(text)) and not pronoun
    short = len(text) <= _ELLIPSIS_LENGTH and not named
    needs = not (own.words or foreign or symptom) and (pronoun or side_only or short)
    alone = Resolved(
        text,
        own.claims,
        own.words,
        side,
        from_history=False,
        asked=text,
        organ_words=named,
        symptom=symptom,
        foreign=foreign,
    )
    if not needs or not history:
        return alone
    before = _before(history[-_TURNS_LOOKED_AT:], reader)
    if before is not None and before.told and any(claim.concept in _MALIGNANT for claim in own.claims):
        return alone  # "右边是不是癌" asks of whatever is there, not of what an answer happened to name
    if before is None or (named and not _same_part(own, before)):  # "肝里那个" after a question on the lung
        return alone
    if side_only and before.told:  # "右边呢" after an answer on everything asks of everything on that side
        return Resolved(text, (), (), side, from_history=True, asked=text)
    return Resolved(
        question=_insert(text, before.words[0]),
        # "是癌吗" asked before does not make a cancer the subject of "左边那个呢"
        claims=_on_side(tuple(c for c in before.claims if c.concept not in _MALIGNANT) or before.claims, side),
        words=before.words,
        side=before.side if side is Side.NONE else side,
        from_history=True,
        asked=text,
    )


def _before(turns: Sequence[Turn], reader: ReportReader) -> "_Subject | None":
    """Return what the turns were about: the latest subject a patient named, else the first of the latest answer."""
    for turn in reversed(turns):
        if (asked := _subject(prepare(turn.question).text, reader)).words:
            return asked
    for turn in reversed(turns):
        # what an answer only denies ("没有看到结节") is nothing to go on about
        affirmed = "。".join(s for s in turn.answer.split("。") if not _DENYING.search(s))
        if (answered := _first(_subject(prepare(affirmed).text, reader))).words:
            return answered
    return None


_DENYING = re.compile(r"没有看到|没有写到|描述为正常|没有审核过")
_PARTICLES = re.compile(r"[那呢吗啊呀吧的了我您你们请问是有这个它又还也就想知道一下左右边侧面，。?！ ]")


def asks_more(resolved: Resolved) -> bool:
    """Tell whether a question asks something beside naming its subject ("那结节呢" does not)."""
    rest = resolved.asked
    for word in (*resolved.words, *resolved.organ_words):
        rest = rest.replace(word, "")
    rest = _PARTICLES.sub("", rest)
    return len(rest) >= 2 or rest in {"疼", "痛", "贵"}


def without_malignancy(resolved: Resolved) -> Resolved:
    """Ask of the organ (or of everything) what was asked of a cancer the report does not name."""
    kept = tuple(
        replace(claim, concept=None) if claim.concept in _MALIGNANT else claim
        for claim in resolved.claims
        if claim.concept not in _MALIGNANT or claim.organs
    )
    words = tuple(word for word in resolved.words if not re.search(r"癌|恶性|肿瘤|良性", word))
    return replace(resolved, claims=kept, words=words)


_MALIGNANT = frozenset({"癌", "肿瘤", "良性", "转移"})


@dataclass(frozen=True, slots=True)
class _Subject:
    claims: tuple[Claim, ...]
    words: tuple[str, ...]
    side: Side
    told: bool = False
    """An answer named it, not the patient."""


_EMPTY_WORDS = frozenset(
    [
        "报告",
        "检查",
        "CT",
        "MRI",
        "DR",
        "平扫",
        "增强",
        "片",
        "信号",
        "密度",
        "回声",
        "强化",
        "异常",
        "增大",
        "增多",
        "良性",
        "癌",
        "肿瘤",
    ]
)


def _subject(text: str, reader: ReportReader) -> _Subject:
    # "会变大吗" names no enlargement: an empty word is a claim only of an organ it is said of
    found = tuple(
        claim
        for claim in claims(text)
        if claim.organs or (claim.concept is not None and claim.concept not in _EMPTY_WORDS - _MALIGNANT)
    )
    named = [claim.word for claim in found if claim.concept is not None and claim.concept not in _EMPTY_WORDS]
    marks: list[Match[Form]] = [m for m in reader.marker.mark(text) if m.value.category != "technique"]
    terms = [text[m.start : m.end] for m in marks]
    terms = [term for term in terms if term not in _EMPTY_WORDS]
    concepts = [w for w in reader.concept_words(text) if w not in _EMPTY_WORDS]
    grades = {text[m.start : m.end] for m in marks if m.value.category == "pattern"}  # a grade is nobody's subject
    words = sorted(dict.fromkeys([*concepts, *terms, *named]), key=lambda word: (word in grades, -len(word)))
    return _Subject(found, tuple(words), side_of(text))


def _same_part(own: _Subject, before: _Subject) -> bool:
    named = frozenset(organ for claim in own.claims for organ in claim.organs)
    known = frozenset(organ for claim in before.claims for organ in claim.organs)
    return not named or not known or organs_agree(named, known)


def _first(subject: _Subject) -> _Subject:
    """Keep the subject the answer named first."""
    return _Subject(subject.claims[:1], subject.words[:1], Side.NONE, told=True)


def _insert(text: str, subject: str) -> str:
    replaced, count = pattern_of("consult_resolve", "pronoun").subn(subject, text, count=1)
    return replaced if count else f"{subject}{text}"


def _on_side(found: tuple[Claim, ...], side: Side) -> tuple[Claim, ...]:
    if side is Side.NONE:
        return found
    place = frozenset({(side, None)})
    return tuple(replace(claim, places=place, levels=frozenset()) for claim in found)
