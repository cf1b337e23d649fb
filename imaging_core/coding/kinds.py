"""What kind of examination something is, as a doctor looks for it in a list."""

import re
from collections.abc import Iterable
from enum import StrEnum


class ExamKind(StrEnum):
    """In the order in which they are listed."""

    IMAGING = "imaging"
    LABORATORY = "laboratory"
    ECG = "ecg"
    ENDOSCOPY = "endoscopy"
    PATHOLOGY = "pathology"
    ULTRASOUND = "ultrasound"


_MODALITIES = {
    "US": ExamKind.ULTRASOUND,
    "IVUS": ExamKind.ULTRASOUND,
    "ES": ExamKind.ENDOSCOPY,
    "ECG": ExamKind.ECG,
    "SM": ExamKind.PATHOLOGY,
    "GM": ExamKind.PATHOLOGY,
    "LAB": ExamKind.LABORATORY,
    "LIS": ExamKind.LABORATORY,
}
# Objects that accompany any examination, and those that say nothing: then the name decides.
_SILENT = frozenset({"", "OT", "SC", "SR", "PR", "KO", "DOC", "SEG", "XC"})
# The first that matches: a name may hold a word of a later kind (常规心电图, 超声内镜).
_NAMES = (
    (ExamKind.PATHOLOGY, re.compile("病理|细胞学|免疫组化")),
    (ExamKind.ENDOSCOPY, re.compile("内镜|胃镜|肠镜|支气管镜|纤支镜|喉镜|膀胱镜|宫腔镜|关节镜|腹腔镜")),
    (ExamKind.ECG, re.compile("心电|holter", re.IGNORECASE)),
    (ExamKind.ULTRASOUND, re.compile("超声|彩超|B超", re.IGNORECASE)),
    (ExamKind.LABORATORY, re.compile("检验|血常规|尿常规|便常规|生化|肝功|肾功|凝血|培养")),
)


def kind_of(modalities: Iterable[str], item: str) -> ExamKind:
    """Return the kind of an examination: by its modalities, by its name where those say nothing, else imaging.

    >>> kind_of(["US", "SR"], ""), kind_of(["OT"], "无痛胃镜检查"), kind_of(["CT"], "CT引导下病理穿刺")
    (<ExamKind.ULTRASOUND: 'ultrasound'>, <ExamKind.ENDOSCOPY: 'endoscopy'>, <ExamKind.IMAGING: 'imaging'>)
    """
    speaking = [modality for modality in (name.strip().upper() for name in modalities) if modality not in _SILENT]
    for modality in speaking:
        if modality in _MODALITIES:
            return _MODALITIES[modality]
    if speaking:
        return ExamKind.IMAGING
    return next((kind for kind, words in _NAMES if words.search(item)), ExamKind.IMAGING)
