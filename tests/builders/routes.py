"""Every route of the service: how it is called, who may, and with what objects."""

import io
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from PIL import Image

from api.db.tables import AnswerRow, ConversationRow, PaperRow
from api.routes import qido, wado
from imaging_core.documents.store import store_document
from imaging_core.index import queries
from imaging_core.sharing.downloads import prepare_download
from imaging_core.sharing.links import redeem_link
from tests.builders.dicom import ct_instance, instance_uid, series_uid, study_uid
from tests.builders.hl7 import ID_NUMBER, PHONE
from tests.builders.hospital import SmallHospital
from tests.builders.orders import hook_call

STUDY = study_uid("study")
SOP = instance_uid("study", "series", 1)
BOUNDARY = "b"
CODE = "K7MPQ4"


def jpeg(side: int = 900) -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").resize((side, side)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def related(*parts: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


STOW = {
    "content": related(ct_instance(study="study", number=1, rows=16, columns=16, patient_name="测试患者")),
    "headers": {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'},
}


HEARTBEAT = {"workstation": "0" * 32, "label": "门诊1", "version": "0.1.0", "os": "Windows 11", "wakes": 0}
RULE = {"matcher": {"station_name": "CT-01"}, "modality": "CT"}
BOTH = "staff system_administrator security_administrator"
NO_SHEET = {"files": {"file": ("list.xlsx", b"no workbook")}}
TEXT = {"title": "晕征", "plain": "结节外面一圈淡影。", "body": "说的是样子。", "source_ids": []}


@dataclass(frozen=True)
class Call:
    """How a route is called, who may, and what those get."""

    rule: str
    status: int = 200
    arguments: dict = field(default_factory=dict)


FRAME = "/api/patient/studies/{study}/instances/{sop}/frames/{number}"
INSTANCE = "/api/patient/studies/{study}/instances/{sop}"
SLAB = "/api/patient/studies/{study}/series/{series}/slab"
TABLE: dict[tuple[str, str], Call] = {
    ("GET", "/health"): Call("public"),
    ("GET", "/metrics"): Call("operations"),
    ("GET", "/api/openapi.json"): Call("public"),
    ("GET", "/"): Call("public", 0),
    ("GET", "/r"): Call("public", 0),
    ("GET", "/icons/{name}"): Call("public", 404),
    ("GET", "/favicon.ico"): Call("public", 0),
    ("GET", "/demo"): Call("demo"),
    ("GET", "/demo/printed/{number}.pdf"): Call("demo"),
    ("GET", "/demo/inbox"): Call("demo"),
    ("GET", "/api/patient/door"): Call("public"),
    ("GET", "/api/patient/citizen/{platform}/begin"): Call("public", 404),
    ("GET", "/api/patient/citizen/{platform}/callback"): Call("public", 404),
    ("GET", "/api/patient/citizen/{platform}/enter"): Call("public", 404),
    ("POST", "/api/patient/link"): Call("public", 404, {"json": {"token": "A" * 27}}),
    ("POST", "/api/patient/leave"): Call("public", 204),
    ("GET", "/api/patient/grant"): Call("patient", 204),
    ("POST", "/api/patient/verification/code"): Call("link", 202, {"json": {"phone": PHONE}}),
    ("POST", "/api/patient/verification"): Call("link", 200, {"json": {"method": "id_number", "id_number": ID_NUMBER}}),
    ("POST", "/api/patient/consents"): Call(
        "own", 204, {"json": {"purpose": "interpret", "version": "1", "given": True}}
    ),
    ("GET", "/api/patient/consents"): Call("own"),
    ("GET", "/api/patient/first-screen"): Call("patient report"),
    ("GET", "/api/patient/studies"): Call("patient report"),
    ("GET", "/api/patient/studies/{study}/manifest"): Call("patient jpg"),
    ("GET", FRAME + "/thumbnail"): Call("patient jpg"),
    ("GET", FRAME + "/preview"): Call("patient jpg"),
    ("GET", FRAME): Call("patient dicom"),
    ("GET", "/api/patient/studies/{study}/instances/{sop}"): Call("own dicom"),
    ("GET", INSTANCE + "/ecg.svg"): Call("patient jpg", 404),
    ("GET", INSTANCE + "/report.html"): Call("patient jpg", 404),
    ("GET", INSTANCE + "/pages"): Call("patient jpg", 404),
    ("GET", INSTANCE + "/pages/{number}"): Call("patient jpg", 404),
    ("GET", SLAB): Call("patient dicom", 200, {"params": {"mode": "mip"}}),
    ("GET", SLAB + "/rendered"): Call("patient jpg", 200, {"params": {"mode": "mip"}}),
    ("GET", "/api/patient/reports/{report}/pdf"): Call("patient report"),
    ("GET", "/api/patient/studies/{study}/instances/{sop}/ecg"): Call("patient jpg", 404),
    ("GET", "/api/patient/documents/{document}"): Call("patient report"),
    ("GET", "/api/patient/reports/{report}/interpretation"): Call("patient interpret"),
    ("GET", "/api/patient/knowledge/{entry}"): Call("patient interpret"),
    ("POST", "/api/patient/reports/{report}/questions"): Call(
        "own interpret", 200, {"json": {"question": "什么是磨玻璃结节"}}
    ),
    ("GET", "/api/patient/reports/{report}/conversation"): Call("own interpret"),
    ("DELETE", "/api/patient/reports/{report}/conversation"): Call("own interpret", 204),
    ("POST", "/api/patient/answers/{answer}/feedback"): Call("own interpret", 204, {"json": {"helpful": True}}),
    ("POST", "/api/patient/papers"): Call("own interpret", 202, {"files": {"file": ("p.jpg", jpeg(), "image/jpeg")}}),
    ("GET", "/api/patient/papers"): Call("own interpret"),
    ("GET", "/api/patient/papers/{paper}"): Call("own interpret"),
    ("GET", "/api/patient/papers/{paper}/picture"): Call("own interpret"),
    ("POST", "/api/patient/papers/{paper}/confirm"): Call(
        "own interpret", 200, {"json": {"fields": {"findings": "双肺未见异常。"}}}
    ),
    ("DELETE", "/api/patient/papers/{paper}"): Call("own interpret", 204),
    ("POST", "/api/patient/shares"): Call("own share", 201, {"json": {"study": STUDY, "expires_days": 7}}),
    ("GET", "/api/patient/shares"): Call("own share"),
    ("DELETE", "/api/patient/shares/{share}"): Call("own share", 204),
    ("POST", "/api/patient/downloads"): Call("own download", 201, {"json": {"study": STUDY}}),
    ("GET", "/api/patient/downloads"): Call("own download", 200, {"params": {"study": STUDY}}),
    ("POST", "/api/patient/downloads/{download}/unlock"): Call("own download", 200, {"json": {"code": CODE}}),
    ("GET", "/api/patient/downloads/{download}/package.zip"): Call("own download", 403),
    ("GET", "/api/patient/elsewhere"): Call("own report"),
    ("POST", "/api/patient/elsewhere/{handle}"): Call("own report", 404),
    ("POST", "/api/interop/documents"): Call(
        "machine documents",
        201,
        {"files": {"file": ("r.jpg", jpeg(400), "image/jpeg")}, "data": {"accession_number": "ACC0001"}},
    ),
    ("POST", "/api/interop/registrations"): Call(
        "machine registrations",
        200,
        {"json": {"patient_id": "TEST0700", "name": "测试丙某", "encounter_class": "outpatient"}},
    ),
    ("GET", "/api/interop/reports/printed"): Call("machine print", 200, {"params": {"accession_number": "ACC0001"}}),
    ("POST", "/api/staff/session"): Call("public", 401, {"json": {"login": "nobody", "password": "x"}}),
    ("GET", "/api/staff/session"): Call("signed"),
    ("DELETE", "/api/staff/session"): Call("signed", 204),
    ("POST", "/api/staff/session/code"): Call("signed", 0, {"json": {"code": "000000"}}),
    ("POST", "/api/staff/second-factor"): Call("signed", 0),
    ("POST", "/api/staff/second-factor/confirm"): Call("signed", 0, {"json": {"code": "000000", "secret": "A" * 32}}),
    ("POST", "/api/staff/password"): Call("signed", 0, {"json": {"current": "x", "new": "y"}}),
    ("GET", "/editor"): Call("public", 0),
    ("GET", "/api/editor/entries"): Call("staff author reviewer"),
    ("GET", "/api/editor/entries/{entry}"): Call("staff author reviewer"),
    ("GET", "/api/editor/entries/{entry}/versions/{version}"): Call("staff author reviewer"),
    ("GET", "/api/editor/sources"): Call("staff author reviewer"),
    ("POST", "/api/editor/preview"): Call("staff author reviewer", 200, {"json": {"text": TEXT}}),
    ("POST", "/api/editor/hit-test"): Call("staff author reviewer", 200, {"json": {"question": "结节"}}),
    ("GET", "/api/editor/words"): Call("staff author reviewer"),
    ("POST", "/api/editor/words/dismiss"): Call("staff author", 404, {"json": {"word": "没有"}}),
    ("POST", "/api/editor/entries"): Call("staff author", 201, {"json": {"text": TEXT}}),
    ("PUT", "/api/editor/entries/{entry}/draft"): Call(
        "staff author", 409, {"json": {"text": TEXT, "based_on": 9, "seen": 9}}
    ),
    ("POST", "/api/editor/entries/{entry}/draft/submit"): Call("staff author", 404, {"json": {"seen": 1}}),
    ("POST", "/api/editor/entries/{entry}/draft/publish"): Call("staff reviewer", 404, {"json": {"seen": 1}}),
    ("POST", "/api/editor/entries/{entry}/draft/return"): Call(
        "staff reviewer", 404, {"json": {"seen": 1, "reason": "？"}}
    ),
    ("POST", "/api/editor/entries/{entry}/restore"): Call("staff reviewer", 409, {"json": {"version": 1, "seen": 9}}),
    ("GET", "/admin"): Call("public", 0),
    ("GET", "/api/admin/accounts"): Call("staff system_administrator security_administrator"),
    ("POST", "/api/admin/accounts"): Call("staff system_administrator", 422, {"json": {"login": "1", "name": ""}}),
    ("GET", "/api/admin/cases"): Call("staff system_administrator"),
    ("GET", "/api/admin/cases/item"): Call(
        "staff system_administrator", 409, {"params": {"kind": "conflict", "subject": "1"}}
    ),
    ("POST", "/api/admin/cases/decide"): Call(
        "staff system_administrator",
        409,
        {"json": {"kind": "conflict", "subject": "1", "state": "", "remedy": "keep", "reason": "核对过"}},
    ),
    ("GET", "/api/admin/cases/decisions"): Call("staff system_administrator"),
    ("POST", "/api/admin/cases/decisions/{decision}/undo"): Call(
        "staff system_administrator", 404, {"json": {"reason": "看错了"}}
    ),
    ("POST", "/api/admin/patients/record"): Call("staff system_administrator", 404, {"json": {"patient_id": "NOBODY"}}),
    ("POST", "/api/admin/patients/merge"): Call(
        "staff system_administrator", 404, {"json": {"into": "NOBODY", "merged": "NOBODY", "reason": "核对过"}}
    ),
    ("POST", "/api/admin/patients/move"): Call(
        "staff system_administrator",
        404,
        {"json": {"patient_id": "NOBODY", "to_patient_id": "NOBODY", "reason": "核对过"}},
    ),
    ("GET", "/api/admin/workstations"): Call("staff system_administrator"),
    ("GET", "/api/admin/workstations/export.csv"): Call("staff system_administrator"),
    ("PUT", "/api/admin/workstations/{workstation}/switches"): Call(
        "staff system_administrator", 404, {"json": {"history_reminders": True, "duplicate_reminders": True}}
    ),
    ("POST", "/api/workstations/heartbeat"): Call("machine workstation", 200, {"json": HEARTBEAT}),
    ("GET", "/api/admin/retention"): Call(BOTH),
    ("GET", "/api/admin/retention/holds"): Call(BOTH),
    ("POST", "/api/admin/retention/holds"): Call(
        "staff system_administrator security_administrator", 422, {"json": {"study": "0", "reason": "诉讼"}}
    ),
    ("POST", "/api/admin/retention/holds/{hold_key}/release"): Call(
        "staff security_administrator", 404, {"json": {"reason": "结案"}}
    ),
    ("GET", "/api/admin/retention/plans"): Call(BOTH),
    ("POST", "/api/admin/retention/plans"): Call("staff system_administrator", 409),
    ("GET", "/api/admin/retention/plans/{plan_key}"): Call(BOTH, 404),
    ("POST", "/api/admin/retention/plans/{plan_key}/approve"): Call(
        "staff security_administrator", 404, {"json": {"content_digest": "0" * 64}}
    ),
    ("POST", "/api/admin/retention/plans/{plan_key}/reject"): Call(
        "staff security_administrator", 404, {"json": {"reason": "再核对"}}
    ),
    ("POST", "/api/admin/retention/plans/{plan_key}/run"): Call("staff system_administrator", 404),
    ("GET", "/api/admin/institutions"): Call("staff system_administrator"),
    ("GET", "/api/admin/institutions/export.csv"): Call("staff system_administrator"),
    ("POST", "/api/admin/institutions/import/check"): Call("staff system_administrator", 415, NO_SHEET),
    ("POST", "/api/admin/institutions/import"): Call("staff system_administrator", 415, NO_SHEET),
    ("GET", "/api/admin/codes"): Call("staff system_administrator"),
    ("GET", "/api/admin/codes/catalogue"): Call("staff system_administrator"),
    ("GET", "/api/admin/codes/export.csv"): Call("staff system_administrator"),
    ("PUT", "/api/admin/codes/mapping"): Call(
        "staff system_administrator", 422, {"json": {"name": "胸部CT", "seen": 0, "items": []}}
    ),
    ("POST", "/api/admin/codes/mapping/reopen"): Call(
        "staff system_administrator", 404, {"json": {"name": "胸部CT", "seen": 1}}
    ),
    ("POST", "/api/admin/codes/import/check"): Call("staff system_administrator", 415, NO_SHEET),
    ("POST", "/api/admin/codes/import"): Call("staff system_administrator", 415, NO_SHEET),
    ("GET", "/api/admin/normalisation"): Call("staff system_administrator"),
    ("GET", "/api/admin/normalisation/findings"): Call(
        "staff system_administrator", 200, {"params": {"code": "needed_empty"}}
    ),
    ("GET", "/api/admin/normalisation/studies/{study}"): Call("staff system_administrator", 404),
    ("POST", "/api/admin/normalisation/rules/try"): Call("staff system_administrator", 200, {"json": {"rule": RULE}}),
    ("POST", "/api/admin/normalisation/rules"): Call(
        "staff system_administrator", 201, {"json": {"name": "规则", "rule": RULE}}
    ),
    ("PUT", "/api/admin/normalisation/rules/{rule}"): Call(
        "staff system_administrator", 404, {"json": {"name": "规则", "rule": RULE, "seen": 1}}
    ),
    ("POST", "/api/admin/normalisation/rules/{rule}/restore"): Call(
        "staff system_administrator", 404, {"json": {"version": 1, "seen": 2}}
    ),
    ("GET", "/api/admin/quality"): Call("staff system_administrator"),
    ("GET", "/api/admin/quality/export.csv"): Call("staff system_administrator"),
    ("GET", "/api/admin/quality/{indicator}/studies"): Call(
        "staff system_administrator", 200, {"params": {"side": "missing"}}
    ),
    ("GET", "/api/admin/quality/{indicator}/studies.csv"): Call(
        "staff system_administrator", 200, {"params": {"side": "counted"}}
    ),
    ("GET", "/api/admin/audit"): Call("staff auditor"),
    ("GET", "/api/admin/audit/export.csv"): Call("staff auditor"),
    ("POST", "/api/admin/audit/verify"): Call("staff auditor"),
    ("GET", "/api/admin/accounts/template.xlsx"): Call("staff system_administrator"),
    ("POST", "/api/admin/accounts/import/check"): Call("staff system_administrator", 415, NO_SHEET),
    ("POST", "/api/admin/accounts/import"): Call("staff system_administrator", 415, NO_SHEET),
    ("POST", "/api/admin/accounts/{account}/reset"): Call("staff system_administrator", 404),
    ("POST", "/api/admin/accounts/{account}/disable"): Call("staff system_administrator security_administrator", 404),
    ("PUT", "/api/admin/accounts/{account}/roles"): Call(
        "staff security_administrator", 404, {"json": {"roles": ["doctor"]}}
    ),
    ("GET", "/cds-services"): Call("public"),
    ("POST", "/cds-services/{service}"): Call("machine orders", 200, {"json": hook_call("胸部CT平扫")}),
    ("POST", "/cds-services/{service}/feedback"): Call(
        "machine orders", 404, {"json": {"feedback": [{"card": "none", "outcome": "overridden"}]}}
    ),
    ("GET", "/prior-exams/{view_record}/{token}"): Call("public", 404),
    ("GET", "/prior-exams/{view_record}/elsewhere/{token}"): Call("public", 404),
    ("POST", "/api/plugin/launches"): Call("machine launch", 404, {"json": {"login": "nobody"}}),
    ("POST", "/api/plugin/session"): Call("public", 401, {"json": {"token": "A" * 27}}),
    ("GET", "/api/plugin/session"): Call("plugin"),
    ("DELETE", "/api/plugin/session"): Call("plugin", 204),
    ("GET", "/plugin"): Call("public", 0),
    ("GET", "/plugin/dock.js"): Call("public", 0),
    ("GET", "/api/plugin/patient"): Call("plugin"),
    ("GET", "/api/plugin/recents"): Call("plugin"),
    ("POST", "/api/plugin/search"): Call("plugin", 200, {"json": {"text": "cs"}}),
    ("POST", "/api/plugin/patient"): Call("plugin", 404, {"json": {"reference": "A" * 27}}),
    ("GET", "/api/plugin/reminders"): Call("plugin"),
    ("POST", "/api/plugin/openings"): Call("plugin", 404, {"json": {"reference": "0" * 32}}),
    ("GET", "/plugin/open/{token}"): Call("public", 404),
    ("POST", "/api/plugin/comparisons"): Call("plugin", 404, {"json": {"references": ["0" * 32, "1" * 32]}}),
    ("GET", "/plugin/compare/{token}"): Call("public", 404),
    ("GET", "/api/patient/comparison"): Call("patient report dicom", 404),
    ("GET", "/reading/compare"): Call("public", 0),
    ("GET", "/plugin/open/laboratory/{token}"): Call("public", 404),
    ("GET", "/laboratory"): Call("public", 0),
    ("GET", "/api/laboratory/reports/{reference}"): Call("laboratory", 404),
    ("GET", "/region/open"): Call("public", 404, {"params": {"ticket": "none"}}),
    ("POST", "/dicom-web/studies"): Call("machine stow", 200, STOW),
    ("POST", "/dicom-web/studies/{study}"): Call("machine stow", 200, STOW),
    ("GET", "/dicom-web/"): Call("public"),
    ("HEAD", "/dicom-web/"): Call("public"),
    ("OPTIONS", "/dicom-web/"): Call("public"),
    **{(method, path): Call("machine retrieve") for path in wado.PATHS for method in ("GET", "HEAD")},
    **{(method, path): Call("machine query") for path in qido.PATHS for method in ("GET", "HEAD")},
}


class Things:
    """Objects of a patient to be asked for; those that a call uses up are made anew each time."""

    def __init__(self, hospital: SmallHospital) -> None:
        self.hospital = hospital
        grant, _ = hospital.grant(STUDY)
        self.grant = grant
        with hospital.services.database.writing() as session:
            study = queries.study(session, hospital.institution_code, STUDY)
            assert study is not None
            stored = store_document(
                session,
                hospital.services.blobs,
                io.BytesIO(jpeg(300)),
                study=study,
                title="电子报告单",
                limit=10**7,
                now=hospital.clock(),
            )
        self.document = stored.document_id

    def paper(self) -> str:
        return self._add(
            PaperRow(
                id=uuid4().hex,
                institution_code=self.grant.institution_code,
                patient_key=self.grant.patient,
                state="read",
                picture=jpeg(300),
                reading={"width": 1, "height": 1, "text": "", "fields": [], "rows": [], "doubts": []},
                created_at=self.hospital.clock(),
            )
        )

    def share(self) -> str:
        token = self.hospital.shared_token(STUDY)
        with self.hospital.services.database.writing() as session:
            link = redeem_link(session, token, self.hospital.clock())
        assert link is not None
        return link.link_id

    def download(self) -> str:
        now = self.hospital.clock()
        kept = self.hospital.services.code_hasher.hash(CODE)
        with self.hospital.services.database.writing() as session:
            study = queries.study(session, self.hospital.institution_code, STUDY)
            assert study is not None
            ends = now + timedelta(hours=1)
            return prepare_download(session, study, code_hash=kept, expires_at=ends, now=now).download_id

    def answer(self) -> str:
        conversation = self._add(
            ConversationRow(
                id=uuid4().hex,
                institution_code=self.grant.institution_code,
                patient_key=self.grant.patient,
                report_key=uuid4().hex,
                started_at=self.hospital.clock(),
            )
        )
        return self._add(
            AnswerRow(
                id=uuid4().hex,
                institution_code=self.grant.institution_code,
                conversation_id=conversation,
                question="？",
                answer={"sentences": []},
                knowledge_version="",
                asked_at=self.hospital.clock(),
            )
        )

    def address(self, path: str) -> str:
        made = {
            "paper": self.paper,
            "answer": self.answer,
            "share": self.share,
            "download": self.download,
            "report": lambda: self.hospital.report_id(STUDY),
            "entry": lambda: self.hospital.services.knowledge.entries()[0].entry_id,
        }
        values = {
            "study": STUDY,
            "sop": SOP,
            "series": series_uid("study", "series"),
            "numbers": "1",
            "path": "7FE00010",
            "number": "1",
            "version": "1",
            "account": "2000000000",
            "decision": "2000000000",
            "hold_key": "0" * 16,
            "plan_key": "0" * 16,
            "name": "none.png",
            "indicator": "reported",
            "rule": "0" * 32,
            "platform": "none",
            "service": "duplicate-exam-sign",
            "view_record": "0" * 32,
            "workstation": "f" * 32,
            "token": "A" * 27,
            "reference": "0" * 32,
            "handle": "A" * 27,
            "document": self.document,
        }
        for name, make in made.items():
            if "{" + name + "}" in path:
                values[name] = make()
        return path.replace(":path}", "}").format(**values)

    def _add(self, row):
        with self.hospital.services.database.writing() as session:
            session.add(row)
        return row.id
