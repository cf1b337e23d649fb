"""Finding the nearest vectors: one port, faiss, an exact stand-in, a cache."""

from knowledge_base.store.cache import cached_index, default_cache_dir
from knowledge_base.store.exact import ExactVectorIndex
from knowledge_base.store.faiss_index import FaissVectorIndex
from knowledge_base.store.port import Neighbours, VectorIndex
from knowledge_base.store.renew import renewed_index

__all__ = [
    "ExactVectorIndex",
    "FaissVectorIndex",
    "Neighbours",
    "VectorIndex",
    "cached_index",
    "default_cache_dir",
    "renewed_index",
]
