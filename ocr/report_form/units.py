"""Units of laboratory results and measurements, and how readers misspell them."""

_UNITS = (
    "10^9/L", "10^12/L", "10^6/L", "10^3/μL", "×10^9/L", "×10^12/L", "*10^9/L", "*10^12/L", "g/L", "mg/L", "μg/L",
    "ng/L",
    "pg/L", "g/dL", "mg/dL", "μg/dL", "ng/dL", "pg/dL", "mg/mL", "μg/mL", "ng/mL", "pg/mL", "mol/L", "mmol/L",
    "μmol/L", "umol/L",
    "nmol/L", "pmol/L", "U/L", "IU/L", "KU/L", "kU/L", "mU/L", "μU/mL", "uIU/mL", "μIU/mL", "mIU/mL", "mIU/L",
    "U/mL", "IU/mL",
    "KIU/L", "COI", "S/CO", "%", "‰", "fL", "pg", "fl", "L/L", "s", "sec", "秒", "mm/h", "mm/hr", "mmHg", "kPa",
    "mOsm/L",
    "mL/min", "ml/min", "/HP", "/HPF", "/LP", "/LPF", "/μL", "个/μL", "个/HP", "/ul", "cells/μL", "mEq/L", "g/24h",
    "mg/24h", "mg/g",
    "mm", "cm", "mL", "ml", "Hu", "HU", "bpm", "ms", "mV", "m/s", "cm/s", "copies/mL", "RU/mL", "AU/mL", "mg/mmol",
    "g", "kg",
)  # fmt: skip


def _key(unit: str) -> str:
    """Fold what readers confuse: 1 l I |, 0 O, μ u, and the marks before an exponent."""
    folded = unit.replace("µ", "μ").replace("u", "μ")
    for marks, letter in (("1I|", "l"), ("Oo", "0")):
        for mark in marks:
            folded = folded.replace(mark, letter)
    for mark in ("^", "-", "*", "×", "x", "X", " "):
        folded = folded.replace(mark, "")
    return folded


_BY_KEY: dict[str, list[str]] = {}
for _unit in _UNITS:
    _BY_KEY.setdefault(_key(_unit), []).append(_unit)


def spelled_unit(read: str) -> str | None:
    """Return the unit that was printed, or None when it is not one we know.

    >>> spelled_unit("mmo1/L"), spelled_unit("10-9/L"), spelled_unit("g/L"), spelled_unit("王")
    ('mmol/L', '10^9/L', 'g/L', None)
    """
    if read in _UNITS:
        return read
    known = _BY_KEY.get(_key(read))
    if not known:
        return None
    # of several spellings of one unit (×10^9/L, 10^9/L), the one as long as what was read
    return min(known, key=lambda unit: abs(len(unit) - len(read)))
