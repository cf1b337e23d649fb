"""What a client accepts (PS3.18 8.7), and which of the things we can make fits best."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from api.errors import Problem

ANY = "*"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # RFC 9110 5.6.2
_RANGE = re.compile(rf"\s*({_TOKEN})/({_TOKEN})\s*")
_PARAMETER = re.compile(rf'\s*;\s*({_TOKEN})\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*)\s*')
_TRANSFER_SYNTAX = re.compile(r"\*|[0-9.]{1,64}")
_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Wish:
    """One media range. `multipart` None: either way; `transfer_syntax` None: not said, `*`: any."""

    media_type: str
    multipart: bool | None
    transfer_syntax: str | None
    quality: float

    def fits(self, offer: "Offer") -> bool:
        """Return whether an offer is what this asks for."""
        if self.multipart is not None and self.multipart is not offer.multipart:
            return False
        if not _covers(self.media_type, offer.media_type):
            return False
        if self.transfer_syntax is None:
            return offer.default
        return offer.stored if self.transfer_syntax == ANY else self.transfer_syntax == offer.transfer_syntax


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing we can answer with.

    `default` is answered when no transfer syntax is named, `stored` when any will do.
    """

    media_type: str
    multipart: bool
    transfer_syntax: str = ""
    default: bool = True
    stored: bool = True

    def __str__(self) -> str:
        named = f"; transfer-syntax={self.transfer_syntax}" if self.transfer_syntax else ""
        return f'multipart/related; type="{self.media_type}"{named}' if self.multipart else f"{self.media_type}{named}"


@lru_cache(maxsize=512)
def wishes(accept: str) -> tuple[Wish, ...]:
    """Return the media ranges of an Accept header or parameter, the best first; an empty one accepts anything.

    Raises:
        Problem: it cannot be read.
    """
    if len(accept) > _LONGEST:
        raise _unreadable(accept[:20])
    found, at = [], 0
    while at < len(accept):
        match = _RANGE.match(accept, at)
        if match is None:
            raise _unreadable(accept[at : at + 20])
        at = match.end()
        parameters = {}
        while (parameter := _PARAMETER.match(accept, at)) is not None:
            parameters[parameter[1].lower()] = parameter[2].strip('"')
            at = parameter.end()
        found.append(_wish(f"{match[1]}/{match[2]}".lower(), parameters))
        if at < len(accept) and accept[at] != ",":
            raise _unreadable(accept[at : at + 20])
        at += 1
    return tuple(sorted(found or [Wish("*/*", None, None, 1.0)], key=_rank))


def choose(accept: str, offers: Sequence[Offer]) -> Offer:
    """Return the offer that the client likes best.

    Raises:
        Problem: 406 with the list of what is possible, 400 when the wish cannot be read.
    """
    asked = wishes(accept)
    refused = [wish for wish in asked if wish.quality == 0]
    for wish in asked:
        if wish.quality > 0:
            for offer in offers:
                if wish.fits(offer) and not any(_names(no, offer) for no in refused):
                    return offer
    raise Problem(406, "not_acceptable", possible=[str(offer) for offer in offers])


def _wish(media_type: str, parameters: dict[str, str]) -> Wish:
    syntax = parameters.get("transfer-syntax")
    if syntax is not None and not _TRANSFER_SYNTAX.fullmatch(syntax):
        raise Problem(400, "parameter_invalid", field="transfer-syntax", reason="a UID or * is needed")
    quality = parameters.get("q", "1")
    if not _QUALITY.fullmatch(quality):
        raise Problem(400, "parameter_invalid", field="q", reason="a number from 0 to 1 is needed")
    if media_type == "multipart/related":
        return Wish(parameters.get("type", "*/*").lower(), True, syntax, float(quality))
    return Wish(media_type, None if media_type == "*/*" else False, syntax, float(quality))


def _rank(wish: Wish) -> tuple[float, int]:
    return -wish.quality, wish.media_type.count(ANY)


def _covers(media_range: str, media_type: str) -> bool:
    if media_range in ("*/*", media_type):
        return True
    return media_range.endswith("/*") and media_type.startswith(media_range[:-1])


def _names(wish: Wish, offer: Offer) -> bool:
    # RFC 9110 12.4.2: what is named with q=0 is not wanted, whatever a wider range says
    return wish.media_type != "*/*" and wish.fits(offer)


def _unreadable(rest: str) -> Problem:
    return Problem(400, "parameter_invalid", field="Accept", reason=f"it cannot be read from {rest!r} on")
