"""The loopback door: a HIS wakes the panel, other pages and other machines do not."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.builders.servers import free_port
from workstation.loopback import LoopbackDoor
from workstation.settings import DeskSettings

pytestmark = [pytest.mark.enable_socket, pytest.mark.clause("R2.2")]

SERVER, HIS = "https://imaging.hospital.test", "https://his.hospital.test"
LAUNCH = f"{SERVER}/plugin#nvIGwGSTdTmtMPLKEebvpA.1772413320.Pp58afmM4w-g2Q3HU3lz9un_GJl"


@dataclass
class Door:
    """The running door and what it was called with."""

    port: int
    woken: list[str] = field(default_factory=list)

    def ask(self, method: str = "POST", path: str = "/wake", **request) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.request(method, url, trust_env=False, timeout=10, **request)


@pytest.fixture(scope="module")
def running() -> Iterator[Door]:
    door = Door(free_port())
    with LoopbackDoor(DeskSettings(SERVER, port=door.port, his_origins=(HIS,)), door.woken.append) as server:
        server.serve_in_background()
        yield door
        server.shutdown()


@pytest.fixture
def door(running) -> Door:
    running.woken.clear()
    return running


class TestWake:
    def test_by_a_program_or_a_page_of_the_his(self, door):
        assert door.ask(json={"url": LAUNCH}).status_code == 202
        from_page = door.ask(json={"url": LAUNCH}, headers={"Origin": HIS})
        assert (from_page.status_code, from_page.headers["Access-Control-Allow-Origin"]) == (202, HIS)
        assert door.woken == [LAUNCH, LAUNCH]

    @pytest.mark.parametrize(
        ("request_", "status", "code"),
        [
            ({"json": {"url": "https://evil.test/plugin#" + "A" * 40}}, 400, "not_a_launch"),
            ({"json": {"url": SERVER + "/admin#" + "A" * 40}}, 400, "not_a_launch"),
            ({"json": {"url": 5}}, 400, "invalid_request"),
            ({"json": {"url": LAUNCH, "also": 1}}, 400, "invalid_request"),
            ({"json": [LAUNCH]}, 400, "invalid_request"),
            ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "invalid_request"),
            ({"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}}, 400, "invalid_request"),
            ({"content": b"[" * 4000, "headers": {"Content-Type": "application/json"}}, 400, "invalid_request"),
            ({"data": {"url": LAUNCH}}, 415, "not_json"),
            ({"content": b"x" * 5000, "headers": {"Content-Type": "application/json"}}, 413, "too_large"),
            ({"content": iter([b"{}"]), "headers": {"Content-Type": "application/json"}}, 411, "length_missing"),
            ({"json": {"url": LAUNCH}, "headers": {"Host": "rebound.evil.test"}}, 403, "host_refused"),
            ({"json": {"url": LAUNCH}, "headers": {"Host": "127.0.0.1"}}, 403, "host_refused"),
            ({"json": {"url": LAUNCH}, "headers": {"Origin": "https://evil.test"}}, 403, "origin_refused"),
            ({"json": {"url": LAUNCH}, "headers": {"Origin": "null"}}, 403, "origin_refused"),
            ({"json": {"url": LAUNCH}, "headers": {"Origin": HIS + ".evil.test"}}, 403, "origin_refused"),
            ({"json": {"url": LAUNCH}, "path": "/wake/"}, 404, "not_found"),
            ({"method": "GET"}, 405, "method_not_allowed"),
        ],
    )
    def test_anything_else_is_refused_in_words_and_wakes_nothing(self, door, request_, status, code):
        refused = door.ask(**request_)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        assert refused.json()["detail"]
        assert refused.headers.get("Access-Control-Allow-Origin") in (None, HIS)
        assert door.woken == []

    def test_a_call_that_never_ends_holds_up_nobody(self, door):
        with socket.create_connection(("127.0.0.1", door.port)) as stuck:
            stuck.sendall(b"POST /wake HTTP/1.1\r\n")
            assert door.ask(json={"url": LAUNCH}).status_code == 202


ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}


class TestPreflight:
    def test_lets_pages_of_the_his_call_into_this_machine(self, door):
        allowed = door.ask("OPTIONS", headers={"Origin": HIS, **ASKED})
        assert allowed.status_code == 204
        assert allowed.headers["Access-Control-Allow-Origin"] == HIS
        assert allowed.headers["Access-Control-Allow-Private-Network"] == "true"
        assert allowed.headers["Access-Control-Allow-Headers"] == "Content-Type"

    def test_allows_other_pages_nothing(self, door):
        refused = door.ask("OPTIONS", headers={"Origin": "https://evil.test", **ASKED})
        assert refused.status_code == 403
        assert [name for name in refused.headers if name.startswith("access-control")] == []

    def test_without_an_origin_is_none(self, door):
        assert door.ask("OPTIONS", headers=ASKED).status_code == 400


class TestDoor:
    def test_is_on_loopback_alone_and_taken_once(self, door):
        with pytest.raises(OSError, match="in use"):
            LoopbackDoor(DeskSettings(SERVER, port=door.port), door.woken.append)
        for address in {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
            if not address.startswith("127."):
                with pytest.raises(OSError, match="refused"):
                    socket.create_connection((address, door.port), timeout=5)
