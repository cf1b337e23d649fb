"""Classes of statements no sentence for a patient may make."""

import re
from collections.abc import Sequence
from functools import cache

from interpret.language import pattern_of, table


@cache
def _patterns() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    return {
        group: [(name, re.compile("|".join(f"(?:{p})" for p in patterns))) for name, patterns in classes.items()]
        for group, classes in table("forbidden").items()
    }


# "不等于是癌", "不能说肯定是良性", "是不是癌要由医生判断" make no such claim.


_LOW_GRADE = re.compile(r"[123一二三]\s*[类级]|RADS\s*[123]", re.IGNORECASE)
"""The meaning of a low grade is "benign"; telling it is no diagnosis."""


def forbidden(text: str, grounds: Sequence[str]) -> str | None:
    """Return the class of a forbidden statement in a prepared sentence, or None.

    Args:
        text: The sentence in normal writing.
        grounds: Prepared report sections and evidence; what they say word for word is no invention,
            save doses and prescriptions, which are never repeated.
    """
    for name, pattern in _patterns()["always"]:
        for match in pattern.finditer(text):
            if not pattern_of("guard_forbidden", "refused").search(text[: match.start()]):
                return name
    for name, pattern in _patterns()["unless_grounded"]:
        for match in pattern.finditer(text):
            if pattern_of("guard_forbidden", "refused").search(text[: match.start()]) or any(
                match.group() in ground for ground in grounds
            ):
                continue
            if "良性" in match.group() and _LOW_GRADE.search(text):
                continue
            return name
    return None


_CALMING = re.compile(
    r"良性|不要紧|不急|生理性|自己(?:会)?(?:消失|好)|会消失|不用(?:再|特殊|专门)?(?:处理|治|管|担心|复查)|没(?:什么|有)关系|没事|不需要|无需|问题不大|不必"
    r"|按报告(?:写的|说的)?时间|很多人|常见|不是(?:病(?!名)|癌)|(?:常|多)是正常"
)


def is_calming(text: str) -> bool:
    """Tell whether a sentence takes worry away (良性, 很多人都有): never said beside something serious."""
    return bool(_CALMING.search(text))
