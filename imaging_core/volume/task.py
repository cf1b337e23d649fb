"""Making a slab in the limited child process. What was decoded stays in memory for a while, for the next slab."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np

from imaging_core.derive.encoding import decode_lossless, encode_lossless
from imaging_core.derive.packs import Pack
from imaging_core.errors import SlabNotPossible
from imaging_core.volume.pixels import described, stored_pixels
from imaging_core.volume.planes import NativePlane, plane_of
from imaging_core.volume.projection import Volume, native_slab, sampled_slab
from imaging_core.volume.slices import slices_of
from imaging_core.volume.stack import Stack, stack_of
from imaging_core.volume.wish import Mode, SlabWish

_IDLE_SECONDS: Final = 120
_DECODERS: Final = 2


class SlabMaker:
    """Makes slabs of one series after another; remembers the last, and lets go of it when nobody asks any more."""

    def __init__(self, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._series: _Series | None = None
        self._timer: threading.Timer | None = None

    def make(self, pack: str, wish: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return metadata and codestream of a slab of the series in a pack.

        Raises:
            SlabNotPossible: The series gives none, or the pack is gone.
        """
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            if self._series is None or self._series.path != pack:
                self._series = None  # its memory before that of the next
                self._series = _read(pack)
            made = self._series.slab(SlabWish.from_json(wish))
        self._timer = threading.Timer(self._idle_seconds, self._let_go)
        self._timer.daemon = True
        self._timer.start()
        return made

    def _let_go(self) -> None:
        with self._lock:
            self._series = None


def _read(pack: str) -> "_Series":
    try:
        return _Series(pack)
    except (SlabNotPossible, MemoryError):
        raise
    except Exception as error:
        # attributes come from foreign files: they may be of any type, and missing
        raise SlabNotPossible("not_read", f"the series' attributes cannot be read: {type(error).__name__}") from error


class _Series:
    """A pack, its geometry, and the slices decoded so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._pack = Pack(Path(path))
        except (FileNotFoundError, ValueError) as error:
            raise SlabNotPossible("gone", "the series is being made anew") from error
        self._stack: Stack = stack_of(slices_of(self._pack.instances))
        first = self._stack.slices[0]
        # zeros take no memory before they are filled
        self._volume: Volume = np.zeros((len(self._stack.slices), first.rows, first.columns), self._stack.dtype)
        self._filled = np.zeros(len(self._stack.slices), dtype=bool)

    def slab(self, wish: SlabWish) -> tuple[dict[str, Any], bytes]:
        plane = plane_of(self._stack, wish)
        mode = self._stored_mode(wish.mode)
        if isinstance(plane, NativePlane):
            projection = native_slab(self._stack, plane, mode, wish.thickness, self._load)
        else:
            projection = sampled_slab(self._stack, plane, mode, self._load)
        pixels, about = stored_pixels(self._stack, projection)
        metadata, told = described(self._stack, plane, wish, projection, about)
        return {"metadata": metadata, "slab": told}, encode_lossless(pixels, rgb=False)

    def _stored_mode(self, mode: Mode) -> Mode:
        """Return what is to be done with stored values so that it holds for values after rescale."""
        if self._stack.same_rescale and self._stack.slices[0].slope < 0 and mode is not Mode.AVGIP:
            return Mode.MINIP if mode is Mode.MIP else Mode.MIP
        return mode

    def _load(self, first: int, end: int) -> Volume:
        wanted = [index for index in range(first, end) if not self._filled[index]]
        with ThreadPoolExecutor(_DECODERS) as threads:
            list(threads.map(self._fill, wanted))
        return self._volume

    def _fill(self, index: int) -> None:
        item = self._stack.slices[index]
        pixels = decode_lossless(self._pack.part(item.sop_instance_uid, item.frame_number, 0))
        if pixels.shape != self._volume.shape[1:]:
            raise SlabNotPossible("mixed_sizes", "a frame is not as large as its attributes say")
        self._volume[index] = pixels if self._stack.same_rescale else pixels * item.slope + item.intercept
        self._filled[index] = True
