"""The panel at the edge of a real screen: the desktop shell wakes by a HIS, slides, hides, and is seen by the administrator."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from api.accounts.roles import Role
from api.clock import utc_now
from api.db.tables import AuditEventRow
from api.settings import Mode, Settings
from api.wiring import build_services
from tests.builders import hl7
from tests.builders.desk import Desk, desk, lacking, until
from tests.builders.hospital import SmallHospital, SteppingClock
from tests.builders.orders import examined_elsewhere
from tests.builders.running import RunningService
from tests.builders.screen import HEIGHT, WIDTH
from tests.builders.senders import mllp
from tests.builders.servers import free_port
from tests.builders.staff import new_account, signed_in
from tests.conftest import Evidence
from workstation.dock import PANEL_WIDTH

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking())

DOCTOR = "road.desk"
PERSON: dict[str, Any] = {"name": "测试桌面", "id_number": "110101199001300021", "phone": "13800000131"}
NOTHING, STRIP, MARKED, HEAD = (0, 0, 0), (11, 107, 122), (178, 91, 0), (238, 244, 245)
# the part of the head that comes last, so that what is clicked then no longer moves
IN_HEAD, IN_STRIP = (WIDTH - PANEL_WIDTH + 2, 3), (WIDTH - 3, 100)
EDGE, ELSEWHERE, HIDE = (WIDTH - 4, HEIGHT // 2), (200, 200), (WIDTH - 24, 17)


# It opens an examination as the plugin page does: an empty window at the click, its address when the service answered.
_PAGE = b"""<body style='background: #ff00ff; margin: 0'><script>
document.onmousemove = () => fetch('/moved')
document.onclick = () => { const tab = open('about:blank'); tab.opener = null; setTimeout(() => tab.location.replace('/r/1'), 50) }
</script>"""


@pytest.fixture
def hospital(service: RunningService) -> Iterator[SmallHospital]:
    services = build_services(Settings(mode=Mode.DEMO, data=service.data))
    hospital = SmallHospital(services, SteppingClock(utc_now()))
    new_account(hospital, Role.DOCTOR, login=DOCTOR)
    assert b"MSA|AA" in mllp(service.hl7_port, hl7.adt_a04(patient_id="TEST0131", **PERSON))
    examined_elsewhere(hospital, study="desk elsewhere", item="胸部CT增强", patient_id="B0131", **PERSON)
    yield hospital
    services.close()


def launch(service: RunningService, hospital: SmallHospital) -> str:
    headers = hospital.machine_key("launch")
    body = {"login": DOCTOR, "patient_id": "TEST0131"}
    answer = httpx.post(f"{service.base_url}/api/plugin/launches", json=body, headers=headers, trust_env=False)
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    return url


def patients_viewed(hospital: SmallHospital) -> int:
    viewed = select(func.count()).select_from(AuditEventRow).where(AuditEventRow.action == "plugin.patient_viewed")
    with hospital.services.database.reading() as session:
        return session.scalars(viewed).one()


def is_out(place: Desk) -> bool:
    return place.screen.colour(*IN_HEAD) == HEAD


def is_strip(place: Desk, colour: tuple[int, int, int] = STRIP) -> bool:
    return place.screen.colour(*IN_HEAD) == NOTHING and place.screen.colour(*IN_STRIP) == colour


def colours(place: Desk, area: tuple[int, int, int, int]) -> int:
    """How many colours stand there: words have many, an empty place has one."""
    return len(place.screen.picture().crop(area).getcolors(WIDTH * HEIGHT) or ())


def moved(place: Desk, asked: list[str]) -> bool:
    """Move the mouse over the page; until its first frame is drawn, a browser drops what a mouse does."""
    for x in (1001, 1000):
        place.screen.point(x, 600)
    return "/moved" in asked


def leave(place: Desk) -> None:
    """Touch the panel and go away from it."""
    place.screen.point(*EDGE)
    until(lambda: is_out(place), "out at the touch of the edge")
    place.screen.point(*ELSEWHERE)
    until(lambda: is_strip(place), "back after the mouse left")


@pytest.mark.clause("R2.1")
@pytest.mark.clause("R2.2")
@pytest.mark.clause("R4.2")
@pytest.mark.clause("R4.5")
def test_wakes_at_the_edge_of_the_screen_and_obeys_the_administrator(
    service: RunningService, hospital: SmallHospital, tmp_path: Path, evidence: Evidence
) -> None:
    key = hospital.machine_key("workstation")["Authorization"].removeprefix("Bearer ")
    keeper = signed_in(hospital, [Role.SYSTEM_ADMINISTRATOR])
    viewed = patients_viewed(hospital)
    with desk(tmp_path / "desk", service.base_url, key) as place:
        place.screen.point(*ELSEWHERE)
        until(lambda: is_strip(place), "the strip at the edge")

        # a HIS on the desk opens a patient
        assert place.wake(launch(service, hospital).replace("/plugin", "/admin")).status_code == 400
        assert is_strip(place)
        assert place.wake(launch(service, hospital)).status_code == 202
        until(lambda: is_out(place), "out when woken")
        until(lambda: patients_viewed(hospital) > viewed, "the patient in the panel")
        place.screen.point(*EDGE)
        until(lambda: colours(place, (870, 60, 1270, 300)) > 20, "something to read")
        place.screen.picture().save(evidence.screenshot("1-woken"))
        leave(place)
        place.screen.picture().save(evidence.screenshot("2-strip"))

        # out of sight, until a second start hands over a launch
        place.screen.point(*EDGE)
        until(lambda: is_out(place), "out")
        place.screen.click(*HIDE)
        until(lambda: place.screen.colour(*IN_STRIP) == NOTHING, "nothing at the edge")
        place.screen.point(*ELSEWHERE)
        assert place.start_again("--wake", launch(service, hospital)) == 0
        until(lambda: is_out(place), "out again")
        until(lambda: patients_viewed(hospital) > viewed + 1, "the patient again")
        leave(place)

        # the administrator sees the desk and switches history reminders off
        def shown() -> dict[str, Any]:
            found: list[dict[str, Any]] = keeper.get("/api/admin/workstations", params={"q": "门诊3诊室"}).json()[
                "workstations"
            ]
            return found[0] if found else {"wakes": 0}

        until(lambda: shown()["wakes"] == 2, "two wakes on the list")
        assert (shown()["online"], shown()["outdated"], shown()["history_reminders"]) == (True, False, True)
        off = {"history_reminders": False, "duplicate_reminders": True}
        switched = keeper.put(f"/api/admin/workstations/{shown()['workstation']}/switches", json=off)
        assert switched.status_code == 200, switched.text
        place.wake(launch(service, hospital))  # with this one's report the desk learns it
        until(lambda: shown()["wakes"] == 3, "the third wake")
        leave(place)
        place.wake(launch(service, hospital))
        until(lambda: is_strip(place, MARKED), "the strip marked, not out")
        until(lambda: patients_viewed(hospital) > viewed + 3, "the patient in it all the same")
        assert is_strip(place, MARKED)
        place.screen.picture().save(evidence.screenshot("3-switched-off"))


@pytest.mark.clause("R2.1")
def test_says_calmly_that_the_server_is_away_and_shows_the_page_when_it_is_back(
    tmp_path: Path, evidence: Evidence
) -> None:
    port, asked = free_port(), list[str]()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(_PAGE)

    with desk(tmp_path / "desk", f"http://127.0.0.1:{port}") as place:
        assert place.wake(f"http://127.0.0.1:{port}/plugin#{'A' * 40}").status_code == 202
        until(lambda: is_out(place), "out")
        place.screen.point(*EDGE)
        middle = (880, HEIGHT // 2 - 60, WIDTH - 20, HEIGHT // 2 + 80)
        until(lambda: colours(place, middle) > 20, "words in place of the page")
        place.screen.picture().save(evidence.screenshot("1-away"))
        with http.server.ThreadingHTTPServer(("127.0.0.1", port), Page) as back:
            threading.Thread(target=back.serve_forever, daemon=True).start()
            until(lambda: place.screen.colour(1000, 600) == (255, 0, 255), "the page")
            until(lambda: moved(place, asked), "the page takes the mouse")
            place.screen.click(1000, 600)
            until(lambda: place.in_browser == [f"http://127.0.0.1:{port}/r/1"], "the examination in the browser")
            back.shutdown()
    assert "/r/1" not in asked, "an address that is good once was used up by the panel"
