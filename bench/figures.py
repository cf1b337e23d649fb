"""Small arithmetic on measured series, and running ours and a peer in turn."""

import statistics
import time
from collections.abc import Callable, Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the series lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def median_ratio(ours: Sequence[float], peers: Sequence[float]) -> float:
    """Return the median of the pairwise ratios of rounds that ran next to each other."""
    return statistics.median(mine / theirs for mine, theirs in zip(ours, peers, strict=True))


def milliseconds(work: Callable[[], object]) -> float:
    """Run once and return the wall time in ms."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
