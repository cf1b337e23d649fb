"""The six situations in which an examination may be repeated although a result is there."""

from enum import StrEnum


class RepeatReason(StrEnum):
    """国卫医发〔2022〕6号, as stated in public by the health commission on 2024-11-27."""

    CONDITION_CHANGED = "condition_changed"
    FAST_CHANGING = "fast_changing"
    CRITICAL_ITEM = "critical_item"
    EMERGENCY = "emergency"
    APPRAISAL = "appraisal"
    OTHER = "other"


LONGEST_COMMENT = 200
