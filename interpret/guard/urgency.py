"""Red flags in what a patient writes: rules, before anything else is done with a question."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from interpret.language import pattern_of, table
from interpret.messages import message
from interpret.report.prepare import prepare
from interpret.types import EmergencyCard, Turn


@dataclass(frozen=True, slots=True)
class _Rule:
    rule_id: str
    reason: str
    groups: tuple[str, ...]
    card: str


@cache
def _symptoms() -> dict[str, re.Pattern[str]]:
    return {name: re.compile("|".join(patterns)) for name, patterns in table("red_flags")["symptoms"].items()}


@cache
def _rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(raw["id"], raw["reason"], tuple(raw["all"]), raw.get("card", "emergency"))
        for raw in table("red_flags")["rules"]
    )


_PAST = re.compile(
    r"(?:去年|前年|以前|小时候|年轻时|几年前|\d+年前|上个月|半年前|之前|曾经|原来|早年|上次|那时候|当时)"
)
_NOW = re.compile(
    r"现在|刚才|刚刚|今天|今早|昨晚|昨天|这会儿|又|还在|一直|突然|越来越|马上|正在|目前|这两天|这几天|从早上|刚"
)
_OVER = re.compile(
    r"(?:已经|现在|后来|早就|都)?(?:好了|没事了|不(?:疼|痛|喘|晕|吐|闷|憋)了|恢复了|缓解了|过去了|治好了)"
)
_TURNS_KEPT = 3


def red_flag(
    question: str, history: Sequence[Turn] = (), *, pregnant: bool = False, infant: bool = False
) -> EmergencyCard | None:
    """Return the fixed card when the question (with what was said before) holds a red flag, else None.

    Denied ("没有胸痛"), hypothetical ("如果胸痛怎么办") and over ("去年晕倒过，现在好了") symptoms are none; those of
    other people ("我爸喘不上气") are. Earlier turns complete a picture only together with a symptom of this one;
    nothing said in between lowers it.

    Args:
        question: What the patient wrote.
        history: Earlier turns, oldest first.
        pregnant: Known from elsewhere (patient, obstetric report): "下面出血了" alone is then an emergency.
        infant: The patient is a small child.
    """
    now = _present(question)
    if not now:
        return None
    before = {name for name, known in (("pregnant", pregnant), ("infant", infant)) if known}
    for turn in history[-_TURNS_KEPT:]:
        before |= _present(turn.question)
    found = [rule for rule in _rules() if _met(rule, now, before)]
    if not found:
        return None
    card = "self_harm" if any(rule.card == "self_harm" for rule in found) else "emergency"
    return EmergencyCard(
        title=message(f"{card}_title"),
        text=message(f"{card}_text"),
        reasons=_told_once([rule.reason for rule in found]),
    )


def _told_once(reasons: Sequence[str]) -> tuple[str, ...]:
    """Leave out a reason that a longer one holds: 呼吸困难 beside 胸痛伴呼吸困难."""
    unique = tuple(dict.fromkeys(reasons))
    return tuple(reason for reason in unique if not any(reason != other and reason in other for other in unique))


def red_flags_named(text: str) -> frozenset[str]:
    """Return the red-flag symptoms a text names in any way, warnings ("突然嘴歪马上打120") included."""
    prepared = prepare(text).text
    return frozenset(name for name, pattern in _symptoms().items() if pattern.search(prepared))


_HURRY: tuple[re.Pattern[str], ...] = tuple(
    re.compile(words)
    for words in (
        r"马上|立即|立刻|即刻|现在就|赶紧|赶快|第一时间",
        r"今天",
        r"几天内|数日内|这几天|尽快|尽早|近期|早点",
        r"急诊",
        r"120",
    )
)


def haste(text: str) -> tuple[bool, ...]:
    """Return how soon and where to a text sends people: at once, today, within days, emergency room, ambulance."""
    return tuple(bool(pattern.search(text)) for pattern in _HURRY)


def warns(text: str) -> bool:
    """Tell whether a text sends to a doctor soon or names what is an emergency: such words are never reworded."""
    return any(haste(text)) or bool(red_flags_named(text))


def _met(rule: _Rule, now: set[str], before: set[str]) -> bool:
    return all(group in now or group in before for group in rule.groups) and any(group in now for group in rule.groups)


def _present(text: str) -> set[str]:
    prepared = prepare(text[:4000]).text
    return {
        name
        for name, pattern in _symptoms().items()
        if any(_is_present(prepared, m) for m in pattern.finditer(prepared))
    }


def _is_present(text: str, match: re.Match[str]) -> bool:
    start = max((text.rfind(c, 0, match.start()) for c in "，。；！?\n"), default=-1) + 1
    stops = [at for at in (text.find(c, match.end()) for c in "，。；！\n") if at >= 0]
    end = min(stops, default=len(text))
    before, clause = text[start : match.start()], text[start:end]
    if pattern_of("guard_urgency", "denied").search(before) or pattern_of("guard_urgency", "denied_inside").match(
        match.group()
    ):
        return False
    sentence_start = max((text.rfind(c, 0, match.start()) for c in "。；！\n"), default=-1) + 1
    sentence_stops = [at for at in (text.find(c, match.end()) for c in "。；！\n") if at >= 0]
    sentence = text[sentence_start : min(sentence_stops, default=len(text))]
    if pattern_of("guard_urgency", "if").search(clause) and not _NOW.search(clause):
        return False
    if pattern_of("guard_urgency", "if").match(text[sentence_start:]) and not _NOW.search(sentence):
        return False
    after = text[match.end() :]
    if _OVER.search(after) and not re.search(r"又|还是|但", after):
        return False
    return not (_PAST.search(text[sentence_start : match.start()]) and not _NOW.search(sentence))
