"""The heading of a laboratory table: which columns there are."""

import re
from collections.abc import Sequence

from ocr.layout.columns import Column
from ocr.layout.spans import Span, whole
from ocr.types import Line

_HEADINGS: dict[str, tuple[str, ...]] = {
    "item": ("项目", "项目名称", "检验项目", "检测项目", "检查项目", "中文名称", "名称", "分析项目", "检验项目名称"),
    "value": ("结果", "检验结果", "测定结果", "检测结果", "结果值", "测定值", "测量值", "数值", "定量结果"),
    "unit": ("单位", "结果单位"),
    "reference": (
        "参考范围", "参考值", "参考区间", "参考值范围", "正常参考值", "正常范围", "正常值", "生物参考区间", "范围",
    ),
    "flag": ("提示", "标志", "标识", "状态", "异常", "高低", "箭头", "提示符", "异常提示"),
    "ignored": (
        "序号", "序", "No", "NO", "No.", "代号", "简称", "英文", "缩写", "英文名称", "英文缩写", "编号", "编码",
        "代码",
        "方法", "检测方法", "实验方法", "检验方法", "方法学"),
}  # fmt: skip
_KIND_OF = {word: kind for kind, group in _HEADINGS.items() for word in group}
_WORDS = re.compile("|".join(re.escape(word) for word in sorted(_KIND_OF, key=len, reverse=True)))


def lab_columns(row: Sequence[Line]) -> list[Column]:
    """Return the columns if the row is the heading of a laboratory table, else nothing.

    A second 项目 to the right opens a second table beside the first.
    """
    headings = [span for line in row for span in _headings(line)]
    if sum(len(span.text) for span in headings) < 0.6 * sum(len(line.text.strip()) for line in row):
        return []
    columns: list[Column] = []
    group = -1
    for span in headings:
        kind = _KIND_OF[span.text]
        seen = {column.kind for column in columns if column.group == group}
        if group < 0 or (kind != "ignored" and kind in seen):
            group += 1
        columns.append(Column(kind, span.box, group))
    kinds = {column.kind for column in columns}
    return columns if {"item", "value"} <= kinds and len(kinds) >= 3 else []


def _headings(line: Line) -> list[Span]:
    span = whole(line)
    return [Span(line, match.start(), match.end()) for match in _WORDS.finditer(span.text)]
