"""Labelled questions: which entries answer them, or that nothing does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

_DEFAULT_PATH = Path(__file__).with_name("questions.yaml")


@dataclass(frozen=True, slots=True)
class Case:
    """One question. `entries` is empty when the knowledge base has no answer."""

    question: str
    entries: frozenset[str]
    held_out: bool


def read_cases(path: Path | None = None) -> Sequence[Case]:
    """Return all cases; every second one of each list is held out from calibration."""
    raw = yaml.safe_load((path or _DEFAULT_PATH).read_text("utf-8"))
    answerable = [
        Case(item["q"], frozenset(item["entries"]), held_out=number % 2 == 1)
        for number, item in enumerate(raw["answerable"])
    ]
    unanswerable = [
        Case(question, frozenset(), held_out=number % 2 == 1) for number, question in enumerate(raw["unanswerable"])
    ]
    return [*answerable, *unanswerable]


def read_rare_character_cases(path: Path | None = None) -> Sequence[Case]:
    """Return questions with a character that the default model cannot read; all held out."""
    raw = yaml.safe_load((path or _DEFAULT_PATH).read_text("utf-8"))
    return [Case(item["q"], frozenset(item["entries"]), held_out=True) for item in raw["rare_characters"]]
