"""E-reports uploaded by hospital systems."""

import io

import pytest
from reportlab.pdfgen.canvas import Canvas
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.documents.tables import DocumentRow
from tests.builders.dicom import study_uid
from tests.builders.hospital import small_hospital
from tests.builders.routes import jpeg

pytestmark = [pytest.mark.integration, pytest.mark.clause("R3.10")]

STUDY = study_uid("study")


def pdf(*, script: str = "") -> bytes:
    out = io.BytesIO()
    page = Canvas(out)
    page.drawString(100, 700, "Report")
    page.showPage()
    page.save()
    content = out.getvalue()
    if script:
        content = content.replace(
            b"/Type /Catalog", b"/Type /Catalog /OpenAction << /S /JavaScript /JS (" + script.encode() + b") >>"
        )
    return content


def upload(hospital, content: bytes, headers: dict[str, str], **form: str):
    form = form or {"study_instance_uid": STUDY}
    return hospital.browser().post(
        "/api/interop/documents", files={"file": ("report", content)}, data=form, headers=headers
    )


@pytest.fixture
def key(hospital):
    return hospital.machine_key("documents")


class TestUpload:
    @pytest.mark.parametrize("form", [{"study_instance_uid": STUDY}, {"accession_number": "ACC0001"}])
    def test_of_a_pdf_is_shown_to_the_patient_as_it_came(self, hospital, key, form):
        content = pdf()
        answer = upload(hospital, content, key, title="CT 电子报告", **form)
        assert (answer.status_code, answer.json()["media_type"]) == (201, "application/pdf")
        _, cookie = hospital.grant(STUDY)
        shown = hospital.browser(cookie).get(f"/api/patient/documents/{answer.json()['document_id']}")
        assert (shown.content, shown.headers["content-type"]) == (content, "application/pdf")

    @pytest.mark.parametrize(
        ("asked", "status", "part"),
        [
            ("bytes=0-9", 206, slice(0, 10)),
            ("bytes=10-", 206, slice(10, None)),
            ("bytes=5-999999", 206, slice(5, None)),
            ("bytes=999999-", 200, slice(None)),
            ("bytes=9-3", 200, slice(None)),
            ("lines=1-2", 200, slice(None)),
        ],
    )
    def test_is_given_in_parts_as_players_ask_for_them(self, hospital, key, asked, status, part):
        content = jpeg(300)
        document = upload(hospital, content, key).json()["document_id"]
        browser = hospital.browser(hospital.grant(STUDY)[1])
        shown = browser.get(f"/api/patient/documents/{document}", headers={"Range": asked})
        assert (shown.status_code, shown.content) == (status, content[part])
        assert ("content-range" in shown.headers) is (status == 206)

    def test_of_the_same_bytes_twice_makes_one_document(self, hospital, key):
        content = jpeg(300)
        first, second = upload(hospital, content, key).json(), upload(hospital, content, key).json()
        assert first == second
        with hospital.services.database.reading() as session:
            assert len(session.scalars(select(DocumentRow)).all()) == 1

    def test_stands_in_the_audit_without_its_title(self, hospital, key):
        upload(hospital, jpeg(300), key, study_instance_uid=STUDY, title="测试患者的心电图")
        with hospital.services.database.reading() as session:
            event = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "document.received")).one()
        assert event.actor.startswith("key:")
        assert "测试" not in str(event.detail)


class TestRefusals:
    @pytest.mark.parametrize(
        "content",
        [b"", b"<html>", b"PK\x03\x04 docx", pdf()[:200], jpeg(300)[:60], pdf(script="app.alert(1)")],
        ids=["empty", "html", "docx", "cut pdf", "cut jpg", "pdf with a script"],
    )
    def test_of_anything_but_a_sound_and_passive_pdf_or_jpg(self, hospital, key, content):
        answer = upload(hospital, content, key)
        assert (answer.status_code, answer.json()["code"]) == (415, "document_type")
        assert answer.headers["content-type"] == "application/problem+json"
        with hospital.services.database.reading() as session:
            assert session.scalars(select(DocumentRow)).all() == []

    @pytest.mark.parametrize("form", [{"study_instance_uid": "1.2.3"}, {"accession_number": "ACC9999"}])
    def test_for_a_study_that_is_not_here(self, hospital, key, form):
        answer = upload(hospital, jpeg(300), key, **form)
        assert (answer.status_code, answer.json()["code"]) == (404, "study_unknown")

    @pytest.mark.parametrize(
        "form", [{"title": "ohne"}, {"accession_number": "\x00"}, {"study_instance_uid": STUDY, "title": "长" * 101}]
    )
    def test_of_a_form_that_names_no_study_or_says_too_much(self, hospital, key, form):
        assert upload(hospital, jpeg(300), key, **form).status_code == 422

    def test_of_more_than_the_limit(self, tmp_path, sqlite_url, redis_url, redis):
        small = small_hospital(
            tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, limits={"document_bytes": 10_000}
        )
        small.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
        for size in (10_001, 2_000_000):
            answer = upload(small, b"%PDF-1.4\n" + b"0" * size, small.machine_key("documents"))
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def test_by_a_key_for_something_else(self, hospital):
        assert upload(hospital, jpeg(300), hospital.machine_key("print")).status_code == 403
        assert upload(hospital, jpeg(300), hospital.machine_key("documents", revoked=True)).status_code == 401
