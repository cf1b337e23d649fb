"""Our own upper layer for storage and verification (PS3.8, PS3.7); see decisions/005-dimse-seam.md."""

from imaging_core.network.storage.layer import StorageLayer, Timers

__all__ = ["StorageLayer", "Timers"]
