"""The plugin inside a page of the HIS: which pages may show it, and what those pages cannot do in the doctor's name."""

import pytest
from pydantic import ValidationError

from api.accounts.roles import Role
from api.settings import PluginSettings
from tests.builders.hospital import small_hospital
from tests.builders.plugin import launch_token, wake, woken
from tests.builders.routes import TABLE
from tests.builders.staff import new_account

pytestmark = [pytest.mark.integration, pytest.mark.clause("R2.1")]

HIS = "https://his.example"
PLUGIN_CALLS = sorted(key for key in TABLE if key[1].startswith("/api/plugin/"))


@pytest.fixture
def framed(tmp_path, sqlite_url, redis_url, redis, knowledge):
    """A hospital behind TLS whose HIS shows the plugin in its pages."""
    opened = small_hospital(
        tmp_path / "data",
        database_url=sqlite_url,
        redis_url=redis_url,
        knowledge=knowledge,
        http={"secure_cookies": True, "public_base_url": "https://imaging.example"},
        plugin={"his_origins": (HIS, "http://10.1.2.3:8081")},
    )
    yield opened
    opened.services.close()


def framers(browser, path):
    policy = browser.get(path).headers["content-security-policy"]
    return policy.partition("frame-ancestors ")[2].partition(";")[0]


def cookie_of(answer):
    return {part.strip() for part in answer.headers["set-cookie"].split(";")[1:]}


class TestFraming:
    def test_is_for_nobody_unless_it_is_set(self, clinic):
        assert framers(clinic.browser(), "/plugin") == "'self'"

    def test_is_for_the_pages_that_are_named_and_for_the_plugin_alone(self, framed):
        browser = framed.browser()
        assert framers(browser, "/plugin") == f"'self' {HIS} http://10.1.2.3:8081"
        for path in (
            "/",
            "/r",
            "/admin",
            "/editor",
            "/plugin/open/" + "A" * 32,
            "/plugin/dock.js",
            "/api/plugin/session",
        ):
            assert framers(browser, path) == "'self'"

    @pytest.mark.parametrize(
        "origin", ["*", "https://*.example", "his.example", "https://his.example/", "https://a.b; script-src *", "null"]
    )
    def test_takes_whole_origins_only(self, origin):
        with pytest.raises(ValidationError, match="his_origins"):
            PluginSettings(his_origins=(origin,))

    def test_takes_an_origin_however_it_is_written(self):
        assert PluginSettings(his_origins=("HTTPS://HIS.Example:8443",)).his_origins == ("https://his.example:8443",)


class TestTheCookie:
    def test_stays_with_our_own_pages_unless_others_may_show_the_plugin(self, clinic):
        answer = wake(clinic.browser(), launch_token(clinic))
        assert cookie_of(answer) == {"HttpOnly", "SameSite=strict", "Path=/api/plugin"}

    def test_is_kept_apart_for_each_page_that_shows_the_plugin(self, framed):
        browser = framed.browser()
        answer = wake(browser, launch_token(framed))
        rules = {"HttpOnly", "Secure", "SameSite=none", "Partitioned", "Path=/api/plugin"}
        assert cookie_of(answer) == rules
        token = answer.cookies["my_plugin"]
        left = browser.delete("/api/plugin/session", headers={"Cookie": f"my_plugin={token}"})
        assert cookie_of(left) == {*rules, "Max-Age=0"}


class TestAPageThatShowsThePlugin:
    @pytest.mark.parametrize(
        "headers",
        [{"Origin": HIS}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}],
    )
    def test_calls_nothing_of_it_by_itself(self, clinic, headers):
        browser = woken(clinic, new_account(clinic, Role.DOCTOR), patient_id="TEST0001")
        for method, path in PLUGIN_CALLS:
            answer = browser.request(method, path, headers=headers, **TABLE[method, path].arguments)
            assert (answer.status_code, answer.json()["code"]) == (403, "cross_site"), path
        assert browser.get("/api/plugin/session").json() == {"name": "测试员工", "patient_named": True}

    @pytest.mark.parametrize(
        "body", [{"content": '{"reference": "00000000000000000000000000000000"}'}, {"data": {"reference": "0" * 32}}]
    )
    def test_cannot_send_a_form_in_its_place(self, clinic, body):
        """Were the headers above missing: a form of a page carries no JSON."""
        browser = woken(clinic, new_account(clinic, Role.DOCTOR), patient_id="TEST0001")
        answer = browser.post(
            "/api/plugin/openings", headers={"Content-Type": "text/plain"} if "content" in body else {}, **body
        )
        assert answer.status_code == 422

    def test_leaves_the_plugins_own_calls_alone(self, framed, clinic):
        own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://hospital.test"}
        browser = woken(clinic, new_account(clinic, Role.DOCTOR))
        assert browser.get("/api/plugin/session", headers=own).status_code == 200
        # a proxy that calls us by another name
        behind = {"Origin": "https://imaging.example"}
        answer = framed.browser().post("/api/plugin/session", json={"token": "A" * 40}, headers=behind)
        assert answer.json()["code"] == "launch_forged"


class TestTheScript:
    def test_may_be_loaded_by_any_page_and_is_renewed_soon(self, clinic):
        answer = clinic.browser().get("/plugin/dock.js")
        if answer.status_code == 404:
            pytest.skip("the pages are not built")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "public, max-age=300"
