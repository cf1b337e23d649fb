"""Search with faiss, exact by default (`IndexFlatIP`): fast up to some hundred thousand passages."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from knowledge_base.embed.port import Vectors
from knowledge_base.errors import VectorIndexMismatch
from knowledge_base.store.archive import check_shape, read_archive, write_archive
from knowledge_base.store.port import Neighbours

_ENGINE = "faiss"


class FaissVectorIndex:
    """Inner-product search on faiss."""

    def __init__(self, dimension: int, *, model_id: str) -> None:
        import faiss  # 12 MB, which processes that never search are spared

        self._model_id = model_id
        self._keys: list[str] = []
        self._index: Any = faiss.IndexFlatIP(dimension)

    @property
    def model_id(self) -> str:
        """The embedder's `model_id`."""
        return self._model_id

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Append vectors; raises `VectorShapeMismatch`."""
        check_shape(keys, vectors, self._index.d)
        self._index.add(np.ascontiguousarray(vectors, np.float32))
        self._keys.extend(keys)

    def search(self, vectors: Vectors, k: int) -> list[Neighbours]:
        """Return up to `k` neighbours for each row."""
        check_shape(None, vectors, self._index.d)
        wanted = min(k, len(self._keys))
        if wanted <= 0:
            return [[] for _ in vectors]
        products, rows = self._index.search(np.ascontiguousarray(vectors, np.float32), wanted)
        found = []
        for scores, indexes in zip(products, rows, strict=True):
            # faiss leaves the order of equal scores open; the port promises the order of adding
            pairs = sorted(zip(indexes.tolist(), scores.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
            found.append([(self._keys[index], score) for index, score in pairs])
        return found

    def take(self, keys: Sequence[str]) -> Vectors:
        """Return the vectors added under these keys; raises `KeyError` for one that was not."""
        rows = {key: row for row, key in enumerate(self._keys)}
        kept: Vectors = self._index.reconstruct_n(0, len(self._keys))
        return kept[[rows[key] for key in keys]]

    def save(self, path: Path) -> None:
        """Write everything to one file."""
        import faiss

        payload = faiss.serialize_index(self._index)
        write_archive(path, engine=_ENGINE, model_id=self._model_id, keys=self._keys, payload=payload)

    @classmethod
    def load(cls, path: Path, *, model_id: str) -> Self:
        """Read what `save` wrote; raises `VectorIndexMismatch`."""
        import faiss

        keys, payload = read_archive(path, engine=_ENGINE, model_id=model_id)
        try:
            raw = faiss.deserialize_index(payload)
        except RuntimeError as error:
            raise VectorIndexMismatch(path, "faiss cannot read it") from error
        if raw.ntotal != len(keys):
            raise VectorIndexMismatch(path, "keys and vectors differ in number")
        index = cls(raw.d, model_id=model_id)
        index._keys, index._index = keys, raw
        return index
