"""Names of attributes as callers give them: keyword or tag, dotted within sequences (PS3.18 8.3.4.1)."""

import re
from functools import lru_cache

from pydicom.datadict import keyword_dict, keyword_for_tag

_TAG = re.compile(r"[0-9A-Fa-f]{8}")


@lru_cache(maxsize=1024)
def keyword_of(name: str) -> str | None:
    """Return the keyword of an attribute named by keyword or tag; None when the standard knows none.

    >>> keyword_of("00100010"), keyword_of("PatientName"), keyword_of("PatientNme")
    ('PatientName', 'PatientName', None)
    >>> keyword_of("00400275.00400009")
    'RequestAttributesSequence.ScheduledProcedureStepID'
    """
    parts = [_keyword(part) for part in name.split(".")]
    return ".".join(part for part in parts if part) if all(parts) else None


def _keyword(name: str) -> str:
    if _TAG.fullmatch(name):
        return str(keyword_for_tag(int(name, 16)))
    return name if name in keyword_dict else ""
