"""Words of what waits for a person: why, and what to do about it."""

from typing import Final

REASONS: Final = {
    "conflict": "同一影像编号收到了不同内容。正在使用先收到的；请选择使用哪一份，两份都会保留。",
    "no_patient_id": "影像里没有患者编号，不能自动归到患者。可在下面选定患者，或在设备上补录后重发。",
    "not_registered": "患者编号没有登记信息（ADT）。请确认 HIS 是否发送登记，或患者编号是否录错；也可归入已有患者。",
    "another_person": "患者编号已登记，但影像里的姓名、性别或出生日期不足以认定是同一人，没有自动归档。请核对身份。",
    "lookalike": "两个患者编号可能是同一个人。核对后可以合并；合并可以撤销。",
    "no_study": "报告已收到，还没有对应的影像。请核对检查号，或影像是否发送；也可直接关联一次检查。",
}
_FINDINGS: Final = {
    "date_before_birth": "检查日期早于出生日期",
    "required_missing": "缺少必需的属性",
    "required_empty": "必需的属性为空",
    "needed_empty": "归档需要的属性为空",
    "text_unreadable": "文字无法辨认",
    "charset_wrong": "声明的字符集不对",
    "modality_contradicts": "设备类型与影像类别矛盾",
    "body_part_contradicts": "检查部位前后矛盾",
    "differs_within_study": "同一检查里的患者信息不一致",
    "age_contradicts": "年龄与出生日期不符",
    "identifier_placeholder": "编号是占位值",
    "unreadable": "有影像无法读取",
}


def reason_of(reason_code: str, text: str) -> str:
    """Return why something waits: what was said when it was put aside, else by its code."""
    if text:
        return text
    if reason_code in REASONS:
        return REASONS[reason_code]
    found = [_FINDINGS.get(code, code) for code in reason_code.split(",")]
    return f"规整时发现：{'；'.join(found)}。原始影像未改动，请与设备所在科室核对。"


def refused(code: str) -> str:
    """Say that the regional platform does not take what it was sent."""
    return f"区域平台不接收（代码 {code}），不会自动重发。请按代码与平台核对，更正后再次发送。"


def failed(times: int) -> str:
    """Say that work keeps failing."""
    return f"后台处理已失败 {times} 次，还会自动重试。反复失败请联系运维。"
