"""A patient's studies as the phone page gets them: first screen, timeline, manifest, pictures, received files."""

import asyncio
import gzip
import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.derive.encoding import decode_lossless
from imaging_core.phantoms.ecg import LEADS, EcgAcquisition, render_ecg
from tests.builders import hl7
from tests.builders.dicom import ct_instance, ct_pixels, ct_series, instance_uid, series_uid, study_uid
from tests.builders.ecg import ecg_instance, ecg_of
from tests.builders.hl7 import FINDINGS, IMPRESSION
from tests.builders.routes import jpeg

pytestmark = pytest.mark.integration

STUDY, EARLIER = study_uid("study"), study_uid("earlier")
SOP = instance_uid("study", "series", 2)
BASE = f"/api/patient/studies/{STUDY}"
FRAME = f"{BASE}/instances/{SOP}/frames/1"
SENT = ct_instance(
    16, 16, number=2, study="study", patient_id="TEST0001", patient_name="测试患者", accession_number="ACC0001"
)


def actions(hospital) -> list[str]:
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(AuditEventRow.action).order_by(AuditEventRow.at, AuditEventRow.id)))


@pytest.mark.clause("R3.1")
class TestFirstScreen:
    def test_holds_all_that_the_page_needs_in_one_reply(self, patient):
        screen = patient.get("/api/patient/first-screen").json()
        assert screen["patient"] == {"name": "测试患者", "sex": "女", "age": 46}
        assert screen["study"]["study_instance_uid"] == STUDY
        assert (screen["study"]["modalities"], screen["study"]["instance_count"]) == (["CT"], 3)
        assert (screen["study"]["state"], screen["study"]["has_report"], screen["study"]["has_preview"]) == (
            "ready",
            True,
            True,
        )
        assert screen["study"]["exam_item"] == screen["report"]["exam_item"] == "胸部CT平扫"
        assert (screen["report"]["findings"], screen["report"]["impression"]) == (FINDINGS, IMPRESSION)
        (series,) = screen["series"]
        assert series["series_instance_uid"] == series_uid("study", "series")
        assert (series["kind"], series["instance_count"], series["has_preview"]) == ("image", 3, True)
        assert series["key"]["frame_number"] == 1
        assert screen["history_count"] == 1
        assert {"report", "jpg", "dicom", "interpret"} <= set(screen["rights"])

    def test_begins_with_the_image_the_report_names(self, hospital):
        hospital.images(
            [
                *ct_series(4, 16, 16, series="lung", SeriesNumber=2, patient_name="测试患者"),
                *ct_series(2, 16, 16, series="bone", SeriesNumber=3, patient_name="测试患者"),
            ]
        )
        hospital.follow(derive=True)
        _, cookie = hospital.grant(STUDY)
        patient = hospital.browser(cookie)

        def opening(findings: str) -> tuple[int, str]:
            corrected = hl7.oru_r01(study_instance_uid=STUDY, findings=findings, status="C")
            hospital.hl7(corrected)
            hospital.follow(derive=False)
            series = patient.get("/api/patient/first-screen").json()["series"]
            assert sorted(item["series_number"] for item in series) == [1, 2, 3]
            assert {item["body_part"] for item in series} == {"CHEST"}
            return series[0]["series_number"], series[0]["key"]["sop_instance_uid"]

        assert opening("右肺结节（Se 2，Im 3）。") == (2, instance_uid("study", "lung", 3))
        assert opening("右肺结节（Im 4）。") == (2, instance_uid("study", "lung", 4))
        middle = (1, instance_uid("study", "series", 2))
        assert opening("右肺结节（Im 1）。") == middle, "three series have such an image"
        assert opening("右肺结节（Se 2，Im 9）。") == middle, "there is no such image"
        assert opening("右肺结节。") == middle

    @pytest.mark.clause("R3.4")
    def test_of_an_earlier_study_is_asked_for_by_its_uid(self, patient):
        screen = patient.get("/api/patient/first-screen", params={"study": EARLIER}).json()
        assert screen["study"]["study_instance_uid"] == EARLIER
        assert screen["report"]["report_id"] != patient.get("/api/patient/first-screen").json()["report"]["report_id"]

    def test_may_be_opened_as_often_as_one_likes_and_each_time_stands_in_the_audit(self, archive, patient):
        before = actions(archive).count("study.viewed")
        assert [patient.get("/api/patient/first-screen").status_code for _ in range(12)] == [200] * 12
        assert actions(archive).count("study.viewed") == before + 12

    def test_of_a_study_without_a_report_says_so(self, hospital):
        hospital.images(ct_series(1, study="new", accession_number="ACC0007", patient_name="测试患者"))
        hospital.follow(derive=False)
        _, cookie = hospital.grant(STUDY)
        screen = hospital.browser(cookie).get("/api/patient/first-screen", params={"study": study_uid("new")}).json()
        assert screen["report"] is None
        assert (screen["study"]["has_report"], screen["study"]["exam_item"]) == (False, "")


