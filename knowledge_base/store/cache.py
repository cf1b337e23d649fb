"""Keep built indexes on disk, one file for each pair of content and model."""

import hashlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from knowledge_base.embed.port import Embedder
from knowledge_base.errors import VectorIndexMismatch
from knowledge_base.store.faiss_index import FaissVectorIndex
from knowledge_base.store.port import VectorIndex

_log = logging.getLogger(__name__)


def default_cache_dir() -> Path:
    """Return the installation's own folder for built indexes."""
    return Path(sys.prefix) / "share" / "mingying" / "index"


def cached_index(cache_dir: Path, *, keys: Sequence[str], texts: Sequence[str], embedder: Embedder) -> VectorIndex:
    """Return the index over `texts`, from the cache when it holds exactly these.

    The file's name is the digest of keys, texts and model id, so changed content or another model can never
    find an old index. Embedding anew takes about 30 ms a text. A damaged file is replaced; a folder that cannot
    be written is only logged.
    """
    path = cache_dir / f"{_digest(keys, texts, embedder.model_id)}.npz"
    try:
        return FaissVectorIndex.load(path, model_id=embedder.model_id)
    except VectorIndexMismatch:
        index = FaissVectorIndex(embedder.dimension, model_id=embedder.model_id)
        index.add(keys, embedder.passage(texts))
    try:
        index.save(path)
    except OSError as error:
        # a read-only installation still works, only every start takes as long as this one
        _log.warning("vector index not kept", extra={"folder": str(cache_dir), "reason": error.strerror})
    return index


def _digest(keys: Sequence[str], texts: Sequence[str], model_id: str) -> str:
    digest = hashlib.sha256(model_id.encode())
    for part in (*keys, *texts):
        # the length keeps ("ab", "c") apart from ("a", "bc")
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:32]
