"""What a picture and a reading may cost."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Checked from headers, before a pixel is decoded."""

    bytes: int = 30 * MEBIBYTE
    pixels: int = 50_000_000
    aspect: float = 10.0
    """Longest to shortest side: thermal rolls are about 6."""
    shortest_side: int = 240
    pdf_pages: int = 4
    """Pages of a PDF that are read; the rest is reported as left out."""
    working_side: int = 2400
    """Longest side that is kept in memory; a photographed A4 page has 20 px characters at this size."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What the reading process may use."""

    cpu_seconds: float = 45.0
    """Processor time for one picture; an ordinary page takes three. Model load is not counted."""
    seconds: float = 150.0
    """Time on the clock for one picture, generous because a busy machine is not the picture's fault."""
    start_seconds: float = 60.0
    memory: int = 1200 * MEBIBYTE
    """Resident memory; the process is ended when it holds more."""
    threads: int = 2
    readings_per_process: int = 200
    """A fresh process now and then gives fragmented memory back."""
