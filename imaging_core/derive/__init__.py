"""Web-ready copies of what was received: lossless frames, previews, thumbnails and the study manifest.

All of it is derived: it may be evicted at any time and is made again, byte for byte the same.
"""

from imaging_core.derive.deriver import Deriver, DeriveReport, FailedFrame
from imaging_core.derive.reader import DerivedReader
from imaging_core.derive.renderer import Renderer, RendererLimits
from imaging_core.derive.store import DerivedStore

__all__ = ["DeriveReport", "DerivedReader", "DerivedStore", "Deriver", "FailedFrame", "Renderer", "RendererLimits"]
