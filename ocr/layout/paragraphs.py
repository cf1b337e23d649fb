"""Printed lines back into the text that was typed: line wraps go, paragraphs and numbered points stay."""

import re
from collections.abc import Sequence
from itertools import pairwise

from ocr.types import Box

_POINT = re.compile(r"^\s*(?:[(（]?\d{1,2}[)）]|\d{1,2}\s*[.．、](?!\d)|[①-⑳]|[一二三四五六七八九十]{1,2}、)")
_SPACE_AFTER_POINT = re.compile(r"(?<=[.．、)）\u4e00-\u9fff])[ \u3000]+(?=[\u4e00-\u9fff])")
_SENTENCE_END = "。；;:：!！"
_SHORT = 0.85
"""A line that ends before this part of the text width was ended by its writer, not by the margin."""


def join_rows(rows: Sequence[tuple[str, Box]]) -> str:
    r"""Join the rows of a text.

    >>> box = Box(0, 0, 400, 20)
    >>> join_rows([("右肺上叶见结节，大小", box), ("约8mm。", Box(0, 30, 90, 20)), ("2.左肺清晰。", box)])
    '右肺上叶见结节，大小约8mm。\n2.左肺清晰。'
    """
    if not rows:
        return ""
    right = max(box.right for _, box in rows)
    left = min(box.left for _, box in rows)
    paragraphs = [rows[0][0].strip()]
    for (before, before_box), (text, _) in pairwise(rows):
        text = text.strip()
        ended_early = before_box.right < left + _SHORT * (right - left) and before.rstrip().endswith(
            tuple(_SENTENCE_END)
        )
        if _POINT.match(text) or ended_early:
            paragraphs.append(text)
        else:
            paragraphs[-1] += _gap(paragraphs[-1], text) + text
    return "\n".join(_SPACE_AFTER_POINT.sub("", paragraph) for paragraph in paragraphs)


def join_pieces(pieces: Sequence[tuple[str, Box]]) -> str:
    """Join the pieces of one row; a wide gap becomes a space."""
    joined = ""
    last: Box | None = None
    for text, box in pieces:
        wide = last is not None and box.left - last.right > 1.5 * box.height
        joined += (" " if wide else _gap(joined, text)) + text if joined else text
        last = box
    return joined


def _gap(before: str, after: str) -> str:
    """Latin words need a space at a line wrap, Chinese and numbers with their units do not."""
    both_words = re.search(r"[A-Za-z]{3,}$", before) and re.match(r"[A-Za-z]{3,}", after)
    return " " if both_words else ""
