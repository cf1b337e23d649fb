"""What a doctor reads in the plugin."""

from datetime import datetime

from api.messages.reminders import NOT_ASKED
from imaging_core.coding.kinds import ExamKind
from imaging_core.interop.hl7v2.fields import CHINA
from imaging_core.reminders.elsewhere import ElsewhereState

KINDS = {
    ExamKind.IMAGING: "影像",
    ExamKind.LABORATORY: "检验",
    ExamKind.ECG: "心电",
    ExamKind.ENDOSCOPY: "内镜",
    ExamKind.PATHOLOGY: "病理",
    ExamKind.ULTRASOUND: "超声",
}

_NOT_LISTED = {
    ElsewhereState.NOT_CONNECTED: "未接入区域平台，只列出本系统已有的检查。",
    ElsewhereState.LATE: f"{NOT_ASKED[ElsewhereState.LATE][0]}，其他医院的检查未列全。",
    ElsewhereState.FAILED: f"{NOT_ASKED[ElsewhereState.FAILED][0]}，其他医院的检查未列全。",
    ElsewhereState.NO_IDENTITY: f"{NOT_ASKED[ElsewhereState.NO_IDENTITY][0]}，其他医院的检查未列全。",
}


def badge(count: int, state: ElsewhereState, as_of: datetime | None = None) -> str:
    """Say how many examinations other hospitals have; that there may be more, where not everyone answered now.

    >>> badge(2, ElsewhereState.ANSWERED), badge(0, ElsewhereState.LATE)
    ('外院 2 次检查', '外院 0 次检查（未查全）')
    >>> badge(2, ElsewhereState.ANSWERED, datetime(2026, 3, 2, 9, 12, tzinfo=CHINA))
    '外院 2 次检查（截至 09:12）'
    """
    if as_of is not None:
        return f"外院 {count} 次检查（截至 {_clock(as_of)}）"
    complete = state in {ElsewhereState.ANSWERED, ElsewhereState.NOT_CONNECTED}
    return f"外院 {count} 次检查" + ("" if complete else "（未查全）")


def notice(state: ElsewhereState, as_of: datetime | None = None) -> str | None:
    """Say why examinations elsewhere are missing, or how old their list is; None when neither is so."""
    if as_of is not None:
        return f"外院检查截至 {_clock(as_of)}，区域平台暂未给出更新的结果。"
    return _NOT_LISTED.get(state)


def _clock(at: datetime) -> str:
    # a list is kept for hours, so that the time of day says it
    return f"{at.astimezone(CHINA):%H:%M}"
