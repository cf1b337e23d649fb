"""Fuse keywords, meaning and names into one order of entries, and say whether it is good enough."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge_base.embed import Embedder
from knowledge_base.entries import ExplainedHit, Hit, SearchExplanation, SearchResult
from knowledge_base.search.keyword import KeywordIndex, grams, normalise, strip_question_words
from knowledge_base.search.known import Calibration
from knowledge_base.search.passages import Passages
from knowledge_base.store import VectorIndex, renewed_index

MAX_QUESTION = 400
"""Characters of a question that are searched; more says nothing new and costs time."""
_RANK_CONSTANT = 20
# chosen on the development questions, on a plateau: halving or doubling any of them costs at most two points of R@1
_KEYWORD_WEIGHT, _VECTOR_WEIGHT, _NAME_WEIGHT, _LEAD_WEIGHT = 0.7, 1.3, 0.5, 0.5
_BLIND_WEIGHT = 0.25
"""What is left of the vectors' weights when the model cannot read a character of the question."""
_COSINE_SPAN = 0.06
"""Cosines of E5 models lie so close together that what is this far below the best counts as nothing."""
_EXACT_QUESTION = 1.0
_NEIGHBOURS = 600
_SHARED_SHOWN = 12
_FULL_NAME = 5
"""A matched name of this many characters counts fully."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one question gave, entry by entry (arrays in the order of the entries)."""

    fused: Scores
    keyword: Scores
    names: Scores
    cosines: Scores | None
    passage_keyword: Scores
    passage_cosines: Scores | None
    signals: Mapping[str, float]
    """Features of the known decision; empty when nothing was found."""


