import asyncio
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select

from api.db.tables import AuditEventRow
from api.sms.sender import InboxSmsSender
from imaging_core.sharing.links import redeem_link, revoke_link
from tests.builders.dicom import study_uid
from tests.builders.hl7 import ID_NUMBER, PHONE
from tests.builders.hospital import verified

pytestmark = pytest.mark.integration

STUDY = study_uid("study")


def run(coroutine):
    return asyncio.run(coroutine)


@asynccontextmanager
async def linked(hospital):
    async with hospital.client() as client:
        answer = await client.post("/api/patient/link", json={"token": hospital.token(STUDY)})
        assert answer.status_code == 204
        yield client


def sent_code(hospital):
    return InboxSmsSender(hospital.services.redis).messages()[0]["text"].split("验证码是 ")[1][:6]


@pytest.mark.clause("R3.5")
class TestBeforeVerification:
    def test_a_guessed_link_an_expired_and_a_revoked_one_look_the_same(self, hospital):
        token = hospital.token(STUDY)

        async def look():
            async with hospital.client() as client:
                guessed = await client.post("/api/patient/link", json={"token": "A" * 27})
                with hospital.services.database.writing() as session:
                    link = redeem_link(session, token, hospital.clock())
                    assert link is not None
                    revoke_link(session, link.link_id, hospital.clock())
                revoked = await client.post("/api/patient/link", json={"token": token})
                return guessed, revoked

        guessed, revoked = run(look())
        assert guessed.status_code == revoked.status_code == 404
        assert guessed.json() == revoked.json()
        assert guessed.headers["content-type"] == "application/problem+json"

    def test_nothing_of_the_patient_is_shown_to_who_has_only_the_link(self, hospital):
        async def look():
            async with linked(hospital) as client:
                door = await client.get("/api/patient/door")
                return door, [
                    await client.get(path)
                    for path in (
                        "/api/patient/first-screen",
                        "/api/patient/studies",
                        f"/api/patient/studies/{STUDY}/manifest",
                        f"/api/patient/reports/{hospital.report_id(STUDY)}/interpretation",
                    )
                ]

        door, refused = run(look())
        assert door.json()["linked"] is True
        assert "测试" not in door.text
        assert [answer.status_code for answer in refused] == [401] * 4
        assert all("测试" not in answer.text and STUDY not in answer.text for answer in refused)

    def test_asking_for_a_code_does_not_tell_whether_the_phone_is_on_record(self, hospital):
        async def ask(phone):
            async with linked(hospital) as client:
                return await client.post("/api/patient/verification/code", json={"phone": phone})

        wrong = run(ask("13900000009"))
        hospital.services.redis.flushdb()
        right = run(ask(PHONE))
        assert (wrong.status_code, wrong.json()) == (right.status_code, right.json())
        messages = InboxSmsSender(hospital.services.redis).messages()
        assert [message["phone"] for message in messages] == [PHONE]

    def test_a_second_code_within_a_minute_is_refused_with_the_seconds_to_wait(self, hospital):
        async def twice():
            async with linked(hospital) as client:
                await client.post("/api/patient/verification/code", json={"phone": PHONE})
                return await client.post("/api/patient/verification/code", json={"phone": PHONE})

        answer = run(twice())
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60

    def test_five_wrong_codes_lock_the_door_even_for_the_right_one(self, hospital):
        async def knock():
            async with linked(hospital) as client:
                await client.post("/api/patient/verification/code", json={"phone": PHONE})
                code = sent_code(hospital)
                wrong = f"{(int(code) + 1) % 1_000_000:06d}"
                proof = {"method": "phone", "phone": PHONE, "code": wrong}
                answers = [await client.post("/api/patient/verification", json=proof) for _ in range(5)]
                answers.append(await client.post("/api/patient/verification", json={**proof, "code": code}))
                return answers

        answers = run(knock())
        assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 403, 429]
        assert [answer.json()["tries_left"] for answer in answers[:5]] == [4, 3, 2, 1, 0]
        assert "测试" not in answers[0].text

    def test_another_link_of_the_same_patient_gives_no_more_tries(self, hospital):
        second = hospital.load(patient_id="TEST0001", accession_number="ACC0009", study="second")

        async def knock():
            async with linked(hospital) as client:
                for _ in range(5):
                    await client.post("/api/patient/verification", json={"method": "id_number", "id_number": "110101"})
            async with hospital.client() as client:
                await client.post("/api/patient/link", json={"token": second})
                return await client.post(
                    "/api/patient/verification", json={"method": "id_number", "id_number": ID_NUMBER}
                )

        assert run(knock()).status_code == 429

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"method": "phone", "phone": "abc", "code": "123456"}, "phone"),
            ({"method": "phone", "phone": PHONE, "code": "12"}, "code"),
            ({"method": "id_number"}, "id_number"),
            ({"method": "face"}, ""),
            ({"method": "id_number", "id_number": ID_NUMBER, "extra": 1}, "extra"),
        ],
    )
    def test_a_malformed_proof_is_refused_by_the_name_of_its_field(self, hospital, body, field):
        async def send():
            async with linked(hospital) as client:
                return await client.post("/api/patient/verification", json=body)

        answer = run(send())
        assert answer.status_code == 422
        assert field in answer.json()["field"]
        assert ID_NUMBER not in answer.text
        assert PHONE not in answer.text


