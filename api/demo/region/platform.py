"""The simulated provincial platform: the contract that `ProvincialPlatform` speaks, with faults on demand.

Only for demonstrations and tests; it holds invented people. Its folder says who takes part (`institutions.json`)
and, if it speaks other field names than the reference contract, which (`field-names.json`).
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, TypeAdapter

from api.clock import utc_now
from api.demo.region.faults import Fault, Faults, FaultyConnections
from api.demo.region.platform_store import PlatformStore
from imaging_core.interop.regional.fields import FieldNames
from imaging_core.interop.regional.provincial import Call, token_proof
from imaging_core.interop.regional.signing import NONCE, SIGNATURE, TIMESTAMP, new_ticket, seal_ticket, sign_answer

INSTITUTIONS = "institutions.json"
FIELD_NAMES = "field-names.json"
TICKET_LASTS = timedelta(minutes=2)
_TOKEN_LASTS = timedelta(hours=2)
_PROOF_LASTS_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Institution:
    """A hospital that takes part."""

    code: str
    name: str
    key: str
    secret: str = field(repr=False)
    door: str
    """Address that takes retrieval tickets."""


class Refused(Exception):
    """The platform says no."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Switch(BaseModel):
    """How to misbehave from now on."""

    kind: Fault
    seconds: float = 0.0


