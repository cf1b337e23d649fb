"""Slabs and planes through a series, made on the server: for phones, and for desks without a graphics processor."""

import math
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from api.auth.access import CurrentGrant, CurrentServices, allow, patient
from api.errors import Problem
from api.messages.slabs import REASONS
from api.routes.studies import Accept, Uid, cache_headers
from api.routes.wado_pictures import wish_of
from api.settings import Settings
from api.wiring import Services
from api.workflows.first_screen import visible_study
from imaging_core.derive.encoding import decode_lossless
from imaging_core.dicom.syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, HTJ2K_LOSSLESS_RPCL
from imaging_core.domain.grants import Grant, Right
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.errors import SlabNotPossible
from imaging_core.index import queries
from imaging_core.volume import Mode, NamedPlane, ObliquePlane, Slab, SlabWish, slab_picture
from imaging_core.volume.wish import LARGEST_SIDE, THICKEST_MM, Vector

_BOUNDARY = "mingying-slab"
_FRAME_TYPE = f"image/jphc; transfer-syntax={HTJ2K_LOSSLESS_RPCL}"
_OCTETS = "application/octet-stream"
_JSON = "application/dicom+json"
_FURTHEST_MM = 100_000.0
_OBLIQUE = ("origin", "row", "column", "spacing", "rows", "columns")
_PASSING = {"busy", "decoder_timeout", "decoder_crashed", "out_of_memory"}

Text = Annotated[str | None, Query(max_length=100)]
Side = Annotated[int | None, Query(ge=1, le=LARGEST_SIDE)]
Series = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$")]


def asked_slab(
    mode: Mode,
    plane: Annotated[str, Query(pattern="^(native|axial|coronal|sagittal|oblique)$")] = "native",
    thickness: Annotated[float, Query(ge=0, le=THICKEST_MM, allow_inf_nan=False)] = 0,
    number: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    origin: Text = None,
    row: Text = None,
    column: Text = None,
    spacing: Annotated[float | None, Query(gt=0.001, le=1000, allow_inf_nan=False)] = None,
    rows: Side = None,
    columns: Side = None,
) -> SlabWish:
    """Return what is asked for; thickness counts in hundredths of a millimetre."""
    thickness = round(thickness, 2)
    if plane != "oblique":
        return SlabWish(NamedPlane(plane), mode, thickness, number)
    given: dict[str, Any] = dict(zip(_OBLIQUE, (origin, row, column, spacing, rows, columns), strict=True))
    for name, value in given.items():
        if value is None:
            raise Problem(422, "invalid_request", field=name, fields=[name])
    vectors = {name: _vector(name, given[name]) for name in ("origin", "row", "column")}
    return SlabWish(ObliquePlane(**(given | vectors)), mode, thickness)


AskedSlab = Annotated[SlabWish, Depends(asked_slab)]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/patient/studies/{study}/series/{series}/slab", tags=["patient: slabs"])

    @router.get("", dependencies=allow(patient(Right.DICOM)), response_model=None)
    def slab(
        study: Uid,
        series: Series,
        wish: AskedSlab,
        request: Request,
        grant: CurrentGrant,
        services: CurrentServices,
        accept: Accept = "*/*",
    ) -> Response:
        """Return a slab: its attributes and its lossless frame as two parts, or one of them as Accept says."""
        made = _made(services, grant, study, series, wish)
        if isinstance(made, Response):
            return made
        headers = cache_headers(request, grant) | {"ETag": f'"{made.name}"'}
        if _unchanged(request, made):
            return Response(status_code=304, headers=headers)
        if "multipart/related" not in accept:
            if _OCTETS in accept:
                pixels = decode_lossless(made.codestream)
                cells = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
                media_type = f"{_OCTETS}; transfer-syntax={EXPLICIT_VR_LITTLE_ENDIAN}"
                return Response(cells, media_type=media_type, headers=headers)
            if "image/jphc" in accept:
                return Response(made.codestream, media_type=_FRAME_TYPE, headers=headers)
            if "json" in accept:
                return Response(_described(made), media_type=_JSON, headers=headers)
        return _both(made, headers)

    @router.get("/rendered", dependencies=allow(patient(Right.JPG)), response_model=None)
    def rendered(
        study: Uid,
        series: Series,
        wish: AskedSlab,
        request: Request,
        grant: CurrentGrant,
        services: CurrentServices,
        window: Text = None,
        accept: Accept = "*/*",
    ) -> Response:
        """Return a slab as JPG or PNG at its default window, or at `window=center,width[,function]`."""
        shown = wish_of({"window": window}).window if window is not None else None
        made = _made(services, grant, study, series, wish)
        if isinstance(made, Response):
            return made
        media_type = "image/png" if "image/png" in accept else "image/jpeg"
        content = slab_picture(made, media_type, shown)
        return Response(content, media_type=media_type, headers=cache_headers(request, grant))

    return router


def _vector(name: str, text: str) -> Vector:
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise Problem(422, "invalid_request", field=name, fields=[name]) from None
    if not all(math.isfinite(part) and abs(part) <= _FURTHEST_MM for part in (x, y, z)):
        raise Problem(422, "invalid_request", field=name, fields=[name])
    return x, y, z


def _made(services: Services, grant: Grant, study: str, series: str, wish: SlabWish) -> Slab | Response:
    """Return the slab, or the answer that it is too early for it."""
    with services.database.reading() as session:
        row = visible_study(session, grant, StudyInstanceUid(study), services.clock())
        known = any(item.series_instance_uid == series for item in queries.series_of(session, row))
    if not known:
        raise Problem(404, "not_found")
    try:
        made = services.volumes.slab(row.institution_code, study, series, wish)
    except SlabNotPossible as error:
        if error.reason_code in _PASSING:
            raise Problem(503, "busy", reason_code=error.reason_code, headers={"Retry-After": "2"}) from error
        detail = REASONS.get(error.reason_code)
        raise Problem(
            422, "slab_not_possible", detail=detail, reason_code=error.reason_code, reason=str(error)
        ) from error
    return made or JSONResponse({"state": "preparing"}, 202, headers={"Retry-After": "2"})


def _described(made: Slab) -> bytes:
    return orjson.dumps({"metadata": made.metadata, "slab": made.slab})


def _both(made: Slab, headers: dict[str, str]) -> Response:
    parts = ((_JSON, _described(made)), (_FRAME_TYPE, made.codestream))
    body = b"".join(
        f"--{_BOUNDARY}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content + b"\r\n"
        for kind, content in parts
    )
    media_type = f'multipart/related; type="{_JSON}"; boundary={_BOUNDARY}'
    return Response(body + f"--{_BOUNDARY}--\r\n".encode(), media_type=media_type, headers=headers)


def _unchanged(request: Request, made: Slab) -> bool:
    return f'"{made.name}"' in request.headers.get("if-none-match", "")
