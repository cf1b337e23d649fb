"""Blobs in memory, for tests."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO
from typing import BinaryIO

from imaging_core.blobs.port import CHUNK, About, BlobRef, Hashing, NewBlob
from imaging_core.errors import BlobMissing


class MemoryBlobStore:
    """Keeps blobs in a dictionary; they are gone with the process."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._instances: list[tuple[BlobRef, About]] = []

    def put(self, content: BinaryIO, *, limit: int | None = None) -> BlobRef:
        """Keep the bytes; see the port."""
        hashing = Hashing(limit)
        data = b"".join(hashing.pieces(content))
        self._contents.setdefault(hashing.digest, data)
        return BlobRef(hashing.digest, hashing.size, hashing.digest)

    def note(self, ref: BlobRef, about: About) -> None:
        """Remember that it is an instance; see the port."""
        self._instances.append((ref, about))

    def add(self, blobs: Sequence[NewBlob]) -> list[BlobRef]:
        """Keep the bytes; see the port."""
        refs = [self.put(BytesIO(b"".join(blob.parts))) for blob in blobs]
        for ref, blob in zip(refs, blobs, strict=True):
            self.note(ref, blob.about)
        return refs

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces; see the port."""
        data = self._contents.get(ref.locator)
        if data is None:
            raise BlobMissing(ref.digest)
        part = data[start:] if length is None else data[start : start + length]
        return iter([part[at : at + CHUNK] for at in range(0, len(part), CHUNK)])

    def place(self, ref: BlobRef) -> None:  # the port's
        """Return None: there is no file; see the port."""

    def exists(self, ref: BlobRef) -> bool:
        """Return whether the blob is here."""
        return len(self._contents.get(ref.locator, b"")) == ref.size and ref.locator in self._contents

    def instances(self) -> Iterator[tuple[BlobRef, About]]:
        """Return what was kept as instances; see the port."""
        return iter(list(self._instances))

    def forget(self, ref: BlobRef, *, institution_code: str, at: datetime) -> None:
        """Tell no more of it; see the port."""
        self._instances = [
            (kept, about)
            for kept, about in self._instances
            if kept.digest != ref.digest
            or about["institution_code"] != institution_code
            or datetime.fromisoformat(about["received_at"]) > at
        ]

    def remove(self, ref: BlobRef) -> bool:
        """Drop the bytes; see the port."""
        self._contents.pop(ref.locator, None)
        self._instances = [(kept, about) for kept, about in self._instances if kept.locator != ref.locator]
        return True

    def set_aside(self, ref: BlobRef) -> None:
        """Drop damaged bytes."""
        self._contents.pop(ref.locator, None)
