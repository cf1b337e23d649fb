"""`DerivedReader`: serves derived objects. No database: which studies may be read is decided before."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imaging_core.derive.encoding import decode_lossless
from imaging_core.derive.packs import Pack
from imaging_core.derive.store import CurrentSet, DerivedStore
from imaging_core.dicom.syntaxes import HTJ2K_LOSSLESS_RPCL
from imaging_core.errors import FrameNotFound

_OPEN_STUDIES: Final = 64
_CODESTREAM, _PREVIEW, _THUMBNAIL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class _OpenStudy:
    """What is current in a study, with its packs open. Open packs stay readable when they are evicted."""

    stamp: tuple[int, int]
    current: CurrentSet
    packs: Sequence[Pack]


class DerivedReader:
    """Reads manifests, frames, previews and thumbnails; keeps packs of recent studies open. Threads may share it."""

    transfer_syntax_uid: Final = HTJ2K_LOSSLESS_RPCL
    """Of what `frame` returns."""

    def __init__(self, derived: DerivedStore) -> None:
        self._derived = derived
        self._open: OrderedDict[Path, _OpenStudy] = OrderedDict()
        self._lock = threading.Lock()

    def manifest_gz(self, institution_code: str, study_instance_uid: str) -> tuple[bytes, str] | None:
        """Return the gzipped manifest and its content version, None while there is none."""
        folder = self._derived.study_folder(institution_code, study_instance_uid)
        for _ in range(2):  # a newer one may be published between the two reads
            current = self._derived.current(folder)
            if current is None:
                return None
            try:
                return self._derived.manifest_path(folder, current.version).read_bytes(), current.version
            except FileNotFoundError:
                continue
        return None

    def series_briefs(self, institution_code: str, study_instance_uid: str) -> Sequence[dict[str, Any]] | None:
        """Return the `SeriesBrief` of each series, None while there is no manifest."""
        current = self._derived.current(self._derived.study_folder(institution_code, study_instance_uid))
        return None if current is None else current.series

    def series_pack(self, institution_code: str, study_instance_uid: str, series_instance_uid: str) -> Path | None:
        """Return where the pack of a series lies, None while there is none."""
        folder = self._derived.study_folder(institution_code, study_instance_uid)
        study = self._study(folder)
        for pack in study.packs if study is not None else ():
            if pack.series["series_instance_uid"] == series_instance_uid:
                return self._derived.pack_path(folder, pack.series["pack"])
        return None

    def frame(self, institution_code: str, study_instance_uid: str, sop_instance_uid: str, frame_number: int) -> bytes:
        """Return the lossless codestream of a frame, in `transfer_syntax_uid`. Raises `FrameNotFound`."""
        return self._part(institution_code, study_instance_uid, sop_instance_uid, frame_number, _CODESTREAM)

    def preview(
        self, institution_code: str, study_instance_uid: str, sop_instance_uid: str, frame_number: int
    ) -> bytes:
        """Return the JPG of a frame at the default window, in full size. Raises `FrameNotFound`."""
        return self._part(institution_code, study_instance_uid, sop_instance_uid, frame_number, _PREVIEW)

    def preview_bytes(
        self, institution_code: str, study_instance_uid: str, sop_instance_uid: str, frame_number: int
    ) -> int:
        """Return how large a preview is, without reading it. Raises `FrameNotFound`."""
        pack = self._pack(institution_code, study_instance_uid, sop_instance_uid, frame_number)
        return pack.part_bytes(sop_instance_uid, frame_number, _PREVIEW)

    def thumbnail(
        self, institution_code: str, study_instance_uid: str, sop_instance_uid: str, frame_number: int
    ) -> bytes:
        """Return a JPG of a frame, its longer side at most 128 pixels. Raises `FrameNotFound`."""
        return self._part(institution_code, study_instance_uid, sop_instance_uid, frame_number, _THUMBNAIL)

    def little_endian_frame(
        self, institution_code: str, study_instance_uid: str, sop_instance_uid: str, frame_number: int
    ) -> bytes:
        """Return the stored values of a frame, little endian, colour by pixel. Raises `FrameNotFound`."""
        pixels = decode_lossless(self.frame(institution_code, study_instance_uid, sop_instance_uid, frame_number))
        return pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()

    def _part(
        self, institution_code: str, study_instance_uid: str, sop_instance_uid: str, frame_number: int, which: int
    ) -> bytes:
        pack = self._pack(institution_code, study_instance_uid, sop_instance_uid, frame_number)
        return pack.part(sop_instance_uid, frame_number, which)

    def _pack(self, institution_code: str, study_instance_uid: str, sop_instance_uid: str, frame_number: int) -> Pack:
        study = self._study(self._derived.study_folder(institution_code, study_instance_uid))
        for pack in study.packs if study is not None else ():
            if sop_instance_uid in pack:
                return pack
        raise FrameNotFound(sop_instance_uid, frame_number)

    def _study(self, folder: Path) -> _OpenStudy | None:
        stamp = self._derived.stamp(folder)
        if stamp is None:
            return None
        with self._lock:
            known = self._open.get(folder)
            if known is not None and known.stamp == stamp:
                self._open.move_to_end(folder)
                return known
        opened = self._open_study(folder, stamp)
        if opened is not None:
            with self._lock:
                self._open[folder] = opened
                self._open.move_to_end(folder)
                while len(self._open) > _OPEN_STUDIES:
                    self._open.popitem(last=False)
        return opened

    def _open_study(self, folder: Path, stamp: tuple[int, int]) -> _OpenStudy | None:
        current = self._derived.current(folder)
        if current is None:
            return None
        packs = []
        for name in current.packs:
            try:
                packs.append(Pack(self._derived.pack_path(folder, name)))
            except (FileNotFoundError, ValueError):
                continue  # evicted or damaged: its frames are not there until the study is derived again
        return _OpenStudy(stamp, current, packs)
