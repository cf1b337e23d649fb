"""Sharing over HTTP: the owner makes, lists and revokes; a stranger opens with the passcode and gets no more."""

import re

import pypdfium2
import pytest
from sqlalchemy import select

from api.db.tables import AuditEventRow
from tests.builders import hl7
from tests.builders.dicom import instance_uid, study_uid
from tests.builders.hl7 import ID_NUMBER, PHONE

pytestmark = [pytest.mark.integration, pytest.mark.clause("R3.5")]

STUDY = study_uid("study")
SHARES = "/api/patient/shares"
PROOF = "/api/patient/verification"


@pytest.fixture
def owner(hospital):
    _, cookie = hospital.grant(STUDY)
    return hospital.browser(cookie)


def agree(owner, *, given: bool = True) -> None:
    body = {"purpose": "interpret", "version": "1", "given": given}
    assert owner.post("/api/patient/consents", json=body).status_code == 204


def make(owner, **wish) -> dict:
    answer = owner.post(SHARES, json={"study": STUDY, "expires_days": 7, **wish})
    assert answer.status_code == 201, answer.text
    return answer.json()


def follow(hospital, made: dict):
    """Open the link of a share in another browser."""
    stranger = hospital.browser()
    answer = stranger.post("/api/patient/link", json={"token": made["link"].partition("#")[2]})
    assert answer.status_code == 204, answer.text
    return stranger


def enter(hospital, made: dict):
    """Open a share with its passcode."""
    stranger = follow(hospital, made)
    answer = stranger.post(PROOF, json={"method": "passcode", "passcode": made["passcode"]})
    assert answer.status_code == 200, answer.text
    return stranger


def acts(hospital) -> list[str]:
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(AuditEventRow.action).order_by(AuditEventRow.at, AuditEventRow.id)))


class TestMaking:
    def test_the_service_proposes_six_digits_and_tells_them_once(self, hospital, owner):
        made = make(owner)
        assert re.fullmatch(r"\d{6}", made["passcode"])
        assert made["link"].startswith(f"{hospital.services.settings.base_url}/r#")
        assert made["qr"].startswith("data:image/svg+xml")
        listed = owner.get(SHARES).text
        assert made["passcode"] not in listed
        assert made["link"].partition("#")[2] not in listed

    def test_ones_own_passcode_is_taken_as_it_was_typed(self, hospital, owner):
        made = make(owner, passcode=" 妈妈 4815 ")
        assert made["passcode"] == "妈妈 4815"
        stranger = follow(hospital, made)
        assert stranger.post(PROOF, json={"method": "passcode", "passcode": "妈妈４８１５"}).status_code == 200

    @pytest.mark.parametrize(
        ("wish", "code"),
        [
            ({"expires_days": None}, "invalid_request"),
            ({"expires_days": 2}, "invalid_request"),
            ({"expires_days": 0}, "invalid_request"),
            ({"passcode": "1234"}, "passcode_unsuitable"),
            ({"passcode": ""}, "passcode_unsuitable"),
            ({"passcode": "4815", "protected": False}, "invalid_request"),
        ],
    )
    def test_without_an_end_or_with_a_passcode_for_show_none_is_made(self, owner, wish, code):
        answer = owner.post(SHARES, json={"study": STUDY, "expires_days": 7, **wish})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert owner.get(SHARES).json() == []

    def test_another_patients_study_and_an_unknown_one_look_the_same(self, hospital, owner):
        hospital.load(
            patient_id="TEST0002", accession_number="ACC0002", study="neighbour", phone="13800000002", name="测试邻居"
        )
        foreign = owner.post(SHARES, json={"study": study_uid("neighbour"), "expires_days": 7})
        unknown = owner.post(SHARES, json={"study": "1.2.3", "expires_days": 7})
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json() == unknown.json()

    def test_explanations_can_be_passed_on_only_while_the_patient_agrees_to_them(self, owner):
        wish = {"study": STUDY, "expires_days": 7, "with_explanation": True}
        refused = owner.post(SHARES, json=wish)
        assert (refused.status_code, refused.json()["code"], refused.json()["purpose"]) == (
            403,
            "consent_needed",
            "interpret",
        )
        agree(owner)
        assert owner.post(SHARES, json=wish).status_code == 201


