"""Decide whether anything found is good enough to answer from: a logistic model over several signals.

No single score can say it: the cosines of E5 models lie close together, right or wrong, and shared
characters prove little. The weights are fitted by `python -m knowledge_base.evaluation.calibrate`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

KEYWORD_FEATURES = ("coverage", "unseen", "name", "strength", "foreign")
HYBRID_FEATURES = (*KEYWORD_FEATURES, "cosine", "prominence", "margin", "agreement")


@dataclass(frozen=True, slots=True)
class KnownDecision:
    """Weights of a logistic model and the probability from which on something counts as known."""

    features: Sequence[str]
    weights: Sequence[float]
    bias: float
    threshold: float

    def probability(self, signals: Mapping[str, float]) -> float:
        """Return how likely the best hit answers the question, 0 to 1."""
        pairs = zip(self.features, self.weights, strict=True)
        logit = self.bias + sum(weight * signals[feature] for feature, weight in pairs)
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))

    def is_known(self, signals: Mapping[str, float]) -> bool:
        """Return whether to answer at all."""
        return self.probability(signals) >= self.threshold


@dataclass(frozen=True, slots=True)
class Calibration:
    """One decision for searches with vectors and one for keywords alone."""

    hybrid: KnownDecision
    keyword: KnownDecision

    def as_dict(self) -> dict[str, dict[str, object]]:
        """Return what `read` reads."""
        return asdict(self)

    @classmethod
    def read(cls, path: Path | None = None) -> Self:
        """Read the fitted weights that ship beside this module, or those of `path`."""
        raw = json.loads((path or default_calibration_path()).read_text("utf-8"))
        return cls(hybrid=KnownDecision(**raw["hybrid"]), keyword=KnownDecision(**raw["keyword"]))


def default_calibration_path() -> Path:
    """Return the file of the fitted weights."""
    return Path(__file__).with_name("calibration.json")
