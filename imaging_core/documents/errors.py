"""What can go wrong with documents.

DocumentError
├── DocumentRefused          not taken; `reason` says why
└── DocumentNotFound         no such document among the visible studies
"""

from enum import StrEnum

from imaging_core.errors import ImagingError


class RefusalReason(StrEnum):
    """Why an uploaded document is not taken."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    """Neither PDF nor JPG, whatever it is called."""
    DAMAGED = "damaged"
    """Begins like one but is cut or cannot be read."""
    TOO_MANY_PIXELS = "too_many_pixels"
    ENCRYPTED = "encrypted"
    ACTIVE_CONTENT = "active_content"
    """A PDF with scripts, attachments, or actions that start something."""


class DocumentError(ImagingError):
    """Anything documents refuse."""


class DocumentRefused(DocumentError):
    """The uploaded bytes are not taken; nothing was kept."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(f"document refused: {reason}")
        self.reason = reason


class DocumentNotFound(DocumentError):
    """No such document among the visible studies."""

    def __init__(self, document_key: str) -> None:
        super().__init__(f"no document {document_key}")
        self.document_key = document_key
