"""What a desk makes of the service's answer to its report."""

import http.server
import json
import threading
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from workstation import __version__
from workstation.report import Answer, report
from workstation.settings import DeskSettings, DeskState

pytestmark = [pytest.mark.enable_socket, pytest.mark.clause("R4.2")]

SAID = {"history_reminders": False, "duplicate_reminders": True, "newest_version": "99.0.0", "next_seconds": 120}


class Service(http.server.ThreadingHTTPServer):
    """Answers every report with what it is told to."""

    answer: tuple[int, dict[str, str], bytes]
    got: list[tuple[str, str, dict]]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, self.headers["Authorization"], body))
        status, headers, content = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args) -> None:
        pass


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with Service(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def service(running):
    running.answer, running.got = (200, {}, json.dumps(SAID).encode()), []
    return running


def sent(service: Service) -> Answer:
    return report(DeskSettings(service.address, label="门诊3诊室", key="secret"), DeskState("a" * 32, wakes=7))


def test_a_report_names_the_desk_and_nobody(service):
    answer = sent(service)
    [(path, key, body)] = service.got
    assert (path, key) == ("/api/workstations/heartbeat", "Bearer secret")
    assert set(body) == {"workstation", "label", "version", "os", "wakes"}
    assert (body["label"], body["version"], body["wakes"]) == ("门诊3诊室", __version__, 7)
    assert (answer.slides_when_woken(), answer.slides_for(1), answer.slides_for(0), answer.outdated) == (
        False,
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    "answer",
    [
        (401, {}, b"{}"),
        (500, {}, b""),
        (200, {}, b"<html>sign in to the wireless network</html>"),
        (200, {}, b"[]"),
        (200, {}, b"{}"),
        (200, {}, json.dumps({**SAID, "newest_version": "new"}).encode()),
        (200, {}, json.dumps({**SAID, "next_seconds": None}).encode()),
    ],
)
def test_an_answer_that_is_none_is_an_ordinary_failure(service, answer):
    service.answer = answer
    with pytest.raises((OSError, ValueError)):
        sent(service)


def test_the_key_does_not_follow_a_redirect(service):
    service.answer = (307, {"Location": f"{service.address}/elsewhere"}, b"")
    with pytest.raises(OSError, match="307"):
        sent(service)
    assert len(service.got) == 1


def test_a_service_that_wants_to_hear_nothing_or_everything_is_kept_within_bounds(service):
    for asked, kept in ((0, 10), (10**9, 3600)):
        service.answer = (200, {}, json.dumps({**SAID, "next_seconds": asked}).encode())
        assert sent(service).next_seconds == kept


def test_the_shell_has_the_version_of_the_service_it_comes_with():
    assert __version__ == version("mingying")
