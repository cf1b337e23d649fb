"""What a patient sees of a study: first screen, timeline, manifest, pictures, received files."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.builders.dicom import ct_instance, ct_pixels, ct_series, instance_uid, study_uid

pytestmark = pytest.mark.integration

STUDY, EARLIER, NEIGHBOUR = study_uid("study"), study_uid("earlier"), study_uid("neighbour")
BASE = f"/api/patient/studies/{STUDY}"


def frame(number: int, view: str = "", study: str = STUDY) -> str:
    return f"/api/patient/studies/{study}/instances/{instance_uid('study', 'series', number)}/frames/1{view}"


class TestNotThere:
    @pytest.mark.clause("R3.5")
    @pytest.mark.parametrize("study", [NEIGHBOUR, "1.2.3"])
    def test_another_patients_study_and_an_unknown_one_are_not_found(self, patient, study):
        answers = [
            patient.get("/api/patient/first-screen", params={"study": study}),
            patient.get(f"/api/patient/studies/{study}/manifest"),
            patient.get(frame(1, study=study)),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "not_found")] * 3

    @pytest.mark.parametrize("number", ["0", "-1", "x", "1000001"])
    def test_a_frame_number_that_cannot_be_is_refused(self, patient, number):
        assert patient.get(f"{BASE}/instances/{instance_uid()}/frames/{number}").status_code == 422

    def test_a_frame_after_the_last_is_not_found(self, patient):
        address = f"{BASE}/instances/{instance_uid()}/frames/2"
        assert patient.get(address).json()["code"] == "no_frame"
        assert patient.get(f"{address}/preview").json()["code"] == "no_preview"

    def test_an_instance_of_another_of_the_patients_studies_is_not_found(self, patient):
        foreign = instance_uid("earlier", "series", 1)
        assert patient.get(f"{BASE}/instances/{foreign}").status_code == 404


@pytest.mark.clause("R3.1")
class TestFirstScreen:
    def test_one_reply_holds_patient_report_series_and_rights(self, patient):
        screen = patient.get("/api/patient/first-screen").json()
        assert screen["patient"]["name"] == "测试患者"
        assert screen["study"]["study_instance_uid"] == STUDY
        assert screen["study"]["state"] == "ready"
        assert "磨玻璃结节" in screen["report"]["findings"]
        assert screen["report"]["status"] == "verified"
        assert [(item["kind"], item["instance_count"]) for item in screen["series"]] == [("image", 3)]
        assert {"report", "jpg", "dicom", "interpret"} <= set(screen["rights"])
        assert screen["history_count"] == 1

    @pytest.mark.clause("R3.4")
    def test_another_study_of_the_same_patient_opens_too(self, patient):
        screen = patient.get("/api/patient/first-screen", params={"study": EARLIER}).json()
        assert screen["study"]["study_instance_uid"] == EARLIER

    @pytest.mark.clause("R3.4")
    def test_the_timeline_lists_own_studies_alone(self, patient):
        listed = [item["study_instance_uid"] for item in patient.get("/api/patient/studies").json()]
        assert sorted(listed) == sorted([STUDY, EARLIER])


class TestTimeline:
    def test_the_newest_comes_first_whatever_the_order_of_arrival(self, clinic):
        for name, day in (("oldest", "20250101"), ("newest", "20260302")):
            clinic.images(ct_series(1, study=name, accession_number=f"ACC{day}", study_date=day))
        clinic.follow(derive=False)
        _, cookie = clinic.grant(STUDY)
        listed = clinic.browser(cookie).get("/api/patient/studies").json()
        assert [item["study_date"] for item in listed] == ["2026-03-02", "2026-03-01", "2025-01-01"]


class TestManifest:
    @pytest.mark.clause("R3.1")
    def test_instances_stand_in_anatomical_order_with_nothing_of_the_patient(self, patient):
        answer = patient.get(f"{BASE}/manifest")
        (series,) = answer.json()["series"]
        numbers = {instance_uid(number=number): number for number in (1, 2, 3)}
        ordered = [numbers[item["sop_instance_uid"]] for item in series["instances"]]
        assert ordered in ([1, 2, 3], [3, 2, 1])
        assert answer.json()["version"] == answer.headers["etag"].strip('"')
        assert "测试" not in answer.text
        assert "TEST0001" not in answer.text

    def test_who_has_it_is_told_that_nothing_changed(self, patient):
        tag = patient.get(f"{BASE}/manifest").headers["etag"]
        again = patient.get(f"{BASE}/manifest", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        other = patient.get(f"{BASE}/manifest", headers={"If-None-Match": '"0"'})
        assert other.status_code == 200

    def test_says_preparing_until_frames_are_made(self, clinic):
        _, cookie = clinic.grant(STUDY)
        browser = clinic.browser(cookie)
        early = browser.get(f"{BASE}/manifest")
        assert (early.status_code, early.json(), early.headers["retry-after"]) == (202, {"state": "preparing"}, "2")
        assert browser.get("/api/patient/first-screen").json()["study"]["state"] == "preparing"
        clinic.follow(derive=True)
        assert browser.get(f"{BASE}/manifest").status_code == 200

    def test_a_late_image_makes_the_study_partly_and_then_changes_the_version(self, clinic):
        clinic.follow(derive=True)
        _, cookie = clinic.grant(STUDY)
        browser = clinic.browser(cookie)
        before = browser.get(f"{BASE}/manifest").headers["etag"]
        clinic.images([ct_instance(16, 16, number=4)])
        assert browser.get("/api/patient/first-screen").json()["study"]["state"] == "partly"
        assert browser.get(f"{BASE}/manifest").headers["etag"] == before
        clinic.follow(derive=True)
        assert browser.get("/api/patient/first-screen").json()["study"]["state"] == "ready"
        assert browser.get(f"{BASE}/manifest").headers["etag"] != before


@pytest.mark.clause("R3.1")
class TestPictures:
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_little_endian_pixels_are_those_that_were_sent(self, patient, number):
        answer = patient.get(frame(number), headers={"Accept": "application/octet-stream"})
        sent = ct_pixels(16, 16, slice_number=number)
        np.testing.assert_array_equal(np.frombuffer(answer.content, "<i2").reshape(16, 16), sent)
        assert "1.2.840.10008.1.2.1" in answer.headers["content-type"]

    def test_a_frame_is_multipart_unless_the_bare_codestream_is_asked_for(self, patient):
        bare = patient.get(frame(1), headers={"Accept": "image/jphc"})
        assert bare.headers["content-type"].startswith("image/jphc; transfer-syntax=1.2.840.10008.1.2.4.20")
        assert bare.content.startswith(b"\xff\x4f\xff\x51")
        for accept in ("*/*", 'multipart/related; type="image/jphc"'):
            whole = patient.get(frame(1), headers={"Accept": accept})
            kind = whole.headers["content-type"]
            boundary = re.search(r"boundary=(\S+)", kind)
            assert boundary is not None
            head, _, rest = whole.content.partition(b"\r\n\r\n")
            assert kind.startswith('multipart/related; type="image/jphc"')
            assert head.startswith(f"--{boundary[1]}\r\nContent-Type: image/jphc; transfer-syntax=".encode())
            assert rest == bare.content + f"\r\n--{boundary[1]}--\r\n".encode()

    @pytest.mark.parametrize("view", ["/preview", "/thumbnail"])
    @pytest.mark.clause("R3.6")
    def test_previews_are_jpg_of_the_images_shape(self, patient, view):
        answer = patient.get(frame(1, view))
        picture = Image.open(io.BytesIO(answer.content))
        assert (answer.headers["content-type"], picture.format) == ("image/jpeg", "JPEG")
        assert picture.width == picture.height <= 128

    @pytest.mark.parametrize("view", ["", "/preview", "/thumbnail"])
    def test_only_an_address_with_a_version_is_kept_for_a_year_and_privately(self, patient, view):
        with_version = patient.get(frame(1, view), params={"v": "7"}).headers["cache-control"]
        without = patient.get(frame(1, view)).headers["cache-control"]
        assert with_version == "private, max-age=31536000, immutable"
        assert without == "private, no-cache"


@pytest.mark.clause("R1.3")
class TestReceivedFiles:
    def test_come_back_byte_for_byte(self, patient):
        sent = ct_series(
            3, 16, 16, study="study", patient_id="TEST0001", patient_name="测试患者", accession_number="ACC0001"
        )
        for number, content in enumerate(sent, 1):
            answer = patient.get(f"{BASE}/instances/{instance_uid(number=number)}")
            assert answer.content == content
            assert answer.headers["content-type"] == "application/dicom"
            assert int(answer.headers["content-length"]) == len(content)