@pytest.mark.clause("R3.4")
class TestTimeline:
    def test_lists_the_patients_own_studies_newest_first(self, hospital):
        hospital.images(
            [
                *ct_series(1, study="older", study_date="20200101", accession_number="A2", patient_name="测试患者"),
                *ct_series(1, study="newer", study_date="20260302", accession_number="A3", patient_name="测试患者"),
            ]
        )
        hospital.load(patient_id="TEST0002", accession_number="A4", study="strangers", id_number="110101198001010029")
        _, cookie = hospital.grant(STUDY)
        listed = hospital.browser(cookie).get("/api/patient/studies").json()
        assert [item["study_instance_uid"] for item in listed] == [study_uid("newer"), STUDY, study_uid("older")]
        assert [item["study_date"] for item in listed] == ["2026-03-02", "2026-03-01", "2020-01-01"]
        assert "studies.listed" in actions(hospital)


class TestManifest:
    def test_names_every_instance_in_anatomical_order_and_nothing_of_the_patient(self, patient):
        answer = patient.get(f"{BASE}/manifest")
        manifest = answer.json()
        (series,) = manifest["series"]
        numbers = [instance["instance_number"] for instance in series["instances"]]
        assert sorted(numbers) == [1, 2, 3]
        assert numbers in ([1, 2, 3], [3, 2, 1])
        assert all(instance["has_preview"] and instance["web_frame"] for instance in series["instances"])
        assert series["instances"][0]["metadata"]["00280010"]["Value"] == [16]
        assert answer.headers["content-encoding"] == "gzip"
        assert "测试" not in answer.text
        assert "TEST0001" not in answer.text

    def test_that_did_not_change_is_not_sent_again(self, archive, patient):
        first = patient.get(f"{BASE}/manifest")
        etag = first.headers["etag"]
        again = patient.get(f"{BASE}/manifest", headers={"If-None-Match": etag})
        through_a_proxy = patient.get(f"{BASE}/manifest", headers={"If-None-Match": f'W/{etag}, "other"'})
        changed = patient.get(f"{BASE}/manifest", headers={"If-None-Match": '"other"'})
        assert [again.status_code, through_a_proxy.status_code, changed.status_code] == [304, 304, 200]
        assert again.content == b""
        assert again.headers["etag"] == etag == f'"{first.json()["version"]}"'

    def test_while_pictures_are_made_the_page_is_told_to_come_again(self, hospital):
        _, cookie = hospital.grant(STUDY)
        browser = hospital.browser(cookie)
        answer = browser.get(f"{BASE}/manifest")
        assert (answer.status_code, answer.json(), answer.headers["retry-after"]) == (202, {"state": "preparing"}, "2")
        assert browser.get("/api/patient/first-screen").json()["study"]["state"] == "preparing"
        assert browser.get(f"{FRAME}/preview").status_code == 404


