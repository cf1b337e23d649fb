"""Finding and reading what was stored, for whoever retrieves it. Knows no protocol."""

from imaging_core.retrieve.finding import Found
from imaging_core.retrieve.service import Retrieval

__all__ = ["Found", "Retrieval"]
