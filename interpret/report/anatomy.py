"""Where in the body: organ roots, lobes, levels and the side a text names."""

import re
from dataclasses import dataclass
from functools import cache

from interpret.language import table
from interpret.report.automaton import Match, WordAutomaton, longest
from interpret.types import Side


@dataclass(frozen=True, slots=True)
class Organ:
    """An organ root and the surface form it was named by."""

    root: str
    surface: str


@cache
def _organs() -> WordAutomaton[Organ]:
    words = [
        (surface, Organ(root, surface)) for root, line in table("anatomy")["organs"].items() for surface in line.split()
    ]
    return WordAutomaton(words)


@cache
def _lobes() -> WordAutomaton[str]:
    return WordAutomaton((s, lobe) for lobe, line in table("anatomy")["lobes"].items() for s in line.split())


_NOT_ORGANS = re.compile(
    r"心慌|放心|担心|小心|中心|手术|肝素|肾病科|肺功能|首先|胸外科|骨科|心内科|肝功能|肾功能|脑子里|用脑|心里|心情|安心|关节炎科|贴心|耐心|核心|空心|同心圆"
    r"|对比剂|肺癌筛查|手册|着手|动手|手段|足够|充足|不足|满足|影像科|膝下|向心|远心|离心|重心|肩负|腕表|耳目|细心|眼科|喉科|目前|血管性|手机|手续|门静?脉期|肠道准备|胃镜|肠镜|椎体束"
)


def organs(text: str) -> list[Match[Organ]]:
    """Return the organs named in a prepared text, longest match, in reading order."""
    blocked = [m.span() for m in _NOT_ORGANS.finditer(text)]
    found = [m for m in _organs().matches(text) if not any(a <= m.start and m.end <= b for a, b in blocked)]
    return longest(found)


def lobes(text: str) -> list[Match[str]]:
    """Return lobes, segments and regions in a prepared text."""
    return _lobes().longest(text)


# Words that hold 左 or 右 and say nothing about a side of the body.
_NO_SIDE = re.compile(
    r"(?<=[\dm%前天周月年岁点])左右|左右(?:径|方向|移动|摆动|对称|为)|[左右](?:移|偏移|前斜|后斜|侧卧|旋)|[左右](?:心室|心房|室|房|冠状?动?脉?|前降支|主干|回旋支|束支|心)(?!旁)"
    r"|(?<!侧)(?<=甲状腺)[左右]叶|(?<=肝)[左右](?:叶|前叶|后叶|外叶|内叶)|(?<=肝脏)[左右](?:叶|前叶|后叶|外叶|内叶)|[左右](?:前|后|外|内)叶|双[能轨泡源]|两[者种型处种次枚个周天年月]|两(?=\d)|双(?=顶径|下肢深静脉炎)"
    r"|右(?=位主动脉弓|位心)|左右不对称|同侧|对侧"
)
_BOTH = re.compile(
    r"双侧|两侧|左右两?侧?|左、右侧?|左侧?[及和与]右侧?|双|两(?=肺|肾|乳|膈|上|下|叶|髋|膝|肩|足|手|眼|耳|侧|胸|腋|颈|锁|边|肋)|两边"
)
_LEFT = re.compile(r"左")
_RIGHT = re.compile(r"右")
_MIDLINE = re.compile(r"中线(?!移位)|正中(?!神经)")


def side_of(text: str) -> Side:
    """Return the side a prepared text names.

    >>> side_of("左右主支气管通畅"), side_of("甲状腺右叶结节"), side_of("纵隔右移"), side_of("右肺下叶")
    (<Side.BOTH: 'both'>, <Side.NONE: 'none'>, <Side.NONE: 'none'>, <Side.RIGHT: 'right'>)
    """
    rest = _NO_SIDE.sub(lambda m: "·" * len(m.group()), text)
    both = bool(_BOTH.search(rest))
    rest = _BOTH.sub("·", rest)
    left, right = bool(_LEFT.search(rest)), bool(_RIGHT.search(rest))
    if left and right:
        return Side.BOTH
    if left or right:
        return Side.LEFT if left else Side.RIGHT
    if both:
        return Side.BOTH
    return Side.MIDLINE if _MIDLINE.search(text) else Side.NONE
