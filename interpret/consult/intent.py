"""What a question wants to know."""

import re
from enum import StrEnum

from interpret.language import pattern_of
from interpret.report.prepare import prepare


class Intent(StrEnum):
    """The kinds of question the composer has an answer shape for."""

    OVERVIEW = "overview"
    SEVERITY = "severity"
    FOLLOW_UP = "follow_up"
    MEANING = "meaning"
    PLACE = "place"
    CHANGE = "change"
    DEPARTMENT = "department"
    EXISTENCE = "existence"
    OTHER = "other"


_PATTERNS: tuple[tuple[Intent, re.Pattern[str]], ...] = (
    (
        Intent.DEPARTMENT,
        re.compile(
            r"(?:挂|看|去|找|转|到)(?:什么|哪个|哪|啥|几)(?:个|家)?(?:科|医院|门诊|医生|大夫)|哪(?:个|家)?(?:科|医院)|什么科|推荐[^，。；]{0,6}(?:医院|医生|科)|去哪(?:里|儿)?看|挂号"
        ),
    ),
    (
        Intent.FOLLOW_UP,
        re.compile(
            r"复查|随访|随诊|再(?:查|做|拍|检查)|多久(?:查|看|做|拍)|什么时候(?:再|去|查|做|看)|下一步|怎么办|咋办|怎么处理|需要(?:治疗|处理|手术)|(?:要|用|需)(?:不要|不用|做|得)?(?:治|处理|手术|开刀|动刀|切|割|摘|抽)|要治吗|(?:能|可以)(?:不能|不可以)?不?(?:管它?|理它?|治它?)(?:吗|吧|$|行)|多久[^，。；]{0,2}[查看]|改成|推迟|提前"
            r"|(?:等|拖|缓|晚)(?:上|个)?(?:几|一|两|半|三)?[^，。；]{0,3}(?:天|周|月|年)"
            r"|不(?:去|看|查|治|管)[^，。；]{0,3}(?:行|可以|要紧|会怎)"
        ),
    ),
    (
        Intent.CHANGE,
        re.compile(
            r"变(?:大|小|多|坏|化|严重)|长大|大了|小了|恶变|癌变|变成|会(?:不会)?(?:消|好|没|变)|消失|吸收|以前|上次|和之前|比(?:以前|上次|之前)|发展"
        ),
    ),
    (
        Intent.SEVERITY,
        re.compile(
            r"严重|要紧|危险|厉害|大不大|问题大|有事(?:吗|没)|有没有事|好不好|良性|恶性|是不是[^，。；]{0,6}(?:癌|肿瘤|恶性)|是不是不好|是癌|癌吗|要命|不好的(?:东西|病)|坏东西|脏东西|瘤子|脑瘤|可怕|怕吗|担心|正常吗|能不能(?:放心)"
        ),
    ),
    (
        Intent.PLACE,
        re.compile(
            r"在哪|哪(?:个|一)?(?:边|侧|里|儿|位置|部位|节)|什么(?:位置|部位|地方)|多[大厚宽长深](?!时间|久)|多少(?:毫米|厘米)|大小|尺寸|第几|几(?:个|枚|根|处|颗|毫米|厘米)|(?:左|右)(?:边|侧|肺|肾|乳|膝)?(?:的)?(?:呢|怎么样|有没有|有吗)"
        ),
    ),
    (
        Intent.MEANING,
        re.compile(
            r"什么意思|啥意思|是什么|是啥|怎么回事|咋回事|解释|指什么|指的是|怎么理解|不懂|看不懂|什么叫|啥叫|为什么|什么原因|怎么(?:引起|来的|得的|形成)|引起的"
        ),
    ),
    # "有影响吗", "有没有关系" ask what knowledge says, not what stands in the report
    (Intent.OTHER, re.compile(r"有(?:没有)?(?:什么|多大)?(?:影响|关系|关联|好处|坏处|害|用|帮助|必要)")),
    (
        Intent.EXISTENCE,
        re.compile(
            r"有没有|有(?:[\u4e00-\u9fff]{1,8})吗|(?:怎么样|咋样|如何|好吗|正常不|没问题吧)|是[^，。；]{1,8}还是"
        ),
    ),
)


def intent_of(question: str) -> Intent:
    """Return the kind of a question.

    >>> intent_of("严重吗").value, intent_of("那它会变大吗").value, intent_of("报告主要说了什么").value
    ('severity', 'change', 'overview')
    >>> intent_of("抽烟对结节有影响吗").value, intent_of("有积液吗").value
    ('other', 'existence')
    """
    text = prepare(question).text
    if pattern_of("consult_intent", "overview").search(text):
        return Intent.OVERVIEW
    return next((intent for intent, pattern in _PATTERNS if pattern.search(text)), Intent.OTHER)


def has_own_theme(question: str) -> bool:
    """Tell whether a question asks of something no report answers (辐射, 费用, 传染), however it is put.

    >>> has_own_theme("做CT辐射大不大"), has_own_theme("严重吗")
    (True, False)
    """
    return bool(pattern_of("consult_intent", "own_theme").search(prepare(question).text))


def asks_cause(question: str) -> bool:
    """Tell whether a question asks where something comes from.

    >>> asks_cause("胸水是怎么来的"), asks_cause("胸水是什么意思")
    (True, False)
    """
    return bool(pattern_of("consult_intent", "cause").search(prepare(question).text))
