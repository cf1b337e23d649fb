"""The default embedder: multilingual-e5-small, 4 bit, run by onnxruntime without torch."""

import json
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from knowledge_base.embed.port import Vectors
from knowledge_base.errors import ModelFilesMissing

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

MANIFEST, TOKENIZER, MODEL = "manifest.json", "tokenizer.json", "model_q4.onnx"
_MAX_TOKENS = 512
_BATCH = 16
_UNKNOWN = 3
"""Token id of everything outside the vocabulary."""


def default_model_dir() -> Path:
    """Return the folder into which set-up converts the model, inside the installation."""
    return Path(sys.prefix) / "share" / "mingying" / "models" / "embedder"


class BundledEmbedder:
    """Runs the model that `knowledge_base.embed.convert` made.

    The weights are loaded at the first call, not here. One instance may serve many threads.
    """

    def __init__(self, folder: Path | None = None, *, threads: int = 2) -> None:
        """Read the manifest only; raises `ModelFilesMissing` when the folder holds no complete model."""
        self._folder = folder or default_model_dir()
        self._threads = threads
        try:
            manifest = json.loads((self._folder / MANIFEST).read_text("utf-8"))
            self._dimension, self._model_id = int(manifest["dimension"]), str(manifest["model_id"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelFilesMissing(self._folder) from error
        if not all((self._folder / name).is_file() for name in (TOKENIZER, MODEL)):
            raise ModelFilesMissing(self._folder)

    @property
    def dimension(self) -> int:
        """384 for multilingual-e5-small."""
        return self._dimension

    @property
    def model_id(self) -> str:
        """Weights, vocabulary, numeric form and the beginning of the file's digest."""
        return self._model_id

    def unread(self, text: str) -> frozenset[str]:
        """Return the characters that have no token of their own."""
        return frozenset(
            character
            for character in set(text)
            if _UNKNOWN in self._tokenizer.encode(character, add_special_tokens=False).ids
        )

    def query(self, texts: Sequence[str]) -> Vectors:
        """Embed questions."""
        return self._encode("query: ", texts)

    def passage(self, texts: Sequence[str]) -> Vectors:
        """Embed passages; what lies beyond 512 tokens is not seen."""
        return self._encode("passage: ", texts)

    @cached_property
    def _session(self) -> "onnxruntime.InferenceSession":
        import onnxruntime  # 20 MB, which processes that never embed are spared

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        # spinning threads would take the processor from the web server between two questions
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(str(self._folder / MODEL), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / TOKENIZER))
        tokenizer.enable_truncation(_MAX_TOKENS)
        tokenizer.enable_padding(pad_id=1, pad_token="<pad>")  # noqa: S106 - a token of text, no password
        return tokenizer

    def _encode(self, prefix: str, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self._dimension), np.float32)
        # similar lengths together: less padding to compute
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            encoded = self._tokenizer.encode_batch([prefix + texts[row] for row in rows])
            inputs = {
                "input_ids": np.array([item.ids for item in encoded], np.int64),
                "attention_mask": np.array([item.attention_mask for item in encoded], np.int64),
            }
            vectors[rows] = self._session.run(None, inputs)[0]
        return vectors
