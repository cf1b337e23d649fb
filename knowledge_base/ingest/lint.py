"""Look for what makes content wrong, unsafe or hard to read, beyond what its schema can say."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge_base.entries import Entry
from knowledge_base.errors import ContentInvalid
from knowledge_base.ingest.files import Content, default_content_dir, read_content

MAX_SENTENCE = 60
"""Characters between two full stops; older readers lose longer ones."""
_DOSE = re.compile(
    r"(每次|每日|每天|一天|一次)[^。；]{0,8}?\d[\d.]*\s*(mg|毫克|片|粒|支|袋|毫升|ml|单位)"
    r"|(口服|服用|静滴|注射)[^。；]{0,8}?\d[\d.]*\s*(mg|毫克|克|片|粒|支|袋|毫升|ml|单位)"
    r"|\d\s*(mg|毫克)(?!/)"
)
_PRESCRIPTION = re.compile(
    r"(?<!不要)(?<!不)(?<!勿)自行(服用|吃药|停药)|(应|可以|建议|需要?)(吃|服用|口服|静滴)[^。；，]{0,12}(药|片|胶囊|素)"
)
_PROMISE = re.compile(
    r"保证|百分之百|肯定(不是|没|不会)|绝对(不|没|安全)|一定(是癌|不是|会好|没事|能治)|包治|根治|没救|必死|不治之症|死期"
)
_NUMBER_WITH_UNIT = re.compile(
    r"(\d+(?:\.\d+)?|[一二三四五六七八九十两]+)\s*(?:个)?"
    r"(mm|cm|毫米|厘米|月|年|周|天|小时|分钟|岁|%|mSv|毫西弗|HU|克|升|L|张|倍|mmHg|次/分|μmol|mmol|包年)"
)
_HAN_DIGITS = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_EVERYDAY_AMOUNTS = re.compile(
    r"一(年|月|天|周|次|岁)|一段时间|半年|半天|一张|三维|一厘米等于十个毫米|这几天|两三天|几"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair, and where."""

    entry_id: str
    rule: str
    detail: str


def lint_content(folder: Path | None = None) -> list[Problem]:
    """Return everything found in a content folder; a folder that cannot be read gives rule `schema`."""
    try:
        content = read_content(folder or default_content_dir())
    except ContentInvalid as error:
        return [Problem("", "schema", problem) for problem in error.problems]
    problems = [problem for entry in content.entries for problem in lint_entry(entry, content)]
    return [*problems, *_duplicates(content.entries), *_everyday_surfaces(content)]


def lint_entry(entry: Entry, content: Content) -> Iterator[Problem]:
    """Yield what is wrong with one entry, apart from the others."""
    texts = [entry.plain, entry.body]
    if entry.guide:
        texts += [entry.guide.meaning, entry.guide.next_step, entry.guide.plain_name]
    for text in texts:
        for pattern, rule in ((_DOSE, "dose"), (_PRESCRIPTION, "prescription"), (_PROMISE, "promise")):
            for match in pattern.finditer(text):
                yield Problem(entry.entry_id, rule, match.group())
        for sentence in re.split(r"[。！？；\n]", text):
            if len(sentence) > MAX_SENTENCE:
                yield Problem(entry.entry_id, "long sentence", sentence)
        yield from _unsupported_numbers(entry, text, content)
    if not entry.questions:
        yield Problem(entry.entry_id, "no questions", "")


def _unsupported_numbers(entry: Entry, text: str, content: Content) -> Iterator[Problem]:
    """A number with a unit must stand in a fact (grade A or B) of one of the entry's own sources."""
    own = {source.source_id for source in entry.sources}
    evidence = " ".join(fact.text for fact in content.facts if fact.grade != "C" and own.intersection(fact.sources))
    supported = set(re.findall(r"\d+(?:\.\d+)?", evidence))
    for match in _NUMBER_WITH_UNIT.finditer(_EVERYDAY_AMOUNTS.sub("", text)):
        number = match.group(1)
        if not number[0].isdigit():
            number = str(_from_han(number))
        if number not in supported:
            yield Problem(entry.entry_id, "number without evidence", match.group())


def _from_han(digits: str) -> int:
    """Read a Chinese numeral below one hundred.

    >>> [_from_han(text) for text in ("三", "十二", "二十", "三十五")]
    [3, 12, 20, 35]
    """
    tens, mark, ones = digits.rpartition("十")
    if not mark:
        return _HAN_DIGITS[digits[-1]]
    return (_HAN_DIGITS[tens[-1]] if tens else 1) * 10 + (_HAN_DIGITS[ones] if ones else 0)


def _duplicates(entries: Sequence[Entry]) -> Iterator[Problem]:
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        for surface in entry.surfaces:
            owners[entry.kind, surface].append(entry.entry_id)
        for concept in entry.guide.concepts if entry.guide else ():
            owners["concept " + ",".join(entry.guide.organs if entry.guide else ()), concept].append(entry.entry_id)
    for (_, surface), ids in owners.items():
        if len(ids) > 1:
            yield Problem(ids[1], "duplicate surface", f"{surface} also in {ids[0]}")


def _everyday_surfaces(content: Content) -> Iterator[Problem]:
    everyday = set(content.language.get("everyday", ()))
    for entry in content.entries:
        for surface in everyday.intersection(entry.surfaces):
            yield Problem(entry.entry_id, "everyday word as hard term", surface)
