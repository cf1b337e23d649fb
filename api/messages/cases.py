"""Words of what waits for a person: why, and what to do about it."""

CONFLICT = "同一影像编号收到了不同内容。正在使用先收到的，后来的已另存，请与发送科室核对。"
NO_PATIENT_ID = "影像里没有患者编号，无法归到任何患者。请在设备或 PACS 上补录后重发。"
NOT_REGISTERED = "患者编号没有登记信息（ADT）。请确认 HIS 是否发送登记，或患者编号是否录错。"
ANOTHER_PERSON = "患者编号已登记，但影像里的姓名与登记的不是同一人，没有自动归档。请核对患者身份。"
NO_STUDY = "报告已收到，还没有对应的影像。请核对检查号，或影像是否发送。"


def refused(code: str) -> str:
    """Say that the regional platform does not take what it was sent."""
    return f"区域平台不接收（代码 {code}），不会自动重发。请按代码与平台核对，更正后再次发送。"


def failed(times: int) -> str:
    """Say that work keeps failing."""
    return f"后台处理已失败 {times} 次，还会自动重试。反复失败请联系运维。"
