"""What can go wrong with documents.

DocumentError
├── DocumentTooLarge      more bytes, inflated bytes or pixels than allowed
└── DocumentTypeRefused   no PDF or JPG that may be shown; `reason` says why
"""

from enum import StrEnum

from imaging_core.errors import ImagingError


class RefusalReason(StrEnum):
    """Why an uploaded document is not taken."""

    EMPTY = "empty"
    UNKNOWN_TYPE = "unknown_type"
    """Neither PDF nor JPG, whatever it is called."""
    DAMAGED = "damaged"
    """Begins like one but is cut or cannot be read."""
    ENCRYPTED = "encrypted"
    ACTIVE_CONTENT = "active_content"
    """A PDF with scripts, attachments, or actions that start something."""


class DocumentError(ImagingError):
    """Anything documents refuse; nothing was kept."""


class DocumentTooLarge(DocumentError):
    """More than the allowed bytes, inflated bytes or pixels, as `limit` says."""

    def __init__(self, limit: str, allowed: int) -> None:
        super().__init__(f"document beyond the limit: {limit} {allowed}")
        self.limit = limit
        self.allowed = allowed


class DocumentTypeRefused(DocumentError):
    """The bytes are no PDF or JPG that may be shown to a patient."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(f"document refused: {reason}")
        self.reason = reason
