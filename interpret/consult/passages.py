"""The sentences of found passages that answer a question best."""

import re
from collections.abc import Sequence

from interpret.consult.draft import Draft, Source
from interpret.consult.intent import asks_cause
from interpret.guard.alignment import organs_agree
from interpret.guard.mentions import claims
from interpret.knowledge import Knowledge
from interpret.report.anatomy import organs
from knowledge_base.entries import Entry, EntryKind, Hit

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]?")
_MARKUP = re.compile(r"^[#>*\-\s]+|\*\*|`|\[(\d+)\]")
_MAX_LENGTH = 120
_LEANING = re.compile(r"这个指南|这份指南|该指南|上述|前者|后者")
"""How a sentence begins that leans on the one before it."""
_SHORT_ANSWER = 2
_CAUSES = {"原因", "引起", "有关", "留下"}
"""Words of a sentence that says where something comes from."""


def passage_drafts(question: str, hits: Sequence[Hit], knowledge: Knowledge, limit: int) -> list[Draft]:
    """Return up to `limit` sentences, whole and verbatim, of the best hit first, in reading order.

    Args:
        question: The rewritten question.
        hits: Search hits, best first.
        knowledge: For the plain words of the best entry.
        limit: How many sentences at most.
    """
    asked = _bigrams(question) | (_CAUSES if asks_cause(question) else set())
    drafts: list[Draft] = []
    seen: set[str] = set()
    best = hits[0].score if hits else 0.0
    for rank, hit in enumerate(hits):
        if rank and (hit.chunk.entry_id != hits[0].chunk.entry_id and hit.score < 0.6 * best):
            continue
        entry = knowledge.entry(hit.chunk.entry_id)
        if entry is None:
            continue
        source = Source(entry_id=entry.entry_id, chunk_id=hit.chunk.chunk_id, title=entry.title)
        short = _answer(entry, rank)
        passage = entry.body if short else hit.chunk.text
        for text in [*short, *_chosen(passage, asked, 3 if rank == 0 else 2, sharing=rank > 0)]:
            if text not in seen and len(drafts) < limit:
                seen.add(text)
                drafts.append(Draft(text, (source,), (passage, entry.plain)))
        if len(drafts) >= limit:
            break
    return drafts


_THEMES: tuple[re.Pattern[str], ...] = tuple(
    re.compile(words)
    for words in (
        r"吃|喝|饮食|忌口|食物|食品|营养|蔬菜|水果|海鲜|辛辣|补品|牛奶|鸡蛋|茶|咖啡",
        r"运动|锻炼|跑步|打球|爬山|健身|游泳|走路|跳舞|负重|深蹲|瑜伽|活动|干活|重活",
        r"[抽吸戒]?(?<!油)烟(?!雾|熏|尘)",
        r"酒",
        r"传染|感染给|传给",
        r"遗传|家族|下一代",
        r"手术|开刀|切除|微创|穿刺|活检|住院",
        r"怀孕|孕|备孕|胎儿|喂奶|哺乳",
        r"辐射|射线|放射",
        r"空腹|准备|憋尿|喝水|金属|造影|对比剂|增强|过敏",
        r"飞机|旅游|高原|潜水|坐车",
        r"睡|熬夜|失眠|枕头|床垫|姿势",
        r"费|钱|医保|报销|价格",
        r"按摩|推拿|针灸|理疗|热敷|牵引|拔罐|艾灸",
        r"上班|工作|休息|请假|休养",
        r"传真|打印|胶片|下载|互认|电子|报告(?:多久|什么时候)出",
        r"中医|中药",
        r"心情|焦虑|压力|抑郁|生气",
        r"疫苗",
        r"同房|性生活",
    )
)


def on_theme(question: str, hits: Sequence[Hit], knowledge: Knowledge) -> list[Hit]:
    """Return the hits that speak of what a question asks beside its subject, those written about it first.

    "磨玻璃结节会传染吗" finds passages on the nodule; none of them answers it unless contagion is named in it.
    """
    themes = [theme for theme in _THEMES if theme.search(question)]
    if not themes:  # nobody asked of flying: what is written about it comes only when it is the best there is
        return [hit for n, hit in enumerate(hits) if not n or not any(t.search(hit.chunk.title) for t in _THEMES)]
    out = []
    for hit in hits:
        entry = knowledge.entry(hit.chunk.entry_id)
        text = f"{hit.chunk.title}{hit.chunk.text}{' '.join(entry.questions) if entry is not None else ''}"
        if any(theme.search(text) for theme in themes):
            out.append(hit)
    return sorted(out, key=lambda hit: not any(theme.search(hit.chunk.title) for theme in themes))