class TestOpening:
    def test_before_the_passcode_nothing_of_the_patient_is_told(self, hospital, owner):
        stranger = follow(hospital, make(owner))
        door = stranger.get("/api/patient/door")
        assert door.json()["methods"] == ["passcode"]
        assert "测试" not in door.text
        assert stranger.get("/api/patient/first-screen").status_code == 401

    def test_the_passcode_opens_that_study_without_phone_or_id_number(self, hospital, owner):
        made = make(owner)
        stranger = enter(hospital, made)
        screen = stranger.get("/api/patient/first-screen")
        assert screen.json()["holder"] == "share"
        assert screen.json()["rights"] == ["dicom", "jpg", "report"]
        assert screen.json()["history_count"] == 0
        for secret in (PHONE, ID_NUMBER):
            assert secret not in screen.text
        sop = instance_uid("study", "series", 1)
        assert stranger.get(f"/api/patient/studies/{STUDY}/instances/{sop}").status_code == 403

    def test_a_wrong_passcode_opens_nothing_and_says_how_many_tries_are_left(self, hospital, owner):
        stranger = follow(hospital, make(owner))
        wrong = [stranger.post(PROOF, json={"method": "passcode", "passcode": "000001"}) for _ in range(6)]
        assert [answer.status_code for answer in wrong] == [403] * 5 + [429]
        assert [answer.json()["tries_left"] for answer in wrong[:5]] == [4, 3, 2, 1, 0]
        assert stranger.get("/api/patient/first-screen").status_code == 401

    def test_a_stranger_who_guesses_does_not_lock_the_patients_own_door(self, hospital, owner):
        stranger = follow(hospital, make(owner))
        for _ in range(6):
            stranger.post(PROOF, json={"method": "passcode", "passcode": "000001"})
        browser = hospital.browser()
        browser.post("/api/patient/link", json={"token": hospital.token(STUDY)})
        assert browser.post(PROOF, json={"method": "id_number", "id_number": ID_NUMBER}).status_code == 200

    @pytest.mark.parametrize(
        "proof",
        [
            {"method": "id_number", "id_number": ID_NUMBER},
            {"method": "phone", "phone": PHONE, "code": "123456"},
            {"method": "open"},
        ],
    )
    def test_nothing_but_the_passcode_opens_a_share(self, hospital, owner, proof):
        stranger = follow(hospital, make(owner))
        answer = stranger.post(PROOF, json=proof)
        assert (answer.status_code, answer.json()["code"]) == (409, "method_unavailable")
        assert stranger.post("/api/patient/verification/code", json={"phone": PHONE}).status_code == 409

    @pytest.mark.parametrize("proof", [{"method": "passcode", "passcode": "482915"}, {"method": "open"}])
    def test_no_passcode_opens_the_report_of_the_paper(self, hospital, proof):
        browser = hospital.browser()
        browser.post("/api/patient/link", json={"token": hospital.token(STUDY)})
        assert browser.post(PROOF, json=proof).status_code == 409

    def test_where_the_patient_wanted_no_passcode_the_link_is_enough(self, hospital, owner):
        stranger = follow(hospital, make(owner, protected=False))
        assert stranger.get("/api/patient/door").json()["methods"] == ["open"]
        assert stranger.post(PROOF, json={"method": "open"}).status_code == 200
        assert stranger.get("/api/patient/first-screen").status_code == 200

    def test_an_expired_a_revoked_and_an_unknown_share_look_the_same(self, hospital, owner):
        expired, revoked = make(owner, expires_days=1), make(owner)
        assert owner.delete(f"{SHARES}/{revoked['share_id']}").status_code == 204
        hospital.clock.forward(days=1)
        tokens = [expired["link"].partition("#")[2], revoked["link"].partition("#")[2], "A" * 27]
        answers = [hospital.browser().post("/api/patient/link", json={"token": token}) for token in tokens]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert answers[0].json() == answers[1].json() == answers[2].json()

    def test_pictures_of_a_share_stay_in_no_cache(self, hospital, owner):
        hospital.follow(derive=True)
        stranger = enter(hospital, make(owner))
        sop = instance_uid("study", "series", 1)
        address = f"/api/patient/studies/{STUDY}/instances/{sop}/frames/1/preview?v=1"
        assert stranger.get(address).headers["cache-control"] == "no-store"
        assert "immutable" in owner.get(address).headers["cache-control"]

    def test_the_printed_report_has_no_qr_for_a_stranger(self, hospital, owner):
        report = f"/api/patient/reports/{hospital.report_id(STUDY)}/pdf"
        own, shared = owner.get(report).content, enter(hospital, make(owner)).get(report).content
        assert "扫码查看影像和报告" in _text(own)
        assert "扫码查看影像和报告" not in _text(shared)
        assert "TEST0001" not in _text(shared)


def _text(pdf: bytes) -> str:
    return pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range()