@pytest.mark.clause("R1.3")
class TestFrames:
    def stored(self) -> np.ndarray:
        return ct_pixels(16, 16, slice_number=2)

    def test_come_as_multipart_with_the_transfer_syntax_in_the_part(self, patient):
        answer = patient.get(FRAME)
        assert answer.headers["content-type"].startswith('multipart/related; type="image/jphc"; boundary=')
        boundary = answer.headers["content-type"].split("boundary=")[1]
        head, _, rest = answer.content.partition(b"\r\n\r\n")
        assert head.startswith(
            f"--{boundary}\r\nContent-Type: image/jphc; transfer-syntax=1.2.840.10008.1.2.4.".encode()
        )
        codestream = rest.removesuffix(f"\r\n--{boundary}--\r\n".encode())
        assert np.array_equal(decode_lossless(codestream), self.stored())

    def test_come_bare_when_asked_for(self, patient):
        answer = patient.get(FRAME, headers={"Accept": "image/jphc"})
        assert answer.headers["content-type"].startswith("image/jphc; transfer-syntax=")
        assert np.array_equal(decode_lossless(answer.content), self.stored())

    def test_come_as_little_endian_pixels_equal_to_those_sent(self, patient):
        answer = patient.get(FRAME, headers={"Accept": "application/octet-stream"})
        assert answer.headers["content-type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
        assert answer.content == self.stored().astype("<i2").tobytes()

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            (f"{BASE}/instances/{SOP}/frames/2", 404),
            (f"{BASE}/instances/{SOP}/frames/0", 422),
            (f"{BASE}/instances/{SOP}/frames/1e9", 422),
            (f"{BASE}/instances/{SOP}/frames/99999999999", 422),
            (f"{BASE}/instances/1.2.3/frames/1", 404),
            (f"{BASE}/instances/..%2F..%2Fkeys/frames/1", 404),
            (f"/api/patient/studies/{EARLIER}/instances/{SOP}/frames/1", 404),
        ],
    )
    def test_that_are_not_there_are_refused_in_a_sentence(self, patient, path, status):
        answer = patient.get(path)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"

    def test_after_the_last_one_picture_and_preview_each_say_what_is_missing(self, patient):
        address = f"{BASE}/instances/{SOP}/frames/2"
        codes = [patient.get(address + view).json()["code"] for view in ("", "/preview", "/thumbnail")]
        assert codes == ["no_frame", "no_preview", "no_preview"]


@pytest.mark.clause("R3.6")
class TestJpg:
    def test_the_preview_has_full_size_and_the_thumbnail_fits_a_list(self, patient):
        for kind in ("preview", "thumbnail"):
            answer = patient.get(f"{FRAME}/{kind}")
            assert answer.headers["content-type"] == "image/jpeg"
            picture = Image.open(BytesIO(answer.content))
            assert max(picture.size) == 16
            assert not picture.getexif()

    def test_where_none_can_be_made_the_page_is_told_to_take_dicom(self, hospital):
        hospital.images(
            [
                ct_instance(
                    study="study", series="odd", number=9, PhotometricInterpretation=None, PixelData=None, Rows=None
                )
            ]
        )
        hospital.follow(derive=True)
        _, cookie = hospital.grant(STUDY)
        browser = hospital.browser(cookie)
        sop = instance_uid("study", "odd", 9)
        answer = browser.get(f"{BASE}/instances/{sop}/frames/1/preview")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_preview")
        assert browser.get(f"{BASE}/instances/{sop}").status_code == 200


@pytest.mark.clause("R2.10")
class TestElectrocardiogram:
    SOP = instance_uid("study", "ecg", 1)
    ADDRESS = f"{BASE}/instances/{SOP}/ecg"

    def test_comes_as_leads_in_microvolts_and_the_manifest_says_where(self, hospital):
        hospital.images([ecg_instance(study="study", series="ecg")])
        hospital.follow(derive=True)
        _, cookie = hospital.grant(STUDY)
        browser = hospital.browser(cookie)
        kinds = {series["kind"]: series for series in browser.get(f"{BASE}/manifest").json()["series"]}
        assert kinds["waveform"]["instances"][0]["sop_instance_uid"] == self.SOP
        answer = browser.get(self.ADDRESS)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-cache")
        body = answer.json()
        assert body["samples_per_second"] == 500
        assert [lead["name"] for lead in body["leads"]] == list(LEADS)
        drawn = render_ecg(EcgAcquisition())
        for lead, millivolts in zip(body["leads"], drawn, strict=True):
            assert np.abs(np.array(lead["microvolts"]) - millivolts * 1000).max() <= 3

    def test_that_cannot_be_drawn_to_scale_is_not_drawn(self, hospital):
        hospital.images([ecg_of(np.zeros((4, 1)), ["II"], unit="mm[Hg]", study="study", series="ecg")])
        _, cookie = hospital.grant(STUDY)
        answer = hospital.browser(cookie).get(self.ADDRESS)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_waveform")

    def test_of_a_picture_or_of_nothing_is_not_found(self, patient):
        codes = [patient.get(f"{BASE}/instances/{sop}/ecg").json()["code"] for sop in (SOP, "1.2.3")]
        assert codes == ["no_waveform", "not_found"]


class TestCaching:
    @pytest.mark.parametrize("path", [FRAME, f"{FRAME}/preview", f"{FRAME}/thumbnail"])
    def test_bytes_named_by_the_manifests_version_never_change_and_belong_to_one_browser(self, patient, path):
        cache = patient.get(path, params={"v": "abc"}).headers["cache-control"]
        assert cache == "private, max-age=31536000, immutable"
        assert patient.get(path).headers["cache-control"] == "private, no-cache"
        assert patient.get(path, params={"v": "abc"}).headers["vary"] == "Cookie"


