"""`ocr`: reading paper reports, against the first reader's library on its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from bench.errors import NeedMissing, check_peer
from bench.figures import median, median_ratio, milliseconds, percentile
from bench.goal import Goal
from bench.options import folder
from bench.pages import Page, generated_pages
from ocr.engines import rapid
from ocr.evaluation import pictures_in
from ocr.scoring import Score, score, score_text, total
from ocr.types import Reading
from ocr.worker import ReadingWorker

_PAGE_SECONDS = 4
_RAW = "rapidocr alone"
RawReader = Callable[[bytes], str]


def ocr(peer: str | None = None) -> dict[str, Goal]:
    """Read generated pages, or the pictures of `MINGYING_BENCH_OCR`, with truth from `<name>.txt` where it is."""
    check_peer(peer)
    if not rapid.available():
        raise NeedMissing("rapidocr", "run `make demo` or `make test` once")
    own = folder("MINGYING_BENCH_OCR")
    pages = list(_pages_of(own) if own else generated_pages())
    if not pages:
        raise NeedMissing("a picture", "the folder of MINGYING_BENCH_OCR holds none")
    raw = _raw_reader()
    raw(pages[0].picture)
    ours_s: list[float] = []
    raw_s: list[float] = []
    scores: list[Score] = []
    raw_scores: list[tuple[int, int, int, int]] = []
    with ReadingWorker() as worker:
        worker.start()
        for page in pages:
            readings: list[Reading] = []
            texts: list[str] = []
            ours_s.append(milliseconds(lambda p=page, r=readings: r.append(worker.read(p.picture))) / 1000)  # type: ignore[misc]
            raw_s.append(milliseconds(lambda p=page, t=texts: t.append(raw(p.picture))) / 1000)  # type: ignore[misc]
            if page.truth is not None:
                scores.append(score(page.truth, readings[0]))
                raw_scores.append(score_text(page.truth, texts[0]))
    return {**_times(ours_s, raw_s), **_quality(scores, raw_scores)}


def _times(ours: list[float], raw: list[float]) -> dict[str, Goal]:
    note = f"{len(ours)} pages"
    return {
        "page_p50_s": Goal(
            median(ours),
            "s",
            goal=_PAGE_SECONDS,
            peer=median(raw),
            ratio=median_ratio(ours, raw),
            peer_name=_RAW,
            note=note,
        ),
        "page_p95_s": Goal(percentile(ours, 0.95), "s", peer=percentile(raw, 0.95), peer_name=_RAW),
    }


def _quality(scores: list[Score], raw: list[tuple[int, int, int, int]]) -> dict[str, Goal]:
    if not scores:
        return {}
    mine = total(scores)
    characters, errors, pieces, found = (sum(column) for column in zip(*raw, strict=True))
    error_rate, raw_rate = mine.character_errors / mine.characters, errors / characters
    goals = {
        "character_error_rate": Goal(
            error_rate, "", peer=raw_rate, ratio=error_rate / raw_rate if raw_rate else None, peer_name=_RAW
        ),
        "pieces_found": Goal(
            mine.pieces_found / mine.pieces,
            "",
            peer=found / pieces,
            higher_is_better=True,
            peer_name=_RAW,
            ratio=(mine.pieces_found / mine.pieces) / (found / pieces) if found else None,
        ),
    }
    if mine.fields:
        goals["fields_right"] = Goal(mine.fields_right / mine.fields, "", higher_is_better=True)
    if mine.lab_rows:
        goals["laboratory_rows_right"] = Goal(mine.lab_rows_right / mine.lab_rows, "", higher_is_better=True)
    return goals


def _pages_of(source: Path) -> Iterator[Page]:
    for path in pictures_in(source):
        names = (path.stem, path.stem.rpartition("_")[0])
        truth = next((source / f"{name}.txt" for name in names if name and (source / f"{name}.txt").exists()), None)
        yield Page(path.name, path.read_bytes(), truth.read_text(encoding="utf-8") if truth else None)


def _raw_reader() -> RawReader:
    """Return the library as its own documentation uses it: one call, lines in its own order."""
    import rapidocr

    engine = rapidocr.RapidOCR(params={"Global.log_level": "critical"})

    def read(picture: bytes) -> str:
        image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            return ""  # a PDF: the library alone opens none
        found = engine(image)
        return "\n".join(found.txts or ())

    return read
