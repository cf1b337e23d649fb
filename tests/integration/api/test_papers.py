"""Photographed paper reports: upload, reading, confirming beside the picture, deleting."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from api.db.tables import PaperRow, WorkRow
from api.workflows.read_paper import read_paper
from ocr.worker import ReadingWorker
from tests.builders.dicom import study_uid
from tests.builders.hospital import OTHER_ID_NUMBER, OTHER_PHONE, small_hospital
from tests.builders.paper import no_report_photo, paper_photo
from tests.builders.report_pictures import encoded, imaging_page
from tests.builders.routes import jpeg

pytestmark = [pytest.mark.integration, pytest.mark.clause("R3.9")]

STUDY = study_uid("study")
PAPERS = "/api/patient/papers"


@pytest.fixture
def browser(clinic):
    return agreed(clinic, STUDY)


def agreed(hospital, study: str):
    _, cookie = hospital.grant(study)
    browser = hospital.browser(cookie)
    for purpose in ("ocr", "interpret"):
        browser.post("/api/patient/consents", json={"purpose": purpose, "version": "1", "given": True})
    return browser


def upload(browser, content: bytes, name: str = "report.jpg"):
    return browser.post(PAPERS, files={"file": (name, content, "image/jpeg")})


def rows(hospital, table=PaperRow):
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(table)))


def heic() -> bytes:
    return b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 200


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 900), "white").save(out, "GIF")
    return out.getvalue()


class TestRefusedUploads:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "不是图片"),
            (b"MZ\x90\x00 a program", "不是图片"),
            (b"<html><script>alert(1)</script></html>", "不是图片"),
            (gif(), "暂不支持这种图片"),
            (heic(), "HEIC"),
        ],
    )
    def test_of_another_type_are_told_what_to_bring_whatever_their_name(self, clinic, browser, content, words):
        answer = upload(browser, content)
        assert answer.status_code == 415
        assert (answer.json()["code"], answer.json()["field"]) == ("paper_type", "file")
        assert words in answer.json()["detail"]
        assert rows(clinic) == []

    def test_that_are_too_large_are_refused_while_they_come(self, tmp_path, sqlite_url, redis_url, redis):
        hospital = small_hospital(
            tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, limits={"paper_bytes": 50_000}
        )
        hospital.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
        browser = agreed(hospital, STUDY)
        for size in (50_001, 3_000_000):  # beyond the limit of the file, and of the whole request
            answer = upload(browser, jpeg(200)[:2] + b"\x00" * size)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert rows(hospital) == []

    def test_without_consent_are_not_looked_at(self, clinic):
        _, cookie = clinic.grant(STUDY)
        answer = upload(clinic.browser(cookie), jpeg())
        assert (answer.status_code, answer.json()["purpose"]) == (403, "ocr")
        assert rows(clinic) == []

    def test_beyond_thirty_an_hour_must_wait(self, clinic, browser):
        statuses = {upload(browser, jpeg(200)).status_code for _ in range(30)}
        assert statuses == {202}
        late = upload(browser, jpeg(200))
        assert (late.status_code, late.json()["code"]) == (429, "too_many")
        assert int(late.headers["retry-after"]) > 0

    def test_without_a_file_are_named_as_such(self, browser):
        answer = browser.post(PAPERS, data={"other": "x"})
        assert (answer.status_code, answer.json()["field"]) == (422, "file")


class TestWaiting:
    def test_the_reading_is_owed_and_the_page_sees_how_far_it_is(self, clinic, browser):
        paper_id = upload(browser, jpeg()).json()["paper_id"]
        seen = browser.get(f"{PAPERS}/{paper_id}").json()
        assert (seen["state"], seen["progress"], seen["fields"], seen["report_id"]) == ("reading", 0.0, [], None)
        (work,) = [row for row in rows(clinic, WorkRow) if row.kind == "read_paper"]
        assert work.subject == paper_id
        assert browser.get(f"{PAPERS}/{paper_id}/picture").status_code == 404

    def test_nothing_can_be_confirmed_before_it_is_read(self, clinic, browser):
        paper_id = upload(browser, jpeg()).json()["paper_id"]
        answer = browser.post(f"{PAPERS}/{paper_id}/confirm", json={"fields": {"findings": "正常。"}})
        assert (answer.status_code, answer.json()["code"]) == (409, "paper_state")

    def test_a_paper_that_is_deleted_meanwhile_stays_deleted(self, clinic, browser):
        paper_id = upload(browser, jpeg()).json()["paper_id"]
        assert browser.delete(f"{PAPERS}/{paper_id}").status_code == 204
        assert [row for row in rows(clinic, WorkRow) if row.kind == "read_paper"] == []
        read_paper(clinic.services, institution_code=clinic.institution_code, paper_id=paper_id)
        assert rows(clinic) == []


@pytest.fixture(scope="module")
def reader():
    with ReadingWorker() as worker:
        yield worker


@pytest.fixture
def desk(clinic, reader, browser):
    """A place to lay a photograph: returns its paper once it was read."""
    clinic.services.__dict__["paper_reader"] = reader

    def read(content: bytes, by=browser) -> dict:
        paper_id = upload(by, content).json()["paper_id"]
        read_paper(clinic.services, institution_code=clinic.institution_code, paper_id=paper_id)
        return by.get(f"{PAPERS}/{paper_id}").json()

    yield read
    del clinic.services.__dict__["paper_reader"]  # it is closed by its own fixture


def values(paper: dict) -> dict[str, str]:
    return {item["key"]: item["value"] for item in paper["fields"]}


@pytest.mark.model
class TestReading:
    def test_fields_stand_beside_the_place_they_were_read_at(self, clinic, browser, desk):
        paper = desk(paper_photo())
        assert (paper["state"], paper["progress"], paper["reason"]) == ("read", 1.0, None)
        read = values(paper)
        assert (read["name"], read["sex"]) == ("测试患者", "女")
        assert "右肺下叶" in read["findings"]
        assert "text" not in paper
        for item in paper["fields"]:
            assert item["label"]
            left, top, width, height = item["box"]
            assert 0 <= left < left + width <= paper["width"]
            assert 0 <= top < top + height <= paper["height"]
        picture = Image.open(io.BytesIO(browser.get(f"{PAPERS}/{paper['paper_id']}/picture").content))
        assert picture.size == (paper["width"], paper["height"])

    def test_the_picture_lies_upright_and_tells_nothing_of_the_camera(self, clinic, browser, desk):
        photo = encoded(imaging_page().rotate(90, expand=True), orientation=6)
        assert b"SECRET-CAMERA" in photo
        paper = desk(photo)
        assert paper["state"] == "read"
        answer = browser.get(f"{PAPERS}/{paper['paper_id']}/picture")
        assert answer.headers["cache-control"] == "no-store"
        shown = Image.open(io.BytesIO(answer.content))
        assert not shown.getexif()
        assert shown.height > shown.width or imaging_page().width > imaging_page().height
        (row,) = rows(clinic)
        assert row.upload is None
        assert b"SECRET-CAMERA" not in row.picture

    def test_a_picture_that_is_no_report_is_refused_in_a_sentence_and_nothing_of_it_is_kept(
        self, clinic, browser, desk
    ):
        paper = desk(no_report_photo())
        assert paper["state"] == "refused"
        assert paper["reason"]
        (row,) = rows(clinic)
        assert (row.upload, row.picture, row.reading) == (None, None, None)

    def test_a_paper_of_somebody_else_is_noticed(self, desk):
        paper = desk(encoded(imaging_page()))  # 测试甲, not 测试患者
        assert values(paper)["name"] == "测试甲"
        assert paper["owner_mismatch"] is True
        assert desk(paper_photo())["owner_mismatch"] is False


@pytest.mark.model
class TestConfirming:
    def test_makes_a_report_that_is_explained_and_asked_about_like_any_other(self, clinic, browser, desk):
        paper = desk(paper_photo())
        fields = values(paper) | {"impression": "右肺下叶实性结节。"}
        report = browser.post(f"{PAPERS}/{paper['paper_id']}/confirm", json={"fields": fields}).json()["report_id"]
        explained = browser.get(f"/api/patient/reports/{report}/interpretation").json()
        assert explained["from_paper"] is True
        assert explained["impression_text"] == "右肺下叶实性结节。"
        assert any("结节" in term["text"] for term in explained["terms"])
        asked = browser.post(f"/api/patient/reports/{report}/questions", json={"question": "结节是什么"})
        assert "finished" in asked.text
        shown = browser.get(f"{PAPERS}/{paper['paper_id']}").json()
        assert (shown["state"], values(shown)["impression"]) == ("confirmed", "右肺下叶实性结节。")
        (listed,) = browser.get(PAPERS).json()
        assert listed["report_id"] == report

    def test_what_the_patient_adds_is_shown_again_though_it_was_not_read(self, browser, desk):
        paper = desk(
            encoded(imaging_page("演示县人民医院\nCT检查报告单\n姓名：测试患者\n检查所见：\n双肺未见异常密度影。"))
        )
        assert "verifying_physician" not in values(paper)
        fields = {"findings": "双肺未见异常密度影。", "verifying_physician": "测试医师"}
        browser.post(f"{PAPERS}/{paper['paper_id']}/confirm", json={"fields": fields})
        shown = browser.get(f"{PAPERS}/{paper['paper_id']}").json()
        assert values(shown)["verifying_physician"] == "测试医师"

    def test_it_never_stands_among_the_hospitals_reports(self, browser, desk):
        paper = desk(paper_photo())
        browser.post(f"{PAPERS}/{paper['paper_id']}/confirm", json={"fields": values(paper)})
        assert len(browser.get("/api/patient/studies").json()) == 1
        assert "下叶" not in browser.get("/api/patient/first-screen").text

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"name": "测试患者"}, "paper_empty"),
            ({"findings": "  "}, "paper_empty"),
            ({"diagnosis": "x"}, "invalid_request"),
        ],
    )
    def test_an_empty_or_unknown_form_is_refused(self, browser, desk, fields, code):
        paper = desk(paper_photo())
        answer = browser.post(f"{PAPERS}/{paper['paper_id']}/confirm", json={"fields": fields})
        assert (answer.status_code, answer.json()["code"]) == (422, code)

    def test_another_patient_finds_none_of_it(self, clinic, browser, desk):
        clinic.load(
            patient_id="TEST0002",
            accession_number="ACC0002",
            study="neighbour",
            phone=OTHER_PHONE,
            id_number=OTHER_ID_NUMBER,
            name="测试邻居",
        )
        paper = desk(paper_photo())["paper_id"]
        report = browser.post(f"{PAPERS}/{paper}/confirm", json={"fields": {"findings": "见结节。"}}).json()[
            "report_id"
        ]
        neighbour = agreed(clinic, study_uid("neighbour"))
        assert neighbour.get(PAPERS).json() == []
        for method, path in (
            ("GET", f"{PAPERS}/{paper}"),
            ("GET", f"{PAPERS}/{paper}/picture"),
            ("DELETE", f"{PAPERS}/{paper}"),
            ("GET", f"/api/patient/reports/{report}/interpretation"),
            ("GET", f"/api/patient/reports/{report}/conversation"),
        ):
            assert neighbour.request(method, path).status_code == 404
        assert browser.get(f"{PAPERS}/{paper}").status_code == 200


@pytest.mark.model
class TestDeleting:
    def test_removes_picture_text_and_conversation_from_the_database_file(self, clinic, browser, desk):
        paper = desk(paper_photo())
        report = browser.post(
            f"{PAPERS}/{paper['paper_id']}/confirm", json={"fields": {"findings": "见孤立之特别字样结节。"}}
        ).json()["report_id"]
        browser.post(f"/api/patient/reports/{report}/questions", json={"question": "另一特别字样是什么"})
        picture = browser.get(f"{PAPERS}/{paper['paper_id']}/picture").content
        as_json = json.dumps("孤立之特别字样")[1:-1].encode()  # as the column holds it
        traces = [picture[2000:2064], as_json, "另一特别字样".encode()]
        assert [trace in on_disk(clinic) for trace in traces] == [True, True, True]
        assert browser.delete(f"{PAPERS}/{paper['paper_id']}").status_code == 204
        assert [trace in on_disk(clinic) for trace in traces] == [False, False, False]
        for path in ("", "/picture"):
            assert browser.get(f"{PAPERS}/{paper['paper_id']}{path}").status_code == 404
        assert browser.get(f"/api/patient/reports/{report}/interpretation").status_code == 404


def on_disk(hospital) -> bytes:
    """Return the database file with everything written to it."""
    with hospital.services.database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    return Path(hospital.services.database.engine.url.database).read_bytes()
