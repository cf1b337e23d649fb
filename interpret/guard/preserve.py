"""A rewording may change words and nothing else."""

import re

from interpret.guard.forbidden import forbidden, is_calming
from interpret.guard.mentions import claims, denied_spans, related
from interpret.guard.quantities import quantities
from interpret.guard.urgency import haste, red_flags_named
from interpret.report.prepare import prepare
from interpret.types import Side

_HEDGE = re.compile(r"可能|考虑|怀疑|疑|不能排除|不排除|不除外|待排|也许|像是|倾向|没有定论|还不能|说不准")
_QUOTE = re.compile(r"“([^”]*)”")
_SIDE = re.compile(r"左|右|双|两侧|两边")
_LATIN = re.compile(r"[A-Za-z]{4,}")
_MARKUP = re.compile(r"[|`{}<>]|https?:|\*\*|^\s*(?:[-#*]|\d+[.、)])")


def changed(original: str, candidate: str) -> str | None:
    """Return what a rewording changed that it may not, or None.

    Args:
        original: The composed, checked sentence.
        candidate: A model's rewording of it.
    """
    before, after = prepare(original).text, prepare(candidate).text
    if not _looks_like_a_sentence(original, candidate):
        return "form"
    if _QUOTE.findall(original) != _QUOTE.findall(candidate):
        return "quote"
    said, kept = quantities(after), quantities(before)
    for name in ("measures", "levels", "grades", "months", "counts", "numbers", "fractions"):
        if getattr(said, name) != getattr(kept, name):
            return name
    if _sides(before) != _sides(after):
        return "side"
    if bool(_HEDGE.search(before)) != bool(_HEDGE.search(after)):
        return "certainty"
    if len(denied_spans(before)) != len(denied_spans(after)):
        return "negation"
    if haste(before) != haste(after):
        return "urgency"
    if red_flags_named(before) != red_flags_named(after):
        return "red_flag"
    if is_calming(after) and not is_calming(before):
        return "reassurance"
    return _claims_changed(before, after) or forbidden(after, [before])


def _looks_like_a_sentence(original: str, candidate: str) -> bool:
    han = sum(1 for c in candidate if "\u4e00" <= c <= "\u9fff")
    if han < 0.4 * len(candidate) or "\n" in candidate.strip() or _MARKUP.search(candidate):
        return False
    if {w.upper() for w in _LATIN.findall(candidate)} - {w.upper() for w in _LATIN.findall(original)}:
        return False
    return 0.4 * len(original) <= len(candidate) <= 2.2 * len(original) + 12


def _sides(text: str) -> list[str]:
    words = [word if word in "左右" else "双" for word in _SIDE.findall(text)]
    return sorted(words)


def _claims_changed(before: str, after: str) -> str | None:
    old = [c for c in claims(before) if c.concept is not None]
    new = [c for c in claims(after) if c.concept is not None]
    for claim in new:
        same = [
            o for o in old if related(str(claim.concept), str(o.concept)) or related(str(o.concept), str(claim.concept))
        ]
        if not same:
            return "new_finding"
        if all(o.negated != claim.negated for o in same):
            return "negation"
        if all(o.trend != claim.trend for o in same):
            return "trend"
        if claim.severity is not None and all(o.severity != claim.severity for o in same):
            return "severity"
        sides = claim.sides & {Side.LEFT, Side.RIGHT, Side.BOTH}
        if sides and all(o.sides and not sides <= o.sides for o in same):
            return "side"
    dropped = [
        o
        for o in old
        if not any(related(str(n.concept), str(o.concept)) or related(str(o.concept), str(n.concept)) for n in new)
    ]
    if dropped:
        return "dropped"
    organs_before = {organ for c in claims(before) for organ in c.organs}
    organs_after = {organ for c in claims(after) for organ in c.organs}
    return "organ" if organs_after - organs_before else None
