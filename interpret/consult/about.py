"""Which statements of a report a question asks about."""

import re
from collections.abc import Sequence

from interpret.consult.resolve import Resolved
from interpret.guard.alignment import organs_agree
from interpret.guard.mentions import Claim, claims, related
from interpret.report.findings import Statement
from interpret.report.reading import Reading
from interpret.types import Side, Status


def about(statements: Sequence[Statement], resolved: Resolved) -> list[Statement]:
    """Return the statements a question asks about, the closest only: same concept and organ, else a near one."""
    on_side = [s for s in statements if _on_side(s, resolved.side)]
    asked = [claim for claim in resolved.claims if claim.concept is not None]
    if not asked:
        organs = frozenset(organ for claim in resolved.claims for organ in claim.organs)
        if organs:
            exact = [s for s in on_side if organs & _organs_of(s)]
            return exact or [s for s in on_side if organs_agree(organs, _organs_of(s))]
        return [s for s in on_side if any(word in s.prepared for word in resolved.words)]
    steps = ((_same_or_wider, _shares_organ), (_same_or_wider, _near_organ), (_narrower, _shares_organ))
    for concept_fits, organ_fits in steps:
        found = [s for s in on_side if any(concept_fits(a, s) and organ_fits(a, s) for a in asked)]
        if found:
            return found
    # named only to be denied inside a finding ("断端无明显移位"): told word for word
    return [s for s in on_side if any(claim.word in s.prepared for claim in asked)]


def denied_in(statement: Statement, resolved: Resolved) -> bool:
    """Tell whether a statement names what is asked about only to deny it ("…狭窄，未见明显动脉瘤")."""
    asked = [str(claim.concept) for claim in resolved.claims if claim.concept is not None]
    same = [
        c for c in claims(statement.prepared) if c.concept is not None and any(related(a, c.concept) for a in asked)
    ]
    return bool(same) and all(claim.negated for claim in same)


_LOBE = re.compile(r"([左右])侧?叶")


def _on_side(statement: Statement, side: Side) -> bool:
    if side not in (Side.LEFT, Side.RIGHT) or statement.finding.side in (side, Side.BOTH):
        return True
    # lobes of thyroid and liver are no side of the body, but "左边那个" means the one in the left lobe
    return ("左" if side is Side.LEFT else "右") in _LOBE.findall(statement.prepared)


def _organs_of(statement: Statement) -> frozenset[str]:
    named = frozenset(organ for claim in claims(statement.prepared) for organ in claim.organs)
    return named | (frozenset({statement.subject}) if statement.subject else frozenset())


def _own(statement: Statement) -> list[Claim]:
    abnormal = statement.finding.status is Status.ABNORMAL
    return [c for c in claims(statement.prepared) if c.concept is not None and not (c.negated and abnormal)]


def _same_or_wider(asked: Claim, statement: Statement) -> bool:
    return any(related(str(asked.concept), str(own.concept)) for own in _own(statement))


def _narrower(asked: Claim, statement: Statement) -> bool:
    return any(related(str(own.concept), str(asked.concept)) for own in _own(statement))


def _shares_organ(asked: Claim, statement: Statement) -> bool:
    organs = _organs_of(statement)
    return not asked.organs or not organs or bool(asked.organs & organs)


def _near_organ(asked: Claim, statement: Statement) -> bool:
    return organs_agree(asked.organs, _organs_of(statement))


def not_in_report(reading: Reading, resolved: Resolved) -> str | None:
    """Return the word asked about that the report never names in any form, or None."""
    text = " ".join(prepared.text for prepared in reading.prepared.values())
    named = claims(text)
    for claim in resolved.claims:
        if claim.concept is None:
            continue
        same = [k for k in named if k.concept is not None and related(claim.concept, k.concept)]
        if not any(not claim.organs or not k.organs or organs_agree(claim.organs, k.organs) for k in same):
            return next((word for word in resolved.words if claim.word in word), claim.word)
    organs = frozenset(organ for claim in resolved.claims for organ in claim.organs)
    covered = frozenset(organ for claim in named for organ in claim.organs)
    concepts = any(claim.concept is not None for claim in resolved.claims)
    if concepts or not organs or not resolved.organ_words:
        return None
    word = resolved.organ_words[0]
    if not organs_agree(organs, covered):
        return word if len(word) > 1 else None
    side = {Side.LEFT: "左", Side.RIGHT: "右"}.get(resolved.side)
    return None if side is None else f"{side}{word.removeprefix(side)}"
