"""A deterministic stand-in: hashed character n-grams. Knows no meaning, needs no weights."""

import zlib
from collections.abc import Sequence

import numpy as np

from knowledge_base.embed.port import Vectors


class HashingEmbedder:
    """Counts characters and pairs of characters in hashed buckets, for tests that need no model."""

    def __init__(self, dimension: int = 256) -> None:
        self._dimension = dimension

    @property
    def dimension(self) -> int:
        """Number of buckets."""
        return self._dimension

    @property
    def model_id(self) -> str:
        """Name of the form, bucket count included."""
        return f"hashing:{self._dimension}"

    def unread(self, text: str) -> frozenset[str]:
        """Every character has a bucket."""
        return frozenset()

    def query(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; the same as passages here."""
        return self._embed(texts)

    def passage(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._dimension), np.float32)
        for row, text in enumerate(texts):
            for gram in [*text, *(text[i : i + 2] for i in range(len(text) - 1))]:
                vectors[row, zlib.crc32(gram.encode()) % self._dimension] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors
