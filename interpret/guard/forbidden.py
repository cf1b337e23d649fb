"""Classes of statements no sentence for a patient may make."""

import re
from collections.abc import Sequence
from functools import cache

from interpret.language import table


@cache
def _patterns() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    return {
        group: [(name, re.compile("|".join(f"(?:{p})" for p in patterns))) for name, patterns in classes.items()]
        for group, classes in table("forbidden").items()
    }


# "不等于是癌", "不能说肯定是良性", "是不是癌要由医生判断" make no such claim.
_REFUSED = re.compile(
    r"(?:不等于|不代表|不意味着|不能(?:说明?|断定|确定|判断|排除|肯定|据此)|不一定|并不都|未必|不是说|没有说|没写|无法|难以|说不准|是不是|是否|有没有|会不会|能不能|需不需要|由医生|请医生|让医生|医生(?:会|可能会)?(?:决定|判断|建议|评估)|如果|万一|假如|不能自行|不要自行|不要自己|切勿|避免自行)[^。；，]{0,16}$"
)


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
            if not _REFUSED.search(text[: match.start()]):
                return name
    for name, pattern in _patterns()["unless_grounded"]:
        for match in pattern.finditer(text):
            if _REFUSED.search(text[: match.start()]) or any(match.group() in ground for ground in grounds):
                continue
            if "良性" in match.group() and _LOW_GRADE.search(text):
                continue
            return name
    return None
