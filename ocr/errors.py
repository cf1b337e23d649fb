"""Errors of this package.

OcrError
├── PictureRefused      the bytes are not a picture we read; carries a Refusal
├── EngineUnavailable   the engine's library or language data is not installed
└── WorkerUnavailable   the reading process cannot be started at all
"""

from ocr.types import Refusal


class OcrError(Exception):
    """Base of everything raised here on purpose."""


class PictureRefused(OcrError):
    """The picture is not read, for a reason that can be told to the patient."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(f"{refusal.value}: {detail}" if detail else refusal.value)
        self.refusal = refusal
        self.detail = detail


class EngineUnavailable(OcrError):
    """An engine cannot read on this machine."""

    def __init__(self, engine: str, detail: str) -> None:
        super().__init__(f"{engine} is not usable here: {detail}")
        self.engine = engine
        self.detail = detail


class WorkerUnavailable(OcrError):
    """The reading process did not start; nothing is wrong with the picture."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"the reading process did not start: {detail}")
        self.detail = detail
