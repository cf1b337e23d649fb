"""Electrocardiograms that are no DICOM: HL7 aECG and SCP-ECG, with the same leads as a waveform instance.

A library reads them (ecgdatakit, extra `ecg`) in a limited child.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.derive.renderer import RendererLimits
from imaging_core.dicom.waveforms import Ecg, Lead, in_standard_order
from imaging_core.documents.opened import OpenedFiles
from imaging_core.documents.sniffing import MediaType
from imaging_core.errors import PixelsNotReadable, WaveformNotReadable

_FORMATS: Final = {MediaType.AECG: "aecg", MediaType.SCP_ECG: "scp_ecg"}
_MICROVOLTS: Final = {"uV": 1.0, "µV": 1.0, "mV": 1000.0, "V": 1_000_000.0}
"""Another unit, or none, is never guessed."""
_LIMITS: Final = RendererLimits(memory_bytes=2 * 1024**3, seconds_per_answer=30)
_MOST_SAMPLES: Final = 4 * 1024 * 1024


class EcgFileReader:
    """Reads electrocardiograms that a store keeps. Not for use by several threads."""

    def __init__(self, blobs: BlobStore, limits: RendererLimits = _LIMITS) -> None:
        self._files = OpenedFiles(blobs, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child that reads them."""
        self._files.close()

    def read(self, blob: BlobRef, media_type: MediaType) -> Ecg:
        """Return the recorded leads of a document.

        Raises:
            WaveformNotReadable: It cannot be read, or not to scale: unit or rate are missing.
            BlobMissing: The store does not hold it.
        """
        try:
            found = self._files.ask(blob, {"kind": "ecg", "format": _FORMATS[media_type]})
        except PixelsNotReadable as error:
            raise WaveformNotReadable(error.reason_code, str(error)) from error
        return _ecg(found.head.get("leads", []), found.payloads)


def _ecg(told: list[dict[str, Any]], samples: Sequence[bytes]) -> Ecg:
    rates = {lead["samples_per_second"] for lead in told}
    if not told:
        raise WaveformNotReadable("no_recording", "there is no recorded waveform")
    if len(rates) != 1 or not 0 < (rate := float(rates.pop())) < 100_000:
        raise WaveformNotReadable("no_rate", "the leads have no sampling frequency in common")
    leads = []
    for lead, raw in zip(told, samples, strict=True):
        if lead["unit"] not in _MICROVOLTS:
            raise WaveformNotReadable("no_unit", "a lead is not in volts")
        values = np.frombuffer(raw, "<f8") * _MICROVOLTS[lead["unit"]]
        if len(values) > _MOST_SAMPLES:
            raise WaveformNotReadable("too_long", f"{len(values)} samples are more than is drawn")
        if not np.isfinite(values).all() or np.abs(values).max(initial=0) > np.iinfo(np.int32).max:
            raise WaveformNotReadable("not_finite", "a lead has values that are no voltage")
        leads.append(Lead(lead["name"][:32], np.rint(values).astype(np.int32)))
    return Ecg(rate, in_standard_order(leads))
