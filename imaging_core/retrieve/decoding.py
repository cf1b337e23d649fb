"""Frames, instances and pictures that must be decoded first: made in limited child processes, a few at a time."""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.derive.protocol import Message
from imaging_core.derive.renderer import Renderer
from imaging_core.dicom.documents import Form
from imaging_core.dicom.rendition import Rendition
from imaging_core.errors import PixelsNotReadable
from imaging_core.retrieve.finding import Found

_LARGEST_ANSWER: Final = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Where the bytes of an instance are, and how they are encoded; of a `Found` it is enough to know this."""

    blob: BlobRef
    transfer_syntax_uid: str


class Decoding:
    """Asks the children. Threads may share it; one more than there are children waits."""

    def __init__(self, blobs: BlobStore, children: int = 2) -> None:
        self._blobs = blobs
        # last in, first out: a second child is started only when two requests come at once
        self._free: queue.LifoQueue[Renderer] = queue.LifoQueue()
        self._all = [Renderer() for _ in range(children)]
        for renderer in self._all:
            self._free.put(renderer)

    def close(self) -> None:
        """End the children."""
        for renderer in self._all:
            renderer.close()

    def frames(self, found: Found, frame_numbers: Sequence[int], transfer_syntax_uid: str) -> list[bytes]:
        """Return frames in a transfer syntax, numbered from 1.

        Raises:
            PixelsNotReadable: One of them cannot be decoded, or not be written in this syntax.
            BlobMissing: The bytes are not there.
        """
        task = {"kind": "frames", "numbers": list(frame_numbers), "transfer_syntax_uid": transfer_syntax_uid}
        return self._payloads(found, task)

    def instance(self, found: Found, transfer_syntax_uid: str) -> bytes:
        """Return a whole file in a transfer syntax. Raises as `frames`."""
        return self._payloads(found, {"kind": "instance", "transfer_syntax_uid": transfer_syntax_uid})[0]

    def picture(self, found: StoredBytes | Found, wish: Rendition, presentation: dict[str, Any] | None = None) -> bytes:
        """Return one frame as a picture, shown as a presentation state says. Raises as `frames`."""
        return self._payloads(found, {"kind": "picture", "wish": asdict(wish), "presentation": presentation})[0]

    def presentation(self, stored: StoredBytes | Found) -> dict[str, Any]:
        """Return what a presentation state says.

        Raises:
            PixelsNotReadable: The instance is none, or one of a kind that is not applied.
        """
        told: dict[str, Any] | None = None
        with self._renderer() as renderer:
            for message in self._asked(renderer, stored, {"kind": "presentation"}):
                told = message.head.get("presentation") or told
        if not told:
            raise PixelsNotReadable("no_presentation", "the instance is no presentation state that can be applied")
        return told

    def document(self, stored: StoredBytes | Found, form: Form, page: int = 1) -> bytes:
        """Return what has no pixels in a form that is shown: a drawing, a text, a page. Raises as `frames`."""
        return self._payloads(stored, {"kind": "document", "form": form.value, "page": page})[0]

    def _payloads(self, found: StoredBytes | Found, task: dict[str, Any]) -> list[bytes]:
        payloads: list[bytes] = []
        size = 0
        with self._renderer() as renderer:
            for message in self._asked(renderer, found, task):
                payloads += message.payloads
                size += sum(map(len, message.payloads))
                if size > _LARGEST_ANSWER:
                    raise PixelsNotReadable("too_large", "the frames are more than what is decoded at once")
        return payloads

    def _asked(self, renderer: Renderer, found: StoredBytes | Found, task: dict[str, Any]) -> Iterator[Message]:
        content = self._blobs.read(found.blob)
        for message in renderer.render(content, found.blob.size, found.transfer_syntax_uid, task):
            if "reason_code" in message.head:
                raise PixelsNotReadable(message.head["reason_code"], message.head["reason"])
            yield message

    @contextmanager
    def _renderer(self) -> Iterator[Renderer]:
        renderer = self._free.get()
        try:
            yield renderer
        finally:
            self._free.put(renderer)
