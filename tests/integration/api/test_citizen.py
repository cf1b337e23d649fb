"""Patients who come from an outside citizen platform, already verified there."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from redis import Redis
from sqlalchemy import select

from api.db.tables import AuditEventRow
from tests.builders import hl7, oidc_provider, ticket_provider
from tests.builders.control import Played, played
from tests.builders.dicom import study_uid
from tests.builders.hospital import OTHER_ID_NUMBER, OTHER_PHONE, SmallHospital, small_hospital
from tests.builders.servers import free_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.clause("R3.3"),
    pytest.mark.xdist_group("citizen"),
]

ID_NUMBER = hl7.ID_NUMBER
PERSON = {"id_number": ID_NUMBER, "name": "测试患者"}
BASE = "/api/patient/citizen"
HERE, NOTHING = "/r#/?citizen=here", "/r#/?citizen=nothing"
REFUSED, UNAVAILABLE = "/r#/?citizen=refused", "/r#/?citizen=unavailable"


@pytest.fixture(scope="module")
def provider() -> Iterator[Played]:
    with played("tests.builders.oidc_provider") as running:
        yield running


@pytest.fixture(scope="module")
def platform() -> Iterator[Played]:
    with played("tests.builders.ticket_provider") as running:
        yield running


def oidc(url: str, **changed: Any) -> dict[str, Any]:
    settings = {
        "kind": "oidc",
        "title": "皖美健康",
        "issuer": url,
        "client_id": oidc_provider.CLIENT_ID,
        "client_secret": oidc_provider.CLIENT_SECRET,
    }
    return settings | changed


@pytest.fixture(scope="module")
def loaded(
    tmp_path_factory: pytest.TempPathFactory,
    migrated_sqlite: Path,
    redis_url: str,
    provider: Played,
    platform: Played,
) -> Iterator[SmallHospital]:
    """A hospital with two patients, and three platforms."""
    folder = tmp_path_factory.mktemp("citizens")
    database = shutil.copy(migrated_sqlite, folder / "index.sqlite")
    ticket = {
        "kind": "ticket",
        "title": "皖事通",
        "redeem_url": f"{platform.url}/tickets/redeem",
        "key": ticket_provider.APP_KEY,
        "secret": ticket_provider.SECRET,
    }
    opened = small_hospital(
        folder / "data",
        database_url=f"sqlite:///{database}",
        redis_url=redis_url,
        http={"public_base_url": "http://hospital.test"},
        citizen={
            "platforms": {
                "wmjk": oidc(provider.url),
                "wst": ticket,
                "gone": oidc(f"http://127.0.0.1:{free_port()}"),
            },
        },
    )
    opened.load(patient_id="TEST0001", accession_number="ACC0000", study="earlier")
    opened.load(patient_id="TEST0001", accession_number="ACC0001", study="study")
    other: dict[str, Any] = {"phone": OTHER_PHONE, "id_number": OTHER_ID_NUMBER, "name": "测试邻居"}
    opened.load(patient_id="TEST0002", accession_number="ACC0002", study="neighbour", **other)
    yield opened
    opened.services.close()


@pytest.fixture
def hospital(loaded: SmallHospital, redis: Redis, provider: Played, platform: Played) -> SmallHospital:
    """The same with platforms that mean well, of which nothing is known yet."""
    provider.wish(person=PERSON)
    platform.wish(person=PERSON)
    loaded.services.__dict__.pop("citizen_platforms", None)
    loaded.clock.now = datetime.now(UTC)  # platforms have the real time
    return loaded


def set_out(browser: TestClient, platform: str = "wmjk") -> str:
    """Begin at the door and sign in at the platform; return the address it sends the browser back to."""
    begun = browser.get(f"{BASE}/{platform}/begin", follow_redirects=False)
    assert begun.status_code == 303, begun.text
    signed_in = httpx.get(begun.headers["location"], trust_env=False)
    assert signed_in.status_code == 302, signed_in.text
    return signed_in.headers["location"]


def follow(browser: TestClient, address: str) -> str:
    """Open an address; return where it sends the browser on."""
    answer = browser.get(address, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    return answer.headers["location"]


def studies(browser: TestClient) -> set[str]:
    answer = browser.get("/api/patient/studies")
    assert answer.status_code == 200, answer.text
    return {study["study_instance_uid"] for study in answer.json()}


def is_shut_out(browser: TestClient) -> bool:
    return browser.get("/api/patient/studies").status_code == 401


def audited(hospital: SmallHospital, action: str) -> list[AuditEventRow]:
    """Return the events of this test: each has a time of its own."""
    with hospital.services.database.reading() as session:
        events = session.scalars(
            select(AuditEventRow).where(AuditEventRow.action == action, AuditEventRow.at == hospital.clock())
        ).all()
        session.expunge_all()
    return list(events)


def why(hospital: SmallHospital) -> str:
    """Return the one reason for which somebody was refused."""
    (reason,) = {str(event.detail["why"]) for event in audited(hospital, "citizen.refused")}
    return reason


def new_ticket(platform: Played) -> str:
    return str(httpx.get(f"{platform.url}/ticket", trust_env=False).json()["ticket"])


OWN = {study_uid("study"), study_uid("earlier")}


class TestOpenIdConnect:
    def test_a_citizen_lands_verified_and_sees_exactly_their_own_studies(self, hospital):
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == HERE
        assert studies(browser) == OWN
        assert browser.get("/api/patient/door").json()["verified"] is True
        assert browser.get(f"/api/patient/studies/{study_uid('neighbour')}/manifest").status_code == 404

    def test_the_id_number_may_come_from_the_userinfo_endpoint(self, hospital, provider):
        provider.wish(person=PERSON, in_userinfo=True)
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == HERE
        assert studies(browser) == OWN

    @pytest.mark.parametrize(
        ("told", "reason"),
        [
            ({"nonce": "another"}, "nonce"),
            ({"nonce": None}, "nonce"),
            ({"aud": "another-client"}, "aud"),
            ({"aud": ["mingying", "another-client"]}, "azp"),
            ({"azp": "another-client"}, "azp"),
            ({"iss": "http://127.0.0.1:1"}, "iss"),
            ({"exp": 1_700_000_000}, "exp"),
            ({"exp": None}, "exp"),
            ({"iat": 4_000_000_000}, "iat"),
            ({"sub": None}, "sub"),
        ],
    )
    def test_an_id_token_that_is_not_for_this_visit_opens_nothing(self, hospital, provider, told, reason):
        provider.wish(person=PERSON, claims=told)
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == REFUSED
        assert is_shut_out(browser)
        assert reason in why(hospital)

    @pytest.mark.parametrize("fault", ["other_key", "unknown_key", "none", "public_key_as_secret", "unreadable"])
    def test_an_id_token_without_the_platforms_signature_opens_nothing(self, hospital, provider, fault):
        provider.wish(person=PERSON, fault=fault)
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == REFUSED
        assert is_shut_out(browser)
        assert why(hospital).startswith("id_token_")

    def test_a_key_that_the_platform_added_is_learnt(self, hospital, provider):
        first = hospital.browser()
        assert follow(first, set_out(first)) == HERE
        provider.wish(person=PERSON, later_key=True)
        second = hospital.browser()
        assert follow(second, set_out(second)) == HERE

    def test_the_way_back_is_good_once(self, hospital):
        browser = hospital.browser()
        address = set_out(browser)
        cookie = browser.cookies["my_visit"]
        assert follow(browser, address) == HERE
        browser.cookies.clear()
        browser.cookies.set("my_visit", cookie, domain="hospital.test", path=BASE)
        assert follow(browser, address) == REFUSED
        assert is_shut_out(browser)

    @pytest.mark.parametrize("used", [True, False], ids=["used before", "of another visit"])
    def test_a_code_is_good_once_and_for_its_own_visit(self, hospital, used):
        browser = hospital.browser()
        earlier = set_out(browser)
        if used:
            assert follow(browser, earlier) == HERE
        code = parse_qs(urlsplit(earlier).query)["code"][0]
        now = urlsplit(set_out(browser))
        state = parse_qs(now.query)["state"][0]
        assert follow(browser, f"{now.path}?code={code}&state={state}") == REFUSED
        assert why(hospital) == "code_refused"
        assert is_shut_out(browser)

    def test_a_prepared_address_opens_nothing_in_another_browser(self, hospital):
        attacker, victim = hospital.browser(), hospital.browser()
        address = set_out(attacker)
        assert follow(victim, address) == REFUSED
        set_out(victim)  # with a visit of its own too
        assert follow(victim, address) == REFUSED
        assert is_shut_out(victim)
        assert why(hospital) == "not_begun_here"

    def test_a_way_back_is_only_that_of_its_platform(self, hospital):
        browser = hospital.browser()
        address = set_out(browser).replace("/wmjk/", "/gone/")
        assert follow(browser, address) == REFUSED

    def test_the_cookie_of_a_visit_is_out_of_reach_of_scripts_and_the_address_carries_no_secret(self, hospital):
        begun = hospital.browser().get(f"{BASE}/wmjk/begin", follow_redirects=False)
        cookie = begun.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        asked = parse_qs(urlsplit(begun.headers["location"]).query)
        assert asked["redirect_uri"] == ["http://hospital.test/api/patient/citizen/wmjk/callback"]
        assert asked["code_challenge_method"] == ["S256"]
        assert set(asked) == {
            *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
            *("code_challenge", "code_challenge_method"),
        }

    def test_who_cancels_at_the_platform_is_told_kindly(self, hospital, provider):
        provider.wish(person=PERSON, fault="cancelled")
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == REFUSED
        assert why(hospital) == "sign_in_cancelled"

    def test_userinfo_of_another_person_opens_nothing(self, hospital, provider):
        provider.wish(person=PERSON, in_userinfo=True, fault="userinfo_of_another")
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == REFUSED
        assert is_shut_out(browser)

    def test_a_platform_that_is_down_is_said_to_be(self, hospital):
        browser = hospital.browser()
        assert follow(browser, f"{BASE}/gone/begin") == UNAVAILABLE
        assert is_shut_out(browser)

    @pytest.mark.parametrize("wish", [{"fault": "broken"}, {"seconds": 20}], ids=["broken", "hanging"])
    def test_a_platform_that_fails_halfway_opens_nothing_in_time(self, hospital, provider, wish):
        browser = hospital.browser()
        address = set_out(browser)
        provider.wish(person=PERSON, **wish)
        assert follow(browser, address) == UNAVAILABLE
        assert is_shut_out(browser)

    @pytest.mark.parametrize("fault", ["other_issuer", "plain"])
    def test_metadata_that_leads_elsewhere_are_not_followed(self, hospital, provider, fault):
        provider.wish(person=PERSON, fault=fault)
        assert follow(hospital.browser(), f"{BASE}/wmjk/begin") == UNAVAILABLE


class TestWhoIsFound:
    @pytest.mark.parametrize(
        "person",
        [
            {"id_number": "990000196203150014", "name": "测试患者"},
            {"id_number": ID_NUMBER, "name": "测试女儿"},
            {"id_number": "", "name": "测试患者"},
            {"name": "测试患者"},
            {"id_number": ID_NUMBER[:-1] + "9", "name": "测试患者"},
            {"id_number": 110101198001010010, "name": "测试患者"},
        ],
        ids=["a stranger", "a relative under the same number", "empty", "missing", "mistyped", "not text"],
    )
    def test_nobody_by_name_alone_and_all_answers_are_the_same(self, hospital, provider, person):
        provider.wish(person=person)
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == NOTHING
        assert is_shut_out(browser)
        assert why(hospital) == "nothing_to_show"

    def test_a_registered_person_without_studies_gets_the_same_answer(self, hospital, provider):
        number = "110101198001010037"
        hospital.hl7(hl7.adt_a04(patient_id="TEST0003", id_number=number, name="测试新人"))
        provider.wish(person={"id_number": number, "name": "测试新人"})
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == NOTHING

    @pytest.mark.parametrize("person", [{"id_number": ID_NUMBER}, {"id_number": "110101800101001", "name": "测试患者"}])
    def test_without_a_name_and_by_the_old_number_the_same_person_is_found(self, hospital, provider, person):
        provider.wish(person=person)
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == HERE
        assert studies(browser) == OWN

    def test_the_visit_of_somebody_else_in_this_browser_ends(self, hospital, provider):
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == HERE
        provider.wish(person={"id_number": OTHER_ID_NUMBER, "name": "测试邻居"})
        assert follow(browser, set_out(browser)) == HERE
        assert studies(browser) == {study_uid("neighbour")}
        provider.wish(person={"id_number": "990000196203150014", "name": "测试生人"})
        assert follow(browser, set_out(browser)) == NOTHING
        assert is_shut_out(browser)

    def test_the_visit_ends_with_its_time(self, hospital):
        browser = hospital.browser()
        assert follow(browser, set_out(browser)) == HERE
        hospital.clock.forward(minutes=121)
        assert is_shut_out(browser)

    def test_the_audit_names_the_platform_and_no_person(self, hospital, provider):
        browser = hospital.browser()
        follow(browser, set_out(browser))
        provider.wish(person=PERSON, fault="other_key")
        follow(browser, set_out(browser))
        entered, refused = audited(hospital, "citizen.entered"), audited(hospital, "citizen.refused")
        assert [event.object_id for event in entered + refused] == ["wmjk", "wmjk"]
        assert [event.actor_kind for event in entered + refused] == ["patient", "anonymous"]
        text = " ".join(f"{event.actor} {event.object_id} {event.detail}" for event in entered + refused)
        assert "测试" not in text
        assert ID_NUMBER not in text


class TestOneTimeTickets:
    def test_a_citizen_lands_verified_and_the_ticket_leaves_the_address(self, hospital, platform):
        browser = hospital.browser()
        assert follow(browser, f"{BASE}/wst/enter?ticket={new_ticket(platform)}") == HERE
        assert studies(browser) == OWN

    def test_neither_ticket_nor_person_is_in_the_log(self, hospital, platform, provider, capfd):
        ticket = new_ticket(platform)
        browser = hospital.browser()
        assert follow(browser, f"{BASE}/wst/enter?ticket={ticket}") == HERE
        platform.wish(person=PERSON, fault="unsigned")
        follow(browser, f"{BASE}/wst/enter?ticket={ticket}")
        code = parse_qs(urlsplit(address := set_out(browser)).query)["code"][0]
        follow(browser, address)
        logged = "".join(capfd.readouterr())
        assert "citizen platform unavailable" in logged
        for secret in (ticket, code, ID_NUMBER, "测试"):
            assert secret not in logged

    @pytest.mark.parametrize("fault", ["", "forgetful"], ids=["the platform remembers", "only we remember"])
    def test_a_ticket_is_good_once(self, hospital, platform, fault):
        platform.wish(person=PERSON, fault=fault)
        address = f"{BASE}/wst/enter?ticket={new_ticket(platform)}"
        assert follow(hospital.browser(), address) == HERE
        second = hospital.browser()
        assert follow(second, address) == REFUSED
        assert is_shut_out(second)

    @pytest.mark.parametrize(
        ("told", "reason"),
        [
            ({"expires_at": 1_700_000_000}, "ticket_expired"),
            ({"expires_at": 4_000_000_000}, "ticket_too_long_lived"),
            ({"app_key": "another-hospital"}, "ticket_for_another"),
        ],
    )
    def test_a_ticket_that_is_not_for_us_and_now_opens_nothing(self, hospital, platform, told, reason):
        platform.wish(person=PERSON, told=told)
        browser = hospital.browser()
        assert follow(browser, f"{BASE}/wst/enter?ticket={new_ticket(platform)}") == REFUSED
        assert is_shut_out(browser)
        assert why(hospital) == reason

    @pytest.mark.parametrize("fault", ["unsigned", "changed", "other_question", "late", "broken"])
    def test_an_answer_that_is_not_the_platforms_to_this_question_opens_nothing(self, hospital, platform, fault):
        platform.wish(person=PERSON, fault=fault)
        browser = hospital.browser()
        assert follow(browser, f"{BASE}/wst/enter?ticket={new_ticket(platform)}") == UNAVAILABLE
        assert is_shut_out(browser)

    @pytest.mark.parametrize("ticket", ["", "guessed", "A" * 5000, "%00", "%ED%A0%80"])
    def test_anything_else_in_the_place_of_a_ticket_is_refused(self, hospital, ticket):
        browser = hospital.browser()
        assert follow(browser, f"{BASE}/wst/enter?ticket={ticket}") == REFUSED
        assert is_shut_out(browser)

    def test_without_our_secret_the_platform_tells_nobody_who_a_ticket_is_of(self, platform):
        ticket = new_ticket(platform)
        headers = {"X-Nonce": "0" * 32, "X-Timestamp": str(int(datetime.now(UTC).timestamp())), "X-Signature": ""}
        asked = {"app_key": ticket_provider.APP_KEY, "ticket": ticket}
        answer = httpx.post(f"{platform.url}/tickets/redeem", json=asked, headers=headers, trust_env=False)
        assert answer.status_code == 401

    def test_a_ticket_opens_no_door_of_the_other_kind(self, hospital, platform):
        ticket = new_ticket(platform)
        browser = hospital.browser()
        assert follow(browser, f"{BASE}/wmjk/enter?ticket={ticket}") == REFUSED
        assert follow(browser, f"{BASE}/wst/callback?code={ticket}&state=x") == REFUSED
        assert is_shut_out(browser)


class TestTheDoor:
    def test_it_names_the_platforms_that_one_can_set_out_to(self, hospital):
        assert hospital.browser().get("/api/patient/door").json()["entries"] == [
            {"title": "皖美健康", "address": f"{BASE}/wmjk/begin"},
            {"title": "皖美健康", "address": f"{BASE}/gone/begin"},
        ]

    def test_a_platform_without_a_page_for_us_cannot_be_set_out_to(self, hospital):
        assert hospital.browser().get(f"{BASE}/wst/begin").status_code == 404

    def test_without_a_platform_there_is_neither_button_nor_route(self, clinic):
        browser = clinic.browser()
        assert browser.get("/api/patient/door").json()["entries"] == []
        for way in ("begin", "callback", "enter"):
            assert browser.get(f"{BASE}/wmjk/{way}").status_code == 404

    def test_a_link_that_was_scanned_stays_open_when_the_platform_fails(self, hospital):
        browser = hospital.browser()
        token = hospital.token(study_uid("study"))
        assert browser.post("/api/patient/link", json={"token": token}).status_code == 204
        assert follow(browser, f"{BASE}/gone/begin") == UNAVAILABLE
        assert browser.get("/api/patient/door").json()["linked"] is True

    def test_many_tries_from_one_address_are_slowed(self, hospital):
        browser = hospital.browser()
        answers = [browser.get(f"{BASE}/wmjk/callback", follow_redirects=False).status_code for _ in range(61)]
        assert answers == [303] * 60 + [429]