class SimulatedPlatform:
    """What the platform answers to each call, in its own words."""

    def __init__(self, folder: Path, clock: Callable[[], datetime]) -> None:
        self.store = PlatformStore(folder)
        self.institutions = TypeAdapter(list[Institution]).validate_json((folder / INSTITUTIONS).read_bytes())
        self._clock = clock
        self._answers: dict[str, Callable[[Institution, Mapping[str, Any]], dict[str, Any]]] = {
            Call.HISTORY_TOTAL: self._history_total,
            Call.HISTORY_LIST: self._history_list,
            Call.RETRIEVAL: self._retrieval,
            Call.NOTICE: self._notice,
            Call.RECEIPT: self._receipt,
            Call.UPLOAD: self._upload,
        }

    def asking(self, message: Mapping[str, Any]) -> Institution | None:
        """Return who asks, by app key or institution code."""
        who = (message.get("app_key"), message.get("organ_code"))
        return next((item for item in self.institutions if item.key == who[0] or item.code == who[1]), None)

    def answer(self, call: str, asking: Institution, message: Mapping[str, Any], token: str) -> dict[str, Any]:
        """Return the data of an answer. Raises `Refused`."""
        if call == Call.TOKEN:
            return self._token(asking, message)
        if not self.store.token_is_good(token, asking.code, self._clock().timestamp()):
            raise Refused("401", "token expired")
        if call not in self._answers:
            raise Refused("404", "no such call")
        return self._answers[call](asking, message)

    def _token(self, asking: Institution, message: Mapping[str, Any]) -> dict[str, Any]:
        now = self._clock()
        timestamp = str(message["timestamp"])
        proof = token_proof(asking.key, timestamp, asking.secret.encode())
        fresh = timestamp.isdecimal() and abs(int(timestamp) - now.timestamp()) <= _PROOF_LASTS_SECONDS
        if not fresh or not secrets.compare_digest(proof, str(message["app_sign"])):
            raise Refused("403", "app_sign")
        token = self.store.new_token(asking.code, (now + _TOKEN_LASTS).timestamp())
        return {"token": token, "expires_in": _TOKEN_LASTS.total_seconds()}

    def _history_total(self, asking: Institution, message: Mapping[str, Any]) -> dict[str, Any]:
        cardno = _person(message)
        record = self._record(asking, cardno, message)
        return {"view_record_id": record, "total_num": len(self.store.exams_of(cardno, not_of=asking.code))}

    def _history_list(self, asking: Institution, message: Mapping[str, Any]) -> dict[str, Any]:
        cardno = self._recorded_person(asking, message)
        return {"list": [self._listed(exam) for exam in self.store.exams_of(cardno, not_of=asking.code)]}

    def _listed(self, exam: Mapping[str, Any]) -> dict[str, Any]:
        shown = ("ris_study_id", "organ_code", "organ_name", "chk_modality", "proj_name", "hos_proj_no", "chk_dt")
        return {
            **{name: exam[name] for name in shown},
            "has_dicom": self.store.has("seriesInfo", exam),
            "has_report": self.store.has("reportInfo", exam),
        }

    def _retrieval(self, asking: Institution, message: Mapping[str, Any]) -> dict[str, Any]:
        cardno = self._recorded_person(asking, message)
        wanted = (message["study_organ_code"], message["ris_study_id"])
        for exam in self.store.exams_of(cardno, not_of=asking.code):
            if (exam["organ_code"], exam["ris_study_id"]) == wanted:
                record = message["view_record_id"]
                return {"view_record_id": record, "url": self._address(asking, exam, record)}
        raise Refused("404", "not among this person's examinations")

    def _notice(self, asking: Institution, message: Mapping[str, Any]) -> dict[str, Any]:
        cardno = _person(message)
        record = self._record(asking, cardno, message)
        ordered = {(item["chk_modality"], item["proj_name"]) for item in message["project_list"]}
        same = [
            exam
            for exam in self.store.exams_of(cardno, not_of=asking.code)
            if (exam["chk_modality"], exam["proj_name"]) in ordered
        ]
        newest = max(same, key=lambda exam: int(exam["chk_dt"]), default=None)
        url = self._address(asking, newest, record) if newest else None
        self.store.keep_notice(record, asking.code, message["project_list"])
        return {"view_record_id": record, "total_num": len(same), "url": url}

    def _receipt(self, asking: Institution, message: Mapping[str, Any]) -> dict[str, Any]:
        self._recorded_person(asking, message)
        self.store.keep_receipt(message["view_record_id"], asking.code, message["project_list"])
        return {}

    def _upload(self, asking: Institution, message: Mapping[str, Any]) -> dict[str, Any]:
        rows = message["data"]
        if any(row["organ_code"] != asking.code for row in rows):
            raise Refused("403", "another institution's rows")
        if any(not row.get("cardno") for row in rows if message["dataType"] == "examInfo"):
            raise Refused("422", "cardno is missing")
        return {"stored": self.store.keep(message["dataType"], message["index_fields"], rows)}

    def _record(self, asking: Institution, cardno: str, message: Mapping[str, Any]) -> str:
        wanted = str(message.get("view_record_id", ""))
        record = self.store.open_record(asking.code, cardno, self._clock().timestamp(), wanted)
        if record is None:
            raise Refused("409", "this view record is of another look")
        return record

    def _recorded_person(self, asking: Institution, message: Mapping[str, Any]) -> str:
        person = self.store.person_of(str(message.get("view_record_id")), asking.code)
        if person is None:
            raise Refused("404", "no such view record")
        return person

    def _address(self, asking: Institution, exam: Mapping[str, Any], record: str) -> dict[str, str]:
        holder = next(item for item in self.institutions if item.code == exam["organ_code"])
        ticket = new_ticket(
            institution_code=holder.code,
            examination_id=exam["ris_study_id"],
            requested_by=asking.code,
            view_record_id=record,
            now=self._clock(),
            lasts=TICKET_LASTS,
        )
        door = urlsplit(holder.door)
        sealed = seal_ticket(holder.secret.encode(), ticket)
        return {
            "transport_protocol": door.scheme,
            "domain": door.netloc,
            "path": f"{door.path}?ticket={sealed}",
        }


def _person(message: Mapping[str, Any]) -> str:
    cardno = message.get("cardno")
    if not cardno:
        raise Refused("422", "cardno is missing")
    return str(cardno)


