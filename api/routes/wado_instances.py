"""Instances, frames and large values as bytes: what is offered of them, and the answers."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import lru_cache
from typing import TypeVar

from fastapi.concurrency import run_in_threadpool

from api.errors import Problem
from api.routes.wado_accept import ANY, Offer, choose
from api.routes.wado_answers import (
    ASK_AGAIN,
    FOR_EVER,
    Answer,
    Body,
    length_of,
    multipart,
    part_head,
    related,
    stored,
)
from api.wiring import Services
from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, VIDEO, is_native
from imaging_core.errors import FrameNotFound, PixelsNotReadable
from imaging_core.retrieve import Found
from imaging_core.retrieve.frames import FramePlaces, StoredFrames, all_fragments, native_frame, native_frame_bytes
from imaging_core.retrieve.offers import HTJ2K_FAMILY, MADE, OCTETS, can_decode, made_from, media_type_of

DICOM = "application/dicom"
SYNTAXES_MADE = (EXPLICIT_VR_LITTLE_ENDIAN, *MADE)
PIXEL_DATA = "7FE00010"
_T = TypeVar("_T")


# --- instances -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def chosen_instance(accept: str, transfer_syntax: str, *, has_pixels: bool) -> Offer:
    """Return how one instance is wanted. Raises `Problem` 400 and 406."""
    offers = [Offer(DICOM, together, transfer_syntax) for together in (True, False)]
    for syntax in made_from(transfer_syntax, has_pixels=has_pixels):
        offers += [Offer(DICOM, together, syntax, default=False, stored=False) for together in (True, False)]
    return choose(accept, offers)


def stored_instance(found: Found, offer: Offer) -> Answer:
    """Return an instance as it was received."""
    body = stored(found.blob, 0, found.blob.size)
    content_type = f"{DICOM}; transfer-syntax={found.transfer_syntax_uid}"
    cache = _cache(found)
    if not offer.multipart:
        return Answer(content_type, body, found.blob.size, found.blob.digest, cache, ranges=True)
    boundary = found.blob.digest[:32]
    return multipart(
        [(content_type, body)], media_type=DICOM, boundary=boundary, etag=f"{found.blob.digest}-m", cache=cache
    )


def transcoded_instance(services: Services, found: Found, offer: Offer) -> Answer:
    """Return an instance in another transfer syntax; decodes, so call it in a thread."""
    content = _decoded(lambda: services.retrieval.decoding.instance(found, offer.transfer_syntax))
    content_type = f"{DICOM}; transfer-syntax={offer.transfer_syntax}"
    digest = hashlib.sha256(content).hexdigest()
    if not offer.multipart:
        return Answer(content_type, [content], len(content), digest, ranges=True)
    return multipart(
        [(content_type, [content])], media_type=DICOM, boundary=digest[:32], etag=f"{digest}-m", cache=ASK_AGAIN
    )


def chosen_instances(accept: str, instances: Sequence[Found]) -> Offer:
    """Return how a series or study is wanted: syntax `*` means as received. Raises `Problem` 400 and 406."""
    offers = [Offer(DICOM, multipart=True, transfer_syntax=ANY)]
    for syntax in (EXPLICIT_VR_LITTLE_ENDIAN, *MADE):
        if all(_can_be(found, syntax) for found in instances):
            offers.append(Offer(DICOM, True, syntax, default=False, stored=False))
    same = {found.transfer_syntax_uid for found in instances}
    if len(same) == 1:
        offers.append(Offer(DICOM, True, same.pop(), default=False, stored=False))
    return choose(accept, offers)


def _can_be(found: Found, syntax: str) -> bool:
    """Return whether an instance is sent in this transfer syntax; one without pixels stays as it was received."""
    return (
        not found.number_of_frames
        or syntax == found.transfer_syntax_uid
        or syntax in made_from(found.transfer_syntax_uid, has_pixels=True)
    )


def several_instances(services: Services, instances: Sequence[Found], offer: Offer) -> Answer:
    """Return the instances of a series or study as parts of one answer."""
    digest = hashlib.sha256("\n".join(found.blob.digest for found in instances).encode()).hexdigest()
    boundary = digest[:32]
    wanted = offer.transfer_syntax
    if wanted == ANY or all(_stays(found, wanted) for found in instances):
        parts = [
            (f"{DICOM}; transfer-syntax={found.transfer_syntax_uid}", stored(found.blob, 0, found.blob.size))
            for found in instances
        ]
        return multipart(parts, media_type=DICOM, boundary=boundary, etag=f"{digest}-m", cache=ASK_AGAIN)

    async def parts_one_by_one() -> AsyncGenerator[bytes]:
        for index, found in enumerate(instances):
            syntax = found.transfer_syntax_uid if _stays(found, wanted) else wanted
            content = await run_in_threadpool(_instance_in, services, found, syntax)
            yield part_head(boundary, f"{DICOM}; transfer-syntax={syntax}", first=index == 0)
            yield content
        yield f"\r\n--{boundary}--\r\n".encode()

    return Answer(related(DICOM, boundary), [], None, more=parts_one_by_one)


def _stays(found: Found, syntax: str) -> bool:
    return syntax == found.transfer_syntax_uid or not found.number_of_frames


def _instance_in(services: Services, found: Found, syntax: str) -> bytes:
    if syntax == found.transfer_syntax_uid:
        return services.retrieval.content.read(found.blob, 0, found.blob.size)
    return _decoded(lambda: services.retrieval.decoding.instance(found, syntax))


# --- frames ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def chosen_frames(accept: str, transfer_syntax: str, *, one: bool) -> Offer:
    """Return how frames are wanted; a single one may come without parts. Raises `Problem` 400 and 406."""
    ways = (True, False) if one else (True,)
    offers: list[Offer] = []
    decodable = can_decode(transfer_syntax)
    if is_native(transfer_syntax):
        offers += [Offer(OCTETS, together, EXPLICIT_VR_LITTLE_ENDIAN) for together in ways]
    else:
        own = media_type_of(transfer_syntax)
        offers += [Offer(own, together, transfer_syntax) for together in ways]
        # the received bytes under a name that says nothing of them, for clients that look at the syntax alone
        offers += [Offer(OCTETS, together, transfer_syntax, default=False) for together in ways]
        if decodable:
            plain = EXPLICIT_VR_LITTLE_ENDIAN
            offers += [Offer(OCTETS, together, plain, stored=False) for together in ways]
    seen = {offer.media_type for offer in offers}
    for syntax in MADE if decodable else ():
        media_type = media_type_of(syntax)
        if syntax != transfer_syntax:
            first = media_type not in seen
            offers += [Offer(media_type, together, syntax, default=first, stored=False) for together in ways]
            seen.add(media_type)
    return choose(accept, offers)


def quick_frames(found: Found, numbers: Sequence[int], offer: Offer, places: FramePlaces) -> Answer | None:
    """Return frames as received from where they lie; None when they must be looked for, or made."""
    if not is_native(found.transfer_syntax_uid):
        known = places.known(found) if offer.transfer_syntax == found.transfer_syntax_uid else None
        return _frames(found, numbers, offer, _received(found, known, numbers)) if known else None
    if offer.transfer_syntax != EXPLICIT_VR_LITTLE_ENDIAN:
        return None
    spans = [native_frame(found, number) for number in numbers]
    bodies: list[Body] = [stored(found.blob, *span) for span in spans if span is not None]
    return _frames(found, numbers, offer, bodies) if len(bodies) == len(numbers) else None


def frames(services: Services, found: Found, numbers: Sequence[int], offer: Offer) -> Answer:
    """Return frames; may read, decode and encode, so call it in a thread."""
    located = services.retrieval.attributes.located(found)
    places = services.retrieval.frames
    quick = quick_frames(located, numbers, offer, places)
    if quick is not None:
        return quick
    if offer.transfer_syntax == found.transfer_syntax_uid and not is_native(found.transfer_syntax_uid):
        spans = _decoded(lambda: places.look_up(located))
        return _frames(found, numbers, offer, _received(found, spans, numbers))
    made: list[Body] = [[frame] for frame in _made(services, found, numbers, offer.transfer_syntax)]
    return _frames(found, numbers, offer, made)


def _received(found: Found, places: StoredFrames, numbers: Sequence[int]) -> list[Body]:
    return [[piece for span in places.frames[number - 1] for piece in stored(found.blob, *span)] for number in numbers]


def _made(services: Services, found: Found, numbers: Sequence[int], syntax: str) -> list[bytes]:
    if syntax in HTJ2K_FAMILY:
        place = (found.institution_code, found.study_instance_uid, found.sop_instance_uid)
        try:
            return [services.derived.frame(*place, number) for number in numbers]
        except FrameNotFound:
            pass  # not derived yet, or not derivable
    return _decoded(lambda: services.retrieval.decoding.frames(found, numbers, syntax))


def _frames(found: Found, numbers: Sequence[int], offer: Offer, bodies: Sequence[Body]) -> Answer:
    content_type = f"{offer.media_type}; transfer-syntax={offer.transfer_syntax}"
    named = ".".join(map(str, numbers))
    etag = f"{found.blob.digest}-{offer.transfer_syntax}-{hashlib.sha256(named.encode()).hexdigest()[:16]}"
    cache = _cache(found)
    if not offer.multipart:
        return Answer(content_type, bodies[0], length_of(bodies[0]), etag, cache, ranges=True)
    return multipart(
        [(content_type, body) for body in bodies],
        media_type=offer.media_type,
        boundary=found.blob.digest[:32],
        etag=f"{etag}-m",
        cache=cache,
    )


# --- large values ----------------------------------------------------------------------------------------------------


def bulk_value(services: Services, found: Found, path: str, accept: str) -> Answer:
    """Return a value that the metadata names by its address; reads, so call it in a thread."""
    located = services.retrieval.attributes.located(found)
    if path == PIXEL_DATA and located.number_of_frames and not is_native(located.transfer_syntax_uid):
        return _compressed_pixels(services, located, accept)
    offer = choose(accept, [Offer(OCTETS, together, EXPLICIT_VR_LITTLE_ENDIAN) for together in (True, False)])
    if path == PIXEL_DATA and native_frame_bytes(located) is not None:
        body: Body = stored(located.blob, located.pixel_offset or 0, located.pixel_length or 0)
    elif path == PIXEL_DATA and located.number_of_frames:
        numbers = range(1, located.number_of_frames + 1)
        made = services.retrieval.decoding.frames
        body = _decoded(lambda: made(found, numbers, EXPLICIT_VR_LITTLE_ENDIAN))
    else:
        body = [_value_of(services, found, path)]
    content_type = f"{OCTETS}; transfer-syntax={EXPLICIT_VR_LITTLE_ENDIAN}"
    etag = f"{found.blob.digest}-{hashlib.sha256(path.encode()).hexdigest()[:16]}"
    if not offer.multipart:
        return Answer(content_type, body, length_of(body), etag, _cache(found), ranges=True)
    return multipart(
        [(content_type, body)],
        media_type=OCTETS,
        boundary=found.blob.digest[:32],
        etag=f"{etag}-m",
        cache=_cache(found),
    )


def _compressed_pixels(services: Services, found: Found, accept: str) -> Answer:
    """Return the pixels frame by frame, a video as the one stream it is."""
    if found.transfer_syntax_uid not in VIDEO:
        offer = chosen_frames(accept, found.transfer_syntax_uid, one=found.number_of_frames == 1)
        return frames(services, found, range(1, found.number_of_frames + 1), offer)
    media_type, content = media_type_of(found.transfer_syntax_uid), services.retrieval.content
    offer = choose(accept, [Offer(media_type, together, found.transfer_syntax_uid) for together in (True, False)])
    spans = all_fragments(found, content.reader(found.blob))
    return _frames(found, (), offer, [[piece for span in spans for piece in stored(found.blob, *span)]])


def _value_of(services: Services, found: Found, path: str) -> bytes:
    attributes = services.retrieval.attributes.attributes(found, address="")
    value = attributes.model.bulk.get(path)
    if value is None:
        raise Problem(404, "not_found", field="bulkdata")
    return attributes.read(value)


def _decoded(work: Callable[[], _T]) -> _T:
    """Return what `work` makes of foreign pixels; what cannot be made is refused like any other wish."""
    try:
        return work()
    except PixelsNotReadable as error:
        raise Problem(406, "not_decodable", reason_code=error.reason_code, reason=str(error)) from error


def _cache(found: Found) -> bytes:
    # the content of a UID never changes; where two contents were received a person may still decide for the other
    return ASK_AGAIN if found.conflict else FOR_EVER
