"""Turning texts into vectors: one port, a bundled model, two alternatives, one stand-in."""

from knowledge_base.embed.bundled import BundledEmbedder, default_model_dir
from knowledge_base.embed.hashing import HashingEmbedder
from knowledge_base.embed.http_service import HttpEmbedder
from knowledge_base.embed.port import Embedder, Vectors
from knowledge_base.embed.sentence_model import SentenceTransformersEmbedder

__all__ = [
    "BundledEmbedder",
    "Embedder",
    "HashingEmbedder",
    "HttpEmbedder",
    "SentenceTransformersEmbedder",
    "Vectors",
    "default_model_dir",
]
