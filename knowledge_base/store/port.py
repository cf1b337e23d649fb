"""The seam between search and whatever finds the nearest vectors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

from knowledge_base.embed.port import Vectors

Neighbours = list[tuple[str, float]]
"""Keys and dot products, best first; equal scores in the order in which they were added."""


class VectorIndex(Protocol):
    """Finds the vectors with the largest dot product. Holds vectors of one model only."""

    @property
    def model_id(self) -> str:
        """The embedder's `model_id` the vectors were made with."""
        ...

    def __len__(self) -> int:
        """Return the number of vectors."""
        ...

    def add(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Append vectors; raises `VectorShapeMismatch`."""
        ...

    def search(self, vectors: Vectors, k: int) -> list[Neighbours]:
        """Return up to `k` neighbours for each row; raises `VectorShapeMismatch`."""
        ...

    def take(self, keys: Sequence[str]) -> Vectors:
        """Return the vectors added under these keys; raises `KeyError` for one that was not."""
        ...

    def save(self, path: Path) -> None:
        """Write everything to one file, whole or not at all."""
        ...

    @classmethod
    def load(cls, path: Path, *, model_id: str) -> Self:
        """Read what `save` wrote; raises `VectorIndexMismatch` when damaged or of another model."""
        ...
