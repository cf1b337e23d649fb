"""质控指标: what the archive's own tables say of its studies' quality, over a period of study dates."""

from imaging_core.quality.indicators import INDICATORS, Group, Indicator, Want
from imaging_core.quality.measure import Measured, Side, StudyBehind, measure, studies_behind, undated
from imaging_core.quality.period import Period, PeriodReversed

__all__ = [
    "INDICATORS",
    "Group",
    "Indicator",
    "Measured",
    "Period",
    "PeriodReversed",
    "Side",
    "StudyBehind",
    "Want",
    "measure",
    "studies_behind",
    "undated",
]
