"""One finding in plain words, from its structure: place, side, certainty, plain name, size, grade, comparison."""

import re
from dataclasses import dataclass

from interpret.language import pattern_of
from interpret.messages import message
from interpret.report.anatomy import lobes, organs, side_of
from interpret.report.findings import Statement
from interpret.report.guides import GuideMatch
from interpret.report.levels import levels
from interpret.report.measure import located
from interpret.report.scopes import blank_out, negated_spans
from interpret.report.status import status_of
from interpret.types import Side, Status

_SIDE_WORD = {Side.LEFT: "左侧", Side.RIGHT: "右侧", Side.BOTH: "双侧"}
_QUANTITY = re.compile(
    r"多发|散在|单发|一枚|数枚|数个|两枚|多个|多枚|\d+枚|少许|少量|中量|大量|轻度|中度|重度|陈旧性?|慢性|急性"
)
_NUMBERED = re.compile(r"第[\d、~及和-]+(?:前|后|侧|腋)?$")
_DEGREE_AFTER = re.compile(r"\((轻度|中度|重度|轻-中度|中-重度|轻中度|中重度|少量|中量|大量)\)")
_TREND = re.compile(
    r"(?:(?:与|对比)[\d\-年月日.]{4,14}(?:前片|片|CT|检查)?[对比较]*，?)?较(?:前片?|\d{4}[\d\-年月日.]*(?:片|CT)?)(?:\([^)]*\))?[\u4e00-\u9fff]{2,8}|新发|新出现"
    r"|(?:大致|基本)?同前|与前(?:片|次)?(?:大致)?相仿|(?:无|未见)(?:明显|显著)?变化"
)
_OLD_NEW = re.compile(r"(?:现|目前|此次|原|前片|前次|上次)[^。；，]{0,6}?\d[\d.×]*")


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
    if numbered := _NUMBERED.search(text[:start]):  # 第6、7 肋骨骨折: the number belongs to the word
        start = numbered.start()
    place = _place(text[:start], statement.finding.side)
    degree = _DEGREE_AFTER.match(text, end)
    quantity = "、".join(dict.fromkeys([*_QUANTITY.findall(text[:start]), *(degree.groups() if degree else ())]))
    hedge = _hedge(text) if statement.finding.uncertain else ""
    of_organ = _organ_measured(text, match.start)
    details = _details(text, match, of_organ)
    word = text[start:end]
    if quantity:
        details = f"，程度或数目写的是“{quantity}”{details}"
    key = "restated" if place else "restated_bare"
    sentence = message(key, place=place, hedge=hedge, plain=_plain_name(match, word), word=word, details=details)
    return Restatement(sentence, complete=not (of_organ or _leaves_out(statement, sentence, match)))


def _plain_name(match: GuideMatch, word: str) -> str:
    """Return the guide's plain name without the report's word in brackets: that follows anyway."""
    return match.guide.plain_name.replace(f"（{word}）", "") or match.guide.plain_name


def _whole_term(statement: Statement, match: GuideMatch) -> tuple[int, int]:
    """Return the hard term around the concept: 低回声结节 for 结节, else the concept itself."""
    around = [(a, b) for a, b, _ in statement.terms if a <= match.start and match.end <= b]
    return max(around, key=lambda span: span[1] - span[0], default=(match.start, match.end))


def _place(before: str, side: Side) -> str:
    place = before
    if "，" in place:
        place = place[: place.index("，")] if organs(place[: place.index("，")]) else place[place.rindex("，") + 1 :]
    while (shorter := pattern_of("explain_restate", "trailing").sub("", place)) != place:
        place = shorter
    if place in {"左", "右", "双", "两"}:
        place = f"{place}侧"
    place = _only_where(re.sub(r"大小(?:约)?[\d.×mc]*$", "", place).strip("，：、()"))
    if side in _SIDE_WORD and side_of(place) is Side.NONE:
        place = f"{_SIDE_WORD[side]}{place}"
    return place


_TOGETHER = re.compile(r"合并|伴有?|并")
_SEEN = re.compile(r"(?:可|内)?见|示|探及")


