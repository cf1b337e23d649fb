"""In which transfer syntaxes an instance can be had, and how its frames are called on the web (PS3.18 8.7.3)."""

from typing import Final

from imaging_core.dicom.syntaxes import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    HTJ2K,
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    JPEG_2000_FAMILY,
    JPEG_2000_LOSSLESS,
    JPEG_FAMILY,
    JPEG_LS_FAMILY,
    JPEG_LS_LOSSLESS,
    RETIRED_JPEG,
    RLE_LOSSLESS,
    VIDEO,
    is_native,
)

OCTETS: Final = "application/octet-stream"
HTJ2K_FAMILY: Final = frozenset({HTJ2K_LOSSLESS, HTJ2K_LOSSLESS_RPCL, HTJ2K})
MADE: Final = (HTJ2K_LOSSLESS, HTJ2K_LOSSLESS_RPCL, HTJ2K, JPEG_2000_LOSSLESS, JPEG_LS_LOSSLESS)
"""Compressed transfer syntaxes that are made on request, all without loss; of each media type the default first."""


def media_type_of(transfer_syntax_uid: str) -> str:
    """Return the media type of a frame (PS3.18 table 8.7.3-2)."""
    if transfer_syntax_uid in JPEG_FAMILY | RETIRED_JPEG:
        return "image/jpeg"
    if transfer_syntax_uid in JPEG_LS_FAMILY:
        return "image/jls"
    if transfer_syntax_uid in HTJ2K_FAMILY:
        return "image/jphc"
    if transfer_syntax_uid in JPEG_2000_FAMILY:
        return "image/jp2"
    if transfer_syntax_uid == RLE_LOSSLESS:
        return "image/dicom-rle"
    if transfer_syntax_uid in VIDEO:
        return "video/mpeg" if transfer_syntax_uid[20:23] in ("100", "101") else "video/mp4"
    return OCTETS


def can_decode(transfer_syntax_uid: str) -> bool:
    """Return whether frames of this transfer syntax are decoded here."""
    known = JPEG_FAMILY | JPEG_LS_FAMILY | JPEG_2000_FAMILY | {RLE_LOSSLESS}
    return is_native(transfer_syntax_uid) or transfer_syntax_uid in known


def made_from(transfer_syntax_uid: str, *, has_pixels: bool) -> tuple[str, ...]:
    """Return the transfer syntaxes an instance is transcoded to, its own not among them."""
    if not has_pixels:
        made: tuple[str, ...] = (EXPLICIT_VR_LITTLE_ENDIAN,) if is_native(transfer_syntax_uid) else ()
    else:
        made = (EXPLICIT_VR_LITTLE_ENDIAN, *MADE) if can_decode(transfer_syntax_uid) else ()
    return tuple(syntax for syntax in made if syntax != transfer_syntax_uid)
