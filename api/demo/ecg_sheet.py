"""A twelve-lead ECG on its millimetre paper, 25 mm/s and 10 mm/mV, with words above and below."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from imaging_core.phantoms.ecg import LEADS, EcgAcquisition, render_ecg

_MM = 5.0
"""Pixels a millimetre."""
_WIDTH, _HEIGHT = 1480, 1250
_MARGIN, _TOP = 60, 190
_ROWS = ("I aVR V1 V4", "II aVL V2 V5", "III aVF V3 V6")
_ROW_MM, _COLUMN_SECONDS = 28, 2.5
_COLUMN_MM = 25 * _COLUMN_SECONDS
_PAPER, _FINE, _BOLD, _INK = (255, 250, 248), (250, 216, 210), (240, 176, 166), (20, 20, 30)


def draw_ecg_sheet(head: Sequence[str], foot: Sequence[str], font: Path) -> bytes:
    """Return the sheet as JPG. `head` is title, subtitle and a line of particulars."""
    sheet = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for text, y, size in zip(head, (24, 72, 122), (36, 28, 20), strict=True):
        draw.text((_WIDTH / 2, y), text, _INK, ImageFont.truetype(str(font), size), anchor="ma")
    bottom = _draw_paper(draw)
    _draw_leads(draw, ImageFont.truetype(str(font), 18))
    small = ImageFont.truetype(str(font), 20)
    draw.text((_MARGIN, bottom + 8), "25 mm/s　10 mm/mV　0.05～150 Hz", _INK, small)
    for number, text in enumerate([*foot, "演示数据：人物、波形和报告均为虚构。"]):
        draw.text((_MARGIN, bottom + 48 + number * 32), text, _INK, small)
    target = io.BytesIO()
    sheet.save(target, "JPEG", quality=90)
    return target.getvalue()


def _draw_paper(draw: ImageDraw.ImageDraw) -> int:
    right = _MARGIN + round(4 * _COLUMN_MM * _MM)
    bottom = _TOP + round((len(_ROWS) + 1) * _ROW_MM * _MM)
    draw.rectangle((_MARGIN, _TOP, right, bottom), fill=_PAPER)
    for index in range(round((right - _MARGIN) / _MM) + 1):
        x = _MARGIN + index * _MM
        draw.line((x, _TOP, x, bottom), _BOLD if index % 5 == 0 else _FINE)
    for index in range(round((bottom - _TOP) / _MM) + 1):
        y = _TOP + index * _MM
        draw.line((_MARGIN, y, right, y), _BOLD if index % 5 == 0 else _FINE)
    return bottom


def _draw_leads(draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont) -> None:
    acquisition = EcgAcquisition()
    millivolts = dict(zip(LEADS, render_ecg(acquisition), strict=True))
    samples = round(_COLUMN_SECONDS * acquisition.sampling_frequency)
    step = 25 * _MM / acquisition.sampling_frequency
    for row, leads in enumerate([*(row.split() for row in _ROWS), ["II"]]):
        middle = _TOP + (row + 0.6) * _ROW_MM * _MM
        for column, lead in enumerate(leads):
            left = _MARGIN + column * _COLUMN_MM * _MM
            # The last row is the rhythm strip: lead II over all ten seconds.
            piece = millivolts[lead][column * samples : (column + 1) * samples] if len(leads) > 1 else millivolts[lead]
            draw.text((left + 6, middle - 12 * _MM), lead, _INK, font)
            points = [(left + index * step, middle - value * 10 * _MM) for index, value in enumerate(piece)]
            draw.line(points, _INK, 2)