@pytest.mark.clause("R3.5")
class TestVerification:
    def test_the_code_on_the_phone_opens_the_study_of_the_link_once(self, hospital):
        async def enter():
            async with linked(hospital) as client:
                await client.post("/api/patient/verification/code", json={"phone": PHONE})
                proof = {"method": "phone", "phone": PHONE, "code": sent_code(hospital)}
                first = await client.post("/api/patient/verification", json=proof)
                screen = await client.get("/api/patient/first-screen")
            async with linked(hospital) as client:
                return first, screen, await client.post("/api/patient/verification", json=proof)

        first, screen, again = run(enter())
        assert first.status_code == 200
        assert "httponly" in first.headers["set-cookie"].lower()
        assert screen.json()["study"]["study_instance_uid"] == STUDY
        assert screen.json()["patient"]["name"] == "测试患者"
        assert again.status_code == 403

    def test_an_expired_code_is_refused(self, hospital):
        async def enter():
            async with linked(hospital) as client:
                await client.post("/api/patient/verification/code", json={"phone": PHONE})
                code = sent_code(hospital)
                for key in hospital.services.redis.scan_iter("code:*"):
                    hospital.services.redis.pexpire(key, 1)
                await asyncio.sleep(0.02)
                return await client.post(
                    "/api/patient/verification", json={"method": "phone", "phone": PHONE, "code": code}
                )

        assert run(enter()).status_code == 403

    def test_the_id_number_opens_it_too_and_a_lower_case_x_is_the_same(self, hospital):
        async def enter():
            async with hospital.client() as client:
                await verified(client, hospital.token(STUDY))
                return await client.get("/api/patient/first-screen")

        assert run(enter()).status_code == 200

    def test_leaving_ends_the_grant_on_the_server(self, hospital):
        async def leave():
            async with hospital.client() as client:
                await verified(client, hospital.token(STUDY))
                kept = dict(client.cookies)
                await client.post("/api/patient/leave")
                client.cookies.update(kept)
                return await client.get("/api/patient/first-screen")

        assert run(leave()).status_code == 401

    def test_the_grant_ends_with_its_time(self, hospital):
        async def wait():
            async with hospital.client() as client:
                await verified(client, hospital.token(STUDY))
                hospital.clock.forward(minutes=121)
                return await client.get("/api/patient/first-screen")

        assert run(wait()).status_code == 401

    def test_every_try_and_opening_stands_in_the_audit_without_a_name_or_number(self, hospital):
        async def enter():
            async with hospital.client() as client:
                await client.post("/api/patient/link", json={"token": hospital.token(STUDY)})
                await client.post("/api/patient/verification", json={"method": "id_number", "id_number": "110101"})
                await verified(client, hospital.token(STUDY))
                await client.get("/api/patient/first-screen")

        run(enter())
        with hospital.services.database.reading() as session:
            events = session.scalars(select(AuditEventRow)).all()
        actions = [event.action for event in events]
        assert {"link.opened", "verification.refused", "verification.passed", "study.viewed"} <= set(actions)
        text = " ".join(f"{event.actor} {event.object_id} {event.detail}" for event in events)
        for secret in ("测试", PHONE, ID_NUMBER):
            assert secret not in text
