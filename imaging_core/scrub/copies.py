"""The copies of one blob: looking at each, and writing one anew from another that is right."""

import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import BinaryIO, Protocol, cast

from imaging_core.blobs import BlobRef, BlobStore, Copy, NewBlob, ReplicatedBlobStore
from imaging_core.blobs.opened import Pieces
from imaging_core.blobs.replicated import CHECKED_BYTES
from imaging_core.blobs.tiered import TieredBlobStore
from imaging_core.errors import BlobMissing, StoreUnavailable
from imaging_core.index.holdings import Holding


class Condition(StrEnum):
    """How a copy is found."""

    RIGHT = "right"
    NEVER_WRITTEN = "never_written"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    OUT_OF_REACH = "out_of_reach"
    """Its store does not answer: says nothing about the bytes."""

    @property
    def is_damage(self) -> bool:
        """Whether the copy was there and is not any more what it was."""
        return self in (Condition.MISSING, Condition.CHANGED, Condition.UNREADABLE)


class Source(Protocol):
    """What right bytes may be taken from: a store, or the blobs of a backup."""

    def read(self, ref: BlobRef, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return the bytes in pieces; see `BlobStore`."""
        ...


class Mendable(BlobStore, Protocol):
    """A store that can put a damaged copy out of the way."""

    def set_aside(self, ref: BlobRef) -> None:
        """Let the right bytes be written anew where damaged ones lie."""
        ...


def copies_of(blobs: BlobStore, ref: BlobRef) -> Sequence[Copy]:
    """Return all copies there should be."""
    return blobs.copies(ref) if isinstance(blobs, ReplicatedBlobStore) else (Copy("primary", ref),)


def store_of(blobs: BlobStore, copy: Copy) -> BlobStore:
    """Return the store of a copy."""
    return blobs.side(copy.name) if isinstance(blobs, ReplicatedBlobStore) else blobs


def condition_of(blobs: BlobStore, copy: Copy) -> Condition:
    """Read a copy to its end and hold it against its digest."""
    if copy.ref is None:
        return Condition.NEVER_WRITTEN
    try:
        return condition_in(store_of(blobs, copy), copy.ref)
    except StoreUnavailable:
        return Condition.OUT_OF_REACH


def condition_in(source: Source, ref: BlobRef) -> Condition:
    """Read a blob of one store to its end and hold it against its digest."""
    sha, size = hashlib.sha256(), 0
    # checking is no use: what nobody else opens still goes to the colder place
    read = source.read_unnoticed if isinstance(source, TieredBlobStore) else source.read
    try:
        for piece in read(ref):
            sha.update(piece)
            size += len(piece)
    except BlobMissing:
        return Condition.MISSING
    except StoreUnavailable:
        return Condition.OUT_OF_REACH
    except OSError:
        return Condition.UNREADABLE
    return Condition.RIGHT if sha.hexdigest() == ref.digest and size == ref.size else Condition.CHANGED


def write_anew(blobs: BlobStore, holding: Holding, ref: BlobRef, copy: Copy, source: Source, good: BlobRef) -> BlobRef:
    """Write a copy from one that is right; return the reference of the blob then.

    The damaged bytes stay until the index names the new ones; a file is set aside, for the new one has its name.

    Raises:
        StoreUnavailable: The store of the copy does not answer.
        StorageFull: It has no room.
        BlobMissing: The source lost it meanwhile.
    """
    store = store_of(blobs, copy)
    if copy.ref is not None:
        cast(Mendable, store).set_aside(copy.ref)
    new = _keep(store, holding, source, good)
    if isinstance(blobs, ReplicatedBlobStore):
        return blobs.with_copy(ref, Copy(copy.name, new))
    return new


def _keep(store: BlobStore, holding: Holding, source: Source, good: BlobRef) -> BlobRef:
    if holding.about is not None and good.size <= CHECKED_BYTES:
        content = b"".join(source.read(good))
        _require(hashlib.sha256(content).hexdigest(), good)
        return store.add([NewBlob((content,), holding.about)])[0]
    new = store.put(cast(BinaryIO, Pieces(source.read(good))))
    _require(new.digest, good)
    if holding.about is not None:
        store.note(new, holding.about)
    return new


def _require(digest: str, good: BlobRef) -> None:
    if digest != good.digest:
        raise BlobMissing(good.digest)  # it changed between two looks
