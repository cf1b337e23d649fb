"""What every answer carries, and what no log, metric or error may hold."""

import json
import subprocess
import sys

import pytest
import structlog
from fastapi.testclient import TestClient

from api.settings import Mode
from tests.builders.dicom import study_uid
from tests.builders.hl7 import FINDINGS, ID_NUMBER, PHONE
from tests.builders.hospital import small_hospital
from tests.builders.routes import TABLE

pytestmark = pytest.mark.integration

STUDY = study_uid("study")
SECRETS = ("测试", PHONE, ID_NUMBER, STUDY, FINDINGS[:12])


def problem(answer) -> dict:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


class TestEveryAnswer:
    @pytest.mark.parametrize("path", ["/health", "/api/patient/door", "/api/patient/first-screen", "/nowhere", "/r"])
    def test_carries_the_headers_that_protect_it(self, clinic, path):
        headers = clinic.browser().get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert len(headers["x-request-id"]) == 32

    def test_of_the_api_is_not_kept_by_anyone(self, clinic):
        assert clinic.browser().get("/api/patient/door").headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nowhere", 404, "not_found"),
            ("GET", "/api/patient/nowhere", 404, "not_found"),
            ("GET", "/icons/nothing.png", 404, "not_found"),
            ("GET", "/assets/nothing.js", 404, "not_found"),
            ("PUT", "/api/patient/door", 405, "method_not_allowed"),
            ("GET", "/api/patient/link", 405, "method_not_allowed"),
        ],
    )
    def test_for_an_address_that_is_not_there_is_a_problem_document(self, clinic, method, path, status, code):
        answer = clinic.browser().request(method, path)
        assert answer.status_code == status
        assert problem(answer)["code"] == code
        assert problem(answer)["title"]

    @pytest.mark.parametrize(
        ("content", "status"),
        [(b"{", 422), (b"[]", 422), (b'"\\ud800"', 422), (b"\xff\xfe", 422), (b'{"token":"' + b"A" * 300_000, 413)],
    )
    def test_to_a_body_that_is_no_request_is_a_problem_document(self, clinic, content, status):
        headers = {"Content-Type": "application/json"}
        answer = clinic.browser().post("/api/patient/link", content=content, headers=headers)
        assert (answer.status_code, problem(answer)["status"]) in {(status, status), (400, 400)}
        assert answer.status_code < 500

    def test_to_a_fault_nobody_expected_is_a_sentence_with_the_same_headers(self, clinic):
        clinic.services.__dict__["live_knowledge"] = None  # a part that is broken
        _, cookie = clinic.grant(STUDY)
        browser = clinic.browser(cookie)
        browser.post("/api/patient/consents", json={"purpose": "interpret", "version": "1", "given": True})
        answer = browser.get(f"/api/patient/reports/{clinic.report_id(STUDY)}/interpretation")
        assert answer.status_code == 500
        assert problem(answer)["code"] == "internal"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"

    def test_while_redis_is_away_says_that_the_system_is_busy(self, tmp_path, sqlite_url):
        away = small_hospital(tmp_path / "data", database_url=sqlite_url, redis_url=f"unix://{tmp_path}/none.sock")
        answer = away.browser().post("/api/patient/link", json={"token": "A" * 27})
        assert answer.status_code == 503
        assert problem(answer)["code"] == "busy"
        health = away.browser().get("/health")
        assert (health.status_code, health.json()["redis"], health.json()["database"]) == (503, "failing", "ok")


