"""`Volumes`: slabs for those who may see a study, made once and kept with its derived objects."""

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from imaging_core.derive.reader import DerivedReader
from imaging_core.derive.renderer import Renderer, RendererLimits
from imaging_core.errors import PixelsNotReadable, SlabNotPossible
from imaging_core.volume.wish import SlabWish

log = logging.getLogger(__name__)

_RECIPE: Final = "1"
"""Part of every name: raise it when the same wish should give another slab."""
_MEMORY: Final = 4 * 1024**3
_KEPT: Final = 400
_LENGTH: Final = 4
_MOST_AT_ONCE: Final = 8
"""One that is made and others that wait for the child."""


@dataclass(frozen=True, slots=True)
class Slab:
    """A slab: `metadata` (DICOM JSON), how it was made, its HTJ2K codestream; the name changes with any of it."""

    name: str
    metadata: dict[str, Any]
    slab: dict[str, Any]
    codestream: bytes


class Volumes:
    """Makes slabs in one limited child process, one at a time. Threads may share it."""

    def __init__(
        self,
        derived: DerivedReader,
        renderer: Callable[[], Renderer] | None = None,
        *,
        most_at_once: int = _MOST_AT_ONCE,
    ) -> None:
        self._derived = derived
        self._places = threading.Semaphore(most_at_once)
        self._renderer = renderer() if renderer else Renderer(RendererLimits(memory_bytes=_MEMORY))
        self._one_at_a_time = threading.Lock()

    def close(self) -> None:
        """End the child."""
        self._renderer.close()

    def slab(
        self, institution_code: str, study_instance_uid: str, series_instance_uid: str, wish: SlabWish
    ) -> Slab | None:
        """Return a slab; None when the series is not there, or not made yet.

        Raises:
            SlabNotPossible: The series gives no such slab, or too many others are being made; the reason says why.
            RendererUnavailable: The child cannot be started.
        """
        for tries_left in (1, 0):
            pack = self._derived.series_pack(institution_code, study_instance_uid, series_instance_uid)
            if pack is None:
                return None
            try:
                return self._of_pack(pack, wish)
            except SlabNotPossible as error:
                # a late image came: the series has another pack now
                if error.reason_code != "gone" or not tries_left:
                    raise
        return None

    def _of_pack(self, pack: Path, wish: SlabWish) -> Slab:
        told = orjson.dumps([_RECIPE, pack.stem, wish.as_json()])
        name = hashlib.sha256(told).hexdigest()[:40]
        place = pack.with_name(f"{name}.slab")
        with suppress(FileNotFoundError):
            return _opened(name, place.read_bytes())
        # who waits holds a thread of the service: not all of them may wait for slabs
        if not self._places.acquire(blocking=False):
            raise SlabNotPossible("busy", "too many slabs are being made")
        try:
            content = self._made(pack, wish)
        finally:
            self._places.release()
        _keep(place, content)
        return _opened(name, content)

    def _made(self, pack: Path, wish: SlabWish) -> bytes:
        task = {"kind": "slab", "pack": str(pack.absolute()), "wish": wish.as_json()}
        content = b""
        with self._one_at_a_time:
            try:
                for message in self._renderer.render([], 0, "", task):
                    if "reason_code" in message.head:
                        raise SlabNotPossible(message.head["reason_code"], message.head["reason"])
                    if message.head["kind"] == "slab":
                        content = b"".join(message.payloads)
            except PixelsNotReadable as error:  # the child died
                raise SlabNotPossible(error.reason_code, str(error)) from error
        return content


def packed(head: dict[str, Any], codestream: bytes) -> list[bytes]:
    """Return a slab as it is kept: length of the JSON, JSON, codestream."""
    raw = orjson.dumps(head)
    return [len(raw).to_bytes(_LENGTH, "little"), raw, codestream]


def _opened(name: str, content: bytes) -> Slab:
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    head = orjson.loads(content[_LENGTH:end])
    return Slab(name, head["metadata"], head["slab"], content[end:])


def _keep(place: Path, content: bytes) -> None:
    """Keep a slab, the latest of its study alone; a full disk costs the next caller time, and nobody else anything."""
    try:
        handle, part = tempfile.mkstemp(dir=place.parent, suffix=".part")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(part).replace(place)
        kept = sorted(place.parent.glob("*.slab"), key=lambda path: path.stat().st_mtime_ns)
        for old in kept[:-_KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        log.warning("slab not kept", extra={"error": type(error).__name__})
    finally:
        with suppress(OSError):
            Path(part).unlink()
