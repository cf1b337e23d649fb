"""The image a report names: "（Se 3，Im 45）", "IM:45", "第45层"."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_GAP = r"[\s:：#.]{0,3}"
_SERIES = rf"(?<![A-Za-z])(?:series|se|序列){_GAP}(?P<series>\d{{1,4}})[\s,，、/;；\-]{{0,3}}"
# a dose or a size is no image number
_NUMBER = r"(?P<{name}>\d{{1,4}})(?!\d|\.\d|\s*(?:mg|ml|mm|cm|%))"
_IMAGE = rf"(?<![A-Za-z])(?:images?|img|ima|im|图像){_GAP}{_NUMBER.format(name='image')}"
_SLICE = rf"第\s*{_NUMBER.format(name='slice')}\s*(?:层|幅)"
_FORMER = re.compile(r"(?:前片|旧片|老片|原片|上次|既往|对比)[^，,。；;、）)]*$")
_NAMED = re.compile(rf"(?:{_SERIES})?(?:{_IMAGE}|{_SLICE})", re.IGNORECASE)


class NamedImage(NamedTuple):
    """Series Number, None where the report leaves it out, and Instance Number."""

    series_number: int | None
    instance_number: int


def named_image(texts: Iterable[str]) -> NamedImage | None:
    """Return the first image of this study the texts name.

    >>> named_image(["右肺上叶结节（Se 3，Im 45），直径约9mm。"])
    NamedImage(series_number=3, instance_number=45)
    >>> named_image(["右肺上叶结节，直径约9mm。"]) is None
    True
    """
    for text in texts:
        for found in _NAMED.finditer(text):
            if _FORMER.search(text, 0, found.start()):
                continue  # an image of another study
            series = found["series"]
            return NamedImage(int(series) if series else None, int(found["image"] or found["slice"]))
    return None