class TestTextFromOutside:
    @pytest.mark.parametrize("study", ["%00", "1.2.3%00", "' OR 1=1 --", "1" * 65, "测试"])
    def test_a_study_that_is_no_uid_is_refused_by_its_name(self, archive, patient, study):
        answer = patient.get(f"/api/patient/first-screen?study={study}")
        assert answer.status_code == 422
        assert problem(answer)["field"] == "study"

    def test_a_null_character_is_refused_before_it_reaches_a_database(self, archive, consented):
        report = archive.report_id(STUDY)
        asked = consented.post(f"/api/patient/reports/{report}/questions", json={"question": "结节\x00？"})
        stated = consented.post("/api/patient/consents", json={"purpose": "view", "version": "\x00", "given": True})
        printed = archive.browser().get(
            "/api/interop/reports/printed?accession_number=%00", headers=archive.machine_key("print")
        )
        assert [asked.status_code, stated.status_code, printed.status_code] == [422, 422, 422]

    def test_half_a_surrogate_pair_is_refused_too(self, archive, consented):
        content = b'{"question": "\\ud83d"}'
        headers = {"Content-Type": "application/json"}
        answer = consented.post(
            f"/api/patient/reports/{archive.report_id(STUDY)}/questions", content=content, headers=headers
        )
        assert answer.status_code == 422


@pytest.mark.clause("R3.5")
class TestOtherSites:
    @pytest.mark.parametrize(
        "key", [key for key in TABLE if key[0] not in {"GET", "HEAD", "OPTIONS"}], ids=lambda key: f"{key[0]} {key[1]}"
    )
    def test_cannot_change_anything_in_a_patients_name(self, archive, things, patient, key):
        method, path = key
        address = things.address(path)
        patient.headers["Sec-Fetch-Site"] = "cross-site"
        answer = patient.request(method, address, **TABLE[key].arguments)
        assert answer.json()["code"] == "cross_site"
        assert answer.status_code == 403

    def test_can_be_the_place_a_link_is_opened_from(self, clinic):
        assert clinic.browser().get("/api/patient/door", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.clause("R3.5")
class TestCookies:
    def test_are_out_of_reach_of_scripts_and_of_other_sites_and_end_by_themselves(self, clinic):
        browser = clinic.browser()
        linked = browser.post("/api/patient/link", json={"token": clinic.token(STUDY)})
        proof = {"method": "id_number", "id_number": ID_NUMBER}
        verified = browser.post("/api/patient/verification", json=proof)
        for answer, name in ((linked, "my_link="), (verified, "my_grant=")):
            cookie = next(
                line.lower()
                for line in answer.headers.get_list("set-cookie")
                if line.startswith(name) and "Max-Age=0" not in line
            )
            assert "httponly" in cookie
            assert "samesite=lax" in cookie
            assert "path=/api/patient" in cookie
            assert "max-age=" in cookie

    def test_travel_by_tls_alone_where_the_hospital_has_it(self, tmp_path, sqlite_url, redis_url, redis):
        secure = small_hospital(
            tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, http={"secure_cookies": True}
        )
        token = secure.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
        answer = secure.browser().post("/api/patient/link", json={"token": token})
        set_cookies = answer.headers.get_list("set-cookie")
        assert any("my_link=" in line and "Secure" in line for line in set_cookies)


class TestProduction:
    def test_has_no_demo_pages_and_no_inbox(self, tmp_path, sqlite_url, redis_url, redis):
        hospital = small_hospital(tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, mode=Mode.PRODUCTION)
        browser = hospital.browser()
        for path in ("/demo", "/demo/inbox", "/demo/printed/1.pdf"):
            assert problem(browser.get(path))["code"] == "not_found"
        assert browser.get("/api/patient/door").json()["demo"] is False

    def test_without_a_gateway_offers_the_id_number_alone(self, tmp_path, sqlite_url, redis_url, redis):
        hospital = small_hospital(tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, mode=Mode.PRODUCTION)
        token = hospital.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
        browser = hospital.browser()
        browser.post("/api/patient/link", json={"token": token})
        assert browser.get("/api/patient/door").json()["methods"] == ["id_number"]
        asked = browser.post("/api/patient/verification/code", json={"phone": PHONE})
        assert (asked.status_code, problem(asked)["code"]) == (409, "method_unavailable")


class TestMetrics:
    def test_are_for_this_machine_or_for_who_has_the_token(self, tmp_path, sqlite_url, redis_url):
        plain = small_hospital(tmp_path / "data", database_url=sqlite_url, redis_url=redis_url)
        here = TestClient(plain.app, client=("127.0.0.1", 5))
        assert here.get("/metrics").status_code == 200
        assert here.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}).status_code == 404
        assert TestClient(plain.app, client=("10.0.0.9", 5)).get("/metrics").status_code == 404
        with_token = small_hospital(
            tmp_path / "data", database_url=sqlite_url, redis_url=redis_url, http={"metrics_token": "ticket"}
        )
        far = TestClient(with_token.app, client=("10.0.0.9", 5))
        assert far.get("/metrics", headers={"Authorization": "Bearer ticket"}).status_code == 200
        assert far.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 404
        assert TestClient(with_token.app, client=("127.0.0.1", 5)).get("/metrics").status_code == 404

    def test_count_a_method_somebody_made_up_under_one_name(self, clinic):
        for method in ("BREW", "STEAL"):
            clinic.browser().request(method, "/api/patient/door")
        text = TestClient(clinic.app, client=("127.0.0.1", 5)).get("/metrics").text
        assert 'method="other"' in text
        assert "BREW" not in text


