"""What `mingying eval report|consult|guard` calls: one parsed JSON line in, one JSON-ready dict out."""

from interpret.evaluation.lines import eval_consult, eval_guard, eval_report

__all__ = ["eval_consult", "eval_guard", "eval_report"]
