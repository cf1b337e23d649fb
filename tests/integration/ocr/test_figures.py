"""The measured pages: better than RapidOCR alone, on the same pages in the same run."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ocr.engines.rapid import RapidOcrEngine
from ocr.machine import usage
from ocr.scoring import Score, numbers_flagged_or_right, score, score_text, total
from ocr.types import Reading

# one after another: a photograph is read once for all of them
pytestmark = [pytest.mark.integration, pytest.mark.model, pytest.mark.xdist_group("ocr-figures")]


@pytest.fixture(scope="module")
def pages(shared_data) -> Path:
    folder: Path = shared_data / "ocr"
    if not folder.is_dir():
        pytest.skip("the measured pages are not on this machine")
    return folder


def truths(pages: Path, kind: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(pages.glob(f"*_{kind}.*")):
        yield (pages / f"{path.stem.removesuffix(f'_{kind}')}.txt").read_text(), path


@pytest.fixture(scope="module")
def photographs(worker, pages) -> list[tuple[str, Path, Reading, float]]:
    """What the page says, its photograph, what was read, and the CPU seconds it took."""
    found = []
    for truth, path in truths(pages, "photo"):
        before = usage(worker.process_id).cpu_seconds
        reading = worker.read(path)
        found.append((truth, path, reading, usage(worker.process_id).cpu_seconds - before))
    return found


@pytest.mark.timeout(900)
class TestMeasuredPages:
    def test_photographs_beat_the_engine_alone(self, photographs, evidence):
        scores: list[Score] = []
        seconds, unflagged = [], 0
        for truth, path, reading, cpu_seconds in photographs:
            seconds.append(cpu_seconds)
            assert reading.accepted, (path.name, reading.reason)
            scores.append(score(truth, reading))
            unflagged += numbers_flagged_or_right(truth, reading)[1]
        ours = total(scores)
        figures = {
            "cer": ours.character_errors / ours.characters,
            "pieces": ours.pieces_found / ours.pieces,
            "fields": ours.fields_right / ours.fields,
            "lab_rows": ours.lab_rows_right / ours.lab_rows,
            "cpu_seconds_p50": float(np.median(seconds)),
        }
        evidence.figure("照片识别：" + "，".join(f"{name} {value:.4f}" for name, value in figures.items()))
        assert figures["cer"] <= 0.015
        assert figures["pieces"] >= 0.96
        assert figures["fields"] >= 0.96
        assert figures["lab_rows"] >= 0.95
        assert unflagged == 0
        assert figures["cpu_seconds_p50"] < 8  # two cores: under 4 s on an idle machine

    def test_clean_pages_are_no_worse(self, worker, pages):
        every_second = list(truths(pages, "clean"))[::2]  # all: `MINGYING_BENCH_OCR=… mingying bench ocr`
        ours = total([score(truth, worker.read(path)) for truth, path in every_second])
        assert ours.character_errors / ours.characters <= 0.0018
        assert ours.pieces_found / ours.pieces >= 0.993

    def test_the_engine_alone_reads_photographs_worse(self, photographs):
        engine = RapidOcrEngine()
        raw_errors = ours_errors = 0
        for truth, path, reading, _ in photographs[1:4]:
            image = cv2.resize(np.array(Image.open(path).convert("RGB")), None, fx=0.95, fy=0.95)
            raw = "\n".join(line.text for line in engine.read(image))
            raw_errors += score_text(truth, raw)[1]
            ours_errors += score_text(truth, reading.text)[1]
        assert ours_errors < raw_errors
