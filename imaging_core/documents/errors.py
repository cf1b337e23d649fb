"""What can go wrong with documents.

DocumentError
├── DocumentTooLarge      more bytes, inflated bytes or pixels than allowed
└── DocumentTypeRefused   nothing that may be kept as a document; `reason` says why
"""

from enum import StrEnum

from imaging_core.errors import ImagingError


class RefusalReason(StrEnum):
    """Why an uploaded document is not taken."""

    EMPTY = "empty"
    UNKNOWN_TYPE = "unknown_type"
    """None of the kinds that documents have, whatever it is called."""
    DAMAGED = "damaged"
    """Begins like one but is cut or cannot be read."""
    ENCRYPTED = "encrypted"
    ACTIVE_CONTENT = "active_content"
    """A PDF with scripts, attachments, or actions that start something."""
    SEVERAL_FILES = "several_files"
    """A slide of a kind that lies in several files; what is given is one of them."""
    NO_SLIDE = "no_slide"
    """A TIFF or CZI that is no whole-slide image."""
    NO_READER = "no_reader"
    """Of a kind that needs an optional library, which is not installed."""


class DocumentError(ImagingError):
    """Anything documents refuse; nothing was kept."""


class DocumentTooLarge(DocumentError):
    """More than the allowed bytes, inflated bytes or pixels, as `limit` says."""

    def __init__(self, limit: str, allowed: int) -> None:
        super().__init__(f"document beyond the limit: {limit} {allowed}")
        self.limit = limit
        self.allowed = allowed


class DocumentTypeRefused(DocumentError):
    """The bytes are nothing that may be kept as a document."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(f"document refused: {reason}")
        self.reason = reason
