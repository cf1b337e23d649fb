"""The one way in: `Ingestor.store_instance` for C-STORE, STOW-RS and folder import."""

from imaging_core.ingest.folder import FailedFile, ImportReport, import_paths
from imaging_core.ingest.results import Channel, Origin, StoreOutcome, StoreResult
from imaging_core.ingest.store import Ingestor

__all__ = [
    "Channel",
    "FailedFile",
    "ImportReport",
    "Ingestor",
    "Origin",
    "StoreOutcome",
    "StoreResult",
    "import_paths",
]