class TestLogs:
    def test_and_metrics_hold_no_patient_on_the_whole_road(self, clinic, consents_of):
        with structlog.testing.capture_logs() as lines:
            walk(clinic, consents_of)
        metrics = TestClient(clinic.app, client=("127.0.0.1", 5)).get("/metrics").text
        assert len([line for line in lines if line["event"] == "request"]) > 8
        assert any(line.get("route") == "/api/patient/reports/{report}/questions" for line in lines)
        for text in (json.dumps(lines, ensure_ascii=False, default=repr), metrics):
            for secret in (*SECRETS, clinic.token(STUDY), "磨玻璃"):
                assert secret not in text

    def test_of_libraries_keep_the_place_of_an_error_and_not_its_words(self):
        program = (
            "import logging, warnings; name = '测试患者'\n"  # a stack of Python 3.13 shows the lines of -c too
            "from api.http_logging import configure_logging\n"
            "configure_logging()\n"
            "try:\n"
            "    int(name)\n"
            "except ValueError:\n"
            "    logging.getLogger('uvicorn.error').exception('Exception in ASGI application')\n"
            "logging.getLogger('pydicom').warning(f'Invalid value for VR PN: {name}')\n"
            "warnings.warn(f'The value {name} is too long')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert [line["error"] for line in lines] == ["ValueError"]
        assert "line 5" in lines[0]["stack"]
        assert "测试" not in done.stderr


@pytest.fixture
def consents_of():
    def give(browser) -> None:
        for purpose in ("interpret", "ocr"):
            browser.post("/api/patient/consents", json={"purpose": purpose, "version": "1", "given": True})

    return give


def walk(hospital, give) -> None:
    """Go the patient's road, with a wrong turn here and there."""
    browser = hospital.browser()
    report = hospital.report_id(STUDY)
    browser.post("/api/patient/link", json={"token": hospital.token(STUDY)})
    browser.post("/api/patient/verification/code", json={"phone": PHONE})
    browser.post("/api/patient/verification", json={"method": "phone", "phone": PHONE, "code": "12"})
    browser.post("/api/patient/verification", json={"method": "id_number", "id_number": ID_NUMBER})
    give(browser)
    browser.get("/api/patient/first-screen")
    browser.get(f"/api/patient/reports/{report}/interpretation")
    browser.post(
        f"/api/patient/reports/{report}/questions", json={"question": f"我是测试患者，电话{PHONE}，磨玻璃结节是什么"}
    )
    browser.get(f"/api/patient/reports/{report}/pdf")
    browser.get(f"/api/patient/studies/{STUDY}/manifest")
