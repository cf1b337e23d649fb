"""Modalities in the words of `imaging_core.coding`, from the attribute and from the SOP class."""

import unicodedata
from collections.abc import Collection
from functools import cache
from typing import Final

from imaging_core.coding.vocabulary import Kind, vocabulary

_TERMS: Final = {
    "DX": "DR",
    "RG": "DR",
    "IO": "DR",
    "PX": "DR",
    "IVUS": "US",
    "PT": "PET-CT",
    "SM": "PATH",
    "GM": "PATH",
    "HD": "ECG",
    "EPS": "ECG",
    "BDUS": "BMD",
    "MRA": "MR",
    "ANGIO": "XA",
}
"""PS3.3 C.7.3.1.1.1 to the project's words, where they differ."""
ACCOMPANY: Final = frozenset(
    {"OT", "SC", "SR", "PR", "KO", "SEG", "DOC", "REG", "RWV", "ANN", "AU", "PLAN", "XC", "TG"}
    | {"RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "RTIMAGE", "OP", "OPT", "OPM", "OPV", "LEN", "AR"}
)
"""Objects beside images, and kinds that the vocabulary has no word for: no finding, no modality."""

_SOP_CLASSES: Final = (
    # the longest beginning decides
    ("1.2.840.10008.5.1.4.1.1.1", ("CR",)),
    ("1.2.840.10008.5.1.4.1.1.1.1", ("DR", "CR", "RF")),
    ("1.2.840.10008.5.1.4.1.1.1.2", ("MG",)),
    ("1.2.840.10008.5.1.4.1.1.1.3", ("DR",)),
    ("1.2.840.10008.5.1.4.1.1.13.1.3", ("MG",)),
    ("1.2.840.10008.5.1.4.1.1.2", ("CT",)),
    ("1.2.840.10008.5.1.4.1.1.3", ("US",)),
    ("1.2.840.10008.5.1.4.1.1.4", ("MR",)),
    ("1.2.840.10008.5.1.4.1.1.6", ("US",)),
    ("1.2.840.10008.5.1.4.1.1.9", ("ECG",)),
    ("1.2.840.10008.5.1.4.1.1.12.1", ("XA",)),
    ("1.2.840.10008.5.1.4.1.1.12.2", ("RF",)),
    ("1.2.840.10008.5.1.4.1.1.20", ("NM",)),
    ("1.2.840.10008.5.1.4.1.1.77.1.1", ("ES",)),
    ("1.2.840.10008.5.1.4.1.1.77.1.2", ("PATH",)),
    ("1.2.840.10008.5.1.4.1.1.77.1.3", ("PATH",)),
    ("1.2.840.10008.5.1.4.1.1.77.1.6", ("PATH",)),
    ("1.2.840.10008.5.1.4.1.1.128", ("PET-CT", "PET-MR")),
)


def standard_modality(raw: str) -> str | None:
    """Return the project's word for a modality as a device names it; None when nobody knows it.

    >>> standard_modality("DX"), standard_modality("MRI"), standard_modality("彩超"), standard_modality("??")
    ('DR', 'MR', 'US', None)
    """
    text = unicodedata.normalize("NFKC", raw).strip().upper()
    return _known().get(text)


def of_sop_class(sop_class_uid: str) -> tuple[str, ...]:
    """Return the modalities whose devices make objects of a SOP class, the usual one first; empty when any may."""
    fitting = [(prefix, words) for prefix, words in _SOP_CLASSES if f"{sop_class_uid}.".startswith(f"{prefix}.")]
    return max(fitting, key=lambda entry: len(entry[0]))[1] if fitting else ()


def combined(modality: str, of_study: Collection[str]) -> str:
    """Return the modality of a PET series by what its study holds beside it."""
    return "PET-MR" if modality == "PET-CT" and "MR" in of_study and "CT" not in of_study else modality


@cache
def _known() -> dict[str, str]:
    words = vocabulary().words
    named = {word: values[0] for word, (kind, values) in words.items() if kind is Kind.MODALITY}
    return named | {name: name for name in vocabulary().modalities} | _TERMS
