"""`mingying eval ocr`: read a folder of pictures and give one JSON object for each. No set-up, no network."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ocr.types import Box, Doubt, Reading
from ocr.worker import ReadingWorker

_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".pdf", ".heic", ".heif", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".jp2", ".avif")
)


def eval_ocr(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield the output lines of a folder, read by a process of its own.

    Raises:
        NotADirectoryError: There is no such folder.
        WorkerUnavailable: No engine is installed.
    """
    with ReadingWorker() as worker:
        yield from evaluate_images(directory, worker)


def pictures_in(directory: Path) -> list[Path]:
    """Return the pictures and PDFs of a folder, by name. Other files (truth, notes) are left alone.

    Raises:
        NotADirectoryError: There is no such folder.
    """
    if not directory.is_dir():
        raise NotADirectoryError(directory)
    return sorted(path for path in directory.iterdir() if path.is_file() and path.suffix.lower() in _SUFFIXES)


def evaluate_images(
    directory: Path, worker: ReadingWorker, progress: Callable[[int, int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the output line of each picture, in the order of their names.

    Args:
        directory: Folder of pictures and PDFs.
        worker: Reads them one after the other.
        progress: Told the number done and the number of all, before each picture and at the end.
    """
    pictures = pictures_in(directory)
    for done, path in enumerate(pictures):
        if progress is not None:
            progress(done, len(pictures))
        yield output_line(path.name, worker.read(path))
    if progress is not None:
        progress(len(pictures), len(pictures))


def output_line(file: str, reading: Reading) -> dict[str, Any]:
    """Return a reading in the public format of `mingying eval ocr`."""
    return {
        "file": file,
        "text": reading.text,
        "fields": {key: field.value for key, field in reading.fields.items()},
        "rows": [
            {"item": row.item, "value": row.value, "unit": row.unit, "reference": row.reference, "flag": row.flag}
            for row in reading.rows
        ],
        "low_confidence": [_doubt(doubt) for doubt in reading.doubts],
        "accepted": reading.accepted,
        "reason": reading.reason,
        "seconds": round(reading.seconds, 3),
        "engine": reading.engine,
        "refusal": reading.refusal,
        "turn": reading.turn,
        "width": reading.width,
        "height": reading.height,
        "pages": reading.pages,
        "field_boxes": {key: _box(field.box) for key, field in reading.fields.items()},
        "field_confidence": {key: round(field.confidence, 4) for key, field in reading.fields.items()},
    }


def _doubt(doubt: Doubt) -> dict[str, Any]:
    page = doubt.box.page if doubt.box is not None else None
    return {"text": doubt.text, "box": _box(doubt.box), "why": doubt.why, "where": doubt.where, "page": page}


def _box(box: Box | None) -> list[int] | None:
    return None if box is None else list(box.pixels)
