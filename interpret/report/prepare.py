"""One writing for many: a normalised text that remembers where each character came from.

Reports come with full-width digits, wrapped lines, blanks as commas and decimal commas. Rules read the
prepared text; every span they find is carried back to the text as received.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_PUNCTUATION = {
    ",": "，", ";": "；", ":": "：", "!": "！", "（": "(", "）": ")", "［": "[", "］": "]", "【": "[", "】": "]",
    "．": ".", "﹒": ".", "＊": "*", "～": "~", "—": "-", "–": "-", "－": "-", "−": "-", "﹣": "-", "‑": "-", "？": "?",
    "＜": "<", "＞": ">", "％": "%", "㎎": "mg", "㎏": "kg", "㎝": "cm", "㎜": "mm", "㎖": "ml",
    "\u3000": " ", "\xa0": " ", "\t": " ", "\u2028": "\n", "\x0b": "\n", "\x0c": "\n", "＂": "“", "﹤": "<",
}  # fmt: skip
_DROPPED = frozenset("\r\u200b\u200c\u200d\u2060\ufeff\u00ad")
_LIST_NUMBER = re.compile(r"\s*(?:\d{1,2}[.、)]|\(\d{1,2}\)|[①-⑳])")
_ENDS_ITEM = re.compile(r"[)）]$|(?:复查|随访|随诊|可能|待排|待查)$")
_ENDS_LINE = "。；：:;！"
_SIDES = "左右双两"
_WRAP_MIN = 20
"""Shorter lines are statements of their own, not a wrapped paragraph."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Normalised text; character i stands for original[starts[i]:ends[i]]."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Carry a non-empty slice of the prepared text back to the original."""
        return self.starts[start], self.ends[end - 1]


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"


def _characters(text: str) -> list[tuple[str, int]]:
    out: list[tuple[str, int]] = []
    for offset, char in enumerate(text):
        if char in _DROPPED:
            continue
        mapped = _PUNCTUATION.get(char)
        if mapped is None:
            code = ord(char)
            mapped = chr(code - 0xFEE0) if 0xFF01 <= code <= 0xFF5E else char
            mapped = _PUNCTUATION.get(mapped, mapped)
        out.extend((part, offset) for part in mapped)
    return out


def _width(line: str) -> int:
    """Return the printed width: a Han character is as broad as two Latin ones."""
    return sum(1 if char.isascii() else 2 for char in line)


def _soft_newlines(text: str) -> set[int]:
    """Find line ends that only wrap a paragraph: a full line, no stop at its end, no new item after it."""
    lines = text.split("\n")
    widest = max((len(line.rstrip()) for line in lines), default=0)
    broadest = max((_width(line.rstrip()) for line in lines), default=0)
    soft: set[int] = set()
    if len(lines) < 2 or widest < _WRAP_MIN:
        return soft
    position = 0
    # short lines that end without a stop are items of a list: there no line end is a mere wrap
    listed = sum(_width(line.rstrip()) < broadest / 2 and line.rstrip()[-1:] not in _ENDS_LINE for line in lines[:-1])
    for line, following in pairwise(lines):
        position += len(line)
        kept, next_line = line.rstrip(), following.lstrip()
        full = len(kept) >= widest - 4 or _width(kept) >= broadest - 8
        goes_on = next_line[:1] in {"，", "、", "。", "；", ")"}
        if goes_on or (full and not listed and _runs_on(kept, next_line)):
            soft.add(position)
        position += 1
    return soft


def _runs_on(line: str, following: str) -> bool:
    """Tell whether a full line's text may go on in the next: no stop before, no new item or side after."""
    if not line or not following or line[-1] in _ENDS_LINE or _ENDS_ITEM.search(line) or _LIST_NUMBER.match(following):
        return False
    return line[-1] in "，、" or following[0] not in _SIDES


_UNIT_END = re.compile(r"(?:mm|cm|ml|HU)$")


def _cuts_at_blank(text: str, start: int, end: int) -> bool:
    """Tell whether a run of blanks separates statements."""
    before, after = text[start - 1] if start else "\n", text[end] if end < len(text) else "\n"
    ends = _is_han(before) or before in ")%" or bool(_UNIT_END.search(text, max(0, start - 3), start))
    if not ends or not (_is_han(after) or after in "(["):
        return False
    if end - start >= 2:
        return True
    left = max(text.rfind(stop, 0, start) for stop in "。；\n")
    right = min((at for at in (text.find(stop, end) for stop in "。；\n") if at >= 0), default=len(text))
    return not re.search("[，、]", text[left + 1 : right])


_BLANKS = re.compile(" +")


@lru_cache(maxsize=64)
def prepare(text: str) -> Prepared:
    """Return the normalised text with its map back.

    >>> prepare("大小约８ｍｍ").text
    '大小约8mm'
    """
    characters = _characters(text)
    raw = "".join(char for char, _ in characters)
    soft = _soft_newlines(raw)
    replaced: dict[int, str] = {}
    for run in _BLANKS.finditer(raw):
        start, end = run.span()
        before, after = raw[start - 1 : start], raw[end : end + 1]
        keep = before.isascii() and after.isascii() and before.isalnum() and after.isalnum()
        first = "\n" if _cuts_at_blank(raw, start, end) else " " if keep else ""
        replaced[start] = first
        replaced.update(dict.fromkeys(range(start + 1, end), ""))
    out: list[tuple[str, int]] = []
    for index, (char, offset) in enumerate(characters):
        shown = "" if index in soft else replaced.get(index, char)
        if shown == "." and _is_full_stop(raw, index):
            shown = "。"
        if shown:
            out.append((shown, offset))
    return Prepared(
        text="".join(char for char, _ in out),
        starts=tuple(offset for _, offset in out),
        ends=tuple(offset + 1 for _, offset in out),
    )


def _is_full_stop(raw: str, index: int) -> bool:
    """Tell whether a half-width dot ends a sentence: after a Han character, bracket or unit, not before a digit."""
    before, after = raw[index - 1 : index], raw[index + 1 : index + 2]
    if not before or after.isdigit():
        return False
    unit_ends = before.isascii() and before.isalpha() and (not after or _is_han(after))
    return _is_han(before) or before in ")%" or unit_ends
