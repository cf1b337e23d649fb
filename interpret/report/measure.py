"""Numbers with units, in all the ways reports write sizes."""

import re

from interpret.types import Measurement

_WRITINGS = {
    "mm": "毫米", "cm": "厘米 公分", "dm": "", "m": "", "μm": "um", "ml": "毫升", "HU": "hu", "%": "", "cm/s": "",
    "m/s": "", "mmHg": "mmhg",
    "kg": "", "g": "克", "°": "度", "次/分": "bpm", "ms": "", "s": "", "mV": "mv", "mSv": "msv",
    "g/cm²": "g/cm2", "mg/cm³": "mg/cm3", "cm³": "cm3", "mm²": "mm2", "cm²": "cm2", "mm³": "mm3",
}  # fmt: skip
_UNITS = {form.lower(): unit for unit, others in _WRITINGS.items() for form in (unit, *others.split())}
_UNIT = (
    r"(?:cm/s|m/s|mm[Hh]g|g/cm[2²]|mg/cm[3³]|[cm]m[23³²]|mm|cm|dm|[uμ]m|毫米|厘米|公分|ml|毫升|HU|%|次/分|bpm|kg|mSv|ms|mV"
    r"|°|克(?!隆|罗|氏)|g(?![a-z])|s(?![a-z])|m(?![a-z/]))"
)
_NUMBER = r"(?:\d+(?:[.，]\d+)?)"
_JOIN = r"\s*(?:×|\*|[xX]|-|~|至|到|/)\s*"
_SIZE = re.compile(
    rf"(?<![A-Za-z0-9.])(?P<body>-?{_NUMBER}\s*{_UNIT}?(?:{_JOIN}{_NUMBER}\s*{_UNIT}?){{0,3}})", re.IGNORECASE
)
_PART = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>{_UNIT})?", re.IGNORECASE)
_BARE = re.compile(
    rf"(?P<unit>SUV\w*|[TZ]-?值|T-?score|ADC值?|EF|LVEF|RI|PI|CAD评分|钙化积分)\s*(?:值|约|为|：|=|:|平均|最大|\(|,)*\s*(?P<number>-?{_NUMBER})(?!\s*(?:{_UNIT}|\d))",
    re.IGNORECASE,
)


def measurements(text: str) -> list[Measurement]:
    """Return each measured number of a prepared text with its unit, in reading order.

    A unit once at the end belongs to all numbers of the size; numbers without a unit are left out, save
    SUV, T and Z values, which have none (unit "SUV", "T", "Z").

    >>> [(m.value, m.unit) for m in measurements("大小约12x8mm，SUVmax 3.2")]
    [(12.0, 'mm'), (8.0, 'mm'), (3.2, 'SUV')]
    """
    return [measurement for _, measurement in located(text)]


def located(text: str) -> list[tuple[tuple[int, int], Measurement]]:
    """Return measurements with the slice of text each was read from."""
    out: list[tuple[tuple[int, int], Measurement]] = []
    taken: list[tuple[int, int]] = []
    for match in _BARE.finditer(text):
        value = _value(match.group("number"))
        out.append((match.span("number"), Measurement(value, _bare_unit(match.group("unit")))))
        taken.append(match.span("number"))
    for match in _SIZE.finditer(text):
        body = match.group("body")
        base = match.start("body")
        negative = body.startswith("-")
        parts = list(_PART.finditer(body))
        unit: str | None = None
        read: list[tuple[tuple[int, int], Measurement]] = []
        for position, part in enumerate(reversed(parts)):
            unit = part.group("unit") or unit
            if unit is None:
                continue
            span = (base + part.start(), base + part.end())
            if any(a < span[1] and span[0] < b for a, b in taken):
                continue
            value = _value(part.group("number"))
            first = position == len(parts) - 1
            sign = -1.0 if negative and first and canonical_unit(unit) == "HU" else 1.0
            read.append((span, Measurement(sign * value, canonical_unit(unit))))
        out += reversed(read)
    return sorted(out, key=lambda item: item[0])


def _value(number: str) -> float:
    return float(number.replace("，", "."))


def canonical_unit(unit: str) -> str:
    """Return the one writing of a unit."""
    return _UNITS.get(unit.lower(), unit)


def _bare_unit(name: str) -> str:
    upper = name.upper()
    if upper.startswith("SUV"):
        return "SUV"
    return upper[0] if upper[0] in "TZ" and "EF" not in upper else upper.replace("值", "")


_TO_MM = {"mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1000.0}


def comparable(measurement: Measurement) -> tuple[float, str]:
    """Return a form in which 0.8 cm and 8 mm are equal."""
    factor = _TO_MM.get(measurement.unit)
    if factor is None:
        return round(measurement.value, 3), measurement.unit
    return round(measurement.value * factor, 3), "mm"
