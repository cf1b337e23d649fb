"""The shipped nginx configuration in front of a real installation, over TLS."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from api.auth.cookies import GRANT_COOKIE
from api.db.migrate import migrate
from tests.builders.dicom import ct_series, study_uid
from tests.builders.hospital import received, small_hospital
from tests.builders.llm_server import llm_server
from tests.builders.nginx import Nginx, nginx_before
from tests.builders.phone import STUDY, WHAT, Phone
from tests.builders.routes import BOUNDARY, related
from tests.builders.running import RunningService, running_service
from tests.builders.servers import free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("nginx"),
    pytest.mark.clause("R7.2"),
]

FROM_THE_SERVICE = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
)


@dataclass(frozen=True)
class Site:
    """An installation behind nginx, and a patient who verified."""

    service: RunningService
    nginx: Nginx
    cookie: str
    report: str
    key: dict[str, str]
    sop: str
    sent: bytes

    def browser(self, *, verified: bool = False) -> httpx.Client:
        """Return a browser that trusts the certificate and comes through nginx; `verified`, the patient's."""
        cookies = {GRANT_COOKIE: self.cookie} if verified else {}
        trust = self.nginx.trust
        return httpx.Client(base_url=self.nginx.base_url, verify=trust, cookies=cookies, timeout=30, trust_env=False)

    def direct(self) -> httpx.Client:
        """Return the same past nginx."""
        return httpx.Client(base_url=self.service.base_url, timeout=30, trust_env=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    data = folder / "data"
    data.mkdir()
    url = f"sqlite:///{data}/index.sqlite"
    migrate(url)
    hospital = small_hospital(data, database_url=url, redis_url="")
    hospital.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
    hospital.clock.now = datetime.now(UTC)
    with_consent = Phone(hospital)
    key = hospital.machine_key("stow")
    cookie = with_consent.browser.cookies[GRANT_COOKIE]
    sop, sent = received(hospital)
    hospital.services.close()
    settings = {"EMBEDDER_FOLDER": "/nonexistent", "HTTP__SECURE_COOKIES": "true", "LLM__TIMEOUT_SECONDS": "25"}
    with llm_server("hang") as model:
        settings |= {"LLM__BASE_URL": model, "LLM__MODEL": "test"}
        with running_service(data, **settings) as service, nginx_before(service.http_port, folder / "nginx") as nginx:
            yield Site(service, nginx, cookie, with_consent.report, key, sop, sent)


class TestPages:
    def test_come_over_tls_and_http_2_and_plain_http_is_sent_there(self, site):
        with site.browser() as browser:
            page = browser.get("/")
        assert page.status_code == 200
        assert "<html" in page.text
        context = site.nginx.trust
        context.set_alpn_protocols(["h2"])
        address = ("localhost", site.nginx.https_port)
        with (
            socket.create_connection(address) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as wrapped,
        ):
            assert wrapped.selected_alpn_protocol() == "h2"
        moved = httpx.get(f"http://localhost:{site.nginx.http_port}/r", trust_env=False)
        assert (moved.status_code, moved.headers["location"]) == (308, f"{site.nginx.base_url}/r")

    @pytest.mark.parametrize("path", ["/", "/api/patient/first-screen", "/nowhere"])
    def test_carry_each_security_header_once(self, site, path):
        with site.browser() as browser, site.direct() as direct:
            headers, original = browser.get(path).headers, direct.get(path).headers
        for name in FROM_THE_SERVICE:
            assert headers.get_list(name) == original.get_list(name)
            assert len(headers.get_list(name)) == 1
        assert headers.get_list("strict-transport-security") == ["max-age=31536000"]

    @pytest.mark.parametrize(
        "path", ["/api/patient/first-screen", "/api/patient/nowhere", "/nowhere", "/api/staff/session"]
    )
    def test_refusals_come_as_the_service_gives_them(self, site, path):
        with site.browser() as browser, site.direct() as direct:
            answer, original = browser.get(path), direct.get(path)
        assert answer.status_code == original.status_code >= 400
        assert answer.headers["content-type"] == original.headers["content-type"]
        assert answer.content == original.content

    def test_what_did_not_change_is_not_sent_again(self, site):
        with site.browser() as browser:
            tag = browser.get("/").headers["etag"]
            again = browser.get("/", headers={"If-None-Match": tag})
        with site.direct() as direct:
            assert again.status_code == direct.get("/", headers={"If-None-Match": tag}).status_code
            assert tag == direct.get("/").headers["etag"]


class TestPatients:
    def test_get_the_received_file_byte_for_byte(self, site):
        with site.browser(verified=True) as browser:
            answer = browser.get(f"/api/patient/studies/{STUDY}/instances/{site.sop}")
        assert answer.content == site.sent

    def test_see_an_answer_begin_while_the_model_still_thinks(self, site):
        with site.browser(verified=True) as browser:
            asked = browser.stream("POST", f"{site.report}/questions", json={"question": WHAT}, timeout=20)
            # the model says nothing for 25 seconds: a proxy that keeps the beginning back runs into the timeout
            with asked as answer:
                first = next(line for line in answer.iter_lines() if line.startswith("data: "))
        assert json.loads(first[6:])["type"] == "started"

    def test_are_not_taken_for_the_machine_itself_whatever_they_claim(self, site):
        with site.direct() as direct:
            assert direct.get("/metrics").status_code == 200
        with site.browser() as browser:
            assert browser.get("/metrics").status_code in {401, 403, 404}
            assert browser.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code in {401, 403, 404}


class TestUploads:
    def test_of_many_images_go_straight_through(self, site):
        instances = ct_series(80, 512, 512, study="large", patient_id="TEST0009")
        body = related(*instances)
        assert len(body) > 40_000_000
        headers = {**site.key, "Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'}
        with site.browser() as browser:
            answer = browser.post("/dicom-web/studies", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        assert study_uid("large") in answer.text
        assert "buffered to a temporary file" not in site.nginx.log("error") + site.nginx.log("own")

    def test_that_are_too_large_are_refused_by_the_service_with_its_sentence(self, site):
        with site.browser() as browser, site.direct() as direct:
            body = {"token": "x" * 400_000}
            answer, original = (client.post("/api/patient/link", json=body) for client in (browser, direct))
        assert answer.status_code == original.status_code == 413
        assert answer.json()["code"] == original.json()["code"]


class TestLogs:
    def test_hold_no_query_and_no_address_of_a_patient(self, site):
        secret = "%E6%B5%8B%E8%AF%95"
        with site.browser() as browser:
            browser.get(f"/api/patient/studies/{STUDY}/manifest", params={"q": "SECRET-NAME"})
            browser.get(f"/api/interop/reports/printed?patient_name={secret}")
            browser.get("/r?t=SECRET-TOKEN")
        log = site.nginx.log("access")
        assert " GET /api/patient 401 " in log
        assert " GET /api/interop " in log
        for word in ("SECRET", "?", STUDY, secret, "patient_name"):
            assert word not in log

    def test_hold_none_either_when_the_service_does_not_answer(self, tmp_path):
        with nginx_before(free_port(), tmp_path / "nginx") as nginx:
            answer = httpx.get(
                f"{nginx.base_url}/api/patient/studies", params={"q": "SECRET"}, verify=nginx.trust, trust_env=False
            )
            assert answer.status_code == 502
            assert " GET /api/patient 502 " in nginx.log("access")
            for kind in ("access", "error", "own"):
                assert "SECRET" not in nginx.log(kind)


class TestDoors:
    def test_a_flood_is_turned_away_before_it_reaches_the_service(self, tmp_path):
        # nothing answers behind it: what is let through gets 502
        with (
            nginx_before(free_port(), tmp_path / "nginx") as nginx,
            httpx.Client(base_url=nginx.base_url, verify=nginx.trust, trust_env=False) as browser,
            ThreadPoolExecutor(8) as people,
        ):
            doors = list(people.map(lambda _: browser.post("/api/staff/session", json={}).status_code, range(200)))
            others = list(people.map(lambda _: browser.get("/api/patient/studies").status_code, range(100)))
        assert set(doors) == {429, 502}
        assert set(others) == {502}


def test_the_configuration_is_taken_without_a_warning(site):
    assert Path(site.nginx.folder / "own.log").read_text() == ""