class HybridSearch:
    """Searches a fixed set of passages. Without an embedder only keywords and names are used."""

    def __init__(
        self,
        passages: Passages,
        *,
        question_words: Sequence[str],
        subjects: Sequence[str] = (),
        calibration: Calibration,
        embedder: Embedder | None = None,
        index: VectorIndex | None = None,
    ) -> None:
        self._passages = passages
        self._embedder, self._index = embedder, index
        self._calibration = calibration
        self._question_words = sorted(question_words, key=len, reverse=True)
        self._subjects = [normalise(subject) for subject in subjects]
        self._keywords = KeywordIndex(passages.texts)
        self._rows = {key: row for row, key in enumerate(passages.keys)}
        self._names: dict[str, list[int]] = defaultdict(list)
        self._asked: dict[str, int] = {}
        self._grams: list[set[str]] = [set() for _ in passages.entries]
        self._known_as: list[str] = []
        for owner, entry in enumerate(passages.entries):
            concepts = entry.guide.concepts if entry.guide else ()
            for name in {normalise(name) for name in (entry.title, *entry.surfaces, *concepts)} - {""}:
                self._names[name].append(owner)
                self._grams[owner].update(grams(name))
            self._asked |= {normalise(question): owner for question in entry.questions}
            self._known_as.append(normalise(" ".join((entry.title, *entry.surfaces, *concepts, *entry.questions))))
        for text, owner in zip(passages.texts, passages.owners, strict=True):
            self._grams[owner].update(grams(normalise(text)))

    def search(self, question: str, k: int) -> SearchResult:
        """Return up to `k` hits, one for each entry, best first; an empty question finds nothing."""
        ranking = self.rank(question)
        if not ranking.signals:
            return SearchResult(known=False, hits=())
        order = np.argsort(-ranking.fused, kind="stable")[:k]
        hits = tuple(self._hit(int(owner), ranking) for owner in order if ranking.fused[owner] > 0)
        decision = self._calibration.keyword if ranking.cosines is None else self._calibration.hybrid
        return SearchResult(known=decision.is_known(ranking.signals), hits=hits)

    def over(self, passages: Passages) -> "HybridSearch":
        """Return a search over changed passages; only changed texts are embedded, this one stays as it is."""
        index = None
        if self._embedder is not None and self._index is not None:
            known = dict(zip(self._passages.keys, self._passages.texts, strict=True))
            index = renewed_index(
                self._index, known=known, keys=passages.keys, texts=passages.texts, embedder=self._embedder
            )
        return HybridSearch(
            passages,
            question_words=self._question_words,
            subjects=self._subjects,
            calibration=self._calibration,
            embedder=self._embedder,
            index=index,
        )

    def explain(self, question: str, k: int) -> SearchExplanation:
        """Return what `search` finds, and why."""
        ranking = self.rank(question)
        decision = self._calibration.keyword if ranking.cosines is None else self._calibration.hybrid
        if not ranking.signals:
            return SearchExplanation(False, 0.0, decision.threshold, ())
        asked = normalise(question[:MAX_QUESTION])
        by_keyword = _places(ranking.keyword, positive_only=True)
        by_vector = {} if ranking.cosines is None else _places(ranking.cosines, positive_only=False)
        hits = []
        for owner in np.argsort(-ranking.fused, kind="stable")[:k].tolist():
            if ranking.fused[owner] <= 0:
                break
            # single characters prove little and fill the page
            shared = {gram for gram in self._grams[owner].intersection(grams(asked)) if len(gram) > 1}
            hits.append(
                ExplainedHit(
                    hit=self._hit(owner, ranking),
                    names=tuple(name for name, owners in self._names.items() if owner in owners and name in asked),
                    shared=tuple(sorted(shared, key=lambda gram: (-self._keywords.weight(gram), gram))[:_SHARED_SHOWN]),
                    asked_exactly=self._asked.get(asked) == owner,
                    keyword_rank=by_keyword.get(owner),
                    vector_rank=by_vector.get(owner),
                )
            )
        probability = decision.probability(ranking.signals)
        return SearchExplanation(probability >= decision.threshold, probability, decision.threshold, tuple(hits))

    def rank(self, question: str) -> Ranking:
        """Return all scores of a question, for search and for calibration."""
        asked = normalise(question[:MAX_QUESTION])
        topic = strip_question_words(asked, self._question_words).strip() or asked
        passage_keyword = self._keywords.scores(topic)
        keyword = self._passages.best_per_entry(passage_keyword)
        names = self._name_scores(asked, len(topic.replace(" ", "")))
        passage_cosines = self._cosines(question[:MAX_QUESTION]) if asked else None
        cosines = None if passage_cosines is None else self._passages.best_per_entry(passage_cosines)
        trust = _BLIND_WEIGHT if self._embedder and self._embedder.unread(asked) else 1.0
        fused = self._fuse(keyword, cosines, names, trust)
        if asked in self._asked:
            fused[self._asked[asked]] += _EXACT_QUESTION
        signals: Mapping[str, float] = {}
        if asked and fused.max(initial=0) > 0:
            signals = self._signals(asked, topic, fused=fused, keyword=keyword, names=names, cosines=cosines)
        return Ranking(fused, keyword, names, cosines, passage_keyword, passage_cosines, signals)

    def _fuse(self, keyword: Scores, cosines: Scores | None, names: Scores, trust: float) -> Scores:
        """Add reciprocal ranks, how far each score leads, and names; zero keyword scores take no part."""
        first = 1 / (_RANK_CONSTANT + 1)
        fused = _KEYWORD_WEIGHT * _reciprocal_ranks(keyword, positive_only=True)
        if keyword.max(initial=0) > 0:
            fused += _LEAD_WEIGHT * first * keyword / keyword.max()
        if cosines is not None:
            fused += trust * _VECTOR_WEIGHT * _reciprocal_ranks(cosines, positive_only=False)
            lead = np.maximum(cosines - cosines.max(initial=0) + _COSINE_SPAN, 0) / _COSINE_SPAN
            fused += trust * _LEAD_WEIGHT * first * lead
        fused += _NAME_WEIGHT * first * names
        return fused

    def _cosines(self, question: str) -> Scores | None:
        if self._embedder is None or self._index is None:
            return None
        found = self._index.search(self._embedder.query([question]), min(_NEIGHBOURS, len(self._index)))[0]
        cosines = np.full(len(self._passages.keys), found[-1][1] if found else 0.0, np.float32)
        for key, cosine in found:
            cosines[self._rows[key]] = cosine
        return cosines

    def _name_scores(self, asked: str, topic_length: int) -> Scores:
        """Score entries whose name stands in the question, 0 to 1: longer names and shorter questions more.

        A name inside a longer matched one is ignored: 磨玻璃结节 does not ask for 结节.
        """
        matched = [name for name in self._names if name in asked]
        scores = np.zeros(len(self._passages.entries), np.float32)
        for name in matched:
            if not any(name != other and name in other for other in matched):
                share = min(1.0, len(name) / max(topic_length, 1))
                score = min(len(name), _FULL_NAME) / _FULL_NAME * share**0.5
                for owner in self._names[name]:
                    scores[owner] = max(scores[owner], score)
        return scores

    def _signals(
        self, asked: str, topic: str, *, fused: Scores, keyword: Scores, names: Scores, cosines: Scores | None
    ) -> Mapping[str, float]:
        best = int(np.argmax(fused))
        asked_grams = set(grams(topic))
        weights = {gram: self._keywords.weight(gram) for gram in asked_grams}
        total = sum(weights.values()) or 1.0
        signals = {
            "coverage": sum(weight for gram, weight in weights.items() if gram in self._grams[best]) / total,
            "unseen": sum(weight for gram, weight in weights.items() if gram not in self._keywords) / total,
            "name": float(names[best]),
            "strength": float(keyword[best]) / total,
            "foreign": float(self._is_foreign(asked, best)),
        }
        if cosines is not None:
            ordered = np.sort(cosines)[::-1]
            spread = float(cosines.std()) or 1.0
            signals |= {
                "cosine": (float(cosines[best]) - 0.85) * 20,
                "prominence": (float(ordered[0]) - float(cosines.mean())) / spread,
                "margin": (float(ordered[0]) - float(ordered[min(9, len(ordered) - 1)])) * 20,
                "agreement": float(int(np.argmax(cosines)) == int(np.argmax(keyword))),
            }
        return signals

    def _is_foreign(self, asked: str, owner: int) -> bool:
        """Tell whether the question is about something by whose name nobody asks for this entry (糖尿病, 牙)."""
        return any(subject in asked and subject not in self._known_as[owner] for subject in self._subjects)

    def _hit(self, owner: int, ranking: Ranking) -> Hit:
        signals = {"bm25": float(ranking.keyword[owner]), "name": float(ranking.names[owner])}
        if ranking.cosines is None:
            signals["keyword_only"] = 1.0
        else:
            signals["cosine"] = float(ranking.cosines[owner])
        rows = [
            row
            for row in np.flatnonzero(self._passages.owners == owner).tolist()
            if self._passages.chunk_numbers[row] is not None
        ]
        fit = ranking.passage_keyword if ranking.passage_cosines is None else ranking.passage_cosines
        best = max(rows, key=lambda row: float(fit[row]))
        chunk = self._passages.chunks[owner][self._passages.chunk_numbers[best] or 0]
        return Hit(chunk, float(ranking.fused[owner]), signals)


def _places(scores: Scores, *, positive_only: bool) -> dict[int, int]:
    """Return each entry's place by a score, from 1."""
    order = np.argsort(-scores, kind="stable").tolist()
    return {owner: place for place, owner in enumerate(order, 1) if scores[owner] > 0 or not positive_only}


def _reciprocal_ranks(scores: Scores, *, positive_only: bool) -> Scores:
    """Return 1 / (constant + rank) for each entry; with `positive_only`, zero scores take no part."""
    ranks = np.empty(len(scores), np.float32)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    fused = (1 / (_RANK_CONSTANT + ranks)).astype(np.float32)
    if positive_only:
        fused[scores <= 0] = 0
    return fused
