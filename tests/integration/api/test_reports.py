"""Reports: 智能解读 by consent, the printed form with its QR, the knowledge behind a word."""

import pytest
from sqlalchemy import select

from api.db.tables import AuditEventRow
from tests.builders import hl7
from tests.builders.dicom import study_uid
from tests.builders.hl7 import FINDINGS, ID_NUMBER, IMPRESSION
from tests.builders.road import read_qr

pytestmark = pytest.mark.integration

STUDY = study_uid("study")


def consent(browser, purpose: str, *, given: bool = True):
    body = {"purpose": purpose, "version": "2026-01", "given": given}
    return browser.post("/api/patient/consents", json=body)


@pytest.fixture
def browser(clinic):
    _, cookie = clinic.grant(STUDY)
    return clinic.browser(cookie)


@pytest.fixture
def interpretation(clinic):
    return f"/api/patient/reports/{clinic.report_id(STUDY)}/interpretation"


@pytest.mark.clause("R3.9")
class TestConsent:
    def test_is_asked_for_before_anything_is_interpreted(self, browser, interpretation):
        answer = browser.get(interpretation)
        assert answer.status_code == 403
        assert (answer.json()["code"], answer.json()["purpose"]) == ("consent_needed", "interpret")
        assert "磨玻璃" not in answer.text

    def test_for_another_purpose_does_not_count(self, browser, interpretation):
        consent(browser, "ocr")
        consent(browser, "view")
        assert browser.get(interpretation).status_code == 403

    def test_that_is_withdrawn_stops_it_at_once(self, clinic, browser, interpretation):
        consent(browser, "interpret")
        assert browser.get(interpretation).status_code == 200
        consent(browser, "interpret", given=False)
        assert browser.get(interpretation).status_code == 403
        asked = browser.post(interpretation.replace("interpretation", "questions"), json={"question": "严重吗"})
        assert asked.json()["code"] == "consent_needed"
        (stated,) = browser.get("/api/patient/consents").json()
        assert (stated["purpose"], stated["given"], stated["version"]) == ("interpret", False, "2026-01")

    def test_given_and_withdrawn_both_stand_in_the_audit(self, clinic, browser):
        consent(browser, "interpret")
        consent(browser, "interpret", given=False)
        with clinic.services.database.reading() as session:
            actions = session.scalars(select(AuditEventRow.action)).all()
        assert {"consent.given", "consent.withdrawn"} <= set(actions)

    def test_for_a_purpose_nobody_named_is_refused(self, browser):
        assert consent(browser, "advertising").status_code == 422


@pytest.mark.clause("R3.9")
class TestInterpretation:
    def test_marks_hard_words_and_says_each_finding_plainly_beside_its_sentence(self, clinic, browser, interpretation):
        consent(browser, "interpret")
        answer = browser.get(interpretation).json()
        texts = {"findings": FINDINGS, "impression": IMPRESSION}
        assert (answer["findings_text"], answer["impression_text"]) == (FINDINGS, IMPRESSION)
        assert answer["from_paper"] is False
        marked = {texts[term["section"]][term["start"] : term["end"]] for term in answer["terms"]}
        assert marked == {term["text"] for term in answer["terms"]}
        assert any("磨玻璃" in text for text in marked)
        nodule = next(finding for finding in answer["findings"] if "磨玻璃" in finding["text"])
        assert (nodule["status"], nodule["side"]) == ("abnormal", "right")
        assert [item["unit"] for item in nodule["measurements"]] == ["mm", "mm"]
        for sentence in answer["explanation"]:
            for section, start, end in sentence["source_spans"]:
                assert texts[section][start:end]
        assert any(sentence["citations"] for sentence in answer["explanation"])
        assert answer["critical"] is False
        assert answer["ai_label"].startswith("AI生成")

    def test_a_marked_word_opens_its_explanation_with_source(self, clinic, browser, interpretation):
        consent(browser, "interpret")
        entry = next(term["entry_id"] for term in browser.get(interpretation).json()["terms"] if term["entry_id"])
        shown = browser.get(f"/api/patient/knowledge/{entry}").json()
        assert (shown["entry_id"], bool(shown["plain"])) == (entry, True)
        assert browser.get("/api/patient/knowledge/none-such").status_code == 404

    def test_of_an_amended_report_is_of_the_new_text(self, clinic, browser, interpretation):
        consent(browser, "interpret")
        before = browser.get(interpretation).json()["report_version"]
        clinic.hl7(
            hl7.oru_r01(
                study_instance_uid=STUDY, findings="双肺未见异常密度影。", impression="双肺未见异常。", status="C"
            )
        )
        after = browser.get(interpretation).json()
        assert after["findings_text"] == "双肺未见异常密度影。"
        assert after["report_version"] != before
        assert browser.get("/api/patient/first-screen").json()["report"]["status"] == "amended"

    def test_of_a_report_that_was_taken_back_is_not_found(self, clinic, browser, interpretation):
        consent(browser, "interpret")
        clinic.hl7(hl7.oru_r01(study_instance_uid=STUDY, status="X"))
        assert browser.get(interpretation).status_code == 404
        assert browser.get(interpretation.replace("interpretation", "conversation")).status_code == 404


@pytest.mark.clause("R3.2")
class TestPrintedReport:
    def test_bears_a_code_that_opens_exactly_this_study(self, clinic, browser):
        answer = browser.get(f"/api/patient/reports/{clinic.report_id(STUDY)}/pdf")
        assert answer.headers["content-type"] == "application/pdf"
        link = scanned(answer.content)
        assert link.startswith(clinic.services.settings.base_url + "/r#")
        phone = clinic.browser()
        assert phone.post("/api/patient/link", json={"token": link.partition("#")[2]}).status_code == 204
        proof = {"method": "id_number", "id_number": ID_NUMBER}
        assert phone.post("/api/patient/verification", json=proof).status_code == 200
        assert phone.get("/api/patient/first-screen").json()["study"]["study_instance_uid"] == STUDY

    def test_fetched_by_the_hospitals_system_bears_the_same_code(self, clinic, browser):
        headers = clinic.machine_key("print")
        address = "/api/interop/reports/printed"
        first = clinic.browser().get(address, params={"accession_number": "ACC0001"}, headers=headers)
        mine = browser.get(f"/api/patient/reports/{clinic.report_id(STUDY)}/pdf")
        assert scanned(first.content) == scanned(mine.content)
        unknown = clinic.browser().get(address, params={"accession_number": "ACC9999"}, headers=headers)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "report_missing")


def scanned(pdf: bytes) -> str:
    """Return what a phone reads from the first page's code."""
    text = read_qr(pdf)
    assert text, "no code is readable on the page"
    return text
