"""Taking a study away over HTTP: code, ticket, package; and that without the code nothing comes."""

import hashlib
import io
import socket
import subprocess
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pypdfium2
import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.blobs import BlobStore
from imaging_core.domain.grants import Right
from tests.builders.dicom import ct_series, instance_uid, study_uid
from tests.builders.hospital import served
from tests.builders.routes import Things, jpeg

pytestmark = [pytest.mark.integration, pytest.mark.clause("R3.5")]

STUDY = study_uid("study")
DOWNLOADS = "/api/patient/downloads"


@pytest.fixture
def owner(hospital):
    _, cookie = hospital.grant(STUDY)
    return hospital.browser(cookie)


def make(owner, study: str = STUDY) -> dict:
    answer = owner.post(DOWNLOADS, json={"study": study})
    assert answer.status_code == 201, answer.text
    return answer.json()


def unlock(owner, made: dict, code: str | None = None):
    return owner.post(
        f"{DOWNLOADS}/{made['download_id']}/unlock", json={"code": made["code"] if code is None else code}
    )


def wrong_for(code: str) -> str:
    return ("A" if code[0] != "A" else "C") + code[1:]


def package(owner, made: dict) -> zipfile.ZipFile:
    answer = owner.get(unlock(owner, made).json()["url"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    return zipfile.ZipFile(io.BytesIO(answer.content))


class TestCode:
    def test_it_is_made_by_the_system_and_holds_a_day(self, hospital, owner):
        made = make(owner)
        assert len(made["code"]) == 6
        assert made["expires_at"].startswith((hospital.clock() + timedelta(hours=24)).isoformat()[:16])
        listed = owner.get(DOWNLOADS, params={"study": STUDY})
        assert [item["download_id"] for item in listed.json()] == [made["download_id"]]
        assert made["code"] not in listed.text

    def test_it_may_be_typed_in_small_letters_and_with_gaps(self, owner):
        made = make(owner)
        assert unlock(owner, made, f" {made['code'][:3].lower()} {made['code'][3:]}").status_code == 200

    def test_it_opens_from_another_browser_of_the_patient(self, hospital, owner):
        made = make(owner)
        _, cookie = hospital.grant(STUDY)
        assert unlock(hospital.browser(cookie), made).status_code == 200

    def test_a_wrong_code_an_expired_one_and_one_tried_too_often_look_the_same(self, hospital, owner):
        made, late = make(owner), make(owner)
        wrong = [unlock(owner, made, wrong_for(made["code"])) for _ in range(5)]
        spent = unlock(owner, made)
        hospital.clock.forward(hours=24)
        _, cookie = hospital.grant(STUDY)
        expired = unlock(hospital.browser(cookie), late)
        answers = [*wrong, spent, expired]
        assert {answer.status_code for answer in answers} == {403}
        assert len({answer.text for answer in answers}) == 1
        assert answers[0].json()["code"] == "extraction_refused"

    def test_a_right_code_forgets_the_wrong_ones_before_it(self, owner):
        made = make(owner)
        for _ in range(3):
            assert [unlock(owner, made, wrong_for(made["code"])).status_code for _ in range(4)] == [403] * 4
            assert unlock(owner, made).status_code == 200

    def test_another_patients_package_and_an_unknown_one_look_the_same(self, hospital, owner):
        made = make(owner)
        hospital.load(
            patient_id="TEST0002", accession_number="ACC0002", study="neighbour", phone="13800000002", name="测试邻居"
        )
        _, cookie = hospital.grant(study_uid("neighbour"))
        neighbour = hospital.browser(cookie)
        foreign, unknown = unlock(neighbour, made), unlock(neighbour, {**made, "download_id": "0" * 32})
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json() == unknown.json()
        assert neighbour.post(DOWNLOADS, json={"study": STUDY}).status_code == 404

    def test_no_share_takes_anything_away(self, hospital, owner):
        made = make(owner)
        _, cookie = hospital.grant(STUDY, frozenset(Right), shared=True)
        stranger = hospital.browser(cookie)
        assert unlock(stranger, made).status_code == 403
        assert stranger.post(DOWNLOADS, json={"study": STUDY}).status_code == 403


class TestTicket:
    def test_without_a_ticket_with_a_guessed_and_with_a_spent_one_nothing_comes(self, owner):
        made = make(owner)
        address = f"{DOWNLOADS}/{made['download_id']}/package.zip"
        first = unlock(owner, made).json()["url"]
        assert owner.get(first).status_code == 200
        refused = [owner.get(url) for url in (address, f"{address}?ticket={'A' * 32}", first)]
        assert [answer.status_code for answer in refused] == [403] * 3
        assert {answer.json()["code"] for answer in refused} == {"ticket_spent"}

    def test_it_is_good_for_its_own_package_and_its_own_browser_alone(self, hospital, owner):
        made, other = make(owner), make(owner)
        moved = unlock(owner, made).json()["url"].replace(made["download_id"], other["download_id"])
        assert owner.get(moved).status_code == 403
        _, cookie = hospital.grant(STUDY)
        assert hospital.browser(cookie).get(unlock(owner, made).json()["url"]).status_code == 403

    def test_it_lasts_a_minute(self, hospital, owner):
        answer = unlock(owner, make(owner)).json()
        assert answer["expires_in_seconds"] == 60
        (key,) = hospital.services.redis.keys("ticket:*")
        assert 0 < hospital.services.redis.ttl(key) <= 60


@pytest.mark.clause("R3.1")
class TestPackage:
    def test_the_received_files_byte_for_byte_under_a_dicomdir_that_lists_them(self, hospital, owner, tmp_path):
        sent = ct_series(
            3, 16, 16, study="study", patient_id="TEST0001", patient_name="测试患者", accession_number="ACC0001"
        )
        zipped = package(owner, make(owner))
        assert zipped.testzip() is None
        zipped.extractall(tmp_path)
        listed = FileSet(tmp_path / "DICOMDIR")
        kept = [hashlib.sha256(Path(item.path).read_bytes()).hexdigest() for item in listed]
        assert sorted(kept) == sorted(hashlib.sha256(item).hexdigest() for item in sent)
        dumped = subprocess.run(["dcmdump", str(tmp_path / "DICOMDIR")], capture_output=True, text=True, check=False)
        assert dumped.returncode == 0
        assert dumped.stdout.count("DirectoryRecordType") == 6
        assert "E: " not in dumped.stderr

    def test_the_report_the_uploaded_one_the_pictures_and_a_note(self, hospital, owner):
        hospital.follow(derive=True)
        Things(hospital)  # among them an uploaded report
        zipped = package(owner, make(owner))
        names = zipped.namelist()
        assert [name for name in names if name.startswith("JPG预览/")] == [
            f"JPG预览/序列1/000{n}.jpg" for n in (1, 2, 3)
        ]
        preview = owner.get(
            f"/api/patient/studies/{STUDY}/instances/{instance_uid('study', 'series', 1)}/frames/1/preview"
        )
        assert zipped.read("JPG预览/序列1/0001.jpg") == preview.content
        assert zipped.read("报告/电子报告单1.jpg") == jpeg(300)
        text = pypdfium2.PdfDocument(zipped.read("报告/检查报告单.pdf"))[0].get_textpage().get_text_range()
        assert "测试患者" in text
        note = zipped.read("说明.txt").decode("utf-8-sig")
        assert "\r\n" in note
        assert "JPG预览" in note

    def test_what_is_not_made_yet_is_not_promised(self, owner):
        zipped = package(owner, make(owner))
        assert not [name for name in zipped.namelist() if name.startswith("JPG预览")]
        assert "JPG预览" not in zipped.read("说明.txt").decode("utf-8-sig")

    def test_its_name_says_nothing_of_the_patient(self, owner):
        answer = owner.get(unlock(owner, make(owner)).json()["url"])
        assert answer.headers["content-disposition"] == 'attachment; filename="mingying-20260301-CT.zip"'
        assert answer.headers["cache-control"] == "no-store"

    def test_asking_refusing_and_taking_are_recorded(self, hospital, owner):
        made = make(owner)
        unlock(owner, made, wrong_for(made["code"]))
        package(owner, made)
        with hospital.services.database.reading() as session:
            events = session.scalars(select(AuditEventRow).where(AuditEventRow.object_kind == "download")).all()
        assert sorted(event.action for event in events) == [
            "download.created",
            "download.refused",
            "download.started",
            "download.unlocked",
        ]
        assert made["code"] not in str([event.detail for event in events])


class CountingBlobs:
    """The real store, counting the pieces that are read from it."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self.pieces = 0

    def __getattr__(self, name):
        return getattr(self._blobs, name)

    def read(self, ref, **options):
        for piece in self._blobs.read(ref, **options):
            self.pieces += 1
            yield piece


@pytest.mark.enable_socket
class TestLeaving:
    def test_a_client_that_leaves_stops_the_work(self, clinic):
        slices = ct_series(40, 512, 512, study="large", patient_id="TEST0001", accession_number="ACC0009")
        clinic.images(slices)
        clinic.follow(derive=False)
        _, cookie = clinic.grant(STUDY)
        owner = clinic.browser(cookie)
        url = unlock(owner, make(owner, study_uid("large"))).json()["url"]
        clinic.services.blobs = counting = CountingBlobs(clinic.services.blobs)
        with served(clinic) as address:
            place = urlsplit(address)
            with socket.create_connection((place.hostname, place.port)) as connection:
                request = f"GET {url} HTTP/1.1\r\nHost: hospital.test\r\nCookie: my_grant={cookie}\r\n\r\n"
                connection.sendall(request.encode())
                assert connection.recv(1024).startswith(b"HTTP/1.1 200")
                taken = 0
                while taken < 2_000_000:
                    taken += len(connection.recv(65536))
            before = -1
            while before != counting.pieces:
                before = counting.pieces
                time.sleep(0.5)
        assert 0 < counting.pieces < len(slices)


def test_the_original_of_one_slice_can_be_read_in_the_package(hospital, owner, tmp_path):
    zipped = package(owner, make(owner))
    assert dcmread(io.BytesIO(zipped.read("DICOM/SE000001/IM000001"))).PatientID == "TEST0001"
