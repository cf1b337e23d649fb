"""Words of the quality figures; names and definitions of indicators stand with the indicators."""

from imaging_core.quality import Measured, Want

NO_DATA = "暂无数据"
WANTED = {Want.MORE: "越高越好", Want.FEWER: "越低越好", Want.NEITHER: "仅供了解"}
COLUMNS = (
    "类别",
    "指标",
    "分子",
    "分母",
    "结果",
    "方向",
    "定义",
    "分子说明",
    "分母说明",
    "起始检查日期",
    "截止检查日期",
)
STUDY_COLUMNS = ("检查号", "检查日期", "设备类型", "StudyInstanceUID", "部位")


def share(measured: Measured) -> str:
    """Return the ratio in words, rounded down, so that 100 % means all of them.

    >>> share(Measured(None, 1999, 2000)), share(Measured(None, 0, 7)), share(Measured(None, 0, 0))
    ('99.9%', '0.0%', '暂无数据')
    """
    if not measured.denominator:
        return NO_DATA
    tenths = measured.numerator * 1000 // measured.denominator
    return f"{tenths // 10}.{tenths % 10}%"
