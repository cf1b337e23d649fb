"""Does a sentence say the same of the same thing: concept, organ, side, lobe, level, polarity, certainty, trend."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from interpret.guard.mentions import WORD, Claim, Place, related
from interpret.language import pattern_of, table
from interpret.report.status import status_of
from interpret.types import Side, Status

_GENERIC = frozenset({"血管", "关节", "骨", "软组织", "腹腔", "淋巴结", "脊柱", "胸廓"})


@cache
def _families() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(line.split()) for line in table("anatomy")["families"])


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What does not agree and about which word."""

    kind: str
    word: str


def misaligned(said: Sequence[Claim], known: Sequence[Claim], evidence: Sequence[Claim]) -> Mismatch | None:
    """Return the first disagreement of a sentence's claims with the report's, or None.

    Args:
        said: Claims of the sentence.
        known: Claims of the report.
        evidence: Claims of the knowledge passages the sentence cites: what they hold is no new finding.
    """
    for claim in said:
        mismatch = _concept(claim, known, evidence) if claim.concept is not None else _organ(claim, known)
        if mismatch is not None:
            return mismatch
    return None


def _word(claim: Claim, known: Sequence[Claim]) -> Mismatch | None:
    """Align a hard term with the same term of the report; one the report does not hold is judged by its organ."""
    said = str(claim.concept).removeprefix(WORD)
    words = [(k, str(k.concept).removeprefix(WORD)) for k in known if str(k.concept).startswith(WORD)]
    candidates = [k for k, word in words if said in word or word in said]
    candidates = [k for k in candidates if not claim.organs or not k.organs or claim.organs & k.organs]
    if not candidates:
        return None
    for kind, keep in (("lobe", _same_lobe), ("side", _same_side), ("level", _same_level)):
        kept = [k for k in candidates if keep(claim, k, candidates)]
        if not kept:
            return Mismatch(kind, claim.word)
        candidates = kept
    explains = bool(pattern_of("guard_alignment", "explains").search(claim.clause))
    return _manner(claim, candidates, explains)


def _concept(claim: Claim, known: Sequence[Claim], evidence: Sequence[Claim]) -> Mismatch | None:
    if str(claim.concept).startswith(WORD):
        return _word(claim, known)
    explains = bool(pattern_of("guard_alignment", "explains").search(claim.clause))
    candidates = [k for k in known if k.concept is not None and related(str(claim.concept), k.concept)]
    if not candidates:
        in_evidence = any(e.concept is not None and related(str(claim.concept), e.concept) for e in evidence)
        if explains or in_evidence or (claim.negated and _organ_is_normal(claim, known)):
            return None
        return Mismatch("new_finding", claim.word)
    for kind, keep in (("organ", _same_organ), ("lobe", _same_lobe), ("side", _same_side), ("level", _same_level)):
        kept = [k for k in candidates if keep(claim, k, candidates)]
        if kind == "organ":  # an exact organ goes before its neighbours
            kept = [k for k in kept if claim.organs & k.organs] or kept
        if not kept:
            return None if explains and not claim.sides and not claim.levels else Mismatch(kind, claim.word)
        candidates = kept
    return _manner(claim, candidates, explains)


def _manner(claim: Claim, candidates: list[Claim], explains: bool) -> Mismatch | None:
    """Compare polarity, certainty, comparison and severity with what is left."""
    opposite = all(k.negated != claim.negated for k in candidates)
    if opposite and not (explains and (claim.uncertain or not claim.sides)):
        return Mismatch("negation", claim.word)
    same = [k for k in candidates if k.negated == claim.negated] or candidates
    if not claim.negated and not claim.uncertain and not explains and all(k.uncertain for k in same):
        return Mismatch("certainty", claim.word)
    trends = {k.trend for k in same if k.trend}
    if (
        claim.trend is not None
        and claim.trend not in trends
        and not re.search(r"如果|会不会|是否|有没有", claim.clause)
    ):
        return Mismatch("trend", claim.word)
    severities = {k.severity for k in same if k.severity}
    if claim.severity is not None and severities and claim.severity not in severities:
        return Mismatch("severity", claim.word)
    return None