def _only_where(place: str) -> str:
    """Return the place without signs it holds (肌腱信号增高, 内见低回声); nothing when no part of the body is left."""
    if status_of(place) is Status.ABNORMAL:  # 左输尿管结石并左肾(积水): the stone is no place
        place = _TOGETHER.split(place)[-1]
    if (seen := _SEEN.search(place)) or status_of(place) is Status.ABNORMAL:
        place = place[: seen.start()] if seen else place
        ends = [organ.end for organ in organs(place)] + [lobe.end for lobe in lobes(place)]
        place = place[: max(ends, default=0)]
    known = organs(place) or lobes(place) or levels(place) or _PART.search(place) or side_of(place) is not Side.NONE
    return place if known or len(place) > _SHORT_PLACE else ""


_PART = re.compile(r"[叶极壁段区侧]")
_SHORT_PLACE = 3
"""Without a known part of the body, so short a word (腔, 偶发) is no place."""


def _hedge(text: str) -> str:
    if re.search(r"除外|排除|待排|待查|鉴别", text):
        return message("hedge_not_excluded")
    if "考虑" in text or "倾向" in text:
        return message("hedge_consider")
    return message("hedge_possible")


def _organ_measured(text: str, start: int) -> int:
    """Return the end of a lead that only measures the organ ("前列腺大小约48mm×38mm，内见钙化"), or 0."""
    lead = text[: text.rfind("，", 0, start) + 1]
    first = lead.partition("，")[0]
    measured = bool(located(first)) and organs(first) and status_of(first) is None
    return len(lead) if measured or _INSIDE.match(text, len(lead)) else 0


_INSIDE = re.compile(r"(?:其|腔|囊|瘤)?内部?(?:可)?见")
"""What is inside a lesion ("肿块，大小约22mm，内见钙化") has not its size."""


def _details(text: str, match: GuideMatch, of_organ: int) -> str:
    """Return the sizes exactly as written, the grade and the comparison; the organ's own size is none of it."""
    parts: list[str] = []
    trend = _TREND.search(text)
    # "较前(约8mm)增大": the size before is told with the comparison, not as a size of today
    sizes = _sizes((blank_out(text, [trend.span()]) if trend else text)[of_organ:])
    if sizes:
        parts.append(sizes)
    if (grade := pattern_of("explain_restate", "grade").search(text)) and not match.start <= grade.start() < match.end:
        parts.append(f"分级写的是{grade.group().strip()}")
    if trend:
        parts.append(f"和以前比：{trend.group()}")
    return "".join(f"，{part}" for part in parts)


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
        lead = pattern_of("explain_restate", "size_lead").search(text[:start])
        run = f"{lead.group() if lead else ''}{text[start:end]}"
        out.append(f"{run})" if run.count("(") > run.count(")") else run)
    return "，".join(dict.fromkeys(out))


_SIGNS = frozenset({"composed", "sign", "disease", "term"})
_SMALL_WORDS = frozenset(
    [
        "信号",
        "密度",
        "回声",
        "血流信号",
        "边界",
        "分界",
        "强化",
        "形态",
        "液平",
        "声影",
        "皮髓质",
        "实质",
        "轮廓",
        "生理曲度",
    ]
)


def _leaves_out(statement: Statement, sentence: str, match: GuideMatch) -> bool:
    """Tell whether an affirmed further sign of the statement is missing from the sentence."""
    text = statement.prepared
    if any(word not in sentence for word in match.others):
        return True
    denied = negated_spans(text)
    for start, end, category in statement.terms:
        told = text[start:end] in sentence or (start <= match.start and match.end <= end)
        affirmed = not any(a <= start < b for a, b in denied)
        if category in _SIGNS and affirmed and not told and text[start:end] not in _SMALL_WORDS:
            return True
    rest = blank_out(text, [*denied, (match.start, match.end)])
    if any(f.group() not in sentence for f in _OLD_NEW.finditer(text)):
        return True
    return any(f.group() not in sentence for f in pattern_of("explain_restate", "feature").finditer(rest))
