"""STOW-RS (PS3.18 10.5): instances stored over HTTP, with the standard's own answer for each."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from io import BytesIO
from typing import Any, BinaryIO

import structlog
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from api.audit.record import Actor, record
from api.auth.access import machine
from api.body_limit import HANG_UP
from api.errors import Problem
from api.raw_routes import Express, QuickAnswer, RawRoute, ready
from api.routes.multipart_related import InvalidMultipart, Part, PartTooLarge, read_parts, split_at_once
from api.wiring import Services
from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.errors import DamagedDicom, ImagingError, LimitExceeded, NotDicom
from imaging_core.ingest.results import Channel, Origin, StoreOutcome, StoreResult
from imaging_core.ingest.store import IN_MEMORY

log = structlog.get_logger(__name__)

_STORED = {StoreOutcome.STORED, StoreOutcome.ALREADY_STORED}
# Failure reasons of PS3.18 table 10.5.3-1 / I.2.2.
_CANNOT_UNDERSTAND = 0xC000
_STUDY_MISMATCH = 0xC409
_CONFLICT = 0x0110
_OUT_OF_RESOURCES = 0xA700
SCOPE = "stow"
PATHS = ("/dicom-web/studies", "/dicom-web/studies/{study}")
_AT_ONCE = 16 * 1024 * 1024
"""Bytes of a request that are taken into memory; larger ones stream through files."""
_FAILURE = {StoreOutcome.CONFLICT_KEPT: _CONFLICT, StoreOutcome.QUARANTINED: _CANNOT_UNDERSTAND}


def make_routes() -> list[BaseRoute]:
    """Return the STOW-RS routes; they speak ASGI themselves, so they are not of a router."""
    return [RawRoute(path, _store, methods=["POST"], rule=machine(SCOPE)) for path in PATHS]


def express(services: Services) -> Express:
    """Return how a request that fits into memory is stored for a sender whose key was found a moment ago."""

    async def answer(scope: Scope, receive: Receive, actor: Actor) -> QuickAnswer | None:
        rest, content_type = scope["path"].removeprefix(PATHS[0]), _type_of_small_body(scope)
        slash, study = rest[:1], rest[1:]
        if content_type is None or "/" in study or bool(slash) != bool(study) or slash not in ("", "/"):
            return None
        pieces: list[bytes] = []
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return None
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
        contents = split_at_once(content_type, b"".join(pieces))
        if contents is None:
            return None
        results = await run_in_threadpool(_store_at_once, services, actor, contents, study or None)
        return ready(PATHS[bool(study)], _answer(results, services.settings.base_url))

    return Express(PATHS[0], services.machine_keys.known_to(SCOPE), answer)


def _type_of_small_body(scope: Scope) -> str | None:
    """Return the Content-Type of a request whose body is said to fit into memory; None for any other."""
    content_type, size = "", b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1")
        elif name == b"content-length":
            size = value
        elif name == b"sec-fetch-site":
            return None  # a browser's: whose page it is of is judged the common way
    return content_type if size.isdigit() and int(size) <= _AT_ONCE else None


async def _store(request: Request, send: Send) -> None:
    """Store instances of any study, or of one, those of others being refused."""
    services: Services = request.app.state.services
    actor: Actor = request.state.actor
    study = request.path_params.get("study")
    content_type = request.headers.get("content-type", "")
    body = _Body(request.stream())
    contents = split_at_once(content_type, body.whole()) if await body.fits() else None
    if contents is not None:
        results = await run_in_threadpool(_store_at_once, services, actor, contents, study)
    else:
        results = await _store_streaming(services, actor, content_type, body.again(), study)
    await _answer(results, services.settings.base_url)(request.scope, request.receive, send)


class _Body:
    """A request's body: its beginning in memory, and all of it when it fits."""

    def __init__(self, stream: AsyncGenerator[bytes]) -> None:
        self._stream = stream
        self._chunks: deque[bytes] = deque()
        self._left: ClientDisconnect | None = None

    async def fits(self) -> bool:
        """Read what fits into memory; return whether that is all."""
        taken = 0
        try:
            async for chunk in self._stream:
                self._chunks.append(chunk)
                taken += len(chunk)
                if taken > _AT_ONCE:
                    return False
        except ClientDisconnect as left:
            self._left = left
        return self._left is None

    def whole(self) -> bytes:
        """Return what was read."""
        return b"".join(self._chunks)

    async def again(self) -> AsyncIterator[bytes]:
        """Yield the body from its beginning, and let go of what was yielded."""
        while self._chunks:
            yield self._chunks.popleft()
        if self._left is not None:
            raise self._left
        async for chunk in self._stream:
            yield chunk