def create_platform(folder: Path, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """Return the platform's application over its folder."""
    platform = SimulatedPlatform(folder, clock)
    names_file = folder / FIELD_NAMES
    names = FieldNames(json.loads(names_file.read_bytes()) if names_file.exists() else {})
    faults = Faults()
    app = FastAPI(title="Simulated provincial platform", openapi_url=None, on_shutdown=[platform.store.close])
    app.add_middleware(FaultyConnections, faults=faults)
    _add_control(app, platform, faults)

    @app.post("/openapi/{_call:path}")
    async def contract(request: Request, _call: str) -> Response:
        message = names.inward(json.loads(await request.body()))
        asking = platform.asking(message)
        if asking is None:
            return Response(status_code=401)  # nobody whose secret could sign
        token = request.headers.get("X-Token", "")
        answer = await run_in_threadpool(_answered, platform, request.url.path, asking, message, token)
        if faults.kind is Fault.REFUSING:
            answer = {"code": "422", "message": "refused"}
        if faults.kind is Fault.BAD_ADDRESS and "url" in answer.get("data", {}):
            answer["data"]["url"] = {"transport_protocol": "javascript", "domain": "alert", "path": "(1)"}
        return _signed(request, asking, names.outward(answer), faults, clock)

    return app


def _answered(
    platform: SimulatedPlatform, path: str, asking: Institution, message: Mapping[str, Any], token: str
) -> dict[str, Any]:
    try:
        return {"code": "200", "message": "", "data": platform.answer(path, asking, message, token)}
    except Refused as error:
        return {"code": error.code, "message": error.message}


def _signed(
    request: Request, asking: Institution, answer: dict[str, Any], faults: Faults, clock: Callable[[], datetime]
) -> Response:
    kind = faults.kind
    body = json.dumps({"code": "200", "data": {}} if kind is Fault.OTHER_FORM else answer, ensure_ascii=False).encode()
    if kind is Fault.GARBAGE:
        body = b"<html>\xff"
    timestamp = str(int((clock() + faults.clock_error).timestamp()))
    nonce = secrets.token_hex(16) if kind is Fault.REPLAYED else request.headers.get(NONCE, "")
    signature = sign_answer(asking.secret.encode(), nonce=nonce, timestamp=timestamp, path=request.url.path, body=body)
    headers = {} if kind is Fault.UNSIGNED else {TIMESTAMP: timestamp, SIGNATURE: signature}
    if kind is Fault.TAMPERED:
        body += b" "
    return Response(body, media_type="application/json", headers=headers)


def _add_control(app: FastAPI, platform: SimulatedPlatform, faults: Faults) -> None:
    @app.get("/", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        return HTMLResponse(_page(platform, faults))

    @app.post("/control/fault")
    def misbehave(switch: Switch) -> dict[str, str]:
        faults.switch(switch.kind, switch.seconds)
        return {"kind": faults.kind}

    @app.post("/control/forget-tokens")
    def forget_tokens() -> dict[str, str]:
        platform.store.forget_tokens()
        return {}

    @app.post("/control/clear")
    def clear() -> dict[str, str]:
        platform.store.clear()
        faults.switch(Fault.NONE, 0.0)
        return {}

    @app.get("/control/state")
    def state() -> dict[str, Any]:
        store = platform.store
        return {
            "exams": store.exams(),
            "records": store.records(),
            "notices": store.notices(),
            "receipts": store.receipts(),
            "fault": faults.kind,
        }


def _page(platform: SimulatedPlatform, faults: Faults) -> str:
    exams = sorted(platform.store.exams(), key=lambda exam: int(exam["chk_dt"]), reverse=True)
    rows = "".join(
        f"<tr><td>{escape(exam['organ_name'])}</td><td>{escape(exam['name'])}</td>"
        f"<td>{datetime.fromtimestamp(exam['chk_dt'] / 1000, UTC):%Y-%m-%d}</td>"
        f"<td>{escape(exam['chk_modality'])}</td><td>{escape(exam['proj_name'])}</td></tr>"
        for exam in exams
    )
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>模拟省平台</title>'
        "<style>body{font:16px/1.7 system-ui,sans-serif;max-width:860px;margin:0 auto;padding:24px 16px}"
        "table{border-collapse:collapse;width:100%}td,th{text-align:left;border-bottom:1px solid #ddd;padding:8px}"
        "</style><h1>模拟省平台</h1><p>仅供演示和测试。这里的人物和检查都是虚构的。"
        f"当前故障：{escape(faults.kind)}。已收到开单回执 {len(platform.store.receipts())} 份。</p>"
        f"<table><tr><th>医院</th><th>姓名</th><th>检查日期</th><th>类型</th><th>项目</th></tr>{rows}</table>"
    )