class TestChoices:
    def test_with_history_the_other_studies_too_and_no_other_patients(self, hospital, owner):
        hospital.load(patient_id="TEST0001", accession_number="ACC0009", study="earlier")
        closed, opened = enter(hospital, make(owner)), enter(hospital, make(owner, with_history=True))
        assert len(closed.get("/api/patient/studies").json()) == 1
        assert len(opened.get("/api/patient/studies").json()) == 2
        assert opened.get("/api/patient/first-screen", params={"study": study_uid("earlier")}).status_code == 200

    def test_with_explanation_the_explanation_and_never_the_conversation(self, clinic):
        _, cookie = clinic.grant(STUDY)
        owner = clinic.browser(cookie)
        agree(owner)
        report = f"/api/patient/reports/{clinic.report_id(STUDY)}"
        without, stranger = enter(clinic, make(owner)), enter(clinic, make(owner, with_explanation=True))
        assert without.get(f"{report}/interpretation").status_code == 403
        assert stranger.get(f"{report}/interpretation").status_code == 200
        assert stranger.get(f"{report}/conversation").status_code == 403
        assert stranger.post(f"{report}/questions", json={"question": "要紧吗"}).status_code == 403
        assert [item["purpose"] for item in stranger.get("/api/patient/first-screen").json()["consents"]] == [
            "interpret"
        ]
        assert "interpret" in stranger.get("/api/patient/first-screen").json()["rights"]
        agree(owner, given=False)
        assert "interpret" not in stranger.get("/api/patient/first-screen").json()["rights"]
        assert stranger.get(f"{report}/interpretation").json()["code"] == "consent_needed"

    def test_a_share_cannot_be_shared_on_or_looked_through(self, hospital, owner):
        stranger = enter(hospital, make(owner))
        assert stranger.post(SHARES, json={"study": STUDY, "expires_days": 7}).status_code == 403
        assert stranger.get(SHARES).status_code == 403
        assert stranger.get("/api/patient/consents").status_code == 403

    def test_a_corrected_report_is_shown_as_the_patient_sees_it(self, hospital, owner):
        stranger = enter(hospital, make(owner))
        hospital.hl7(
            hl7.oru_r01(
                patient_id="TEST0001",
                accession_number="ACC0001",
                study_instance_uid=STUDY,
                status="C",
                findings="更正：左肺下叶见结节。",
            )
        )
        for browser in (owner, stranger):
            report = browser.get("/api/patient/first-screen").json()["report"]
            assert report["amended"] is True
            assert "更正：左肺下叶" in report["findings"]


class TestRevoking:
    def test_the_next_request_of_an_open_page_is_refused(self, hospital, owner):
        made = make(owner)
        stranger, other = enter(hospital, made), enter(hospital, make(owner))
        assert stranger.get("/api/patient/grant").status_code == 204
        assert owner.delete(f"{SHARES}/{made['share_id']}").status_code == 204
        assert stranger.get("/api/patient/grant").status_code == 401
        assert stranger.get("/api/patient/first-screen").status_code == 401
        assert other.get("/api/patient/grant").status_code == 204
        assert owner.get("/api/patient/grant").status_code == 204

    def test_another_patients_share_cannot_be_revoked(self, hospital, owner):
        made = make(owner)
        hospital.load(
            patient_id="TEST0002", accession_number="ACC0002", study="neighbour", phone="13800000002", name="测试邻居"
        )
        _, cookie = hospital.grant(study_uid("neighbour"))
        neighbour = hospital.browser(cookie)
        assert neighbour.delete(f"{SHARES}/{made['share_id']}").status_code == 404
        assert neighbour.get(SHARES).json() == []
        assert owner.get(SHARES).json()[0]["state"] == "active"

    def test_the_list_tells_how_often_and_when_a_share_was_opened(self, hospital, owner):
        made = make(owner, with_history=True)
        enter(hospital, made)
        hospital.clock.forward(hours=1)
        enter(hospital, made)
        (listed,) = owner.get(SHARES).json()
        assert listed["opened_count"] == 2
        assert listed["last_opened_at"].startswith(hospital.clock().isoformat()[:16])
        assert (listed["state"], listed["with_history"], listed["protected"]) == ("active", True, True)
        hospital.clock.forward(days=7)
        _, cookie = hospital.grant(STUDY)
        assert hospital.browser(cookie).get(SHARES).json()[0]["state"] == "expired"


class TestAudit:
    def test_making_opening_refusing_and_revoking_are_recorded(self, hospital, owner):
        made = make(owner)
        follow(hospital, made).post(PROOF, json={"method": "passcode", "passcode": "000001"})
        enter(hospital, made)
        owner.delete(f"{SHARES}/{made['share_id']}")
        owner.delete(f"{SHARES}/{made['share_id']}")
        shares = [act for act in acts(hospital) if act.startswith("share.")]
        assert sorted(shares) == ["share.created", "share.opened", "share.refused", "share.revoked"]

    def test_no_passcode_stands_in_it(self, hospital, owner):
        made = make(owner)
        enter(hospital, made)
        with hospital.services.database.reading() as session:
            assert made["passcode"] not in str([row.detail for row in session.scalars(select(AuditEventRow))])
