"""Measure search on labelled questions: where the right entry stands, what counts as known, how long it takes."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from knowledge_base.base import KnowledgeBase
from knowledge_base.evaluation.cases import Case


@dataclass(frozen=True, slots=True)
class Measures:
    """Ranks over answerable cases, the known decision over all of them, times in ms."""

    answerable: int
    unanswerable: int
    recall_at_1: float
    recall_at_5: float
    mean_reciprocal_rank: float
    known_recall: float
    """Share of answerable questions called known."""
    known_precision: float
    false_known: float
    """Share of unanswerable questions called known."""
    p50_ms: float
    p95_ms: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def measure(base: KnowledgeBase, cases: Sequence[Case]) -> Measures:
    """Search every question once; needs at least one answerable and one unanswerable case."""
    ranks: list[int | None] = []
    known_right = known_wrong = 0
    times = []
    for case in cases:
        started = time.perf_counter()
        result = base.search(case.question, k=10)
        times.append((time.perf_counter() - started) * 1000)
        if case.entries:
            places = [place for place, hit in enumerate(result.hits, 1) if hit.chunk.entry_id in case.entries]
            ranks.append(places[0] if places else None)
            known_right += result.known
        else:
            known_wrong += result.known
    unanswerable = len(cases) - len(ranks)
    times.sort()
    return Measures(
        answerable=len(ranks),
        unanswerable=unanswerable,
        recall_at_1=sum(rank == 1 for rank in ranks) / len(ranks),
        recall_at_5=sum(rank is not None and rank <= 5 for rank in ranks) / len(ranks),
        mean_reciprocal_rank=sum(1 / rank for rank in ranks if rank) / len(ranks),
        known_recall=known_right / len(ranks),
        known_precision=known_right / max(known_right + known_wrong, 1),
        false_known=known_wrong / unanswerable,
        p50_ms=times[len(times) // 2],
        p95_ms=times[int(len(times) * 0.95)],
    )
