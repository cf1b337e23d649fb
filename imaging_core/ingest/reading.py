"""Reading what arrives: as much as fits into memory, and the rest behind it."""

from typing import BinaryIO


def read_up_to(content: BinaryIO, most: int) -> bytes:
    """Return the next bytes, fewer than `most` only at the end of the content."""
    first = content.read(most)
    if len(first) >= most or not first:
        return first
    pieces, found = [first], len(first)
    while found < most and (piece := content.read(most - found)):
        pieces.append(piece)
        found += len(piece)
    return first if len(pieces) == 1 else b"".join(pieces)


class Chained:
    """One stream after another."""

    def __init__(self, first: BinaryIO, second: BinaryIO) -> None:
        self._first = first
        self._second = second

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; pieces may be shorter than asked for before the end."""
        return self._first.read(size) or self._second.read(size)
