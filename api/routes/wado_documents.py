"""Rendered instances without pixels (PS3.18 8.7.4): reports, PDF documents, electrocardiograms, presentation states."""

import hashlib
from dataclasses import replace

from api.errors import Problem
from api.routes.document_views import SHOWN_ALONE
from api.routes.wado_accept import Offer, choose
from api.routes.wado_answers import Answer
from api.routes.wado_pictures import JPEG, PNG
from api.wiring import Services
from imaging_core.dicom.documents import Form, form_of
from imaging_core.dicom.presentation import CLASSES
from imaging_core.dicom.rendition import Rendition
from imaging_core.errors import PixelsNotReadable
from imaging_core.retrieve import Found

MEDIA_TYPES = {Form.ECG_SVG: "image/svg+xml", Form.REPORT_HTML: "text/html", Form.PDF: "application/pdf"}
_RECIPE = "1"


def presented(services: Services, found: Found, wish: Rendition, accept: str) -> Answer | None:
    """Return the first image of a presentation state as the state has it; None for every other instance. Decodes.

    Raises:
        Problem: 406, when the image is not here or the state cannot be applied.
    """
    if found.sop_class_uid not in CLASSES:
        return None
    offer = choose(accept, [Offer(kind, multipart=False) for kind in (JPEG, PNG)])
    decoding = services.retrieval.decoding
    try:
        state = decoding.presentation(found)
        images = services.retrieval.finder.study(found.institution_code, found.study_instance_uid)
        here = {image.sop_instance_uid: image for image in images if image.number_of_frames}
        named = [
            (here[item["sop_instance_uid"]], item["frames"])
            for item in state["applies_to"]
            if item["sop_instance_uid"] in here
        ]
        if not named:
            raise PixelsNotReadable("no_image", "no image of the presentation state is in its study")
        image, frames = named[0]
        wish = replace(wish, media_type=offer.media_type, frame_number=frames[0] if frames else 1)
        content = decoding.picture(image, wish, state)
    except PixelsNotReadable as error:
        raise Problem(406, "not_decodable", reason_code=error.reason_code, reason=str(error)) from error
    digest = hashlib.sha256(f"{_RECIPE} {found.blob.digest} {image.blob.digest} {wish}".encode()).hexdigest()[:40]
    return Answer(offer.media_type, [content], len(content), digest)


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
