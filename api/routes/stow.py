"""STOW-RS (PS3.18 10.5): instances stored over HTTP, with the standard's own answer for each."""

from typing import Any, BinaryIO

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from api.audit.record import Actor, record
from api.auth.access import CurrentMachine, CurrentServices, allow, machine
from api.body_limit import HANG_UP
from api.errors import Problem
from api.routes.multipart_related import InvalidMultipart, Part, PartTooLarge, read_parts
from api.settings import Settings
from api.wiring import Services
from imaging_core.dicom.header import read_header
from imaging_core.dicom.limits import Limits
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.errors import DamagedDicom, ImagingError, LimitExceeded, NotDicom
from imaging_core.ingest.results import Channel, Origin, StoreOutcome, StoreResult

log = structlog.get_logger(__name__)

_STORED = {StoreOutcome.STORED, StoreOutcome.ALREADY_STORED}
# Failure reasons of PS3.18 table 10.5.3-1 / I.2.2.
_CANNOT_UNDERSTAND = 0xC000
_STUDY_MISMATCH = 0xC409
_CONFLICT = 0x0110
_OUT_OF_RESOURCES = 0xA700
_FAILURE = {StoreOutcome.CONFLICT_KEPT: _CONFLICT, StoreOutcome.QUARANTINED: _CANNOT_UNDERSTAND}


def make_router(_settings: Settings) -> APIRouter:
    """Return the STOW-RS routes."""
    router = APIRouter(prefix="/dicom-web", tags=["DICOMweb"])
    options: dict[str, Any] = {"dependencies": allow(machine("stow")), "response_model": None}

    @router.post("/studies", **options)
    async def store(request: Request, actor: CurrentMachine, services: CurrentServices) -> Response:
        """Store instances of any study."""
        return await _store(request, actor, services, study=None)

    @router.post("/studies/{study}", **options)
    async def store_study(study: str, request: Request, actor: CurrentMachine, services: CurrentServices) -> Response:
        """Store instances of one study; those of others are refused."""
        return await _store(request, actor, services, study=study)

    return router


async def _store(request: Request, actor: Actor, services: Services, *, study: str | None) -> Response:
    results: list[StoreResult | int] = []
    limit = services.settings.limits.instance_bytes
    try:
        content_type = request.headers.get("content-type", "")
        async for part in read_parts(content_type, request.stream(), part_limit=limit, folder=services.spool):
            results.append(await run_in_threadpool(_store_part, services, actor, part, study))
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
    if results:
        await run_in_threadpool(_audit, services, actor, results)
    else:
        raise Problem(400, "multipart_invalid", reason="no part")
    return _answer(results, services.settings.base_url)


def _store_part(services: Services, actor: Actor, part: Part, study: str | None) -> StoreResult | int:
    with part.content as content:
        try:
            if study is not None and not _belongs_to(content, part.size, study):
                return _STUDY_MISMATCH
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
            url = f"{base_url}/dicom-web/studies/{result.study_instance_uid}/instances/{result.sop_instance_uid}"
            stored.append({**_reference(result), "00081190": _value("UR", url)})
        else:
            failed.append({**_reference(result), "00081197": _value("US", _FAILURE[result.outcome])})
    body: dict[str, Any] = {}
    if stored:
        body["00081199"] = {"vr": "SQ", "Value": stored}
    if failed:
        body["00081198"] = {"vr": "SQ", "Value": failed}
    status = 200 if not failed else 202 if stored else 409
    return JSONResponse(body, status, media_type="application/dicom+json")


def _reference(result: StoreResult) -> dict[str, Any]:
    reference: dict[str, Any] = {}
    if result.sop_class_uid:
        reference["00081150"] = _value("UI", result.sop_class_uid)
    if result.sop_instance_uid:
        reference["00081155"] = _value("UI", result.sop_instance_uid)
    return reference


def _value(vr: str, value: str | int) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


def _audit(services: Services, actor: Actor, results: list[StoreResult | int]) -> None:
    outcomes = [str(item.outcome) if isinstance(item, StoreResult) else "refused" for item in results]
    with services.database.writing() as session:
        record(
            session,
            actor,
            "instances.received",
            object_kind="stow request",
            object_id="-",
            now=services.clock(),
            detail={outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))},
        )
