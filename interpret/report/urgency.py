"""How soon a report's content should be acted on."""

import re
from collections.abc import Sequence

from interpret.report.critical import CriticalFinding
from interpret.report.findings import Statement
from interpret.report.guides import GuideMatch
from interpret.report.scopes import blank_out, negated_spans
from interpret.types import Status, Urgency

_SERIOUS = re.compile(
    r"(?:(?<!前)癌(?!症史|筛查|胚)|恶性|转移(?!性右下腹)|肉瘤|淋巴瘤|MT(?![A-Z])|CA(?=可能|待)|占位)|(?:BI-?RADS|TI-?RADS)[^。；\d]{0,6}[45]|RADS[^。；\d]{0,6}4|LR-?[45]|PI-?RADS[^。；\d]{0,6}[45]"
    r"|病理性骨折|活动性(?:肺)?结核|急性|脓肿|气胸|骨折(?!术后|线模糊)|动脉瘤|大量|梗阻|Bosniak[^。；]{0,4}(?:[34]|Ⅲ|Ⅳ)|栓塞|血栓|夹层|破裂|血肿|穿孔"
)
_OLD = re.compile(r"陈旧|慢性|术后|既往|机化|恢复期|后遗|良性")


def urgency_of(statement: Statement, guide: GuideMatch | None) -> Urgency:
    """Return the urgency of one statement: the guide's usual case, raised by the text, never lowered."""
    if statement.finding.status is Status.NORMAL:
        return Urgency.NONE
    usual = Urgency(guide.guide.urgency) if guide is not None else Urgency.SCHEDULED
    text = blank_out(statement.prepared, negated_spans(statement.prepared))
    if _SERIOUS.search(text) and not _OLD.search(text):
        usual = min(usual, Urgency.SOON)
    if statement.advice is not None and re.search(r"复查|随访|随诊|检查", statement.advice.text):
        usual = min(usual, Urgency.SCHEDULED)
    # only a rule of the critical list calls for immediate help: a guide's word alone may be an old pneumothorax
    return max(usual, Urgency.SOON) if _OLD.search(text) else usual


def report_urgency(
    statements: Sequence[Statement], guides: Sequence[GuideMatch | None], critical: Sequence[CriticalFinding]
) -> Urgency:
    """Return the most urgent level of a report."""
    levels = [urgency_of(s, g) for s, g in zip(statements, guides, strict=True)]
    return min([*(finding.urgency for finding in critical), *levels], default=Urgency.NONE)
