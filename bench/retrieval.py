"""`retrieval`: finding the entry that answers a question, against keywords alone and vectors alone."""

from collections.abc import Callable, Sequence
from itertools import cycle, islice

from bench.errors import NeedMissing, check_peer
from bench.figures import median, median_ratio, milliseconds, percentile
from bench.goal import Goal
from bench.options import rounds
from knowledge_base.base import KnowledgeBase
from knowledge_base.embed import BundledEmbedder, Embedder
from knowledge_base.errors import ModelFilesMissing
from knowledge_base.evaluation import Case, read_cases
from knowledge_base.ingest import default_content_dir, read_content
from knowledge_base.search import make_passages
from knowledge_base.store import cached_index, default_cache_dir

_QUERY_MS = 60
_K = 10
Search = Callable[[str], Sequence[str]]
"""From a question to entry ids, best first, each once."""


def retrieval(peer: str | None = None) -> dict[str, Goal]:
    """Ask every answerable question of the shipped set, the three ways in turn."""
    check_peer(peer)
    try:
        embedder = BundledEmbedder()
    except ModelFilesMissing:
        raise NeedMissing("the bundled embedder", "run `make demo` or `make test` once") from None
    ways = {"hybrid": _hybrid(embedder), "keyword": _keyword(), "vector": _vector(embedder)}
    cases = [case for case in read_cases() if case.entries]
    for search in ways.values():
        search(cases[0].question)  # the first call loads dictionaries
    times: dict[str, list[float]] = {name: [] for name in ways}
    ranks: dict[str, list[int | None]] = {name: [] for name in ways}
    for repeat in range(rounds(3)):
        for number, case in enumerate(cases):
            for name in islice(cycle(ways), number % len(ways), number % len(ways) + len(ways)):  # nobody always first
                found: list[str] = []
                times[name].append(milliseconds(lambda n=name, f=found, c=case: f.extend(ways[n](c.question))))  # type: ignore[misc]  # bound now, called now
                if repeat == 0:
                    ranks[name].append(_rank(case, found))
    return {**_time_goals(times), **_quality_goals(ranks)}


def _time_goals(times: dict[str, list[float]]) -> dict[str, Goal]:
    hybrid, keyword = times["hybrid"], times["keyword"]
    return {
        "query_p50_ms": Goal(
            median(hybrid),
            "ms",
            goal=_QUERY_MS,
            peer=median(keyword),
            ratio=median_ratio(hybrid, keyword),
            peer_name="keywords alone",
        ),
        "query_p95_ms": Goal(
            percentile(hybrid, 0.95), "ms", goal=_QUERY_MS, peer=percentile(keyword, 0.95), peer_name="keywords alone"
        ),
    }


def _quality_goals(ranks: dict[str, list[int | None]]) -> dict[str, Goal]:
    goals = {}
    for peer in ("keyword", "vector"):
        for measure, figure in _MEASURES.items():
            ours, theirs = figure(ranks["hybrid"]), figure(ranks[peer])
            goals[f"{measure}_against_{peer}"] = Goal(
                ours,
                "",
                peer=theirs,
                ratio=ours / theirs if theirs else None,
                higher_is_better=True,
                peer_name=f"{peer} alone",
                note=f"{len(ranks['hybrid'])} questions",
            )
    return goals


_MEASURES: dict[str, Callable[[Sequence[int | None]], float]] = {
    "recall_at_1": lambda ranks: sum(rank == 1 for rank in ranks) / len(ranks),
    "recall_at_5": lambda ranks: sum(rank is not None and rank <= 5 for rank in ranks) / len(ranks),
    "mean_reciprocal_rank": lambda ranks: sum(1 / rank for rank in ranks if rank) / len(ranks),
}


def _rank(case: Case, entries: Sequence[str]) -> int | None:
    return next((place for place, entry in enumerate(entries, 1) if entry in case.entries), None)


def _hybrid(embedder: Embedder) -> Search:
    return _through(KnowledgeBase.load(embedder=embedder))


def _keyword() -> Search:
    return _through(KnowledgeBase.load())


def _through(base: KnowledgeBase) -> Search:
    return lambda question: [hit.chunk.entry_id for hit in base.search(question, _K).hits]


def _vector(embedder: Embedder) -> Search:
    """Meaning alone: the nearest passages of the same index, each entry once."""
    passages = make_passages(read_content(default_content_dir()).entries)
    index = cached_index(default_cache_dir(), keys=passages.keys, texts=passages.texts, embedder=embedder)
    entry_of = {
        key: passages.entries[owner].entry_id for key, owner in zip(passages.keys, passages.owners, strict=True)
    }

    def search(question: str) -> Sequence[str]:
        neighbours = index.search(embedder.query([question]), _K * 5)[0]
        return list(dict.fromkeys(entry_of[key] for key, _ in neighbours))[:_K]

    return search