def organs_agree(first: frozenset[str], second: frozenset[str]) -> bool:
    """Tell whether two groups of organ roots share one, or stand side by side in the body (胸腔 and 肺)."""
    return bool(first & second) or any(first & family and second & family for family in _families())


def _same_organ(claim: Claim, known: Claim, _: list[Claim]) -> bool:
    if not claim.organs or not known.organs:
        return True
    if claim.organs <= _GENERIC and "脊柱" not in claim.organs:
        return True
    return organs_agree(claim.organs, known.organs)


def _same_lobe(claim: Claim, known: Claim, _: list[Claim]) -> bool:
    """Compare lobes alone: a lobe with the wrong side is a wrong side."""
    wanted = {lobe for _, lobe in claim.places if lobe is not None}
    return wanted <= {lobe for _, lobe in known.places}


def _place_fits(place: Place, other: Place) -> bool:
    if place[1] != other[1]:
        return False
    return place[0] is Side.NONE or other[0] is place[0] or other[0] is Side.BOTH or other[0] is Side.NONE


def _same_side(claim: Claim, known: Claim, candidates: list[Claim]) -> bool:
    said = claim.sides & {Side.LEFT, Side.RIGHT, Side.BOTH}
    if not said:
        return True
    pairs = [place for place in claim.places if place[1] is not None and place[0] is not Side.NONE]
    if any(not any(_place_fits(place, other) for other in known.places) for place in pairs):
        return False
    sides = known.sides
    if said <= sides:
        return True
    if said == {Side.BOTH} or said == {Side.LEFT, Side.RIGHT}:
        together = frozenset().union(*(k.sides for k in candidates))
        return Side.BOTH in together or {Side.LEFT, Side.RIGHT} <= together
    return False


def _same_level(claim: Claim, known: Claim, _: list[Claim]) -> bool:
    return not claim.levels or not known.levels or bool(claim.levels & known.levels) or _ranges(claim, known)


def _ranges(claim: Claim, known: Claim) -> bool:
    return any("-" in level for level in known.levels | claim.levels)


def _organ_is_normal(claim: Claim, known: Sequence[Claim]) -> bool:
    """Tell whether the report calls the claim's organ normal (or says nothing abnormal anywhere)."""
    about = [k for k in known if not claim.organs or k.organs & claim.organs]
    normal = [k for k in about if k.negated or status_of(k.clause) is Status.NORMAL]
    general = [k for k in known if re.search(r"未见(?:明显|明确)?异常", k.clause)]
    return bool(normal) or bool(general)


def _organ(claim: Claim, known: Sequence[Claim]) -> Mismatch | None:
    explains = bool(pattern_of("guard_alignment", "explains").search(claim.clause))
    about = [k for k in known if k.organs & claim.organs]
    if not about:
        family = any(claim.organs & f and any(k.organs & f for k in known) for f in _families())
        if (
            explains
            or family
            or claim.organs <= _GENERIC
            or not pattern_of("guard_alignment", "quality").search(claim.clause)
        ):
            return None
        return Mismatch("organ", "、".join(sorted(claim.organs)))
    same_side = [k for k in about if _same_side(claim, k, about)]
    if claim.sides and not same_side:
        return (
            None
            if explains and not pattern_of("guard_alignment", "quality").search(claim.clause)
            else Mismatch("side", "、".join(sorted(claim.organs)))
        )
    if claim.levels and any(k.levels for k in about) and not any(_same_level(claim, k, about) for k in about):
        return Mismatch("level", "、".join(sorted(claim.organs)))
    if (
        pattern_of("guard_alignment", "quality").search(claim.clause)
        and not explains
        and not re.search(
            r"欠|不[清光通对完均]|异常(?!.{0,4}(?:没|未))", claim.clause.replace("没有异常", "").replace("未见异常", "")
        )
    ):
        statuses = {status_of(k.clause) for k in same_side or about}
        if Status.ABNORMAL in statuses and Status.NORMAL not in statuses:
            return Mismatch("negation", "、".join(sorted(claim.organs)))
    called_abnormal = not explains and not claim.negated and status_of(claim.clause) is Status.ABNORMAL
    if called_abnormal and {status_of(k.clause) for k in same_side or about} == {Status.NORMAL}:
        return Mismatch("negation", "、".join(sorted(claim.organs)))
    return None
