"""What is searched: each entry's passages, its known questions and its names, all leading to the entry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge_base.entries import Chunk, Entry
from knowledge_base.ingest import chunk_entry


@dataclass(frozen=True, slots=True)
class Passages:
    """Parallel lists: `keys[i]` names `texts[i]`, which belongs to `entries[owners[i]]`."""

    entries: Sequence[Entry]
    chunks: Sequence[Sequence[Chunk]]
    """Chunks of each entry, in the order of `entries`."""
    keys: Sequence[str]
    texts: Sequence[str]
    owners: npt.NDArray[np.int64]
    chunk_numbers: Sequence[int | None]
    """Which chunk of its entry a passage is; None for a known question."""

    def best_per_entry(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return for each entry the best score of its passages."""
        best = np.full(len(self.entries), -np.inf, np.float32)
        np.maximum.at(best, self.owners, scores)
        return best


def make_passages(entries: Sequence[Entry]) -> Passages:
    """List everything that leads to an entry."""
    keys: list[str] = []
    texts: list[str] = []
    owners: list[int] = []
    numbers: list[int | None] = []
    chunks = [chunk_entry(entry) for entry in entries]
    for owner, entry in enumerate(entries):
        own = [(chunk.chunk_id, f"{entry.title}：{chunk.text}", n) for n, chunk in enumerate(chunks[owner])]
        asked = [(f"{entry.entry_id}?{n}", question, None) for n, question in enumerate(entry.questions)]
        for key, text, number in [*own, *asked]:
            keys.append(key)
            texts.append(text)
            owners.append(owner)
            numbers.append(number)
    return Passages(entries, chunks, keys, texts, np.array(owners, np.int64), numbers)
