"""Between patients nothing leaks: a stranger's object cannot be told from one that does not exist."""

import pytest

from imaging_core.domain.grants import Right
from tests.builders.dicom import study_uid
from tests.builders.routes import TABLE

pytestmark = [pytest.mark.integration, pytest.mark.clause("R3.5")]

STUDY, NEIGHBOUR, EARLIER = study_uid("study"), study_uid("neighbour"), study_uid("earlier")
OF_ONE_PATIENT = [
    key
    for key, call in TABLE.items()
    if call.rule.split()[0] in {"patient", "own"} and "{" in key[1] and "{entry}" not in key[1]
]
UNKNOWN = {
    "study": "1.2.3",
    "series": "1.2.5",
    "sop": "1.2.4",
    "number": 1,
    **dict.fromkeys(("report", "document", "answer", "paper", "share", "download", "handle"), "f" * 32),
}


def steady(headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"x-request-id", "date"}}


@pytest.fixture
def neighbour(archive, redis):
    _, cookie = archive.grant(NEIGHBOUR)
    browser = archive.browser(cookie)
    for purpose in ("interpret", "ocr"):
        browser.post("/api/patient/consents", json={"purpose": purpose, "version": "1", "given": True})
    return browser


class TestOtherPeoplesThings:
    @pytest.mark.parametrize("key", OF_ONE_PATIENT, ids=lambda key: f"{key[0]} {key[1]}")
    def test_another_patients_thing_looks_exactly_like_an_unknown_one(self, things, neighbour, key):
        method, path = key
        arguments = TABLE[key].arguments
        foreign = neighbour.request(method, things.address(path), **arguments)
        absent = neighbour.request(method, path.format(**UNKNOWN), **arguments)
        assert (foreign.status_code, foreign.content) == (absent.status_code, absent.content)
        fixed = {"DELETE conversation": 204, "GET package.zip": 403}  # without a ticket nothing is looked up
        assert foreign.status_code == fixed.get(f"{method} {path.rsplit('/', 1)[1]}", 404)
        assert steady(foreign.headers) == steady(absent.headers)

    def test_the_first_screen_of_another_patients_study_is_not_found(self, neighbour):
        foreign = neighbour.get("/api/patient/first-screen", params={"study": STUDY})
        absent = neighbour.get("/api/patient/first-screen", params={"study": "1.2.3"})
        assert foreign.status_code == absent.status_code == 404
        assert foreign.content == absent.content

    def test_a_grant_without_history_sees_its_own_study_alone(self, archive, redis):
        _, cookie = archive.grant(STUDY, frozenset(Right) - {Right.HISTORY})
        browser = archive.browser(cookie)
        listed = [study["study_instance_uid"] for study in browser.get("/api/patient/studies").json()]
        assert listed == [STUDY]
        assert browser.get("/api/patient/first-screen", params={"study": EARLIER}).status_code == 404
        assert browser.get("/api/patient/first-screen").json()["history_count"] == 0

    def test_deleting_a_conversation_leaves_the_neighbours_alone(self, archive, consented, neighbour):
        report = archive.report_id(STUDY)
        _, mine = archive.grant(STUDY)
        archive.browser(mine).post(f"/api/patient/reports/{report}/questions", json={"question": "什么是结节"})
        neighbour.delete(f"/api/patient/reports/{report}/conversation")
        kept = archive.browser(mine).get(f"/api/patient/reports/{report}/conversation").json()
        assert kept["turns"][-1]["question"] == "什么是结节"

    def test_who_opens_a_shared_link_gets_that_study_and_nothing_the_patient_said(self, archive, redis):
        browser = archive.browser()
        browser.post("/api/patient/link", json={"token": archive.shared_token(EARLIER)})
        assert browser.post("/api/patient/verification", json={"method": "open"}).status_code == 200
        assert browser.get("/api/patient/first-screen").json()["rights"] == ["dicom", "jpg", "report"]
        assert browser.get("/api/patient/first-screen", params={"study": STUDY}).status_code == 404
        assert browser.get("/api/patient/consents").status_code == 403
