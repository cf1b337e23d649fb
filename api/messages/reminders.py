"""What a doctor reads when an order repeats an earlier examination."""

from imaging_core.reminders import Level
from imaging_core.reminders.elsewhere import ElsewhereState
from imaging_core.reminders.reasons import RepeatReason

TITLE = "重复检查提醒"
DESCRIPTION = "开单时查找患者在其他医院已做的相同或相关检查，附影像与报告。"
ACCEPT = "采用已有检查结果，取消本项"
ACCEPT_PART = "采用已有检查结果，请将本项改开为："
CANCEL = "取消重复的检查项目"
OPEN = "影像与报告"

LEVELS = {Level.SAME: "相同项目", Level.RELATED: "相关部位"}

REASONS = {
    RepeatReason.CONDITION_CHANGED: "病情变化，已有结果与临床表现不符",
    RepeatReason.FAST_CHANGING: "检查结果随疾病发展变化较快",
    RepeatReason.CRITICAL_ITEM: "检查项目对诊疗意义重大（如手术、输血前）",
    RepeatReason.EMERGENCY: "急诊、急救",
    RepeatReason.APPRAISAL: "司法、伤残、病退等鉴定",
    RepeatReason.OTHER: "其他情形（请说明）",
}

NOT_ASKED = {
    ElsewhereState.LATE: ("区域平台未及时应答", "未能核对全部其他医院的检查，不影响开单。"),
    ElsewhereState.FAILED: ("区域平台暂时无法访问", "未能核对全部其他医院的检查，不影响开单。"),
    ElsewhereState.NO_IDENTITY: ("患者没有登记身份证号", "未能核对其他医院的检查，不影响开单。"),
}
UNKNOWN_PATIENT = ("患者未在影像系统登记", "未能核对重复检查，不影响开单。")
