"""What is normal, said to be normal: short items, grouped."""

import re
from functools import cache

from interpret.guard.forbidden import forbidden
from interpret.language import cues
from interpret.messages import message
from interpret.report.findings import Statement
from interpret.report.scopes import alternation
from interpret.types import ExplainedSentence

_PER_SENTENCE = 5


@cache
def _denials() -> re.Pattern[str]:
    words = [word for word in cues("negation") if word.startswith(("未", "无"))]
    return re.compile(alternation(words))


_DEGREE = re.compile(r"明显|明确|确切|显著")


def normal_item(statement: Statement) -> str:
    """Return a normal statement with its denials in everyday words; sides and places stay as written.

    未见明显肿大淋巴结 becomes 没有看到明显肿大淋巴结.
    """
    text = statement.prepared.replace("\n", "")

    def plain(match: re.Match[str]) -> str:
        degree = _DEGREE.search(match.group())
        return f"没有看到{degree.group() if degree else ''}"

    return _denials().sub(plain, text).replace("征象", "的迹象")


def normal_sentences(statements: list[Statement]) -> list[ExplainedSentence]:
    """Return one sentence for every few normal statements, each with all their spans."""
    unique: dict[str, list[Statement]] = {}
    for statement in statements:
        item = normal_item(statement)
        if forbidden(item, [item]) is None:  # a dose or a prescription is never repeated
            unique.setdefault(item, []).append(statement)
    items = list(unique.items())
    out = []
    for start in range(0, len(items), _PER_SENTENCE):
        group = items[start : start + _PER_SENTENCE]
        text = message("normal_group", items="；".join(item for item, _ in group))
        spans = tuple(s.finding.span for _, statements_ in group for s in statements_)
        out.append(ExplainedSentence(text, spans, ()))
    return out
