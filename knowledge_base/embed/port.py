"""The seam between search and whatever turns texts into vectors."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Shape [number of texts, dimension], each row of length 1 (or all zero for a text without content)."""


class Embedder(Protocol):
    """Turns texts into unit vectors whose dot product says how close two meanings are.

    Questions and passages are embedded differently; mixing them up costs 9 points of R@1 with E5 models.
    """

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    @property
    def model_id(self) -> str:
        """Names weights and numeric form; vectors of different ids must never share an index."""
        ...

    def unread(self, text: str) -> frozenset[str]:
        """Return the characters of `text` that the model cannot tell from one another.

        A pruned vocabulary may lack 髂 and 髌: both become the same token, so meaning alone would confuse
        髂骨 with 髌骨. Search then leans on characters. Empty for models that read everything, or cannot say.
        """
        ...

    def query(self, texts: Sequence[str]) -> Vectors:
        """Embed questions. Raises an `EmbeddingError` when the model cannot be used."""
        ...

    def passage(self, texts: Sequence[str]) -> Vectors:
        """Embed passages. Texts beyond the model's window are cut, so chunk first."""
        ...