_STRUCTURE = re.compile(
    r"[那呢吗啊呀吧的了我您你们请问是有这个它又还也就想知道一下会能要不可以得做怎么样什么时候多久几次后前，。?？！ ]"
    r"|以后|之后|平时|应该|需要|医生|大夫|医院|现在|严重|要紧|危险|复查|检查|治疗|处理|报告|情况|问题|意思|原因|大小|变化|影响|关系|好处|坏处|完全|全部|到底|究竟|真的"
    r"|正常|孩子|宝宝|小孩|[一两三半几]?[天周年月]|再|等|拖|去|没事|有事"
    r"|左边|右边|左侧|右侧|第几|几[根节个处枚]|多少|多大|大了|小了|比"
)


def own_words(question: str) -> set[str]:
    """Return the pairs of characters that are neither structure nor theme: what a question brings of its own.

    >>> own_words("要复查吗"), sorted(own_words("我家猫掉毛怎么办"))
    (set(), ['家猫', '掉毛', '猫掉'])
    """
    for theme in _THEMES:
        question = theme.sub(" ", question)
    return {run[i : i + 2] for run in _STRUCTURE.sub(" ", question).split() for i in range(len(run) - 1)}


def covers(question: str, hit: Hit, knowledge: Knowledge) -> bool:
    """Tell whether a passage knows the words that a question without a subject brings of its own.

    "种牙以后多久能吃硬东西" after a question on a nodule is no follow-up: nothing said of the nodule speaks of 种牙.
    """
    own = own_words(question)
    entry = knowledge.entry(hit.chunk.entry_id)
    text = f"{hit.chunk.title}{hit.chunk.text}{' '.join(entry.questions) if entry is not None else ''}"
    return not own or any(pair in text for pair in own)


def _answer(entry: Entry, rank: int) -> list[str]:
    """Return what the best entry, written as the answer to a question, answers in short."""
    if rank or entry.kind is not EntryKind.EDUCATION:
        return []
    return [_ended(m.group().strip()) for m in _SENTENCE.finditer(entry.plain)][:_SHORT_ANSWER]


def about_subject(words: Sequence[str], parts: frozenset[str], hits: Sequence[Hit], knowledge: Knowledge) -> list[Hit]:
    """Return the hits that speak of the question's subject: 阑尾炎要开刀吗 is not answered by what is said of discs.

    A question that names neither illness nor organ is answered by what is written for questions, never by what
    is said of some illness.

    Args:
        words: Hard terms and concepts of the question.
        parts: Organ roots it is about.
        hits: Search hits, best first.
        knowledge: For titles and questions of the entries.
    """
    pairs = {pair for word in words for pair in _bigrams(word)}
    out = []
    for hit in hits:
        entry = knowledge.entry(hit.chunk.entry_id)
        if entry is None:
            continue
        if not pairs and not parts:
            suits = entry.kind is EntryKind.EDUCATION
        else:
            names = f"{entry.title}{' '.join((*entry.questions, *entry.surfaces))}{entry.plain}"
            named = frozenset(match.value.root for match in organs(names))
            other = parts and named and not organs_agree(parts, named)
            # the lung is named, but of another illness: "结节不会传染" is no answer on pneumonia
            part = parts & named and not any(claim.concept for claim in claims(entry.title))
            told = not pairs or part or any(pair in f"{names}{hit.chunk.text}" for pair in pairs)
            suits = bool(told and not other)
        if suits:
            out.append(hit)
    return out


def _chosen(passage: str, asked: set[str], count: int, *, sharing: bool) -> list[str]:
    texts = [_MARKUP.sub("", m.group()).strip() for m in _SENTENCE.finditer(passage)]
    texts = [text for text in texts if 8 <= len(text) <= _MAX_LENGTH and re.search(r"[\u4e00-\u9fff]", text)]
    if sharing:  # of what is not the best hit, only sentences that share a word with the question
        texts = [text for text in texts if asked & _bigrams(text)]
    ranked = sorted(range(len(texts)), key=lambda i: (-len(asked & _bigrams(texts[i])), i))[:count]
    # "这个指南不适用于…" says nothing without the sentence that names the guideline
    whole = [i for i in sorted(ranked) if not _LEANING.match(texts[i]) or i - 1 in ranked]
    return [_ended(texts[i]) for i in whole]


def _ended(text: str) -> str:
    return text if text[-1] in "。！？" else f"{text}。"


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}
