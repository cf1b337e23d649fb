"""Paper reports for measuring: invented people, drawn with the pages' font, photographed a little askew."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from api.demo.hospital import DemoExam, DemoPatient, load_hospital
from api.wiring import FONT
from bench.errors import NeedMissing

_WIDTH, _MARGIN, _SIZE, _LINE = 1240, 90, 28, 54
_COLUMNS = 38
"""Characters of a line of running text."""


@dataclass(frozen=True, slots=True)
class Page:
    """A picture and what is printed on it, one piece a line; None where nobody wrote that down."""

    name: str
    picture: bytes
    truth: str | None


def generated_pages(font: Path = FONT) -> Iterator[Page]:
    """Yield a page for each report of the demo hospital, the same ones every time.

    Raises:
        NeedMissing: The font that comes with the pages is not installed.
    """
    if not font.exists():
        raise NeedMissing("the Chinese font of the pages", "run `make demo` or `make test` once")
    for number, (patient, exam) in enumerate(load_hospital().exams()):
        rows = _rows(patient, exam)
        photo = _photographed(_drawn(rows, font), np.random.default_rng(number))
        yield Page(exam.key, photo, "\n".join(piece for row in rows for piece in row))


def _rows(patient: DemoPatient, exam: DemoExam) -> list[tuple[str, ...]]:
    report = exam.report
    day = exam.performed_at.date()
    sex = {"M": "男", "F": "女"}.get(patient.sex, "")
    return [
        ("演示县人民医院",),
        ("影像检查报告单",),
        (f"姓名：{patient.name}", f"性别：{sex}", f"年龄：{patient.age_on(day)}岁"),
        (f"检查号：{exam.accession_number}", f"检查日期：{day:%Y-%m-%d}"),
        (f"检查项目：{exam.exam_item}",),
        ("检查所见：",),
        *((line,) for line in _wrapped(report.findings)),
        ("诊断意见：",),
        *((line,) for line in _wrapped(report.impression)),
        (f"报告医师：{report.reporting_physician}", f"审核医师：{report.verifying_physician}"),
    ]


def _wrapped(text: str) -> list[str]:
    return [
        paragraph[start : start + _COLUMNS]
        for paragraph in text.split("\n")
        for start in range(0, len(paragraph), _COLUMNS)
    ]


def _drawn(rows: Sequence[tuple[str, ...]], font: Path) -> Image.Image:
    page = Image.new("RGB", (_WIDTH, 2 * _MARGIN + _LINE * len(rows)), "white")
    draw = ImageDraw.Draw(page)
    letters = ImageFont.truetype(str(font), _SIZE)
    for number, row in enumerate(rows):
        step = (_WIDTH - 2 * _MARGIN) // len(row)
        for column, piece in enumerate(row):
            draw.text((_MARGIN + step * column, _MARGIN + _LINE * number), piece, font=letters, fill=(35, 35, 40))
    return page


def _photographed(page: Image.Image, chance: np.random.Generator) -> bytes:
    """Return a JPEG of the page on a table: seen at an angle, lit from one side, a little noise and blur."""
    flat = np.asarray(page)
    height, width = flat.shape[:2]
    border = 70
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = (corners + border + chance.uniform(-28, 28, (4, 2))).astype(np.float32)
    view = cv2.warpPerspective(
        flat,
        cv2.getPerspectiveTransform(corners, moved),
        (width + 2 * border, height + 2 * border),
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(112, 98, 84),
        flags=cv2.INTER_AREA,
    )
    light = np.linspace(1.0, chance.uniform(0.72, 0.85), view.shape[1], dtype=np.float32)[None, :, None]
    noisy = cv2.GaussianBlur(view, (0, 0), 0.7) * light + chance.normal(0, 4, view.shape)
    out = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=82)
    return out.getvalue()
