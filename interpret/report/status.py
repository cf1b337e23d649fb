"""What a clause says of its structure: abnormal, normal, not judged, or nothing of the kind."""

import re
from dataclasses import dataclass
from functools import cache

from interpret.language import cues
from interpret.report.scopes import alternation, blank_out, negated_spans
from interpret.types import Status


@dataclass(frozen=True, slots=True)
class _Patterns:
    normal: re.Pattern[str]
    abnormal: re.Pattern[str]
    limited: re.Pattern[str]
    uncertain: re.Pattern[str]
    gone: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    return _Patterns(
        normal=re.compile(f"(?<![欠不])(?:{alternation(cues('normal'))})"),
        abnormal=re.compile(alternation(cues("abnormal"))),
        limited=re.compile(alternation(cues("limited"))),
        uncertain=re.compile(alternation(cues("uncertain"))),
        gone=re.compile(alternation(cues("gone"))),
    )


# 欠清, 稍模糊, 不规整: a deviation word before a quality; 未见 is no deviation and 不大, 不厚 are normal.
_DEVIATION = re.compile(
    r"欠(?!佳)[\u4e00-\u9fff]|(?<![未并])(?:稍|略|偏)(?!加压)[大小高低多厚宽窄粗细长短快慢直弯紊乱模糊增扩饱肿毛左右移欠不密浅深亢]"
    r"|不(?:清|匀|均|规整|规则|光滑|光整|连续|完整|对称|整齐|齐|全|良|张|佳|平整|通畅|等|稳|自然|锐利|一致|足)|失(?:常|调|稳)|变(?:直|窄|细|薄|钝|尖|扁|形|浅|平|小|大)|见多?个?(?:枚|数枚|数个|多枚)"
    r"|(?:II|III|IV|[ⅡⅢⅣ])(?:度|级)|(?:回声|信号|密度)[\u4e00-\u9fff]{0,4}增强|高压|[肝脾心]大(?!小)|[3-6][ABCabc]?类|[↑↓]|\(\+{1,4}\)|(?<!阴)阳性"
)
_HARMLESS = re.compile(
    r"不增大|不增宽|不增厚|不扩张|不肿大|不狭窄|不移位|无殊|未增大|未增宽|未增厚|未扩张|未肿大|生理性[\u4e00-\u9fff]{0,4}(?:浓聚|摄取|积聚|钙化|改变)|增强扫描|增强后?(?=[，：])|平扫\+?增强|转移性?右下腹痛"
    r"|T[12]WI呈?等信号|等信号|等密度|强化均匀|均匀强化|显像剂分布|放射性分布|血流充盈|钙化积分(?:为)?0(?!\.)|骨性融合良好|肝内外胆管|副鼻窦|高频|淋巴结门|心影|肺门影|膈影|炎症因子|双能|密度均匀|信号均匀|回声均匀"
    r"|术后恢复|积分|急性期|变化规律|强化程度一致|BI-?RADS\s*[12]\s*类?|TI-?RADS\s*1\s*类?|Lung-?RADS\s*1\s*类?|压迹正常|囊性纤维化筛查"
)
_OLD_SAME = re.compile(r"(?:大致)?(?:同前|相仿|如前)|(?:无|未见)(?:明显|显著|明确)?变化|变化不(?:大|明显)")


def status_of(text: str, *, composed_abnormal: bool = False) -> Status | None:
    """Return the status of a prepared clause, or None when it says nothing of normal or abnormal.

    Denied scopes are blanked, normal phrases taken out (unless after 欠 or 不), and what remains is searched
    for abnormal words; `composed_abnormal` says that the term grammar found an undenied sign in it.

    >>> status_of("双肺野清晰").value, status_of("边界欠清").value, status_of("未见明显异常").value
    ('normal', 'abnormal', 'normal')
    """
    patterns = _patterns()
    spans = negated_spans(text)
    rest = blank_out(text, spans)
    if patterns.gone.search(text) and not patterns.abnormal.search(_after_gone(rest)):
        return Status.NORMAL
    limited = bool(patterns.limited.search(rest))
    rest = patterns.limited.sub("·", rest)
    rest = _HARMLESS.sub(lambda m: "·" * len(m.group()), rest)
    same = _OLD_SAME.search(rest)
    rest = _OLD_SAME.sub("·", rest)
    rest = re.sub(r"(?<=[\u4e00-\u9fff])(?:不大|不厚|不宽|不高|不粗|不深|不长|不窄)", "○", rest)
    normal = bool(patterns.normal.search(rest)) or "○" in rest
    if _DEVIATION.search(rest) or composed_abnormal or patterns.abnormal.search(patterns.normal.sub("·", rest)):
        return Status.ABNORMAL
    if limited:
        return Status.UNCERTAIN
    if normal or spans:
        return Status.NORMAL
    return Status.UNCERTAIN if same else None


def _after_gone(rest: str) -> str:
    return rest.replace("陈旧", "")


def is_uncertain(text: str) -> bool:
    """Tell whether a prepared text hedges (考虑, 可能, 待排, 不除外, ?)."""
    return bool(_patterns().uncertain.search(text))
