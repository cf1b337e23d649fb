"""Rendered pictures and thumbnails (PS3.18 8.3.5): made beforehand where nothing special is asked."""

import hashlib
import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace

from fastapi.concurrency import run_in_threadpool

from api.errors import Problem
from api.routes.wado_accept import Offer, choose
from api.routes.wado_answers import Answer, multipart, part_head, related
from api.wiring import Services
from imaging_core.derive.encoding import THUMBNAIL_PIXELS
from imaging_core.dicom.rendition import LARGEST_SIDE, Rendition
from imaging_core.dicom.voi import Window
from imaging_core.errors import FrameNotFound, PixelsNotReadable
from imaging_core.retrieve import Found

JPEG, PNG = "image/jpeg", "image/png"
PARAMETERS = ("window", "viewport", "quality", "annotation", "iccprofile")
_FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_PROFILES = {"no", "yes", "srgb", "adobergb", "rommrgb"}
_IGNORED = b'299 - "annotation and iccprofile are not supported and were ignored"'
_LARGEST_NUMBER = 1e9

Frame = tuple[Found, int]


def wish_of(parameters: Mapping[str, str]) -> Rendition:
    """Return how a picture is wanted.

    Raises:
        Problem: 400 naming the parameter that is wrong.
    """
    wish = Rendition()
    if (window := parameters.get("window")) is not None:
        wish = replace(wish, window=_window(window))
    if (viewport := parameters.get("viewport")) is not None:
        numbers = [_integer("viewport", part) for part in viewport.split(",")]
        if len(numbers) not in (2, 6) or None in numbers[:2]:
            raise _invalid("viewport", "width,height or width,height,left,top,width,height are needed")
        width, height = numbers[0] or 0, numbers[1] or 0
        if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE) or 0 in numbers[4:]:
            raise _invalid("viewport", f"sizes from 1 to {LARGEST_SIDE} are needed")
        wish = replace(wish, viewport=(width, height), region=tuple(numbers[2:]) or wish.region)
    if (quality := parameters.get("quality")) is not None:
        if not quality.isdecimal() or not 1 <= int(quality) <= 100:
            raise _invalid("quality", "a number from 1 to 100 is needed")
        wish = replace(wish, quality=int(quality))
    for item in parameters.get("annotation", "").split(","):
        if item not in ("", "patient", "technique"):
            raise _invalid("annotation", "patient and technique are known")
    if parameters.get("iccprofile", "no") not in _PROFILES:
        raise _invalid("iccprofile", f"one of {', '.join(sorted(_PROFILES))} is needed")
    return wish


def thumbnail_wish(parameters: Mapping[str, str]) -> Rendition:
    """Return how a thumbnail is wanted: at most 128 pixels a side, or what the viewport says. Raises `Problem`."""
    asked = wish_of({"viewport": parameters["viewport"]} if "viewport" in parameters else {})
    if any(part is not None for part in asked.region):
        raise _invalid("viewport", "a thumbnail shows the whole image: width,height")
    return replace(asked, viewport=asked.viewport or (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), enlarge=False)


