"""RapidOCR: PP-OCRv6 small on onnxruntime, weights in the wheel, offline. The only importer of rapidocr."""

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.engines.port import Snippet
from ocr.errors import EngineUnavailable
from ocr.image.arrays import RgbImage
from ocr.types import Box, Corners, Line

_LEAST_CONFIDENCE = 0.35
"""Below this an answer is texture, not text. RapidOCR's own limit of 0.5 loses faint single characters."""
_FINDING_SIDE = 1000
"""Lines are found, not read, at this size: four times faster than at full size."""
_DETECTION, _RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_UNSCALED = {"preprocess": {"ratio_h": 1.0, "ratio_w": 1.0}}


def available() -> bool:
    """Tell whether the library is installed."""
    return importlib.util.find_spec("rapidocr") is not None


class RapidOcrEngine:
    """Adapter of `OcrEngine` and `LineFinder`. Making one loads the models (about a second). Not thread-safe."""

    def __init__(self, threads: int = 2) -> None:
        if not available():
            raise EngineUnavailable("rapidocr", "the rapidocr package is not installed")
        import rapidocr  # loads onnxruntime: seconds that only a reading process should pay
        from omegaconf import flag_override

        folder = Path(rapidocr.__file__).parent / "models"
        self._ocr = rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,  # which way is up is decided for the whole page, not line by line
                "Global.return_word_box": True,  # the only way to confidences of single characters
            }
        )
        # our own sessions: RapidOCR never downloads anything then, and idle threads do not spin (a third less CPU)
        for part, weights in ((self._ocr.cfg.Det, _DETECTION), (self._ocr.cfg.Rec, _RECOGNITION)):
            with flag_override(part, "allow_objects", True):
                part.session = _session(folder / weights, threads)
        self._name = f"rapidocr {importlib.metadata.version('rapidocr')}"

    @property
    def name(self) -> str:
        """Library and version."""
        return self._name

    def read(self, image: RgbImage) -> Sequence[Line]:
        """See `OcrEngine.read`."""
        crops, corners = self._detect(image)
        lines = []
        for snippet, quad in zip(self._recognise(crops), corners, strict=True):
            if snippet.text and snippet.confidence >= _LEAST_CONFIDENCE:
                box = _bounding_box(quad)
                lines.append(Line(snippet.text, box, snippet.confidence, quad, snippet.char_confidences))
        return lines

    def read_crops(self, crops: Sequence[RgbImage]) -> Sequence[Snippet]:
        """See `OcrEngine.read_crops`."""
        return self._recognise([cv2.cvtColor(crop, cv2.COLOR_RGB2BGR) for crop in crops])

    def find(self, image: RgbImage) -> Sequence[Corners]:
        """See `LineFinder.find`."""
        factor = min(1.0, _FINDING_SIDE / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        _, corners = self._detect(small)
        return [_scaled(quad, 1 / factor) for quad in corners]

    def _detect(self, image: RgbImage) -> tuple[list[NDArray[np.uint8]], list[Corners]]:
        from rapidocr.main import RapidOCRError

        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        height, width = bgr.shape[:2]
        # RapidOCR pads flat pictures by itself and moves the boxes; doing it here keeps our pixels ours
        padding = max(0, 64 - min(height, width))
        bgr = cv2.copyMakeBorder(bgr, padding, padding, padding, padding, cv2.BORDER_REPLICATE)
        record = {key: dict(value) for key, value in _UNSCALED.items()}
        try:
            crops, found = self._ocr.detect_and_crop(bgr, record)
        except RapidOCRError:  # its way of saying that there is no text
            return [], []
        shift = record["padding_1"]
        offset = (padding + shift["left"], padding + shift["top"])
        return crops, [_corners(quad, offset) for quad in found.boxes]

    def _recognise(self, crops: Sequence[NDArray[np.uint8]]) -> list[Snippet]:
        if not crops:
            return []
        result = self._ocr.recognize_txt(list(crops))
        words = result.word_results or [None] * len(crops)
        return [
            _snippet(text, float(score), word.confs if word is not None else [])
            for text, score, word in zip(result.txts, result.scores, words, strict=True)
        ]


def _session(weights: Path, threads: int) -> object:
    import onnxruntime

    if not weights.is_file():
        raise EngineUnavailable("rapidocr", f"{weights.name} is missing in the installed package")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # an arena keeps the memory of the largest page for ever
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def _snippet(text: str, confidence: float, confidences: Sequence[float]) -> Snippet:
    kept = tuple(float(value) for value in confidences) if len(confidences) == len(text) else ()
    start = len(text) - len(text.lstrip())
    stripped = text.strip()
    return Snippet(stripped, confidence, kept[start : start + len(stripped)])


def _corners(quad: NDArray[np.float32], offset: tuple[float, float]) -> Corners:
    a, b, c, d = ((float(x) - offset[0], float(y) - offset[1]) for x, y in quad)
    return a, b, c, d


def _scaled(quad: Corners, factor: float) -> Corners:
    a, b, c, d = ((x * factor, y * factor) for x, y in quad)
    return a, b, c, d


def _bounding_box(quad: Corners) -> Box:
    left, top = (round(min(point[axis] for point in quad)) for axis in (0, 1))
    right, bottom = (round(max(point[axis] for point in quad)) for axis in (0, 1))
    return Box(left, top, max(1, right - left), max(1, bottom - top))
