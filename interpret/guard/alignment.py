"""Does a sentence say the same of the same thing: concept, organ, side, lobe, level, polarity, certainty, trend."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from interpret.guard.mentions import Claim, Place, related
from interpret.report.status import status_of
from interpret.types import Side, Status

_EXPLAINS = re.compile(
    r"是指|就是指|指的是|指(?:在|肺|影像|的)|意思是|也就是|就是说|像|好比|好像|通常|一般|多数|大多|常见|多见|往往|可以理解|相当于|叫做|所谓|可由|可能与|与年龄|有关|引起|导致|造成|代表|表示|说明|属于|如果|出现|要注意|建议|需要|可以|复查|应|请|为了|什么|时候|医生|是一种|之一|有时|有些|有人|不少|部分|\?"
)
_GENERIC = frozenset({"血管", "关节", "骨", "软组织", "腹腔", "淋巴结", "脊柱", "胸廓"})
_ORGAN_FAMILY = (
    frozenset({"脊柱", "颈椎", "胸椎", "腰椎", "骶椎", "脊髓"}), frozenset({"肺", "胸膜", "纵隔", "胸廓"}), frozenset({"心脏", "冠状动脉", "主动脉"}),
    frozenset({"肝", "胆管", "门静脉", "胆囊"}), frozenset({"脑", "脑动脉", "颅骨"}), frozenset({"腹腔", "盆腔", "胸膜"}), frozenset({"腋窝", "乳腺"}),
    frozenset({"子宫", "卵巢", "盆腔"}), frozenset({"膝", "下肢骨"}), frozenset({"髋", "下肢骨"}), frozenset({"踝足", "下肢骨"}), frozenset({"颈动脉", "颈部", "脑动脉", "血管"}),
    frozenset({"胃", "十二指肠", "食管"}), frozenset({"肾", "输尿管", "膀胱"}),
)  # fmt: skip


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


def _concept(claim: Claim, known: Sequence[Claim], evidence: Sequence[Claim]) -> Mismatch | None:
    explains = bool(_EXPLAINS.search(claim.clause))
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
    if not explains or not claim.uncertain:
        if all(k.negated != claim.negated for k in candidates) and not (explains and not claim.sides):
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


def _same_organ(claim: Claim, known: Claim, _: list[Claim]) -> bool:
    if not claim.organs or not known.organs or claim.organs & known.organs:
        return True
    if claim.organs <= _GENERIC and "脊柱" not in claim.organs:
        return True
    return any(claim.organs & family and known.organs & family for family in _ORGAN_FAMILY)


def _same_lobe(claim: Claim, known: Claim, _: list[Claim]) -> bool:
    wanted = {place for place in claim.places if place[1] is not None}
    if not wanted:
        return True
    return all(any(_place_fits(place, other) for other in known.places) for place in wanted)


def _place_fits(place: Place, other: Place) -> bool:
    if place[1] != other[1]:
        return False
    return place[0] is Side.NONE or other[0] is place[0] or other[0] is Side.BOTH or other[0] is Side.NONE


def _same_side(claim: Claim, known: Claim, candidates: list[Claim]) -> bool:
    said = claim.sides & {Side.LEFT, Side.RIGHT, Side.BOTH}
    if not said:
        return True
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


_QUALITY = re.compile(
    r"正常|清晰|清楚|光滑|通畅|对称|居中|没有?(?:看到|发现|什么)?(?:明显)?(?:的)?(?:异常|问题|毛病)|未见(?:明显)?异常|完整|均匀|挺好|很好|良好|没问题"
)


def _organ(claim: Claim, known: Sequence[Claim]) -> Mismatch | None:
    explains = bool(_EXPLAINS.search(claim.clause))
    about = [k for k in known if k.organs & claim.organs]
    if not about:
        family = any(claim.organs & f and any(k.organs & f for k in known) for f in _ORGAN_FAMILY)
        if explains or family or claim.organs <= _GENERIC or not _QUALITY.search(claim.clause):
            return None
        return Mismatch("organ", "、".join(sorted(claim.organs)))
    same_side = [k for k in about if _same_side(claim, k, about)]
    if claim.sides and not same_side:
        return (
            None
            if explains and not _QUALITY.search(claim.clause)
            else Mismatch("side", "、".join(sorted(claim.organs)))
        )
    if claim.levels and any(k.levels for k in about) and not any(_same_level(claim, k, about) for k in about):
        return Mismatch("level", "、".join(sorted(claim.organs)))
    if (
        _QUALITY.search(claim.clause)
        and not explains
        and not re.search(
            r"欠|不[清光通对完均]|异常(?!.{0,4}(?:没|未))", claim.clause.replace("没有异常", "").replace("未见异常", "")
        )
    ):
        statuses = {status_of(k.clause) for k in same_side or about}
        if Status.ABNORMAL in statuses and Status.NORMAL not in statuses:
            return Mismatch("negation", "、".join(sorted(claim.organs)))
    if not explains and not claim.negated and status_of(claim.clause) is Status.ABNORMAL:
        if {status_of(k.clause) for k in same_side or about} == {Status.NORMAL}:
            return Mismatch("negation", "、".join(sorted(claim.organs)))
    return None
