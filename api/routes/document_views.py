"""What has no pixels, for pages: electrocardiograms on millimetre paper, structured reports, pages of PDF documents."""

import gzip

from fastapi import APIRouter, Request, Response

from api.auth.access import CurrentGrant, CurrentServices, allow, patient
from api.errors import Problem
from api.routes.studies import FrameNumber, Uid, cache_headers, visible_instance
from api.settings import Settings
from api.wiring import Services
from imaging_core.dicom.documents import Form, form_of
from imaging_core.domain.grants import Grant, Right
from imaging_core.errors import PixelsNotReadable
from imaging_core.retrieve.decoding import StoredBytes

_WHOLE = {Form.PAGES: Form.PDF, Form.PAGE_PNG: Form.PDF, Form.ECG_NUMBERS: Form.ECG_SVG}
"""Of what a part or another reading is."""
SHOWN_ALONE = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
"""Policy of a page made of what somebody else wrote: it may load and run nothing."""


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/patient/studies/{study}/instances/{sop}", tags=["patient: documents"])
    may_see = allow(patient(Right.JPG))

    @router.get("/ecg", dependencies=may_see, response_model=None)
    def numbers(study: Uid, sop: Uid, request: Request, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return the leads of an electrocardiogram in microvolts, gzipped."""
        content = _made(services, grant, study, sop, Form.ECG_NUMBERS)
        return _gzipped(content, "application/json", cache_headers(request, grant))

    @router.get("/ecg.svg", dependencies=may_see, response_model=None)
    def ecg(study: Uid, sop: Uid, request: Request, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return an electrocardiogram drawn to scale: 25 mm/s, 10 mm/mV."""
        content = _made(services, grant, study, sop, Form.ECG_SVG)
        headers = cache_headers(request, grant) | {"Content-Security-Policy": SHOWN_ALONE}
        return _gzipped(content, "image/svg+xml", headers)

    @router.get("/report.html", dependencies=may_see, response_model=None)
    def report(study: Uid, sop: Uid, request: Request, grant: CurrentGrant, services: CurrentServices) -> Response:
        """Return a structured report as a page."""
        content = _made(services, grant, study, sop, Form.REPORT_HTML)
        headers = cache_headers(request, grant) | {"Content-Security-Policy": SHOWN_ALONE}
        return Response(content, media_type="text/html; charset=utf-8", headers=headers)

    @router.get("/pages", dependencies=may_see)
    def pages(study: Uid, sop: Uid, grant: CurrentGrant, services: CurrentServices) -> dict[str, int]:
        """Say how many pages a PDF document has."""
        return {"pages": int(_made(services, grant, study, sop, Form.PAGES))}

    @router.get("/pages/{number}", dependencies=may_see, response_model=None)
    def page(
        study: Uid, sop: Uid, number: FrameNumber, request: Request, grant: CurrentGrant, services: CurrentServices
    ) -> Response:
        """Return a page of a PDF document as PNG."""
        content = _made(services, grant, study, sop, Form.PAGE_PNG, number)
        return Response(content, media_type="image/png", headers=cache_headers(request, grant))

    return router


def _gzipped(content: bytes, media_type: str, headers: dict[str, str]) -> Response:
    packed = gzip.compress(content, compresslevel=6, mtime=0)
    return Response(packed, media_type=media_type, headers=headers | {"Content-Encoding": "gzip"})


def _made(services: Services, grant: Grant, study: str, sop: str, form: Form, page: int = 1) -> bytes:
    instance = visible_instance(services, grant, study, sop)
    wanted = _WHOLE.get(form, form)
    missing = "no_waveform" if wanted is Form.ECG_SVG else "no_document_view"
    if form_of(instance.sop_class_uid) is not wanted:
        raise Problem(404, missing, reason_code="other_kind")
    try:
        stored = StoredBytes(services.blob_ref(instance), instance.transfer_syntax_uid)
        return services.retrieval.decoding.document(stored, form, page)
    except PixelsNotReadable as error:
        raise Problem(404, missing, reason_code=error.reason_code, reason=str(error)) from error
