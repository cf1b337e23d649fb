"""Label and value pairs of a report's head and foot, and the hospital's name."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from ocr.layout.spans import Span, around, whole
from ocr.report_form.labels import header_labels, section_label
from ocr.types import Field, Line

_HOSPITAL = re.compile(
    r"[\u4e00-\u9fff（）()·]{2,30}(?:医院|卫生院|保健院|卫生服务中心|医疗中心|体检中心|影像中心|门诊部|诊所|保健所)"
)
_ROWS_OF_THE_HEAD = 6
_TITLE_ITEM = re.compile(r"(?:报告|检验|检查)单?\s*[(（]([^()（）]{2,30})[)）]")
_WIDEST_GAP = 14
"""A value stands at most this many line heights to the right of its label."""


def find_pairs(rows: Sequence[Sequence[Line]]) -> dict[str, Field]:
    """Return the labelled values. The first occurrence of a label that has a value counts."""
    found: dict[str, Field] = {}
    for row in rows:
        for key, value in _pairs_of(row):
            if key and value.text and key not in found:
                found[key] = Field(key, value.text, value.box, value.confidence)
    return found


def _pairs_of(row: Sequence[Line]) -> list[tuple[str, Span]]:
    pairs = []
    for position, line in enumerate(row):
        labels = list(header_labels(whole(line)))
        for label, following in zip_longest(labels, labels[1:]):
            end = following.start if following else len(line.text)
            value = Span(line, label.end, end).stripped(" \t\u3000:：|_＿")
            if not value.text and following is None and position + 1 < len(row):
                value = _next_value(line, row[position + 1])
            pairs.append((label.key, value))
    return pairs


def _next_value(line: Line, following: Line) -> Span:
    nothing = Span(line, len(line.text), len(line.text))
    if following.box.left - line.box.right > _WIDEST_GAP * line.box.height:
        return nothing
    labels = list(header_labels(whole(following)))
    end = labels[0].start if labels else len(following.text)
    return Span(following, 0, end).stripped(" \t\u3000:：|_＿")


def find_hospital(rows: Sequence[Sequence[Line]]) -> Field | None:
    """Return the name of the hospital: the tallest piece of the head that ends like one."""
    best: tuple[int, Span] | None = None
    for row in rows[:_ROWS_OF_THE_HEAD]:
        for line in row:
            match = _HOSPITAL.search(line.text)
            if match is None or list(header_labels(whole(line))) or section_label(whole(line)):
                continue
            if best is None or line.box.height > best[0]:
                best = (line.box.height, Span(line, match.start(), match.end()))
    if best is None:
        return None
    span = best[1]
    return Field("hospital", span.text, span.box, span.confidence)


def find_title_item(rows: Sequence[Sequence[Line]]) -> Field | None:
    """Return what a laboratory sheet names in its title: 检验报告单(血常规)."""
    for row in rows[:_ROWS_OF_THE_HEAD]:
        for line in row:
            match = _TITLE_ITEM.search(line.text)
            if match:
                span = Span(line, *match.span(1))
                return Field("exam_item", span.text, around([span.box]), span.confidence)
    return None