def pictures(
    services: Services,
    frames: Sequence[Frame],
    wish: Rendition,
    parameters: Mapping[str, str],
    accept: str,
    *,
    thumbnail: bool = False,
    whole: bool = False,
) -> Answer:
    """Return pictures of frames, of which there is at least one.

    One may come alone; several come as parts, unless `whole` says that these are all frames of one instance: then a
    client that takes no parts gets the first of them. May decode, so call it in a thread.
    """
    ways = (False, True) if len(frames) == 1 else (True, False) if whole else (True,)
    offer = choose(accept, [Offer(kind, together) for together in ways for kind in (JPEG, PNG)])
    wish = replace(wish, media_type=offer.media_type)
    named = [f"{found.blob.digest}/{number}" for found, number in frames]
    digest = hashlib.sha256(f"{named} {wish} {thumbnail}".encode()).hexdigest()[:40]
    ignored = [(b"warning", _IGNORED)] if {"annotation", "iccprofile"} & parameters.keys() else []
    first = _picture(services, frames[0], wish, thumbnail=thumbnail)
    if not offer.multipart:
        return Answer(offer.media_type, [first], len(first), digest, headers=ignored)
    if len(frames) == 1:
        parts = [(offer.media_type, [first])]
        answer = multipart(
            parts, media_type=offer.media_type, boundary=digest, etag=f"{digest}-m", cache=b"private, no-cache"
        )
        return replace(answer, headers=ignored)

    async def one_by_one() -> AsyncGenerator[bytes]:
        yield part_head(digest, offer.media_type, first=True)
        yield first
        for frame in frames[1:]:
            picture = await run_in_threadpool(_picture, services, frame, wish, thumbnail=thumbnail)
            yield part_head(digest, offer.media_type, first=False)
            yield picture
        yield f"\r\n--{digest}--\r\n".encode()

    return Answer(related(offer.media_type, digest), [], None, more=one_by_one, headers=ignored)


def representative(services: Services, instances: Sequence[Found]) -> Frame:
    """Return the frame that stands for a study or series: its key image once known, else the middle.

    Raises:
        Problem: 406, when nothing here has pixels.
    """
    pictured = {found.sop_instance_uid: found for found in instances if found.number_of_frames}
    if not pictured:
        raise Problem(406, "not_decodable", reason_code="no_pixels", reason="there are no pixels to show")
    any_of_them = instances[0]
    briefs = services.derived.series_briefs(any_of_them.institution_code, any_of_them.study_instance_uid)
    for brief in briefs or ():
        key = brief["key"]
        found = pictured.get(key["sop_instance_uid"]) if key else None
        if found is not None and key["frame_number"] <= found.number_of_frames:
            return found, key["frame_number"]
    middle = list(pictured.values())[len(pictured) // 2]
    return middle, middle.number_of_frames // 2 + 1


def _picture(services: Services, frame: Frame, wish: Rendition, *, thumbnail: bool) -> bytes:
    found, number = frame
    usual = Rendition(viewport=(THUMBNAIL_PIXELS,) * 2, enlarge=False) if thumbnail else Rendition()
    if wish == usual:
        read = services.derived.thumbnail if thumbnail else services.derived.preview
        try:
            return read(found.institution_code, found.study_instance_uid, found.sop_instance_uid, number)
        except FrameNotFound:
            pass  # not derived yet
    try:
        return services.retrieval.decoding.picture(found, replace(wish, frame_number=number))
    except PixelsNotReadable as error:
        if error.reason_code == "no_such_region":
            raise _invalid("viewport", str(error)) from error
        raise Problem(406, "not_decodable", reason_code=error.reason_code, reason=str(error)) from error


def _window(text: str) -> Window:
    parts = text.split(",")
    function = _FUNCTIONS.get(parts[2].lower()) if len(parts) == 3 else "LINEAR" if len(parts) == 2 else None
    if function is None:
        raise _invalid("window", "center,width,function are needed; linear, linear-exact and sigmoid are known")
    try:
        center, width = float(parts[0]), float(parts[1])
    except ValueError:
        raise _invalid("window", "center and width are numbers") from None
    if not (math.isfinite(center) and abs(center) < _LARGEST_NUMBER and 0 < width < _LARGEST_NUMBER):
        raise _invalid("window", "center must be finite, width above 0")
    if function == "LINEAR" and width < 1:
        raise _invalid("window", "a linear window is at least 1 wide")  # PS3.3 C.11.2.1.2.1
    return Window(center, width, function)


def _integer(name: str, text: str) -> int | None:
    if text == "":
        return None
    try:
        return int(text)
    except ValueError:
        raise _invalid(name, "whole numbers are needed") from None


def _invalid(name: str, reason: str) -> Problem:
    return Problem(400, "parameter_invalid", field=name, reason=reason)
