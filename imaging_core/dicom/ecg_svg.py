"""An electrocardiogram on its millimetre paper as SVG: 25 mm/s and 10 mm/mV, every millimetre a millimetre."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from imaging_core.dicom.waveforms import Ecg, Filters, Lead
from imaging_core.errors import WaveformNotReadable

MM_PER_SECOND: Final = 25
MM_PER_MILLIVOLT: Final = 10
_COLUMNS: Final = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
_COLUMN_SECONDS: Final = 2.5
_RHYTHM: Final = "II"
_SHOWN_SECONDS: Final = 10.0
_ROW_MM: Final = 30
_LEFT_MM, _TOP_MM, _FOOT_MM, _END_MM = 15, 5, 10, 5
_MOST_LEADS: Final = 32

Piece = tuple[Lead, float, float, float]
"""A lead, from and to which second of it, and at which millimetre right of the calibration it begins."""


def ecg_svg(ecg: Ecg) -> str:
    """Return one sheet: the twelve standard leads in four columns of 2.5 s with lead II below, else a row a lead.

    All columns show the same ten seconds, each its own part of them. A recording that is longer is shown from its
    beginning, and the sheet says so.

    Raises:
        WaveformNotReadable: There are more leads than a sheet holds, or less than two samples.
    """
    samples = len(ecg.leads[0].microvolts)
    if samples < 2 or len(ecg.leads) > _MOST_LEADS:
        raise WaveformNotReadable("odd_leads", f"{len(ecg.leads)} leads of {samples} samples are not drawn")
    seconds = samples / ecg.samples_per_second
    shown = min(seconds, _SHOWN_SECONDS)
    rows = list(_rows(ecg.leads, shown))
    width = _LEFT_MM + MM_PER_SECOND * shown + _END_MM
    height = _TOP_MM + _ROW_MM * len(rows) + _FOOT_MM
    paper = _ROW_MM * len(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="心电图 {len(ecg.leads)} 导联">',
        '<defs><pattern id="mm" width="1" height="1" patternUnits="userSpaceOnUse">'
        '<path d="M1 0H0V1" fill="none" stroke="#f5c6bd" stroke-width=".1"/></pattern>'
        '<pattern id="cm" width="5" height="5" patternUnits="userSpaceOnUse">'
        '<path d="M5 0H0V5" fill="none" stroke="#e08a7a" stroke-width=".2"/></pattern>'
        f'<clipPath id="paper"><rect width="{width:g}" height="{paper}"/></clipPath></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
        f'<g transform="translate(0 {_TOP_MM})" clip-path="url(#paper)">',
        f'<rect width="{width:g}" height="{paper}" fill="#fffafa"/>',
        f'<rect width="{width:g}" height="{paper}" fill="url(#mm)"/>'
        f'<rect width="{width:g}" height="{paper}" fill="url(#cm)"/>',
        '<g fill="none" stroke="#111" stroke-width=".25" stroke-linejoin="round">',
    ]
    for number, row in enumerate(rows):
        middle = _ROW_MM * (number + 0.5)
        # a millivolt for a fifth of a second
        parts.append(f'<path d="M5 {middle:g}h2.5v-{MM_PER_MILLIVOLT}h5v{MM_PER_MILLIVOLT}h2.5"/>')
        parts += [_curve(piece, ecg.samples_per_second, middle) for piece in row]
    parts.append('</g><g font-family="sans-serif" font-size="4" fill="#111">')
    for number, row in enumerate(rows):
        for lead, _, _, left in row:
            top = _ROW_MM * number + 6
            parts.append(f'<text x="{_LEFT_MM + left + 1:g}" y="{top:g}">{_escaped(lead.name)}</text>')
    parts.append("</g></g>")
    foot = _foot(ecg, seconds, shown)
    y = _TOP_MM + paper + 6
    parts.append(f'<text x="5" y="{y:g}" font-family="sans-serif" font-size="4" fill="#111">{_escaped(foot)}</text>')
    parts.append("</svg>")
    return "".join(parts)


def _rows(leads: Sequence[Lead], shown: float) -> Iterator[list[Piece]]:
    known = {lead.name: lead for lead in leads}
    standard = [name for column in _COLUMNS for name in column]
    if sorted(known) != sorted(standard) or len(known) != len(leads) or shown < _SHOWN_SECONDS:
        for lead in leads:
            yield [(lead, 0.0, shown, 0.0)]
        return
    for row in range(3):
        yield [
            (known[column[row]], at, at + _COLUMN_SECONDS, MM_PER_SECOND * at)
            for column, at in zip(_COLUMNS, np.arange(4) * _COLUMN_SECONDS, strict=True)
        ]
    yield [(known[_RHYTHM], 0.0, shown, 0.0)]


def _curve(piece: Piece, rate: float, middle: float) -> str:
    """Return a path in thousandths of a millimetre: rounding is the same everywhere and does not add up."""
    lead, start, end, left = piece
    first, last = int(np.ceil(start * rate - 1e-6)), int(np.floor(end * rate + 1e-6))
    numbers = np.arange(first, min(last + 1, len(lead.microvolts)))
    x = np.rint((_LEFT_MM + left + (numbers / rate - start) * MM_PER_SECOND) * 1000).astype(np.int64)
    # a microvolt is a hundredth of a millimetre
    y = np.rint(middle * 1000 - lead.microvolts[numbers].astype(np.int64) * MM_PER_MILLIVOLT).astype(np.int64)
    steps = " ".join(f"{dx} {dy}" for dx, dy in zip(np.diff(x).tolist(), np.diff(y).tolist(), strict=True))
    moved = f"M{x[0]} {y[0]}l{steps}" if steps else f"M{x[0]} {y[0]}"
    return f'<path transform="scale(.001)" stroke-width="250" data-lead="{_escaped(lead.name)}" d="{moved}"/>'


def _foot(ecg: Ecg, seconds: float, shown: float) -> str:
    said = [f"{MM_PER_SECOND} mm/s", f"{MM_PER_MILLIVOLT} mm/mV", _filters(ecg.filters)]
    said.append(f"采样 {ecg.samples_per_second:g} Hz")
    if seconds > shown:
        said.append(f"记录全长 {seconds:g} 秒，此处为前 {shown:g} 秒")
    return "   ".join(said)


def _filters(filters: Filters | None) -> str:
    if filters is None or (not filters.low_hz and not filters.high_hz):
        return "滤波未注明"
    low = f"{filters.low_hz:g}" if filters.low_hz else "?"
    high = f"{filters.high_hz:g}" if filters.high_hz else "?"
    return f"{low}～{high} Hz" + (f"   陷波 {filters.notch_hz:g} Hz" if filters.notch_hz else "")


def _escaped(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
