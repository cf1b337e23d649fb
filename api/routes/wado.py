"""WADO-RS (PS3.18 10.4): studies, series, instances, metadata, frames, rendered pictures and large values.

What was received is sent from where it lies; what must be decoded is made in limited child processes. Callers are
machines with the scope `retrieve`; each sees its own institution and there the current instances alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from api.audit.record import Actor
from api.auth.access import machine
from api.errors import Problem
from api.raw_routes import Express, Headers, QuickAnswer, RawRoute
from api.routes import wado_documents as documents
from api.routes import wado_instances as originals
from api.routes import wado_metadata as metadata
from api.routes import wado_pictures as rendering
from api.routes.wado_answers import Answer, conditional, send_answer
from api.wiring import Services
from imaging_core.retrieve import Found
from imaging_core.retrieve.frames import FramePlaces

SCOPE = "retrieve"
PREFIX = "/dicom-web/studies/"
_STUDY = "/dicom-web/studies/{study}"
_SERIES = _STUDY + "/series/{series}"
_INSTANCE = _SERIES + "/instances/{sop}"
_FRAMES = _INSTANCE + "/frames/{numbers}"
_BULK = _INSTANCE + "/bulkdata/{path:path}"
PATHS = (
    *(level + kind for level in (_STUDY, _SERIES, _INSTANCE) for kind in ("", "/metadata", "/rendered", "/thumbnail")),
    *(_FRAMES + kind for kind in ("", "/rendered", "/thumbnail")),
    _BULK,
)
_PATH = re.compile(
    r"/dicom-web/studies/([^/]+)(?:/series/([^/]+)(?:/instances/([^/]+)(?:/frames/([^/]+)|/bulkdata/(.+))?)?)?"
    r"(?:/(metadata|rendered|thumbnail))?"
)
# anonymisers write hexadecimal digests for UIDs: imaging_core/dicom/header.py takes them in
_UID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_NUMBERS = re.compile(r"[1-9]\d{0,6}(,[1-9]\d{0,6})*")
_MOST_FRAMES = 10_000
_USUAL_LENGTH = 400


def make_routes() -> list[BaseRoute]:
    """Return the routes; they speak ASGI themselves, so they are not of a router."""
    rule = machine(SCOPE)
    return [RawRoute(path, _retrieve, methods=["GET"], rule=rule) for path in PATHS]


@dataclass(frozen=True, slots=True)
class Target:
    """What an address names."""

    study: str
    series: str | None
    sop: str | None
    numbers: tuple[int, ...]
    bulk: str | None
    kind: str
    """metadata, rendered, thumbnail; empty for the thing itself."""

    @property
    def what(self) -> str:
        """What the audit calls it."""
        level = "instance" if self.sop else "series" if self.series else "study"
        return self.kind or ("frames" if self.numbers else "bulkdata" if self.bulk else level)

    @property
    def route(self) -> str:
        """The template of the address."""
        if self.bulk is not None:
            return _BULK
        level = _FRAMES if self.numbers else _INSTANCE if self.sop else _SERIES if self.series else _STUDY
        return f"{level}/{self.kind}" if self.kind else level


def target_of(path: str) -> Target:
    """Return what an address names.

    Raises:
        Problem: 400 naming the part that is wrong, 404 when it is no address of ours.
    """
    return _usual_target(path) if len(path) <= _USUAL_LENGTH else _target(path)


@lru_cache(maxsize=4096)
def _usual_target(path: str) -> Target:
    return _target(path)


def _target(path: str) -> Target:
    match = _PATH.fullmatch(path)
    if match is None:
        raise Problem(404, "not_found")
    study, series, sop, numbers, bulk, kind = match.groups()
    for name, uid in (("study", study), ("series", series), ("instance", sop)):
        if uid is not None and not _UID.fullmatch(uid):
            raise Problem(400, "parameter_invalid", field=name, reason="it is not a UID")
    if numbers is not None and not _NUMBERS.fullmatch(numbers):
        raise Problem(400, "parameter_invalid", field="frames", reason="numbers from 1 with commas between are needed")
    listed = tuple(map(int, numbers.split(","))) if numbers else ()
    if len(listed) > _MOST_FRAMES:
        raise Problem(400, "parameter_invalid", field="frames", reason=f"at most {_MOST_FRAMES} at a time")
    return Target(study, series, sop, listed, bulk, kind or "")


# --- the common way --------------------------------------------------------------------------------------------------


async def _retrieve(request: Request, send: Send) -> None:
    services: Services = request.app.state.services
    actor: Actor = request.state.actor
    target = target_of(request.url.path)
    parameters = _parameters(request)
    accept = parameters.get("accept") or ",".join(request.headers.getlist("accept"))

    def prepared() -> Answer:
        instances = _found(services, actor, target)
        gzipped = "gzip" in request.headers.get("accept-encoding", "")
        answer = _answer(services, target, instances, parameters, accept, gzipped=gzipped)
        answer = conditional(answer, request.headers)
        _note(services, actor, target, len(instances))
        return answer

    answer = await run_in_threadpool(prepared)
    head, gone = request.method == "HEAD", request.is_disconnected
    await send_answer(send, services.retrieval.content, answer, head=head, gone=gone)


def _parameters(request: Request) -> dict[str, str]:
    """Return the query's parameters; of one that comes twice the first counts, an `accept` is joined."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(request.url.query, keep_blank_values=True):
        if name == "accept" and name in found:
            found[name] += "," + value
        else:
            found.setdefault(name, value)
    return found


