"""Packs: one file a series, lossless frames one after another, then previews, thumbnails and a table.

A pack is written beside its place and renamed; it never changes afterwards. Layout, little endian:
mark (16 bytes) · codestreams · previews · thumbnails · table (JSON) · footer: table offset (8), table length (8),
SHA-256 of the table (32), mark (16).
Frames lie in the order they were added, so a byte range of neighbours is one read.
"""

import hashlib
import mmap
import os
import struct
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, cast

import orjson

from imaging_core.errors import FrameNotFound

_MARK: Final = b"MINGYING PACK 1\n"
_FOOTER: Final = struct.Struct("<QQ32s16s")
_SPOOL: Final = 32 * 1024 * 1024
_EMPTY: Final = (0, 0)

Span = tuple[int, int]
"""Offset and length in the pack; length 0 means there is nothing."""


class PackWriter:
    """Writes one pack; used as a context manager, it leaves a whole pack or none."""

    def __init__(self, place: Path) -> None:
        self._place = place
        handle, name = tempfile.mkstemp(dir=place.parent, suffix=".part")
        self._part = Path(name)
        self._file = os.fdopen(handle, "w+b")
        self._file.write(_MARK)
        self._previews = _Section()
        self._thumbnails = _Section()

    def __enter__(self) -> "PackWriter":
        return self

    def __exit__(
        self, error: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._previews.close()
        self._thumbnails.close()
        with suppress(FileNotFoundError):
            self._part.unlink()

    def add_frame(self, codestream: bytes, preview: bytes, thumbnail: bytes) -> list[Span]:
        """Add one frame; return where its three parts will lie, previews and thumbnails counted from their section."""
        start = self._file.tell()
        self._file.write(codestream)
        return [(start, len(codestream)), self._previews.add(preview), self._thumbnails.add(thumbnail)]

    def finish(self, series: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> None:
        """Write the table and put the pack in its place, forced to disk.

        `instances` are in the order a viewer shows them; each holds `sop_instance_uid` and `spans`, for every
        frame what `add_frame` returned or None.
        """
        starts = (0, self._previews.append_to(self._file), self._thumbnails.append_to(self._file))
        table = {
            "series": series,
            "instances": [{**instance, "spans": _moved(instance, starts)} for instance in instances],
        }
        raw = orjson.dumps(table)
        offset = self._file.tell()
        self._file.write(raw)
        self._file.write(_FOOTER.pack(offset, len(raw), hashlib.sha256(raw).digest(), _MARK))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._place)


class _Section:
    """Parts that are collected while frames are written, and appended behind them."""

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115  # closed by close()

    def add(self, part: bytes) -> Span:
        if not part:
            return _EMPTY
        start = self._spool.tell()
        self._spool.write(part)
        return start, len(part)

    def append_to(self, file: BinaryIO) -> int:
        start = file.tell()
        self._spool.seek(0)
        while piece := self._spool.read(_SPOOL):
            file.write(piece)
        return start

    def close(self) -> None:
        self._spool.close()


def _moved(instance: Mapping[str, Any], starts: Sequence[int]) -> list[list[Span] | None]:
    return [
        None
        if spans is None
        else [
            (start + offset, length) if length else _EMPTY
            for start, (offset, length) in zip(starts, spans, strict=True)
        ]
        for spans in cast(list[list[Span] | None], instance["spans"])
    ]


class Pack:
    """An open pack: any part of any frame without reading another."""

    def __init__(self, path: Path) -> None:
        """Open a pack. Raises ValueError when it is damaged, FileNotFoundError when it is gone."""
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < len(_MARK) + _FOOTER.size:
                raise ValueError(f"{path.name} is no pack")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        offset, length, digest, mark = _FOOTER.unpack_from(self._map, size - _FOOTER.size)
        raw = self._map[offset : offset + length]
        if mark != _MARK or hashlib.sha256(raw).digest() != digest:
            raise ValueError(f"{path.name} is damaged")
        table = orjson.loads(raw)
        self.series: dict[str, Any] = table["series"]
        self.instances: list[dict[str, Any]] = table["instances"]
        self._spans = {instance["sop_instance_uid"]: instance["spans"] for instance in self.instances}

    def __contains__(self, sop_instance_uid: str) -> bool:
        return sop_instance_uid in self._spans

    def part(self, sop_instance_uid: str, frame_number: int, which: int) -> bytes:
        """Return the codestream (0), preview (1) or thumbnail (2) of a frame; frames count from 1.

        Raises:
            FrameNotFound: There is none.
        """
        offset, length = self._span(sop_instance_uid, frame_number, which)
        return self._map[offset : offset + length]

    def part_bytes(self, sop_instance_uid: str, frame_number: int, which: int) -> int:
        """Return how many bytes `part` returns, without reading them. Raises `FrameNotFound`."""
        return self._span(sop_instance_uid, frame_number, which)[1]

    def _span(self, sop_instance_uid: str, frame_number: int, which: int) -> Span:
        spans = self._spans.get(sop_instance_uid, [])
        frame = spans[frame_number - 1] if 0 < frame_number <= len(spans) else None
        if frame is None or frame[which][1] == 0:
            raise FrameNotFound(sop_instance_uid, frame_number)
        offset, length = frame[which]
        return offset, length