@pytest.mark.clause("R1.3")
class TestReceivedFile:
    def test_comes_back_byte_for_byte_and_the_download_is_noted(self, archive, patient):
        answer = patient.get(f"{BASE}/instances/{SOP}")
        assert answer.content == SENT
        assert answer.headers["content-type"] == "application/dicom"
        assert answer.headers["content-length"] == str(len(SENT))
        assert answer.headers["content-disposition"] == f'attachment; filename="{SOP}.dcm"'
        assert "instance.downloaded" in actions(archive)

    def test_that_is_lost_on_disk_is_said_to_be_missing(self, hospital):
        for path in (hospital.services.settings.data / "blobs").rglob("*"):
            if path.is_file():
                path.unlink()
        _, cookie = hospital.grant(STUDY)
        answer = hospital.browser(cookie).get(f"{BASE}/instances/{SOP}")
        assert (answer.status_code, answer.json()["code"]) == (404, "no_frame")


class TestChangingStudies:
    def test_late_images_are_said_to_be_on_their_way_and_then_are_there(self, hospital):
        hospital.follow(derive=True)
        _, cookie = hospital.grant(STUDY)
        browser = hospital.browser(cookie)
        before = browser.get(f"{BASE}/manifest").json()
        late = ct_instance(16, 16, study="study", number=4, patient_name="测试患者")
        hospital.images([late])
        partly = browser.get("/api/patient/first-screen").json()["study"]
        assert (partly["state"], partly["instance_count"]) == ("partly", 4)
        assert len(browser.get(f"{BASE}/manifest").json()["series"][0]["instances"]) == 3
        hospital.follow(derive=True)
        assert browser.get("/api/patient/first-screen").json()["study"]["state"] == "ready"
        after = browser.get(f"{BASE}/manifest").json()
        assert len(after["series"][0]["instances"]) == 4
        assert after["version"] != before["version"]

    def test_the_same_uid_with_other_content_is_kept_and_never_served(self, hospital):
        hospital.follow(derive=True)
        forged = ct_instance(16, 16, study="study", number=2, patient_name="测试患者", pixels=np.zeros((16, 16), "<i2"))
        hospital.images([forged])
        hospital.follow(derive=True)
        _, cookie = hospital.grant(STUDY)
        browser = hospital.browser(cookie)
        assert browser.get(f"{BASE}/instances/{SOP}").content == SENT
        pixels = browser.get(FRAME, headers={"Accept": "application/octet-stream"}).content
        assert pixels == ct_pixels(16, 16, slice_number=2).tobytes()
        assert browser.get("/api/patient/first-screen").json()["study"]["instance_count"] == 3
        assert "archive.instance_conflict" in actions(hospital)


@pytest.mark.clause("R3.10")
class TestElectronicReport:
    def test_is_listed_and_comes_back_as_it_was_uploaded_and_can_run_nothing(self, clinic):
        uploaded = jpeg(400)
        answer = clinic.browser().post(
            "/api/interop/documents",
            files={"file": ("r.jpg", uploaded, "image/jpeg")},
            data={"accession_number": "ACC0001", "title": "心电图报告"},
            headers=clinic.machine_key("documents"),
        )
        assert answer.status_code == 201
        _, cookie = clinic.grant(STUDY)
        browser = clinic.browser(cookie)
        (listed,) = browser.get("/api/patient/first-screen").json()["documents"]
        assert (listed["title"], listed["media_type"], listed["bytes"]) == ("心电图报告", "image/jpeg", len(uploaded))
        shown = browser.get(f"/api/patient/documents/{listed['document_id']}")
        assert shown.content == uploaded
        assert shown.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert "document.viewed" in actions(clinic)


def test_a_whole_study_opens_from_the_manifest_alone(archive, patient):
    manifest = json.loads(gzip.decompress(raw(archive, patient, f"{BASE}/manifest")))
    for instance in manifest["series"][0]["instances"]:
        sop = instance["sop_instance_uid"]
        answer = patient.get(f"{BASE}/instances/{sop}/frames/1", params={"v": manifest["version"]})
        assert answer.status_code == 200


def raw(archive, browser, path: str) -> bytes:
    """Return the body as it travels, not unpacked."""

    async def fetch() -> bytes:
        async with archive.client() as client, client.stream("GET", path, cookies=dict(browser.cookies)) as answer:
            return b"".join([piece async for piece in answer.aiter_raw()])

    return asyncio.run(fetch())
