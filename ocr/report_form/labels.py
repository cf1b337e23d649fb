"""The words printed before the fields of a report, and where they stand in a line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ocr.layout.spans import Span

FIELD_LABELS: dict[str, tuple[str, ...]] = {
    "department": ("申请科室", "送检科室", "开单科室", "就诊科室", "检查科室", "临床科室", "科室", "科别"),
    "name": ("患者姓名", "病人姓名", "受检者姓名", "受检者", "姓名"),
    "sex": ("性别",),
    "age": ("年龄",),
    "exam_no": (
        "检查编号", "检查号", "检查流水号", "影像编号", "影像号", "放射号", "超声号", "内镜号", "病理号", "心电号",
        "CT号", "MR号", "MRI号", "DR号", "X线号", "X光号", "报告编号", "报告单号", "登记号", "申请单号",
    ),
    "sample_no": ("样本编号", "样本号", "标本编号", "标本号", "条码号", "检验编号"),
    "exam_item": (
        "检查项目", "检查名称", "检查部位", "检验项目", "检验目的", "项目名称", "检查内容", "检查部位/方法",
    ),
    "exam_date": ("检查日期", "检查时间", "采样时间", "采样日期", "采集时间", "采集日期", "检验日期", "送检日期"),
    "report_date": ("报告日期", "报告时间", "审核时间", "审核日期", "签发日期", "发布时间"),
    "reporting_physician": (
        "报告医师", "报告医生", "诊断医师", "诊断医生", "书写医师", "报告者", "报告人", "检查医师", "检查医生",
        "操作医师", "检验者", "检验师", "检验医师",
    ),
    "verifying_physician": (
        "审核医师", "审核医生", "审核者", "审核人", "复核医师", "复核者", "审签医师", "审阅医师", "核对者",
        "核对人", "复核",
    ),
}  # fmt: skip
SECTION_LABELS: dict[str, tuple[str, ...]] = {
    "findings": (
        "检查所见", "影像所见", "影像学所见", "影像表现", "影像学表现", "影像描述", "放射学表现", "超声所见",
        "超声描述",
        "超声表现", "镜下所见", "镜检所见", "内镜所见", "内镜检查所见", "肉眼所见", "CT所见", "CT表现", "MRI所见",
        "MR表现", "X线所见", "X线表现", "心电图所见", "检查描述", "检查表现", "所见", "描述",
    ),
    "impression": (
        "诊断意见", "诊断印象", "诊断结论", "诊断提示", "影像诊断", "影像学诊断", "影像意见", "放射学诊断",
        "超声诊断",
        "超声提示", "超声印象", "检查结论", "检查提示", "检查诊断", "检查意见", "病理诊断", "内镜诊断", "镜检诊断",
        "心电图诊断", "报告结论", "印象", "结论", "意见", "提示", "诊断",
    ),
}  # fmt: skip
OTHER_LABELS = (
    "临床诊断", "入院诊断", "临床症状", "主诉", "病史", "病史摘要", "检查方法", "扫描方法", "检查技术", "检查设备",
    "仪器",
    "床号", "病区", "住院号", "门诊号", "病历号", "病案号", "卡号", "就诊卡号", "就诊号", "身份证号", "电话",
    "联系电话",
    "地址", "民族", "职业", "费别", "病人类型", "患者类型", "来源", "标本", "标本类型", "标本种类", "样本类型",
    "标本状态",
    "申请医师", "申请医生", "送检医师", "送检医生", "开单医师", "申请日期", "申请时间", "接收时间", "接收日期",
    "收样时间",
    "打印时间", "打印日期", "登记时间", "签名", "医师签名", "医生签名", "记录者", "记录员", "备注", "注", "说明",
    "声明",
    "建议", "附注", "页码", "病人ID", "患者ID", "ID号", "ID",
)  # fmt: skip
_COLON = r"\s*[:：]"
_OPEN, _CLOSE = r"[\s【\[「(（*■◆●]*", r"[\s】\]」)）*]*"


@dataclass(frozen=True, slots=True)
class LabelAt:
    """A label in a line: `key` is a field key, or "" for a label whose value is not kept."""

    key: str
    start: int
    end: int


def _pattern(words: dict[str, tuple[str, ...]]) -> tuple[re.Pattern[str], dict[str, str]]:
    key_of = {word: key for key, group in words.items() for word in group}
    ordered = sorted(key_of, key=len, reverse=True)
    # 姓　名 is printed with white space between its characters
    alternatives = "|".join(r"\s*".join(re.escape(character) for character in word) for word in ordered)
    return re.compile(f"({alternatives})"), key_of


_HEADER_WORDS, _HEADER_KEYS = _pattern({**FIELD_LABELS, "": OTHER_LABELS})
_SECTION_WORDS, _SECTION_KEYS = _pattern(SECTION_LABELS)
_SECTION_START = re.compile(f"^{_OPEN}{_SECTION_WORDS.pattern}{_CLOSE}(?P<colon>{_COLON})?{_CLOSE}")


def header_labels(span: Span) -> Iterator[LabelAt]:
    """Yield the labels in a piece of text: followed by a colon, or standing alone before a gap."""
    text = span.text
    for match in _HEADER_WORDS.finditer(text):
        if match[1][0].isascii() and match.start() and text[match.start() - 1].isalnum():
            continue  # the ID of 病人ID, the CT号 of something longer
        colon = re.compile(_COLON).match(text, match.end())
        alone = match.start() == 0 and (match.end() == len(text) or text[match.end()].isspace())
        if colon is None and not alone:
            continue
        end = colon.end() if colon else match.end()
        yield LabelAt(_HEADER_KEYS[re.sub(r"\s", "", match[1])], span.start + match.start(), span.start + end)


def starts_header(text: str) -> bool:
    """Tell whether a piece begins with a label and a colon."""
    match = _HEADER_WORDS.match(text.lstrip())
    return match is not None and re.match(_COLON, text.lstrip()[match.end() :]) is not None


def section_label(span: Span) -> LabelAt | None:
    """Return the section that a piece of text opens: 检查所见, 诊断意见 and their other names.

    Without a colon only a piece that is nothing but the label opens a section.
    """
    match = _SECTION_START.match(span.text)
    if match is None or (match["colon"] is None and match.end() < len(span.text.rstrip())):
        return None
    key = _SECTION_KEYS[re.sub(r"\s", "", match[1])]
    return LabelAt(key, span.start, span.start + match.end())
