"""Rendered instances without pixels (PS3.18 8.7.4): reports as text, PDF documents, electrocardiograms as drawings."""

import hashlib

from api.errors import Problem
from api.routes.document_views import SHOWN_ALONE
from api.routes.wado_accept import Offer, choose
from api.routes.wado_answers import Answer
from api.wiring import Services
from imaging_core.dicom.documents import Form, form_of
from imaging_core.errors import PixelsNotReadable
from imaging_core.retrieve import Found

MEDIA_TYPES = {Form.ECG_SVG: "image/svg+xml", Form.REPORT_HTML: "text/html", Form.PDF: "application/pdf"}
_RECIPE = "1"


def document(services: Services, found: Found, accept: str) -> Answer | None:
    """Return an instance in its own form; None when it is shown as pictures, or not at all. Decodes.

    Raises:
        Problem: 406, when the client takes no such form or it cannot be made.
    """
    form = form_of(found.sop_class_uid)
    if form is None or found.number_of_frames:
        return None
    offer = choose(accept, [Offer(MEDIA_TYPES[form], multipart=False)])
    try:
        content = services.retrieval.decoding.document(found, form)
    except PixelsNotReadable as error:
        raise Problem(406, "not_decodable", reason_code=error.reason_code, reason=str(error)) from error
    digest = hashlib.sha256(f"{_RECIPE} {found.blob.digest} {form}".encode()).hexdigest()[:40]
    alone = [(b"content-security-policy", SHOWN_ALONE.encode())]
    encoded = "; charset=utf-8" if form is Form.REPORT_HTML else ""
    return Answer(offer.media_type + encoded, [content], len(content), digest, headers=alone)
