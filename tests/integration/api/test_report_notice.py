# mypy: disable-error-code="union-attr,index"
# What a test has just made is there; a missing one fails the test at the same line.
"""The short message that says a report is ready: once, to the phone on record, with a link that still asks who one is."""

import json
import re
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from api.db.tables import WorkRow
from api.jobs import NOTIFY, Work
from api.sms.sender import GatewaySmsSender, InboxSmsSender, SmsUnreachable
from api.worker import WorkerProcess
from api.workflows.follow_changes import owe_notices
from api.workflows.notify_patient import LINK_LASTS, send_notice
from imaging_core.sharing.links import LinkKind, revoke_link
from imaging_core.sharing.tables import LinkRow
from tests.builders import hl7
from tests.builders.dicom import study_uid
from tests.builders.hospital import OTHER_ID_NUMBER, OTHER_PHONE
from tests.builders.sms_gateway import sms_gateway

pytestmark = pytest.mark.integration

STUDY = study_uid("study")
EVER = timedelta.max


def noticed(hospital, newest=EVER) -> int:
    """Read the feed as the worker does; return how many messages are owed."""
    services = hospital.services
    with services.database.writing() as session:
        owe_notices(session, services.clock(), services.link_issuer, newest=newest)
        return session.scalar(select(func.count()).select_from(WorkRow).where(WorkRow.kind == NOTIFY))


def sms_links(hospital) -> list[LinkRow]:
    with hospital.services.database.reading() as session:
        return list(session.scalars(select(LinkRow).where(LinkRow.kind == LinkKind.SMS)))


def work(hospital) -> Work:
    return Work(NOTIFY, hospital.institution_code, STUDY, 1)


def inbox(hospital) -> list[str]:
    return [message["text"] for message in InboxSmsSender(hospital.services.redis).messages()]


def corrected() -> bytes:
    return hl7.oru_r01(study_instance_uid=STUDY, status="C", impression="更正：胸部CT平扫未见明显异常。")


class TestOwed:
    def test_once_a_study_however_often_the_report_is_corrected(self, hospital):
        assert noticed(hospital) == 1
        hospital.hl7(corrected())
        assert noticed(hospital) == 1
        [link] = sms_links(hospital)
        assert link.expires_at == hospital.clock() + LINK_LASTS

    def test_not_for_a_report_that_nobody_has_verified(self, hospital):
        noticed(hospital)
        hospital.hl7(hl7.adt_a04(patient_id="TEST0002", phone=OTHER_PHONE, id_number=OTHER_ID_NUMBER))
        before = len(sms_links(hospital))
        hospital.hl7(hl7.oru_r01(patient_id="TEST0002", accession_number="ACC0002", status="P"))
        assert noticed(hospital) == 1
        assert len(sms_links(hospital)) == before

    def test_not_for_one_of_long_ago(self, hospital):
        assert noticed(hospital, timedelta(days=7)) == 0
        assert sms_links(hospital) == []

    def test_not_for_what_came_before_it_was_switched_on(self, hospital):
        assert noticed(hospital, newest=None) == 0
        assert noticed(hospital) == 0

    def test_not_without_a_phone_on_record(self, hospital):
        noticed(hospital)
        hospital.load(patient_id="TEST0003", accession_number="ACC0003", study="other", phone="")
        assert noticed(hospital) == 1


class TestSent:
    def test_it_names_nobody_and_opens_nothing_before_verification(self, hospital):
        noticed(hospital)
        send_notice(hospital.services, work(hospital))
        [text] = inbox(hospital)
        for secret in ("测试患者", "TEST0001", "CT", "ACC0001", STUDY, hl7.ID_NUMBER):
            assert secret not in text
        browser = hospital.browser()
        token = re.search(r"/r#([\w-]{27}) ", text)[1]
        assert browser.post("/api/patient/link", json={"token": token}).status_code == 204
        assert browser.get("/api/patient/first-screen").status_code == 401
        proof = {"method": "id_number", "id_number": hl7.ID_NUMBER}
        assert browser.post("/api/patient/verification", json=proof).status_code == 200
        assert browser.get("/api/patient/first-screen").json()["study"]["study_instance_uid"] == STUDY

    def test_nothing_when_the_report_was_withdrawn_meanwhile(self, hospital):
        noticed(hospital)
        hospital.hl7(hl7.oru_r01(study_instance_uid=STUDY, status="X"))
        send_notice(hospital.services, work(hospital))
        assert inbox(hospital) == []

    def test_nothing_when_the_link_was_revoked_meanwhile(self, hospital):
        noticed(hospital)
        with hospital.services.database.writing() as session:
            revoke_link(session, sms_links(hospital)[0].link_id, hospital.clock())
        send_notice(hospital.services, work(hospital))
        assert inbox(hospital) == []

    def test_the_worker_sends_it_by_itself(self, hospital):
        worker = WorkerProcess(hospital.services, alone=True)
        worker.start()
        try:
            deadline = time.monotonic() + 20
            while not inbox(hospital) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            worker.stop()
        assert len(inbox(hospital)) == 1


@pytest.mark.enable_socket
class TestGateway:
    def test_one_that_does_not_take_it_gets_the_same_link_again(self, hospital):
        noticed(hospital)
        with sms_gateway(refused=1) as (address, gateway):
            hospital.services.__dict__["sms"] = GatewaySmsSender(address, "secret")  # the place of the cached property
            with pytest.raises(SmsUnreachable):
                send_notice(hospital.services, work(hospital))
            send_notice(hospital.services, work(hospital))
            taken = json.loads(gateway.stdout.readline())
        [link] = sms_links(hospital)
        token = hospital.services.link_issuer.token(link.link_id)
        assert taken == {
            "phone": hl7.PHONE,
            "template": "report_ready",
            "parameters": {"link": f"{hospital.services.settings.base_url}/r#{token}", "days": 30},
        }