def _store_at_once(
    services: Services, actor: Actor, contents: list[bytes], study: str | None
) -> list[StoreResult | int]:
    """Store what is in memory by one flush and one transaction, which holds the audit's line too."""
    results: list[StoreResult | int | None] = [None] * len(contents)
    small: list[int] = []
    for number, content in enumerate(contents):
        if study is not None and not _belongs_to(BytesIO(content), len(content), study):
            results[number] = _STUDY_MISMATCH
        elif len(content) > min(IN_MEMORY, services.settings.limits.instance_bytes):
            results[number] = _store_part(services, actor, BytesIO(content))
        else:
            small.append(number)

    def also(session: Session, found: Sequence[StoreResult]) -> None:
        for number, result in zip(small, found, strict=True):
            results[number] = result
        _audit(session, services, actor, [result for result in results if result is not None])

    try:
        services.ingestor.store_instances(
            [contents[number] for number in small],
            institution_code=InstitutionCode(actor.institution_code),
            origin=Origin(Channel.STOW, peer=actor.actor_id),
            also=also,
        )
    except ImagingError as error:
        log.warning("instances refused", channel="stow", error=type(error).__name__)
        for number in small:
            results[number] = _OUT_OF_RESOURCES
        with services.database.writing() as session:
            _audit(session, services, actor, [result for result in results if result is not None])
    return [_OUT_OF_RESOURCES if result is None else result for result in results]


async def _store_streaming(
    services: Services, actor: Actor, content_type: str, body: AsyncIterator[bytes], study: str | None
) -> list[StoreResult | int]:
    """Store part by part as the body comes in."""
    results: list[StoreResult | int] = []
    limit = services.settings.limits.instance_bytes
    try:
        async for part in read_parts(content_type, body, part_limit=limit, folder=services.spool):
            results.append(await run_in_threadpool(_store_read_part, services, actor, part, study))
    except InvalidMultipart as error:
        if not results:
            raise Problem(400, "multipart_invalid", reason=str(error)) from error
        results.append(_CANNOT_UNDERSTAND)  # what came whole is stored and said so
    except PartTooLarge as error:
        if not results:
            raise Problem(413, "too_large", headers=HANG_UP, limit_bytes=limit) from error
        results.append(_OUT_OF_RESOURCES)
    except ClientDisconnect:
        log.warning("sender left", channel="stow", stored=len(results))
    if not results:
        raise Problem(400, "multipart_invalid", reason="no part")

    def audit() -> None:
        with services.database.writing() as session:
            _audit(session, services, actor, results)

    await run_in_threadpool(audit)
    return results


def _store_read_part(services: Services, actor: Actor, part: Part, study: str | None) -> StoreResult | int:
    with part.content as content:
        if study is not None and not _belongs_to(content, part.size, study):
            return _STUDY_MISMATCH
        return _store_part(services, actor, content)


def _store_part(services: Services, actor: Actor, content: BinaryIO) -> StoreResult | int:
    try:
        return services.ingestor.store_instance(
            content,
            institution_code=InstitutionCode(actor.institution_code),
            origin=Origin(Channel.STOW, peer=actor.actor_id),
        )
    except ImagingError as error:
        log.warning("instance refused", channel="stow", error=type(error).__name__)
        return _OUT_OF_RESOURCES


def _belongs_to(content: BinaryIO, size: int, study: str) -> bool:
    """Return whether an instance is of this study. What cannot be read is stored, and goes into quarantine."""
    try:
        header = read_header(content, size, Limits())
    except (NotDicom, DamagedDicom, LimitExceeded):
        return True
    finally:
        content.seek(0)
    return header.study_instance_uid == study


def _answer(results: list[StoreResult | int], base_url: str) -> Response:
    stored: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for result in results:
        if isinstance(result, int):
            failed.append({"00081197": _value("US", result)})
        elif result.outcome in _STORED:
            stored.append({**_reference(result), "00081190": _value("UR", base_url + _address(result))})
        else:
            failed.append({**_reference(result), "00081197": _value("US", _FAILURE[result.outcome])})
    body: dict[str, Any] = {}
    if stored:
        body["00081199"] = {"vr": "SQ", "Value": stored}
    if failed:
        body["00081198"] = {"vr": "SQ", "Value": failed}
    # nothing of it could be kept now: the sender comes again (PS3.18 10.5.3.1)
    is_busy = bool(results) and all(result == _OUT_OF_RESOURCES for result in results)
    status = 200 if not failed else 202 if stored else 503 if is_busy else 409
    return JSONResponse(body, status, media_type="application/dicom+json")


def _address(result: StoreResult) -> str:
    series = f"/dicom-web/studies/{result.study_instance_uid}/series/{result.series_instance_uid}"
    return f"{series}/instances/{result.sop_instance_uid}"


def _reference(result: StoreResult) -> dict[str, Any]:
    reference: dict[str, Any] = {}
    if result.sop_class_uid:
        reference["00081150"] = _value("UI", result.sop_class_uid)
    if result.sop_instance_uid:
        reference["00081155"] = _value("UI", result.sop_instance_uid)
    return reference


def _value(vr: str, value: str | int) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


def _audit(session: Session, services: Services, actor: Actor, results: Sequence[StoreResult | int]) -> None:
    outcomes = [str(item.outcome) if isinstance(item, StoreResult) else "refused" for item in results]
    record(
        session,
        actor,
        "instances.received",
        object_kind="stow request",
        object_id="-",
        now=services.clock(),
        detail={outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))},
    )
