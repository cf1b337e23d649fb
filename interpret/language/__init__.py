"""The closed vocabulary of Chinese reports and of patients' questions, as data files beside this module."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def table(name: str) -> Mapping[str, Any]:
    """Return the parsed `NAME.toml` of this folder."""
    return tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8"))


@cache
def cues(name: str) -> tuple[str, ...]:
    """Return one cue list of `cues.toml`, longest first, so that an alternation prefers the longest.

    >>> cues("negation")[0] >= cues("negation")[-1] or len(cues("negation")[0]) >= len(cues("negation")[-1])
    True
    """
    words = {word for line in table("cues")[name] for word in line.split()}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


@cache
def pattern_of(group: str, name: str) -> re.Pattern[str]:
    """Return one compiled pattern of `patterns/GROUP.toml`: its alternatives in the order of the file.

    `@other@` in an alternative stands for the list of that name in the same file.
    """
    lists = _patterns(group)
    joined = "|".join(lists[name])
    return re.compile(re.sub(r"@(\w+)@", lambda m: f"(?:{'|'.join(lists[m.group(1)])})", joined))


@cache
def _patterns(group: str) -> Mapping[str, list[str]]:
    return tomllib.loads(files(__name__).joinpath("patterns", f"{group}.toml").read_text("utf-8"))
