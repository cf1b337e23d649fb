"""Exact search with NumPy: the stand-in, and good enough for some ten thousand passages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from knowledge_base.embed.port import Vectors
from knowledge_base.store.archive import check_shape, read_archive, write_archive
from knowledge_base.store.port import Neighbours

_ENGINE = "exact"


class ExactVectorIndex:
    """Compares the question with every vector."""

    def __init__(self, dimension: int, *, model_id: str) -> None:
        self._model_id = model_id
        self._keys: list[str] = []
        self._vectors: Vectors = np.empty((0, dimension), np.float32)

    @property
    def model_id(self) -> str:
        """The embedder's `model_id`."""
        return self._model_id

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Append vectors; raises `VectorShapeMismatch`."""
        check_shape(keys, vectors, self._vectors.shape[1])
        self._keys.extend(keys)
        self._vectors = np.concatenate([self._vectors, vectors.astype(np.float32)])

    def search(self, vectors: Vectors, k: int) -> list[Neighbours]:
        """Return the `k` largest dot products for each row."""
        check_shape(None, vectors, self._vectors.shape[1])
        products = vectors @ self._vectors.T
        order = np.argsort(-products, axis=1, kind="stable")[:, :k]
        return [[(self._keys[i], float(row[i])) for i in best] for row, best in zip(products, order, strict=True)]

    def take(self, keys: Sequence[str]) -> Vectors:
        """Return the vectors added under these keys; raises `KeyError` for one that was not."""
        rows = {key: row for row, key in enumerate(self._keys)}
        return self._vectors[[rows[key] for key in keys]]

    def save(self, path: Path) -> None:
        """Write everything to one file."""
        write_archive(path, engine=_ENGINE, model_id=self._model_id, keys=self._keys, payload=self._vectors)

    @classmethod
    def load(cls, path: Path, *, model_id: str) -> Self:
        """Read what `save` wrote; raises `VectorIndexMismatch`."""
        keys, payload = read_archive(path, engine=_ENGINE, model_id=model_id)
        index = cls(payload.shape[1], model_id=model_id)
        index.add(keys, payload)
        return index
