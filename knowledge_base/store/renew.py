"""An index over changed texts that embeds only what changed."""

from collections.abc import Mapping, Sequence

import numpy as np

from knowledge_base.embed.port import Embedder
from knowledge_base.store.faiss_index import FaissVectorIndex
from knowledge_base.store.port import VectorIndex


def renewed_index(
    previous: VectorIndex,
    *,
    known: Mapping[str, str],
    keys: Sequence[str],
    texts: Sequence[str],
    embedder: Embedder,
) -> VectorIndex:
    """Return an index over `texts`; the previous one stays as it is.

    `known` maps the previous index's keys to the texts its vectors were made of.
    """
    kept = [row for row, (key, text) in enumerate(zip(keys, texts, strict=True)) if known.get(key) == text]
    changed = sorted(set(range(len(keys))).difference(kept))
    vectors = np.empty((len(keys), embedder.dimension), np.float32)
    if kept:
        vectors[kept] = previous.take([keys[row] for row in kept])
    if changed:
        vectors[changed] = embedder.passage([texts[row] for row in changed])
    index = FaissVectorIndex(embedder.dimension, model_id=embedder.model_id)
    index.add(keys, vectors)
    return index
