"""A patient at the chat of one report, in one process."""

import json

from tests.builders.dicom import study_uid
from tests.builders.hospital import SmallHospital

STUDY = study_uid("study")
WHAT = "磨玻璃结节是什么意思"
RED_FLAG = "我现在胸痛喘不上气"


def events_of(text: str) -> list[dict]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


class Phone:
    """A patient who agreed, at the chat of one report."""

    def __init__(self, hospital: SmallHospital) -> None:
        self.hospital = hospital
        self.grant, cookie = hospital.grant(STUDY)
        self.browser = hospital.browser(cookie)
        self.report = f"/api/patient/reports/{hospital.report_id(STUDY)}"
        body = {"purpose": "interpret", "version": "1", "given": True}
        assert self.browser.post("/api/patient/consents", json=body).status_code == 204

    def post(self, question: object):
        return self.browser.post(f"{self.report}/questions", json={"question": question})

    def ask(self, question: str) -> list[dict]:
        answer = self.post(question)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/event-stream")
        return events_of(answer.text)

    def conversation(self) -> dict:
        return self.browser.get(f"{self.report}/conversation").json()
