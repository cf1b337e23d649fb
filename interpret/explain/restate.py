"""One finding in plain words, from its structure: place, side, certainty, plain name, size, grade, comparison."""

import re
from dataclasses import dataclass

from interpret.messages import message
from interpret.report.anatomy import organs, side_of
from interpret.report.findings import Statement
from interpret.report.guides import GuideMatch
from interpret.report.measure import located
from interpret.report.scopes import blank_out, negated_spans
from interpret.types import Side

_SIDE_WORD = {Side.LEFT: "左侧", Side.RIGHT: "右侧", Side.BOTH: "双侧"}
_TRAILING = re.compile(
    r"(?:可见|内见|见|示|显示|探及|呈|有|为|考虑|可能|疑似|疑|多发|散在|单发|一枚|一个|一处|一|数枚|数个|数|几枚|多个|多枚|两枚|\d+枚|少许|少量|小|大|轻度|中度|重度|轻微|陈旧性?|慢性|急性|类圆形|圆形|椭圆形|不规则形?|斑片状|点状|条状|片状|囊状|大小不等|，|：|、|向后|向前|向右|向左|后方|向|后|的|及|约|直径|[\d.×x]+(?:mm|cm)|\()+$"
)
_QUANTITY = re.compile(
    r"多发|散在|单发|一枚|数枚|数个|两枚|多个|多枚|\d+枚|少许|少量|中量|大量|轻度|中度|重度|陈旧性?|慢性|急性"
)
_TREND = re.compile(
    r"(?:(?:与|对比)[\d\-年月日.]{4,14}(?:前片|片|CT|检查)?[对比较]*，?)?较前[\u4e00-\u9fff]{2,8}|新发|新出现"
)
_GRADE = re.compile(
    r"(?:(?:ACR|C-?)?(?:BI|TI|Lung|PI|LI|O|CAD)-?RADS|LR|TR)\s*(?:分类|分级)?\s*[：:]?\s*[0-6ⅠⅡⅢⅣⅤⅥ][a-cA-C]?\s*[类级]?|(?:Bosniak|Modic|Fazekas)\s*[\dⅠⅡⅢⅣIVF]+\s*[级型类]?|[ⅠⅡⅢⅣ]度",
    re.IGNORECASE,
)
_OLD_NEW = re.compile(r"(?:现|目前|此次)[^。；]{0,6}\d|原[^。；]{0,6}\d")
_FEATURE = re.compile(r"牵拉|凹陷|毛刺|分叶|受压|狭窄|空洞|实性|受侵|侵犯|转移|破坏|移位|增大|水肿|坏死|梗阻|扩张")


@dataclass(frozen=True, slots=True)
class Restatement:
    """A composed sentence; None of the report's numbers, sides, levels, grades or hedges is lost in it."""

    text: str
    complete: bool
    """False when the statement holds more than the sentence tells: then the report's words are quoted beside it."""


def restate(statement: Statement, match: GuideMatch) -> Restatement:
    """Compose the plain sentence of a statement with the guide that explains its concept."""
    text = statement.prepared
    start, end = _whole_term(statement, match)
    place = _place(text[:start], statement.finding.side)
    quantity = "、".join(dict.fromkeys(_QUANTITY.findall(text[:start])))
    hedge = _hedge(text) if statement.finding.uncertain else ""
    details = _details(text, match)
    word = text[start:end]
    if quantity:
        details = f"，程度或数目写的是“{quantity}”{details}"
    key = "restated" if place else "restated_bare"
    sentence = message(key, place=place, hedge=hedge, plain=match.guide.plain_name, word=word, details=details)
    return Restatement(sentence, complete=not _leaves_out(text, sentence, match))


def _whole_term(statement: Statement, match: GuideMatch) -> tuple[int, int]:
    """Return the hard term around the concept: 低回声结节 for 结节, else the concept itself."""
    around = [(a, b) for a, b in statement.terms if a <= match.start and match.end <= b]
    return max(around, key=lambda span: span[1] - span[0], default=(match.start, match.end))


def _place(before: str, side: Side) -> str:
    place = before
    if "，" in place:
        place = place[: place.index("，")] if organs(place[: place.index("，")]) else place[place.rindex("，") + 1 :]
    while (shorter := _TRAILING.sub("", place)) != place:
        place = shorter
    place = re.sub(r"大小(?:约)?[\d.×mc]*$", "", place).strip("，：、()")
    if side in _SIDE_WORD and side_of(place) is Side.NONE:
        place = f"{_SIDE_WORD[side]}{place}"
    return place


def _hedge(text: str) -> str:
    if re.search(r"除外|排除|待排|待查|鉴别", text):
        return message("hedge_not_excluded")
    if "考虑" in text or "倾向" in text:
        return message("hedge_consider")
    return message("hedge_possible")


def _details(text: str, match: GuideMatch) -> str:
    """Return the sizes exactly as written, the grade and the comparison."""
    parts: list[str] = []
    sizes = _sizes(text)
    if sizes:
        parts.append(sizes)
    if (grade := _GRADE.search(text)) and not match.start <= grade.start() < match.end:
        parts.append(f"分级写的是{grade.group().strip()}")
    if trend := _TREND.search(text):
        parts.append(f"和以前比：{trend.group()}")
    return "".join(f"，{part}" for part in parts)


_SIZE_LEAD = re.compile(
    r"(?:距[\u4e00-\u9fff]{0,6}(?:约)?|(?:其中|现|原)?(?:较大者|大者|最大者|最大|最厚处|最厚|最宽|最深|厚度?|宽度?|深度?|长度?|范围|大小|直径|长径|短径|前后径|上下径|左右径|矢状径|内径|压缩|突出|CT值|SUVmax|SUV|[TZ]值|峰值|流速|PSV|分离)(?:约|为|平均|最大|：|=|不足|小于|大于|<|>)*)?(?:约|不足|小于|大于|<|>)?$"
)


def _sizes(text: str) -> str:
    """Return runs of measured numbers with the words before them, verbatim."""
    spans = [span for span, _ in located(text)]
    if not spans:
        return ""
    runs: list[list[int]] = []
    for start, end in spans:
        if runs and start - runs[-1][1] <= 2:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    out = []
    for start, end in runs:
        lead = _SIZE_LEAD.search(text[:start])
        out.append(f"{lead.group() if lead else ''}{text[start:end]}")
    return "，".join(dict.fromkeys(out))


def _leaves_out(text: str, sentence: str, match: GuideMatch) -> bool:
    """Tell whether an affirmed further sign of the statement is missing from the sentence."""
    affirmed = blank_out(text, negated_spans(text))
    rest = affirmed[: match.start] + "·" + affirmed[match.end :]
    if _OLD_NEW.search(text):
        return True
    return any(found.group() not in sentence for found in _FEATURE.finditer(rest)) or bool(
        re.search(r"[、及和][\u4e00-\u9fff]{2,8}(?:影|灶|结节|囊肿|结石|增生|炎)", affirmed[match.end :])
    )
