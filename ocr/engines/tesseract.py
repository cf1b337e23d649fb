"""Tesseract with simplified Chinese, through pytesseract: the second reader. The only importer of pytesseract."""

import shutil
from collections.abc import Sequence

import numpy as np
import pytesseract
from PIL import Image

from ocr.engines.port import Snippet
from ocr.errors import EngineUnavailable
from ocr.image.arrays import RgbImage
from ocr.types import Box, Line

_LANGUAGE = "chi_sim"
_PAGE_SECONDS, _LINE_SECONDS = 20, 4
_PAGE, _ONE_LINE = "--psm 3", "--psm 7"


def available() -> bool:
    """Tell whether the program and its Chinese language data are installed."""
    if shutil.which("tesseract") is None:
        return False
    try:
        return _LANGUAGE in pytesseract.get_languages(config="")
    except (pytesseract.TesseractError, OSError):
        return False


class TesseractEngine:
    """Adapter of `OcrEngine`; each call runs the program once a page or line."""

    def __init__(self) -> None:
        if not available():
            raise EngineUnavailable("tesseract", f"the program or its language data {_LANGUAGE} is missing")
        self._name = f"tesseract {pytesseract.get_tesseract_version()}"

    @property
    def name(self) -> str:
        """Program and version."""
        return self._name

    def read(self, image: RgbImage) -> Sequence[Line]:
        """See `OcrEngine.read`."""
        if min(image.shape[:2]) < 3:
            return []
        return _lines(_words(image, _PAGE, _PAGE_SECONDS))

    def read_crops(self, crops: Sequence[RgbImage]) -> Sequence[Snippet]:
        """See `OcrEngine.read_crops`. On a machine too busy to answer in time the remaining crops stay unread."""
        snippets: list[Snippet] = []
        for crop in crops:
            try:
                snippets.append(self._read_crop(crop))
            except RuntimeError:  # pytesseract's timeout
                break
        return snippets + [Snippet("", 0.0)] * (len(crops) - len(snippets))

    def _read_crop(self, crop: RgbImage) -> Snippet:
        height = max(1, crop.shape[0])
        factor = 48 / height
        picture = Image.fromarray(crop).resize((max(8, round(crop.shape[1] * factor)), 48), Image.Resampling.BICUBIC)
        # characters that touch the edge are lost
        framed = Image.new("RGB", (picture.width + 40, 88), tuple(int(v) for v in np.median(crop, axis=(0, 1))))
        framed.paste(picture, (20, 20))
        lines = _lines(_words(np.array(framed), _ONE_LINE, _LINE_SECONDS))
        if not lines:
            return Snippet("", 0.0)
        text = "".join(line.text for line in lines)
        return Snippet(text, min(line.confidence for line in lines))


def _words(image: RgbImage, config: str, seconds: int) -> list[dict[str, str]]:
    data = pytesseract.image_to_data(
        Image.fromarray(image), lang=_LANGUAGE, config=config, timeout=seconds, output_type=pytesseract.Output.DICT
    )
    rows = [{key: str(values[index]) for key, values in data.items()} for index in range(len(data["text"]))]
    return [row for row in rows if row["text"].strip() and float(row["conf"]) >= 0]


def _lines(words: list[dict[str, str]]) -> list[Line]:
    grouped: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for word in words:
        grouped.setdefault(tuple(word[key] for key in ("block_num", "par_num", "line_num")), []).append(word)
    return [_line(group) for group in grouped.values()]


def _line(words: list[dict[str, str]]) -> Line:
    left = min(int(word["left"]) for word in words)
    top = min(int(word["top"]) for word in words)
    right = max(int(word["left"]) + int(word["width"]) for word in words)
    bottom = max(int(word["top"]) + int(word["height"]) for word in words)
    text = ""
    confidences: list[float] = []
    for word in words:
        # Chinese has no spaces; Tesseract puts one between almost all characters
        gap = " " if text and text[-1].isascii() and word["text"][0].isascii() else ""
        text += gap + word["text"]
        confidences += [float(word["conf"]) / 100] * (len(gap) + len(word["text"]))
    mean = sum(confidences) / len(confidences)
    return Line(text, Box(left, top, right - left, bottom - top), mean, (), tuple(confidences))
