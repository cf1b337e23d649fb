"""Vertebral levels and liver segments in one writing, however a report or a patient writes them."""

import re
from functools import lru_cache

_HAN_DIGITS = {han: str(number) for number, han in enumerate("一二三四五六七八九十", start=1)}
_REGION = {"颈": "C", "胸": "T", "腰": "L", "骶": "S"}
_DIGIT = r"(?:1[0-2]|[1-9]|[一二三四五六七八九十])"
_LETTER = r"(?:[CTLS]|[颈胸腰骶](?:椎)?)"
_AFTER = r"(?![\d.]|[A-Za-z]|\s*(?:mm|cm|类|级|度|枚|个|处|月|年|天|周|期|点))"
_LIST = re.compile(
    rf"(?<![A-Za-z0-9])(?P<head>{_LETTER}第?{_DIGIT})(?P<rest>(?:(?:[-/~、]|至|和|与|及|，)(?:{_LETTER})?第?{_DIGIT}{_AFTER})*){_AFTER}"
)
_ORDINAL = re.compile(
    rf"第(?P<first>{_DIGIT})(?P<rest>(?:(?:[-/~、]|至|到|和|与|及)第?{_DIGIT})*)(?:节|个|块)?(?P<region>[颈胸腰骶])(?:椎|段)?"
)
_ITEM = re.compile(rf"(?P<join>[-/~、至到和与及，]?)(?P<letter>{_LETTER})?第?(?P<number>{_DIGIT})")
_DISC = re.compile(r"\s*(?:节|椎体?)*(?:椎?间盘|椎?间隙|之间|间)")
_NOT_SPINE_T = re.compile(r"T[12](?:WI?|加权|像|信号|压脂|\*|-FLAIR|FLAIR)|[长短等稍略]T[12]")
_LAST = {"C": 7, "T": 12, "L": 5}
_MAX = {"C": 8, "T": 12, "L": 6, "S": 8}


@lru_cache(maxsize=4096)
def levels(text: str) -> tuple[str, ...]:
    """Return levels in reading order, each once.

    >>> levels("L4/5椎间盘突出"), levels("第4、5腰椎之间"), levels("胸12、腰1椎体"), levels("T2WI信号减低")
    (('L4/5',), ('L4/5',), ('T12', 'L1'), ())
    """
    blanked = _NOT_SPINE_T.sub(lambda m: "·" * len(m.group()), text)
    found: list[tuple[int, list[str]]] = []
    for match in _LIST.finditer(blanked):
        items = [_item(m, None) for m in _ITEM.finditer(match.group())]
        if _is_spine(items, blanked, match):
            found.append((match.start(), _written(items, bool(_DISC.match(blanked, match.end())))))
    for match in _ORDINAL.finditer(blanked):
        region = _REGION[match.group("region")]
        items = [_item(m, region) for m in _ITEM.finditer(match.group("first") + match.group("rest"))]
        found.append((match.start(), _written(items, bool(_DISC.match(blanked, match.end())))))
    flat = list(dict.fromkeys(level for _, written in sorted(found) for level in written))
    return tuple(_joined(flat) if _BETWEEN.search(text) else flat)


_BETWEEN = re.compile(r"[和与到跟及].{0,10}(?:之间|中间|椎?间盘|椎?间隙)")


def _joined(flat: list[str]) -> list[str]:
    """Make one disc of two neighbouring vertebrae ("第5腰椎和骶1之间")."""
    out: list[str] = []
    for level in flat:
        before = out[-1] if out else ""
        if before and before.isalnum() and level.isalnum():
            same = before[0] == level[0] and int(level[1:]) == int(before[1:]) + 1
            crossing = before[0] != level[0] and level[1:] == "1" and _LAST.get(before[0]) == int(before[1:])
            if same or crossing:
                out[-1] = f"{before}/{level[1:] if same else level}"
                continue
        out.append(level)
    return out


_Item = tuple[str, str | None, int]
"""Joining character, region letter or None (that of the item before), number."""


def _item(match: re.Match[str], region: str | None) -> _Item:
    letter = match.group("letter")
    number = match.group("number")
    return (
        match.group("join"),
        _REGION.get(letter[0], letter[0]) if letter else region,
        int(_HAN_DIGITS.get(number, number)),
    )


def _written(items: list[_Item], disc: bool) -> list[str]:
    """Join 4/5 to one disc, 3-5 to a range, and leave 3、4 two vertebrae unless a disc follows."""
    out: list[str] = []
    letter = items[0][1] or ""
    open_item: tuple[str, int] | None = None
    only_pair = len(items) == 2
    for join, region, number in items:
        current = region or letter
        if open_item is not None:
            before, previous = open_item
            follows = (current == before and number == previous + 1) or (
                current != before and number == 1 and _LAST.get(before) == previous
            )
            binds = join in "/-~至到" or (disc and only_pair and join in "、和与及")
            if binds and join:
                shown = str(number) if current == before else f"{current}{number}"
                out[-1] = f"{before}{previous}/{shown}" if follows else f"{before}{previous}-{current}{number}"
                open_item, letter = None, current
                continue
        out.append(f"{current}{number}")
        open_item, letter = (current, number), current
    return out


def _is_spine(items: list[_Item], text: str, match: re.Match[str]) -> bool:
    """Refuse image numbers (S3 I25), sequences and numbers no spine has; S alone needs a liver or a sacrum near."""
    _, letter, number = items[0]
    if letter is None or number > _MAX[letter]:
        return False
    if not match.group()[0].isascii():
        return True
    around = text[max(0, match.start() - 12) : match.end() + 8]
    alone = len(items) == 1
    if letter == "S" and alone:
        return bool(re.search(r"肝|段|椎|骶", around)) and not re.search(r"S\d+\s*I", around)
    if letter == "T" and alone and number <= 4:
        return bool(re.search(r"椎|胸|水平|棘突", around))
    return True
