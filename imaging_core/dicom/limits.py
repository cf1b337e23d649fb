"""How much a received file may ask of us before anything is allocated for it."""

from dataclasses import dataclass

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on one instance. The defaults fit the largest clinical objects and stop bombs.

    Sizes in bytes unless the name says otherwise.
    """

    instance_bytes: int = 4 * 1024 * _MIB
    sequence_depth: int = 32
    """Nesting of sequences of undefined length; those of defined length are skipped whole."""
    elements: int = 2_000_000
    """Data elements and items looked at on the way to the pixels."""
    text_bytes: int = 64 * 1024
    """Of one attribute that the index keeps."""
    inflated_bytes: int = 4 * 1024 * _MIB
    deflate_ratio: int = 300
    """Deflated transfer syntax: inflated bytes for each received one, counted beyond the first 64 MiB."""
    frame_bytes: int = 1024 * _MIB
    """Of one decoded frame."""
    frames: int = 100_000
