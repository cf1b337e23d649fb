"""The parent's side of the child that opens foreign files: gives it a path, takes what it found."""

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.derive.protocol import Message
from imaging_core.derive.renderer import Renderer, RendererLimits
from imaging_core.errors import PixelsNotReadable


class OpenedFiles:
    """Kept files that a limited child reads. Not for use by several threads: the child serves one at a time."""

    def __init__(self, blobs: BlobStore, limits: RendererLimits) -> None:
        self._blobs = blobs
        self._child = Renderer(limits, module="imaging_core.documents.child")
        self._copies: dict[str, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child; what was copied for it is removed."""
        self._child.close()
        for copy in self._copies.values():
            copy.unlink(missing_ok=True)
        self._copies.clear()

    def ask(self, blob: BlobRef, task: dict[str, Any]) -> Message:
        """Return what the child found in a file.

        Raises:
            PixelsNotReadable: The file cannot be read, or reading it killed the child; the next one gets another.
            BlobMissing: The store does not hold it.
        """
        found = Message({}, ())
        for message in self._child.render((), 0, "", task | {"path": str(self._path(blob))}):
            if "reason_code" in message.head:
                raise PixelsNotReadable(message.head["reason_code"], message.head["reason"])
            if message.head["kind"] == "found":
                found = message
        return found

    def _path(self, blob: BlobRef) -> Path:
        place = self._blobs.place(blob)
        if place is not None and place.offset == 0 and place.length == blob.size:
            return place.path
        if blob.digest not in self._copies:
            with tempfile.NamedTemporaryFile(prefix="mingying-opened-", delete=False) as copy:
                self._copies[blob.digest] = Path(copy.name)
                copy.writelines(self._blobs.read(blob))
        return self._copies[blob.digest]
