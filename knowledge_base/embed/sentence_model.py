"""Any local sentence-transformers model; needs the extra `local-models`."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge_base.embed.port import Vectors
from knowledge_base.errors import EmbeddingError, ModelFilesMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class SentenceTransformersEmbedder:
    """Loads a model folder offline at the first use, so that the base installation needs no torch.

    The prompts named `query` and `passage` (or `document`) in the model's own configuration are used;
    a model without prompts gets the bare text.
    """

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        if not (folder / "modules.json").is_file():
            raise ModelFilesMissing(folder)
        self._folder = folder
        self._threads = threads

    @property
    def dimension(self) -> int:
        """Asks the model, hence loads it."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def model_id(self) -> str:
        """Folder name and size of the weights: another model under the same name is seen."""
        size = sum(path.stat().st_size for path in sorted(self._folder.rglob("*.safetensors")))
        return f"sentence-transformers:{self._folder.name}:{size}"

    def unread(self, text: str) -> frozenset[str]:
        """Return the characters for which the model's tokenizer gives its unknown token."""
        tokenizer = self._model.tokenizer
        unknown = tokenizer.unk_token_id
        return frozenset(
            character
            for character in set(text)
            if unknown is not None and unknown in tokenizer.encode(character, add_special_tokens=False)
        )

    def query(self, texts: Sequence[str]) -> Vectors:
        """Embed questions."""
        return self._encode(texts, ("query",))

    def passage(self, texts: Sequence[str]) -> Vectors:
        """Embed passages."""
        return self._encode(texts, ("passage", "document"))

    @cached_property
    def _model(self) -> "SentenceTransformer":
        try:
            import torch
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            message = "sentence-transformers is not installed: pip install 'mingying[local-models]'"
            raise EmbeddingError(message) from error
        torch.set_num_threads(self._threads)
        return SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)

    def _encode(self, texts: Sequence[str], prompt_names: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        prompts: Mapping[str, str] = self._model.prompts or {}
        prompt = next((prompts[name] for name in prompt_names if prompts.get(name)), "")
        encoded = self._model.encode(list(texts), prompt=prompt, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(encoded, np.float32)
