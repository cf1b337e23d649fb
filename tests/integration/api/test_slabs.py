"""Slabs and planes as pages ask for them: who may, in what form, and what is refused."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imaging_core.derive.encoding import decode_lossless
from tests.builders.dicom import ct_instance, ct_pixels, ct_series, series_uid, study_uid

pytestmark = pytest.mark.integration
# nothing here depends on the database
ON_SQLITE = pytest.mark.parametrize("archive", ["sqlite"], indirect=True)

STUDY, EARLIER = study_uid("study"), study_uid("earlier")
BASE = f"/api/patient/studies/{STUDY}/series/{series_uid('study', 'series')}/slab"
HIGHEST = np.maximum.reduce([ct_pixels(16, 16, slice_number=number) for number in (1, 2, 3)])
MIP = {"mode": "mip", "thickness": "2"}


def parts(answer) -> list[tuple[str, bytes]]:
    boundary = answer.headers["content-type"].split("boundary=")[1]
    found = []
    for part in answer.content.split(f"--{boundary}".encode())[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        found.append((head.decode(), body.removesuffix(b"\r\n")))
    return found


@ON_SQLITE
@pytest.mark.clause("R2.8")
class TestSlab:
    def test_comes_with_its_attributes_and_its_lossless_frame(self, patient):
        answer = patient.get(BASE, params=MIP)
        assert answer.status_code == 200, answer.text
        (json_head, described), (frame_head, codestream) = parts(answer)
        assert "application/dicom+json" in json_head
        assert "image/jphc; transfer-syntax=1.2.840.10008.1.2.4." in frame_head
        assert np.array_equal(decode_lossless(codestream), HIGHEST)
        told = json.loads(described)
        assert (told["slab"]["slices"], told["slab"]["complete"]) == (3, True)
        assert told["metadata"]["00280030"]["Value"] == [0.7, 0.7]
        assert "测试" not in answer.text

    def test_comes_bare_when_asked_for(self, patient):
        octets = patient.get(BASE, params=MIP, headers={"Accept": "application/octet-stream"})
        assert octets.content == HIGHEST.astype("<i2").tobytes()
        frame = patient.get(BASE, params=MIP, headers={"Accept": "image/jphc"})
        assert np.array_equal(decode_lossless(frame.content), HIGHEST)
        told = patient.get(BASE, params=MIP, headers={"Accept": "application/dicom+json"}).json()
        assert told["metadata"]["00280010"]["Value"] == [16]

    def test_is_not_sent_again_and_with_a_version_kept_for_a_year(self, patient):
        first = patient.get(BASE, params=MIP)
        again = patient.get(BASE, params=MIP, headers={"If-None-Match": first.headers["etag"]})
        other = patient.get(BASE, params=MIP | {"mode": "minip"}, headers={"If-None-Match": first.headers["etag"]})
        assert [again.status_code, other.status_code] == [304, 200]
        assert "immutable" not in first.headers["cache-control"]
        assert "immutable" in patient.get(BASE, params=MIP | {"v": "1"}).headers["cache-control"]

    def test_is_shown_as_a_picture_at_the_window_of_its_slices_or_another(self, patient):
        jpg = patient.get(f"{BASE}/rendered", params=MIP)
        assert (jpg.headers["content-type"], Image.open(BytesIO(jpg.content)).size) == ("image/jpeg", (16, 16))
        png = patient.get(f"{BASE}/rendered", params=MIP | {"window": "-900,200"}, headers={"Accept": "image/png"})
        shown = np.asarray(Image.open(BytesIO(png.content)))
        t = np.clip((HIGHEST - (-900 - 0.5)) / 199 + 0.5, 0, 1)
        assert np.array_equal(shown, np.floor(255 * t + 0.5))

    def test_of_a_share_stays_in_no_cache(self, archive):
        _, cookie = archive.grant(STUDY, shared=True)
        assert archive.browser(cookie).get(BASE, params=MIP | {"v": "1"}).headers["cache-control"] == "no-store"

    def test_lies_in_any_plane(self, patient):
        wish = {"mode": "mip", "plane": "oblique", "origin": "-125,-125,-2", "row": "1,0,0", "column": "0,1,0"}
        size = {"spacing": "0.7", "rows": "16", "columns": "16"}
        answer = patient.get(BASE, params=wish | size, headers={"Accept": "application/octet-stream"})
        assert answer.content == ct_pixels(16, 16, slice_number=2).astype("<i2").tobytes()
        for plane, rows in (("coronal", 3), ("sagittal", 3), ("axial", 16)):
            answer = patient.get(BASE, params={"mode": "avgip", "plane": plane}, headers={"Accept": "application/json"})
            assert answer.json()["metadata"]["00280010"]["Value"] == [rows]


@ON_SQLITE
class TestRefusals:
    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({}, "mode"),
            ({"mode": "sum"}, "mode"),
            ({"mode": "mip", "thickness": "-1"}, "thickness"),
            ({"mode": "mip", "thickness": "nan"}, "thickness"),
            ({"mode": "mip", "thickness": "1e9"}, "thickness"),
            ({"mode": "mip", "number": "0"}, "number"),
            ({"mode": "mip", "plane": "diagonal"}, "plane"),
            ({"mode": "mip", "plane": "oblique"}, "origin"),
            ({"mode": "mip", "plane": "oblique", "origin": "0,0"}, "row"),
        ],
    )
    def test_name_the_parameter(self, patient, params, field):
        answer = patient.get(BASE, params=params)
        assert (answer.status_code, answer.json()["field"]) == (422, field)

    @pytest.mark.parametrize("origin", ["0,0", "a,b,c", "0,0,inf", "0,0,1e30"])
    def test_name_a_vector_that_is_none(self, patient, origin):
        whole = {"row": "1,0,0", "column": "0,1,0", "spacing": "1", "rows": "4", "columns": "4", "origin": origin}
        answer = patient.get(BASE, params={"mode": "mip", "plane": "oblique"} | whole)
        assert (answer.status_code, answer.json()["field"]) == (422, "origin")

    @pytest.mark.parametrize(
        "address",
        [
            BASE.replace(STUDY, EARLIER),
            BASE.replace(series_uid("study", "series"), "1.2.3"),
            BASE.replace(STUDY, "1.2.3"),
        ],
    )
    def test_do_not_tell_apart_what_is_unknown_and_what_is_elsewhere(self, patient, address):
        answer = patient.get(address, params=MIP)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    def test_a_window_that_is_none(self, patient):
        answer = patient.get(f"{BASE}/rendered", params=MIP | {"window": "1,x"})
        assert (answer.status_code, answer.json()["field"]) == (400, "window")


class TestSeriesThatAreNoStack:
    def test_say_in_words_why_a_series_gives_no_slab(self, clinic):
        two = ct_series(2, 16, 16, series="phases", ImagePositionPatient=[0, 0, 0], patient_name="测试患者")
        scout = ct_instance(16, 16, series="scout", ImageOrientationPatient=None, patient_name="测试患者")
        clinic.images([*two, scout])
        _, cookie = clinic.grant(STUDY)
        browser = clinic.browser(cookie)
        early = browser.get(BASE, params=MIP)
        assert (early.status_code, early.json(), early.headers["retry-after"]) == (202, {"state": "preparing"}, "2")
        clinic.follow(derive=True)
        reasons = {}
        for series in ("phases", "scout"):
            answer = browser.get(BASE.replace(series_uid("study", "series"), series_uid("study", series)), params=MIP)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
            reasons[series] = (answer.json()["reason_code"], answer.json()["detail"])
        assert reasons["phases"] == (
            "several_per_place",
            "同一位置有多幅图像，例如多期、多回波或多个 b 值，不能做投影或重建。",
        )
        assert reasons["scout"] == ("no_position", "图像没有注明在体内的位置，不能做投影或重建。")
