"""Words of laboratory reports."""

UNNAMED_PANEL = "检验报告"

_FLAGS = {
    **dict.fromkeys(("H", "↑"), "偏高"),
    **dict.fromkeys(("HH", "↑↑"), "显著偏高"),
    **dict.fromkeys(("L", "↓"), "偏低"),
    **dict.fromkeys(("LL", "↓↓"), "显著偏低"),
    **dict.fromkeys(("A", "AA"), "异常"),
    "POS": "阳性",
    "NEG": "阴性",
    "N": "正常",
}
_QUIET = frozenset({"", "N", "NEG", "阴性", "正常"})


def flag_words(flag: str) -> str:
    """Say what a mark means (HL7 v2 table 0078, and arrows); empty for one that is its own word, or unknown.

    >>> flag_words("↑"), flag_words("ll"), flag_words("阳性"), flag_words("")
    ('偏高', '显著偏低', '', '')
    """
    return _FLAGS.get(flag.strip().upper(), "")


def is_marked(flag: str) -> bool:
    """Return whether the laboratory marked a line as anything but normal; a mark we do not know counts.

    >>> is_marked("H"), is_marked("阳性"), is_marked("?"), is_marked(" n "), is_marked("")
    (True, True, True, False, False)
    """
    return flag.strip().upper() not in _QUIET
