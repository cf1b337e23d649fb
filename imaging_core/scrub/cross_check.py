"""Whether what a store tells of is named by the index. The other way round is the scrub's own walk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.index.holdings import named

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Unreferenced:
    """Instances the store tells of and no row names: kept before a crash, never acknowledged. `reindex` files them."""

    instances: int
    bytes: int


def unreferenced(blobs: BlobStore, reads: sessionmaker[Session]) -> Unreferenced:
    """Count what the index does not name."""
    count = size = 0
    for group in _groups(ref for ref, _ in blobs.instances()):
        with reads() as session:
            known = named(session, [ref.digest for ref in group])
        lost = {ref.digest: ref for ref in group if ref.digest not in known}
        count += len(lost)
        size += sum(ref.size for ref in lost.values())
    return Unreferenced(count, size)


def _groups(refs: Iterable[BlobRef]) -> Iterator[list[BlobRef]]:
    group: list[BlobRef] = []
    for ref in refs:
        group.append(ref)
        if len(group) == _AT_ONCE:
            yield group
            group = []
    if group:
        yield group
