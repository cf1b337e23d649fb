"""Fit the known decision: `python -m knowledge_base.evaluation.calibrate [--model DIR] [--write]`.

Fits on the development half and prints the figures of both halves. Run it after larger changes of content.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from knowledge_base.base import KnowledgeBase
from knowledge_base.embed import BundledEmbedder
from knowledge_base.evaluation.cases import Case, read_cases
from knowledge_base.evaluation.measure import measure
from knowledge_base.search import Calibration, KnownDecision
from knowledge_base.search.known import HYBRID_FEATURES, KEYWORD_FEATURES, default_calibration_path

_PENALTY, _STEPS, _RATE = 0.01, 6000, 0.2


def fit(rows: Sequence[Mapping[str, float]], known: Sequence[bool], features: Sequence[str]) -> KnownDecision:
    """Fit a logistic model; both classes weigh the same, and the threshold makes both error rates equal."""
    values = np.array([[row[feature] for feature in features] for row in rows])
    target = np.array(known, float)
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-9
    scaled = (values - mean) / spread
    balance = np.where(target == 1, 0.5 / target.mean(), 0.5 / (1 - target.mean()))
    weights, bias = np.zeros(len(features)), 0.0
    for _ in range(_STEPS):
        error = (1 / (1 + np.exp(-(scaled @ weights + bias))) - target) * balance
        weights -= _RATE * (scaled.T @ error / len(target) + _PENALTY * weights)
        bias -= _RATE * float(error.mean())
    plain = weights / spread
    decision = KnownDecision(list(features), plain.tolist(), bias - float(plain @ mean), 0.5)
    scores = np.array([decision.probability(row) for row in rows])
    best = min(np.unique(scores), key=lambda cut: _worse_error(scores, target == 1, float(cut)))
    below = scores[scores < best]
    # halfway to the next score below, so that a question just like a known one is known
    threshold = (float(best) + float(below.max())) / 2 if len(below) else float(best)
    return KnownDecision(decision.features, decision.weights, decision.bias, threshold)


def _worse_error(scores: "np.typing.NDArray[np.float64]", known: "np.typing.NDArray[np.bool_]", cut: float) -> float:
    return max(float((scores[known] < cut).mean()), float((scores[~known] >= cut).mean()))


def calibrate(base: KnowledgeBase, cases: Sequence[Case], features: Sequence[str]) -> KnownDecision:
    """Fit on the cases given; questions that find nothing at all need no model."""
    pairs = [(base.signals(case.question), bool(case.entries)) for case in cases]
    found = [(signals, known) for signals, known in pairs if signals]
    return fit([signals for signals, _ in found], [known for _, known in found], features)


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m knowledge_base.evaluation.calibrate", description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of the bundled embedder")
    parser.add_argument("--cache", type=Path, help="folder for the vector index")
    parser.add_argument("--write", action="store_true", help="replace the weights that ship")
    given = parser.parse_args(arguments)
    cases = read_cases()
    development = [case for case in cases if not case.held_out]
    embedder = BundledEmbedder(given.model)
    with_vectors = KnowledgeBase.load(cache_dir=given.cache, embedder=embedder)
    fitted = Calibration(
        hybrid=calibrate(with_vectors, development, HYBRID_FEATURES),
        keyword=calibrate(KnowledgeBase.load(), development, KEYWORD_FEATURES),
    )
    report = {}
    for name, vectors in (("hybrid", embedder), ("keyword", None)):
        base = KnowledgeBase.load(cache_dir=given.cache, embedder=vectors, calibration=fitted)
        for part, held_out in (("development", False), ("held out", True)):
            figures = measure(base, [case for case in cases if case.held_out is held_out])
            report[f"{name}, {part}"] = {key: round(value, 3) for key, value in figures.as_dict().items()}
    if given.write:
        default_calibration_path().write_text(json.dumps(fitted.as_dict(), indent=1) + "\n", "utf-8")
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
