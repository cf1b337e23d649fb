"""Transfer syntaxes (PS3.6 A, PS3.5 Annex A): how a data set is written and whether we decode its pixels."""

from dataclasses import dataclass
from typing import Final

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
JPEG_LS_LOSSLESS: Final = "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS: Final = "1.2.840.10008.1.2.4.90"
HTJ2K_LOSSLESS: Final = "1.2.840.10008.1.2.4.201"
HTJ2K_LOSSLESS_RPCL: Final = "1.2.840.10008.1.2.4.202"
HTJ2K: Final = "1.2.840.10008.1.2.4.203"
RLE_LOSSLESS: Final = "1.2.840.10008.1.2.5"

_JPEG: Final = "1.2.840.10008.1.2.4."
JPEG_FAMILY: Final = frozenset(_JPEG + end for end in ("50", "51", "57", "70"))
JPEG_LS_FAMILY: Final = frozenset(_JPEG + end for end in ("80", "81"))
JPEG_2000_FAMILY: Final = frozenset(_JPEG + end for end in ("90", "91", "201", "202", "203"))
RETIRED_JPEG: Final = frozenset(_JPEG + end for end in ("52", "53", "54", "55", "56", *map(str, range(58, 67))))
"""Withdrawn from the standard; kept as received, never rendered: no maintained decoder exists."""
VIDEO: Final = frozenset(_JPEG + str(end) + suffix for end in range(100, 109) for suffix in ("", ".1"))
"""MPEG-2, MPEG-4 and HEVC streams: all frames in one stream, delivered whole."""

_NATIVE: Final = (
    IMPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
)

RECEIVED: Final[tuple[str, ...]] = (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    *sorted(JPEG_FAMILY | JPEG_LS_FAMILY | JPEG_2000_FAMILY),
    RLE_LOSSLESS,
    *sorted(RETIRED_JPEG),
    *sorted(VIDEO),
)
"""Every transfer syntax the archive takes in: it keeps bytes, so also those it cannot render."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the elements of a data set are written."""

    explicit_vr: bool
    little_endian: bool
    deflated: bool = False


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return how a data set of this transfer syntax is written; an unknown one is explicit little endian.

    PS3.5 A.4: every encapsulated transfer syntax, private ones too, uses explicit VR little endian.
    """
    if transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
        return Encoding(explicit_vr=False, little_endian=True)
    return Encoding(
        explicit_vr=True,
        little_endian=transfer_syntax_uid != EXPLICIT_VR_BIG_ENDIAN,
        deflated=transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    )


def is_native(transfer_syntax_uid: str) -> bool:
    """Return whether pixels lie uncompressed in the data set."""
    return transfer_syntax_uid in _NATIVE
