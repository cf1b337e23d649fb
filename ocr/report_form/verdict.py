"""Is this a report at all?"""

import re
from collections.abc import Collection

from ocr.types import Refusal

_IDENTITY_CARD = ("公民身份号码", "居民身份证", "签发机关", "有效期限", "社会保障号码", "社会保障卡", "驾驶证", "护照")
_RECEIPT = (
    "发票",
    "收据",
    "收费票据",
    "收款人",
    "金额",
    "合计",
    "医保支付",
    "个人支付",
    "自付",
    "小写",
    "大写",
    "收费项目",
    "单价",
    "找零",
)
_TITLE = re.compile(r"报告|检查单|检验单|化验单|诊断书|检查结果|检验结果|体检")
_CUES = (
    "姓名", "性别", "年龄", "科室", "检查", "检验", "标本", "医师", "医生", "审核", "报告", "医院", "所见", "诊断",
    "印象", "影像",
    "超声", "平扫", "参考", "CT", "MR", "病理", "心电",
)  # fmt: skip


def refusal_of(text: str, field_keys: Collection[str], lab_rows: int) -> Refusal | None:
    """Return why the text on the picture is no medical report, or None if it is one.

    A page with findings or an impression, or with at least two laboratory rows, is a report even if its head is cut
    off; something that only mentions a hospital is not.
    """
    content = bool({"findings", "impression"} & set(field_keys)) or lab_rows >= 2
    cues = sum(cue in text for cue in _CUES)
    if not content:
        if sum(word in text for word in _IDENTITY_CARD) >= 1:
            return Refusal.IDENTITY_CARD
        if sum(word in text for word in _RECEIPT) >= 2:
            return Refusal.RECEIPT
        return Refusal.NO_REPORT if text.strip() else Refusal.NO_TEXT
    if sum(word in text for word in _RECEIPT) >= 4:
        return Refusal.RECEIPT
    enough = 3 if lab_rows < 2 else 2
    if cues < enough and not (cues and _TITLE.search(text)):
        return Refusal.NO_REPORT
    return None