def _found(services: Services, actor: Actor, target: Target) -> Sequence[Found]:
    finder, code = services.retrieval.finder, actor.institution_code
    instances: Sequence[Found]
    if target.series is None:
        instances = finder.study(code, target.study)
    elif target.sop is None:
        instances = finder.series(code, target.study, target.series)
    else:
        one = finder.instance(code, target.study, target.series, target.sop)
        instances = [one] if one else []
    if not instances:
        raise Problem(404, "not_found")
    if any(number > instances[0].number_of_frames for number in target.numbers):
        raise Problem(404, "no_such_frame", field="frames", frames=instances[0].number_of_frames)
    return instances


def _answer(
    services: Services,
    target: Target,
    instances: Sequence[Found],
    parameters: dict[str, str],
    accept: str,
    *,
    gzipped: bool,
) -> Answer:
    one = instances[0]
    if target.kind == "metadata":
        if target.sop is not None:
            return metadata.of_instance(services, one, accept)
        return metadata.of_several(services, one.institution_code, instances, accept, gzipped=gzipped)
    if target.kind == "thumbnail":
        wish = rendering.thumbnail_wish(parameters)
        frame = (one, target.numbers[0]) if target.numbers else rendering.representative(services, instances)
        return rendering.pictures(services, [frame], wish, {}, accept, thumbnail=True)
    if target.kind == "rendered":
        wish = rendering.wish_of(parameters)
        if target.sop is not None and not one.number_of_frames:
            shown = documents.document(services, one, accept) or documents.presented(services, one, wish, accept)
            if shown is not None:
                return shown
        return rendering.pictures(
            services, _frames_of(target, instances), wish, parameters, accept, whole=target.sop is not None
        )
    if target.numbers:
        offer = originals.chosen_frames(accept, one.transfer_syntax_uid, one=len(target.numbers) == 1)
        return originals.frames(services, one, target.numbers, offer)
    if target.bulk is not None:
        return originals.bulk_value(services, one, target.bulk, accept)
    if target.sop is None:
        return originals.several_instances(services, instances, originals.chosen_instances(accept, instances))
    offer = originals.chosen_instance(accept, one.transfer_syntax_uid, has_pixels=one.number_of_frames > 0)
    if offer.transfer_syntax == one.transfer_syntax_uid:
        return originals.stored_instance(one, offer)
    return originals.transcoded_instance(services, one, offer)


def _frames_of(target: Target, instances: Sequence[Found]) -> list[rendering.Frame]:
    if target.numbers:
        return [(instances[0], number) for number in target.numbers]
    frames = [(found, number) for found in instances for number in range(1, found.number_of_frames + 1)]
    if not frames:
        raise Problem(406, "not_decodable", reason_code="no_pixels", reason="there are no pixels to show")
    return frames


def _note(services: Services, actor: Actor, target: Target, instances: int) -> None:
    """Record the retrieval before its first byte is sent."""
    if target.what in ("study", "series"):
        more = {"series": target.series} if target.series else {}
        services.retrieval_notes.note(actor, target.study, target.what, instances=instances, **more)
    else:
        services.retrieval_notes.note_once(actor, target.study, target.what)


# --- the short way ---------------------------------------------------------------------------------------------------


def express(services: Services) -> Express:
    """Return how parts of a study are answered to callers who were let in and recorded just now."""
    retrieval, notes = services.retrieval, services.retrieval_notes

    def looked_up(target: Target, actor: Actor, accept: str, *, gzipped: bool) -> Answer:
        return _answer(services, target, _found(services, actor, target), {}, accept, gzipped=gzipped)

    async def answer(scope: Scope, _receive: Receive, actor: Actor) -> QuickAnswer | None:
        accept = _plain_accept(scope)
        if accept is None:
            return None
        try:
            target = target_of(scope["path"])
        except Problem:
            return None  # of another service, such as QIDO-RS, or wrong: told the common way
        if target.what in ("study", "series") or not notes.noted(actor, target.study, target.what):
            return None
        made: Answer | None = None
        if target.sop is not None and not target.kind and not target.bulk:
            place = (actor.institution_code, target.study, target.series or "", target.sop)
            found = retrieval.finder.known(*place) or await run_in_threadpool(retrieval.finder.instance, *place)
            made = _at_once(found, target, accept, retrieval.frames) if found is not None else None
        if made is None:
            gzipped = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
            made = await run_in_threadpool(looked_up, target, actor, accept, gzipped=gzipped)
        if made.more is not None:
            return None  # of several pictures, while it is watched whether the client stays

        async def deliver(send: Send, headers: Headers) -> None:
            await send_answer(send, retrieval.content, made, more_headers=headers)

        return QuickAnswer(target.route, made.status, deliver)

    return Express(PREFIX, services.machine_keys.known_to(SCOPE), answer)


def _plain_accept(scope: Scope) -> str | None:
    """Return the Accept header of a request that asks for nothing but a whole answer; None for any other."""
    if scope["query_string"]:
        return None
    accept = ""
    for name, value in scope["headers"]:
        if name == b"accept":
            accept = f"{accept},{value.decode('latin-1')}" if accept else value.decode("latin-1")
        elif name in (b"range", b"if-none-match", b"if-range"):
            return None
    return accept


def _at_once(found: Found, target: Target, accept: str, places: FramePlaces) -> Answer | None:
    if not target.numbers:
        offer = originals.chosen_instance(accept, found.transfer_syntax_uid, has_pixels=found.number_of_frames > 0)
        return originals.stored_instance(found, offer) if offer.stored else None
    if any(number > found.number_of_frames for number in target.numbers):
        return None
    offer = originals.chosen_frames(accept, found.transfer_syntax_uid, one=len(target.numbers) == 1)
    return originals.quick_frames(found, target.numbers, offer, places)
