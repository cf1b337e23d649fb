"""Documents, presentation states and drawings that are damaged in any place: refused in words, or shown without."""

from contextlib import suppress
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from imaging_core.dicom.documents import Form, shown_document
from imaging_core.dicom.frames import decode_frames, open_dataset
from imaging_core.dicom.limits import Limits
from imaging_core.dicom.metadata import viewer_metadata
from imaging_core.dicom.presentation import presentation_of
from imaging_core.dicom.rendition import Rendition, rendered
from imaging_core.errors import PixelsNotReadable
from tests.builders.dicom import ct_instance, instance_uid
from tests.builders.ecg import NO_PICTURE, ecg_instance
from tests.builders.image_types import image_types

SYNTAX = "1.2.840.10008.1.2.1"
THIS = [{"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": instance_uid()}]
CONCEPT = [{"CodeValue": "1", "CodingSchemeDesignator": "99T", "CodeMeaning": "名称"}]
MEASURED = {"NumericValue": "12.5", "MeasurementUnitsCodeSequence": CONCEPT}


def _instance(**attributes: Any) -> bytes:
    given_ones: Any = NO_PICTURE | attributes
    return ct_instance(window=None, **given_ones)


@cache
def _damageable() -> dict[str, tuple[bytes, int]]:
    """Each with where its own part begins, so that damage does not only hit the names of the patient."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=(100, 100))
    canvas.drawString(10, 10, "A")
    canvas.save()
    number = {"RelationshipType": "CONTAINS", "ValueType": "NUM", "MeasuredValueSequence": [MEASURED]}
    text = {"RelationshipType": "CONTAINS", "ValueType": "TEXT", "TextValue": "B", "ContentSequence": [number]}
    line = {
        "GraphicAnnotationUnits": "PIXEL",
        "GraphicDimensions": 2,
        "NumberOfGraphicPoints": 2,
        "GraphicData": [1.0, 2.0, 3.0, 2.0],
        "GraphicType": "POLYLINE",
    }
    state = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1",
        "ReferencedSeriesSequence": [{"SeriesInstanceUID": "1.2", "ReferencedImageSequence": THIS}],
        "SoftcopyVOILUTSequence": [{"WindowCenter": 40, "WindowWidth": 400}],
        "GraphicAnnotationSequence": [{"GraphicLayer": "A", "GraphicObjectSequence": [line]}],
        "ShutterShape": "CIRCULAR",
        "CenterOfCircularShutter": [3, 4],
        "RadiusOfCircularShutter": 1,
        "ImageRotation": 90,
    }
    made = {
        Form.REPORT_HTML: _instance(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33",
            ValueType="CONTAINER",
            ConceptNameCodeSequence=CONCEPT,
            ContentSequence=[text],
        ),
        Form.PAGE_PNG: _instance(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", EncapsulatedDocument=out.getvalue()),
        Form.ECG_SVG: ecg_instance(),
        "state": _instance(**state),
        "overlay": next(item.content for item in image_types() if item.name == "overlay apart"),
    }
    starts = {
        Form.REPORT_HTML: b"CONTAINER",
        Form.PAGE_PNG: b"%PDF",
        Form.ECG_SVG: b"ORIGINAL",
        "state": b"\x08\x00\x15\x11",
    }
    return {kind: (content, content.find(starts.get(kind, b"\x00\x60\x10\x00"))) for kind, content in made.items()}


@pytest.mark.parametrize("kind", [Form.REPORT_HTML, Form.PAGE_PNG, Form.ECG_SVG, "state", "overlay"])
@settings(max_examples=40, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=4)), min_size=1, max_size=3))
@pytest.mark.filterwarnings("ignore")
def test_is_refused_in_words_or_shown(kind: str, damage: list[tuple[int, bytes]]):
    whole, start = _damageable()[kind]
    content = bytearray(whole)
    for offset, noise in damage:
        content[start + offset : start + offset + len(noise)] = noise
    with suppress(PixelsNotReadable):
        _shown(kind, bytes(content))


def _shown(kind: str, content: bytes) -> None:
    if isinstance(kind, Form):
        assert shown_document(content, SYNTAX, kind)
        return
    dataset = open_dataset(content, SYNTAX)
    if kind == "state":
        found = presentation_of(dataset)
        if found is not None:
            assert rendered(open_dataset(ct_instance(8, 8), SYNTAX), Rendition(), Limits(), found)
        return
    assert list(decode_frames(dataset, Limits()))
    assert viewer_metadata(dataset, pixels=None, photometric_interpretation="")
    assert rendered(dataset, Rendition(), Limits())
