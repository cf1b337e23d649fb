"""The reading process: `python -m ocr.worker_process`, started and watched by `ocr.worker`.

It has no settings, no database and no secrets; pictures come in and readings go out through pipes.
"""

import json
import os
import sys
from typing import IO

from ocr import wire
from ocr.errors import OcrError, PictureRefused
from ocr.image.opening import clean_jpeg, open_pages
from ocr.limits import PictureLimits
from ocr.machine import limit_this_process
from ocr.reading import ReportReader
from ocr.types import Progress


def main() -> int:
    """Load the engines, then answer requests until the input ends."""
    arguments = json.loads(sys.argv[1])
    limits = PictureLimits(**arguments["pictures"])
    # libraries print; what they print must not end up between our frames
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    limit_this_process(arguments["data_memory"])
    try:
        reader = build_reader(limits, threads=arguments["threads"])
    except OcrError as error:
        wire.send(answers, {"unavailable": str(error)})
        return 1
    wire.send(answers, {"ready": True})
    while (request := wire.receive(sys.stdin.buffer)) is not None:
        message, data = request
        if message.get("do") == "read":
            _read(reader, data, answers)
        else:
            _clean(data, limits, answers)
    return 0


def build_reader(limits: PictureLimits, *, threads: int) -> ReportReader:
    """Return a reader with the engines installed here: RapidOCR first, Tesseract second or in its place.

    Raises:
        EngineUnavailable: There is neither.
    """
    from ocr.engines import rapid, tesseract

    second = tesseract.TesseractEngine() if tesseract.available() else None
    if not rapid.available() and second is not None:
        return ReportReader(second, finder=None, second=None, limits=limits)
    first = rapid.RapidOcrEngine(threads)
    return ReportReader(first, finder=first, second=second, limits=limits)


def _read(reader: ReportReader, data: bytes, answers: IO[bytes]) -> None:
    def progress(step: Progress) -> None:
        wire.send(answers, {"stage": step.stage, "done": step.done})

    wire.send(answers, {"reading": wire.reading_to_json(reader.read(data, progress))})


def _clean(data: bytes, limits: PictureLimits, answers: IO[bytes]) -> None:
    try:
        pictures = [clean_jpeg(page) for page in open_pages(data, limits).pages]
    except PictureRefused as refused:
        wire.send(answers, {"refused": refused.refusal})
        return
    wire.send(answers, {"pictures": [len(picture) for picture in pictures]}, b"".join(pictures))


if __name__ == "__main__":
    sys.exit(main())
