"""A patient's studies: first screen, timeline, manifest, frames, previews, received files."""

from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from api.audit.record import record
from api.auth.access import CurrentGrant, CurrentServices, actor_of, allow, own, patient
from api.errors import Problem
from api.schemas.patient import FirstScreen, StudyOut
from api.settings import Settings
from api.wiring import Services
from api.workflows.first_screen import first_screen, study_out, visible_study
from imaging_core.dicom.rendition import Rendition
from imaging_core.domain.grants import Grant, Holder, Right
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.errors import FrameNotFound, PixelsNotReadable
from imaging_core.index import queries
from imaging_core.index.tables import InstanceRow, StudyRow
from imaging_core.retrieve.decoding import StoredBytes
from imaging_core.sharing.grants import visible_studies

_UID = r"^[0-9.]{1,64}$"
Uid = Annotated[str, Path(pattern=_UID)]
StudyWish = Annotated[str | None, Query(pattern=_UID)]
FrameNumber = Annotated[int, Path(ge=1, le=1_000_000)]
Accept = Annotated[str, Header()]

_BOUNDARY = "mingying-frame"
_FOR_A_YEAR = "private, max-age=31536000, immutable"
_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of a patient's studies."""
    router = APIRouter(prefix="/api/patient", tags=["patient: studies"])
    _add_screens(router)
    _add_pictures(router)
    _add_originals(router)
    return router


