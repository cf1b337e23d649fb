"""重复检查提醒: whether an order repeats what was examined already. Pure; who looks and who is told is elsewhere."""

from imaging_core.reminders.rule import Judgement, Level, PriorExam, Rule, judge, needs_reason

__all__ = ["Judgement", "Level", "PriorExam", "Rule", "judge", "needs_reason"]
