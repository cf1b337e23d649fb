"""What has no pixels, as pages and machines get it: drawn electrocardiograms, reports, pages of documents."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pypdfium2 import PdfDocument
from reportlab.pdfgen.canvas import Canvas

from tests.builders.dicom import CT_IMAGE_STORAGE, ct_instance, ct_pixels, instance_uid, series_uid, study_uid
from tests.builders.ecg import NO_PICTURE, ecg_instance

pytestmark = pytest.mark.integration

STUDY = study_uid("study")
SLICE = instance_uid("study", "series", 2)
SR_CLASS, PDF_CLASS = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.104.1"
NAMED = {"patient_name": "测试患者"}


def pdf(pages: int) -> bytes:
    out = BytesIO()
    canvas = Canvas(out, pagesize=(300, 200))
    for number in range(pages):
        canvas.rect(50, 50, 100 + number * 50, 40, fill=1)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def report() -> bytes:
    concept = [{"CodeValue": "1", "CodingSchemeDesignator": "99T", "CodeMeaning": "超声测量报告"}]
    text = {
        "RelationshipType": "CONTAINS",
        "ValueType": "TEXT",
        "TextValue": "<b>肝</b>",
        "ConceptNameCodeSequence": concept,
    }
    content = {"ValueType": "CONTAINER", "ConceptNameCodeSequence": concept, "ContentSequence": [text]}
    return document("sr", SOPClassUID=SR_CLASS, Modality="SR", **content)


def document(series: str, **attributes: Any) -> bytes:
    given: Any = NO_PICTURE | attributes
    return ct_instance(series=series, window=None, patient_name="测试患者", **given)


def presentation() -> bytes:
    """A state that turns the second slice of the CT a quarter to the right."""
    image = {"ReferencedSOPClassUID": CT_IMAGE_STORAGE, "ReferencedSOPInstanceUID": SLICE}
    series = {"SeriesInstanceUID": series_uid("study", "series"), "ReferencedImageSequence": [image]}
    return document(
        "pr",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1",
        Modality="PR",
        ContentLabel="TURNED",
        ReferencedSeriesSequence=[series],
        ImageRotation=90,
        ImageHorizontalFlip="N",
        SoftcopyVOILUTSequence=[{"WindowCenter": -800, "WindowWidth": 400}],
    )


def papers(content: bytes, series: str = "pdf") -> bytes:
    # an element of odd length is padded: the padding is no part of the document
    padded = content + b"\0" * (len(content) % 2)
    return document(
        series,
        SOPClassUID=PDF_CLASS,
        Modality="DOC",
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=padded,
        EncapsulatedDocumentLength=len(content),
    )


def address(series: str, what: str) -> str:
    return f"/api/patient/studies/{STUDY}/instances/{instance_uid('study', series)}/{what}"


@pytest.fixture
def kept(clinic):
    """A hospital with one of each, a browser of its patient, and a machine's key."""
    broken = papers(b"%PDF-1.4 and nothing more", "broken")
    clinic.images([ecg_instance(series="ecg", **NAMED), report(), papers(pdf(3)), broken, presentation()])
    _, cookie = clinic.grant(STUDY)
    return clinic.browser(cookie), clinic.machine_key("retrieve")


@pytest.mark.clause("R2.10")
class TestPages:
    def test_show_what_has_no_pixels_or_say_why_not(self, kept):
        patient, key = kept
        ecg = patient.get(address("ecg", "ecg.svg"))
        assert (ecg.status_code, ecg.headers["content-type"]) == (200, "image/svg+xml")
        assert ecg.text.startswith("<svg ")
        assert "25 mm/s" in ecg.text
        assert "sandbox" in ecg.headers["content-security-policy"]
        shown = patient.get(address("sr", "report.html"))
        assert shown.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src" not in shown.headers["content-security-policy"]
        assert "&lt;b&gt;肝&lt;/b&gt;" in shown.text
        assert "测试患者" not in shown.text
        assert patient.get(address("pdf", "pages")).json() == {"pages": 3}
        second = patient.get(address("pdf", "pages/2"))
        page = Image.open(BytesIO(second.content)).convert("L")
        assert (second.headers["content-type"], page.size) == ("image/png", (625, 417))
        assert page.getpixel((330, 300)) == 0, "the bar of the second page is 150 points long"
        for wrong, code, reason in (
            (address("pdf", "pages/4"), "no_document_view", "no_such_page"),
            (address("broken", "pages"), "no_document_view", "bad_pdf"),
            (address("sr", "pages"), "no_document_view", "other_kind"),
            (address("pdf", "ecg.svg"), "no_waveform", "other_kind"),
            (address("ecg", "report.html"), "no_document_view", "other_kind"),
        ):
            answer = patient.get(wrong)
            assert (answer.status_code, answer.json()["code"], answer.json()["reason_code"]) == (404, code, reason)
        self.machines(key, patient)
        self.presented(key, patient)

    def machines(self, key, client):
        """By WADO-RS each comes in its own form (one start of the decoding process serves both)."""

        def rendered(series: str, accept: str = "*/*"):
            base = f"/dicom-web/studies/{STUDY}/series/{series_uid('study', series)}"
            return client.get(
                f"{base}/instances/{instance_uid('study', series)}/rendered", headers=key | {"Accept": accept}
            )

        assert rendered("ecg").headers["content-type"] == "image/svg+xml"
        assert rendered("sr", "text/html").headers["content-type"] == "text/html; charset=utf-8"
        whole = rendered("pdf")
        assert whole.headers["content-type"] == "application/pdf"
        assert len(PdfDocument(whole.content)) == 3
        again = client.get(whole.request.url.path, headers=key | {"If-None-Match": whole.headers["etag"]})
        assert again.status_code == 304
        refused = rendered("sr", "image/jpeg")
        assert (refused.status_code, refused.json()["possible"]) == (406, ["text/html"])

    def presented(self, key, client):
        """A picture as a presentation state has it, for pages and for machines."""
        stored = ct_pixels(16, 16, slice_number=2)
        expected = np.rot90(np.floor(255 * np.clip((stored + 800.5) / 399 + 0.5, 0, 1) + 0.5), -1)
        state = instance_uid("study", "pr")
        preview = f"/api/patient/studies/{STUDY}/instances/{SLICE}/frames/1/preview"
        shown = client.get(preview, params={"presentation": state})
        assert np.abs(np.asarray(Image.open(BytesIO(shown.content))) - expected).mean() < 4
        base = f"/dicom-web/studies/{STUDY}/series/{series_uid('study', 'pr')}/instances/{state}/rendered"
        exact = client.get(base, headers=key | {"Accept": "image/png"})
        assert np.array_equal(np.asarray(Image.open(BytesIO(exact.content))), expected)
        other = preview.replace(SLICE, instance_uid("study", "series", 1))
        for address, given, reason in (
            (other, state, "other_presentation"),
            (preview, instance_uid("study", "sr"), "no_presentation"),
        ):
            answer = client.get(address, params={"presentation": given})
            assert (answer.status_code, answer.json()["reason_code"]) == (404, reason)
        assert client.get(preview, params={"presentation": "1.2.3"}).json()["code"] == "not_found"