def _add_screens(router: APIRouter) -> None:
    @router.get("/first-screen", dependencies=allow(patient(Right.REPORT)))
    def first(grant: CurrentGrant, services: CurrentServices, study: StudyWish = None) -> FirstScreen:
        """Return report, series and studies of one study in one reply."""
        wanted = StudyInstanceUid(study) if study else grant.study
        with services.database.reading() as session:
            bundle = first_screen(services, session, grant, wanted)
        _audit(services, grant, "study.viewed", wanted)
        return bundle

    @router.get("/studies", dependencies=allow(patient(Right.REPORT)))
    def timeline(grant: CurrentGrant, services: CurrentServices) -> list[StudyOut]:
        """List the patient's studies, newest first."""
        newest_first = visible_studies(grant, services.clock()).order_by(
            StudyRow.study_date.desc().nulls_last(), StudyRow.id.desc()
        )
        with services.database.reading() as session:
            found = [study_out(services, session, row) for row in session.scalars(newest_first)]
        _audit(services, grant, "studies.listed", grant.study)
        return found

    @router.get("/studies/{study}/manifest", dependencies=allow(patient(Right.JPG)), response_model=None)
    def manifest(study: Uid, request: Request, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return all instances with what a viewer needs, gzipped; 202 while it is being made."""
        with services.database.reading() as session:
            row = visible_study(session, grant, StudyInstanceUid(study), services.clock())
        found = services.derived.manifest_gz(row.institution_code, row.study_instance_uid)
        if found is None:
            return JSONResponse({"state": "preparing"}, 202, headers={"Retry-After": "2"})
        content, version = found
        headers = {"ETag": f'"{version}"', "Cache-Control": "private, no-cache", "Vary": "Cookie"}
        # also when it did not change: the pictures are being opened again
        _audit(services, grant, "images.viewed", StudyInstanceUid(study))
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(content, media_type="application/json", headers=headers)


def _add_pictures(router: APIRouter) -> None:
    prefix = "/studies/{study}/instances/{sop}/frames/{number}"

    @router.get(prefix + "/thumbnail", dependencies=allow(patient(Right.JPG)), response_model=None)
    def thumbnail(
        study: Uid, sop: Uid, number: FrameNumber, request: Request, grant: CurrentGrant, services: CurrentServices
    ) -> Response:
        """Return a JPG of at most 128 pixels."""
        return _jpg(services, grant, request, study, sop, number, services.derived.thumbnail)

    @router.get(prefix + "/preview", dependencies=allow(patient(Right.JPG)), response_model=None)
    def preview(
        study: Uid,
        sop: Uid,
        number: FrameNumber,
        request: Request,
        grant: CurrentGrant,
        services: CurrentServices,
        presentation: StudyWish = None,
    ) -> Response:
        """Return a JPG of full size at the default window, or as a presentation state of the study has it."""
        if presentation is not None:
            return _presented(services, grant, request, study, sop, number, presentation)
        return _jpg(services, grant, request, study, sop, number, services.derived.preview)

    @router.get(prefix, dependencies=allow(patient(Right.DICOM)), response_model=None)
    def frame(
        study: Uid,
        sop: Uid,
        number: FrameNumber,
        request: Request,
        grant: CurrentGrant,
        services: CurrentServices,
        accept: Accept = "*/*",
    ) -> Response:
        """Return one lossless frame (PS3.18 8.7.3.5.2): multipart by default, bare or little-endian when asked for."""
        instance = visible_instance(services, grant, study, sop)
        place = (instance.institution_code, study, sop, number)
        headers = cache_headers(request, grant)
        if "application/octet-stream" in accept:
            pixels = services.derived.little_endian_frame(*place)
            media_type = f"application/octet-stream; transfer-syntax={_LITTLE_ENDIAN}"
            return Response(pixels, media_type=media_type, headers=headers)
        codestream = services.derived.frame(*place)
        part_type = f"image/jphc; transfer-syntax={services.derived.transfer_syntax_uid}"
        if "multipart/related" not in accept and "image/jphc" in accept:
            return Response(codestream, media_type=part_type, headers=headers)
        return _multipart(codestream, part_type, headers)


def _add_originals(router: APIRouter) -> None:
    @router.get("/studies/{study}/instances/{sop}", dependencies=allow(own(Right.DICOM)), response_model=None)
    def original(study: Uid, sop: Uid, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return the received file, byte for byte; in no share, its header may hold telephone and ID number."""
        instance = visible_instance(services, grant, study, sop)
        _audit(services, grant, "instance.downloaded", StudyInstanceUid(study), sop_instance_uid=sop)
        return StreamingResponse(
            _bytes_of(services, instance),
            media_type="application/dicom",
            headers={
                "Content-Length": str(instance.blob_size),
                "Content-Disposition": f'attachment; filename="{sop}.dcm"',
                "ETag": f'"{instance.blob_digest}"',
                "Cache-Control": "private, no-cache",
            },
        )


def _jpg(
    services: Services,
    grant: Grant,
    request: Request,
    study: str,
    sop: str,
    number: int,
    read: Callable[[str, str, str, int], bytes],
) -> Response:
    instance = visible_instance(services, grant, study, sop)
    try:
        content = read(instance.institution_code, study, sop, number)
    except FrameNotFound as missing:
        raise Problem(404, "no_preview") from missing
    return Response(content, media_type="image/jpeg", headers=cache_headers(request, grant))


def _presented(
    services: Services, grant: Grant, request: Request, study: str, sop: str, number: int, presentation: str
) -> Response:
    image, state = (visible_instance(services, grant, study, uid) for uid in (sop, presentation))
    stored = [StoredBytes(services.blob_ref(row), row.transfer_syntax_uid) for row in (image, state)]
    if number > image.number_of_frames:
        raise Problem(404, "no_preview")
    try:
        told = services.retrieval.decoding.presentation(stored[1])
        content = services.retrieval.decoding.picture(stored[0], Rendition(frame_number=number), told)
    except PixelsNotReadable as error:
        raise Problem(404, "no_preview", reason_code=error.reason_code, reason=str(error)) from error
    return Response(content, media_type="image/jpeg", headers=cache_headers(request, grant))


def visible_instance(services: Services, grant: Grant, study: str, sop: str) -> InstanceRow:
    """Return an instance of a study the grant opens; 404 for every other."""
    with services.database.reading() as session:
        row = visible_study(session, grant, StudyInstanceUid(study), services.clock())
        instance = queries.instance(session, row.institution_code, study, sop)
    if instance is None:
        raise Problem(404, "not_found")
    return instance


def _bytes_of(services: Services, instance: InstanceRow) -> Iterator[bytes]:
    return services.blobs.read(services.blob_ref(instance))


def _multipart(codestream: bytes, part_type: str, headers: dict[str, str]) -> Response:
    head = f"--{_BOUNDARY}\r\nContent-Type: {part_type}\r\nContent-Length: {len(codestream)}\r\n\r\n"
    body = b"".join([head.encode(), codestream, f"\r\n--{_BOUNDARY}--\r\n".encode()])
    media_type = f'multipart/related; type="image/jphc"; boundary={_BOUNDARY}'
    return Response(body, media_type=media_type, headers=headers)


def cache_headers(request: Request, grant: Grant) -> dict[str, str]:
    """Return how long what was derived may be kept by the browser."""
    if grant.holder is not Holder.PATIENT:  # what was revoked must not go on in a stranger's cache
        return {"Cache-Control": "no-store"}
    # With the manifest's version in the address the content can never change; without it nothing is promised.
    immutable = bool(request.query_params.get("v"))
    return {"Cache-Control": _FOR_A_YEAR if immutable else "private, no-cache", "Vary": "Cookie"}


def _audit(services: Services, grant: Grant, action: str, study: StudyInstanceUid, **detail: str) -> None:
    with services.database.writing() as session:
        record(
            session, actor_of(grant), action, object_kind="study", object_id=study, now=services.clock(), detail=detail
        )
