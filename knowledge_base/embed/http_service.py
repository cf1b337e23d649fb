"""A remote embedding service that speaks the OpenAI-compatible `/v1/embeddings`."""

from collections.abc import Sequence

import httpx
import numpy as np

from knowledge_base.embed.port import Vectors
from knowledge_base.errors import EmbeddingServiceFailed


class HttpEmbedder:
    """Asks a service such as vLLM, Ollama or text-embeddings-inference for vectors.

    `dimension` is given, not asked, so that nothing is sent before the first text.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        dimension: int,
        api_key: str | None = None,
        query_prefix: str = "",
        passage_prefix: str = "",
        timeout_seconds: float = 20.0,
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(base_url=base_url.rstrip("/"), headers=headers, timeout=timeout_seconds)
        self._model = model
        self._dimension = dimension
        self._prefixes = (query_prefix, passage_prefix)

    @property
    def dimension(self) -> int:
        """As configured; an answer of another length is refused."""
        return self._dimension

    @property
    def model_id(self) -> str:
        """The model's name at the service and the prefixes used with it."""
        return f"http:{self._model}:{self._dimension}:{'|'.join(self._prefixes)}"

    def unread(self, text: str) -> frozenset[str]:
        """The service does not say."""
        return frozenset()

    def query(self, texts: Sequence[str]) -> Vectors:
        """Embed questions; raises `EmbeddingServiceFailed`."""
        return self._embed([self._prefixes[0] + text for text in texts])

    def passage(self, texts: Sequence[str]) -> Vectors:
        """Embed passages; raises `EmbeddingServiceFailed`."""
        return self._embed([self._prefixes[1] + text for text in texts])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _embed(self, texts: list[str]) -> Vectors:
        if not texts:
            return np.empty((0, self._dimension), np.float32)
        try:
            reply = self._client.post("/v1/embeddings", json={"model": self._model, "input": texts})
            reply.raise_for_status()
            rows = sorted(reply.json()["data"], key=lambda item: int(item["index"]))
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except httpx.HTTPStatusError as error:
            raise EmbeddingServiceFailed(f"HTTP status {error.response.status_code}") from error
        except httpx.HTTPError as error:
            raise EmbeddingServiceFailed(type(error).__name__) from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingServiceFailed("the answer holds no vectors") from error
        if vectors.shape != (len(texts), self._dimension) or not np.isfinite(vectors).all():
            raise EmbeddingServiceFailed(f"expected shape {(len(texts), self._dimension)}, got {vectors.shape}")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors
