"""Pages of the demo hospital only: the printed reports, and the inbox where its short messages arrive."""

import re
from html import escape
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.roles import Role
from api.accounts.store import find_account
from api.auth.access import DEMO_ONLY, CurrentServices, allow
from api.demo.accounts import PEOPLE, demo_password, present_code
from api.errors import Problem
from api.routes.pages import DIST
from api.settings import Settings
from api.sms.sender import InboxSmsSender
from api.wiring import Services
from api.workflows.print_report import as_pdf, report_link, report_to_print
from imaging_core.domain.identifiers import PatientKey
from imaging_core.index.tables import StudyRow
from imaging_core.patients.registry import phone_of
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.reading import current_report

_ADDRESS = re.compile(r"https?://[^\s<>，。（）]+")
StudyNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]

_STYLE = """
body { font: 16px/1.7 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC",
  "Noto Sans SC", sans-serif;
  margin: 0 auto; max-width: 860px; padding: 24px 16px; color: #1d2b2a; background: #f6f8f7 }
h1 { font-size: 24px }
a { color: #00695c }
table { border-collapse: collapse; width: 100%; background: #fff }
td, th { border-bottom: 1px solid #dde5e3; padding: 10px 8px; text-align: left; vertical-align: top }
td:first-child, th { white-space: nowrap }
.note { background: #fff7e0; padding: 10px 14px; border-radius: 8px }
@media (max-width: 600px) { td, th { padding: 8px 4px; font-size: 14px } }
"""
_EDITOR, _ADMIN = '<a href="/editor">知识内容管理</a>', '<a href="/admin">后台管理</a>'
_PAGES = {
    Role.AUTHOR: _EDITOR,
    Role.REVIEWER: _EDITOR,
    Role.SYSTEM_ADMINISTRATOR: _ADMIN,
    Role.SECURITY_ADMINISTRATOR: _ADMIN,
    Role.AUDITOR: _ADMIN,
}


def make_router(_settings: Settings) -> APIRouter:
    """Return the demo's pages."""
    router = APIRouter(prefix="/demo", tags=["demo"], include_in_schema=False)

    @router.get("", dependencies=allow(DEMO_ONLY), response_class=HTMLResponse)
    def reports(services: CurrentServices) -> HTMLResponse:
        """List the printed reports, as a counter in the hospital would hand them out."""
        rows: list[str] = []
        with services.database.writing() as session:
            for study in session.scalars(select(StudyRow).order_by(StudyRow.study_date.desc(), StudyRow.id)):
                report = current_report(session, study)
                if report is None or study.patient_key is None:
                    continue
                patient = session.get_one(PatientRow, study.patient_key)
                phone = phone_of(session, services.cipher, PatientKey(patient.id)) or "（无）"
                link = report_link(services, session, study)
                rows.append(
                    f"<tr><td>{escape(patient.name)}</td><td>{study.study_date or ''}</td>"
                    f"<td>{escape(report.exam_item)}</td><td>{escape(phone)}</td>"
                    f'<td><a href="{escape(link)}">扫码打开</a>　'
                    f'<a href="/demo/printed/{study.id}.pdf">打印的报告单</a></td></tr>'
                )
            staff = _staff_rows(services, session)
        return _page(
            "演示医院：报告单",
            '<p class="note">这里的人物、检查和报告都是虚构的。用手机扫报告单上的二维码，或点“扫码打开”；'
            '验证码会出现在<a href="/demo/inbox">短信收件箱</a>。</p>'
            f"<table><tr><th>姓名</th><th>检查日期</th><th>检查项目</th><th>登记手机号</th><th></th></tr>{''.join(rows)}</table>{staff}",
        )

    @router.get("/printed/{study}.pdf", dependencies=allow(DEMO_ONLY), response_model=None)
    def printed(study: StudyNumber, services: CurrentServices) -> Response:
        """Return one printed report."""
        with services.database.writing() as session:
            row = session.get(StudyRow, study)
            report = current_report(session, row) if row is not None and row.patient_key else None
            if row is None or report is None:
                raise Problem(404, "not_found")
            sheet = report_to_print(services, session, row, report)
        return Response(as_pdf(services, sheet), media_type="application/pdf")

    @router.get("/inbox", dependencies=allow(DEMO_ONLY), response_class=HTMLResponse)
    def inbox(services: CurrentServices) -> HTMLResponse:
        """Show the short messages that the demo would have sent."""
        messages = InboxSmsSender(services.redis).messages()
        rows = "".join(
            f"<tr><td>{escape(item['at'][11:19])}</td><td>{escape(item['phone'])}</td><td>{_linked(item['text'])}</td></tr>"
            for item in messages
        )
        empty = "<p>还没有短信。</p>" if not rows else ""
        return _page(
            "演示医院：短信收件箱",
            f'<p><a href="/demo">返回报告单</a></p>{empty}'
            f"<table><tr><th>时间(UTC)</th><th>手机号</th><th>内容</th></tr>{rows}</table>",
        )

    return router


def _staff_rows(services: Services, session: Session) -> str:
    """Return the table of the demo's staff; empty while `mingying demo load` has made none."""
    now = services.clock()
    rows = []
    for person in PEOPLE:
        account = find_account(session, services.settings.hospital.institution_code, person.login)
        if account is None:
            continue
        page = _PAGES.get(person.role, "")
        cells = (person.duty, person.name, person.login, demo_password(services, person.login))
        code = present_code(services, account, now) or "—"
        rows.append(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}<td>{escape(code)}</td><td>{page}</td></tr>"
        )
    if not rows:
        return ""
    return (
        "<h2>工作人员账号</h2><p>动态口令每 30 秒更换，用过一次就失效；刷新本页看新的。</p>"
        "<table><tr><th>职责</th><th>姓名</th><th>账号</th><th>密码</th><th>动态口令</th><th></th></tr>"
        f"{''.join(rows)}</table>"
    )


def _page(title: str, body: str) -> HTMLResponse:
    # the pages' own Chinese font, fetched only where the machine draws no Chinese by itself
    sheet = next((f'<link rel="stylesheet" href="/assets/{item.name}">' for item in DIST.glob("assets/400-*.css")), "")
    return HTMLResponse(
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title>{sheet}<style>{_STYLE}</style><body><h1>{title}</h1>{body}</body></html>"
    )


def _linked(text: str) -> str:
    """Return a message as HTML in which its address can be followed, as on a phone."""
    return _ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', escape(text))
