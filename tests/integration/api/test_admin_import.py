"""Import of accounts over HTTP: nothing half-done, nothing by others."""

import asyncio

import pytest
from sqlalchemy import func, select

from api.accounts.roles import Role
from api.accounts.tables import AccountRow
from api.db.tables import AuditEventRow
from tests.builders.sheets import sheet
from tests.builders.staff import new_account, sign_in, signed_in
from tests.integration.api.test_access import status_of

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.2")]

IMPORT = "/api/admin/accounts/import"
WANG, LI = ("王丽", "wang.li", "放射科", "医生"), ("李四", "li.si", "", "内容编辑、内容审核")


@pytest.fixture
def keeper(clinic):
    return signed_in(clinic, [Role.SYSTEM_ADMINISTRATOR])


def send(browser, content: bytes, path: str = IMPORT):
    return browser.post(path, files={"file": ("list.xlsx", content)})


def accounts(hospital) -> int:
    with hospital.services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AccountRow)) or 0


class TestImport:
    def test_all_of_a_sheet_wait_for_their_grant(self, clinic, keeper):
        before = accounts(clinic)
        checked = send(keeper, sheet([WANG, LI]), IMPORT + "/check").json()
        assert ([row["login"] for row in checked["rows"]], checked["errors"]) == (["wang.li", "li.si"], [])
        assert accounts(clinic) == before
        made = send(keeper, sheet([WANG, LI]))
        assert made.status_code == 201, made.text
        wang, li = made.json()["accounts"]
        assert (li["account"]["roles"], li["account"]["requested_roles"]) == ([], ["author", "reviewer"])
        assert sign_in(clinic.browser(), "wang.li", wang["initial_password"])["stage"] == "new_password"
        with clinic.services.database.reading() as session:
            rows = session.scalars(select(AuditEventRow).where(AuditEventRow.action.like("account.%"))).all()
        [imported] = [row for row in rows if row.action == "account.imported"]
        assert imported.detail == {"accounts": 2}
        assert sum(row.action == "account.created" for row in rows) == 2

    def test_one_bad_row_and_nobody_is_imported(self, clinic, keeper):
        before = accounts(clinic)
        content = sheet([WANG, ("", "li.si", "", "院长"), LI])
        errors = send(keeper, content, IMPORT + "/check").json()["errors"]
        assert [(error["row"], error["column"]) for error in errors] == [(3, "姓名"), (3, "角色"), (4, "账号")]
        refused = send(keeper, content)
        assert (refused.status_code, refused.json()["code"]) == (422, "import_refused")
        assert refused.json()["errors"] == errors
        assert accounts(clinic) == before

    def test_a_login_that_is_taken_keeps_the_others_out_too(self, clinic, keeper):
        new_account(clinic, Role.DOCTOR, login="li.si")
        before = accounts(clinic)
        assert send(keeper, sheet([WANG, LI])).json()["errors"][0]["row"] == 3
        assert accounts(clinic) == before

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.SECURITY_ADMINISTRATOR, Role.DOCTOR])
    def test_others_import_nobody_and_their_file_is_not_even_taken(self, clinic, role):
        browser = signed_in(clinic, [role])
        assert send(browser, sheet([WANG])).status_code == 403
        asked_for = []

        async def body():
            asked_for.append(1)
            return {"type": "http.request", "body": b"x", "more_body": True}

        assert asyncio.run(status_of(clinic.app, IMPORT, body)) == 401
        assert asked_for == []

    def test_no_workbook_is_answered_in_words(self, keeper):
        refused = send(keeper, "姓名,账号".encode())
        assert (refused.status_code, refused.json()["code"]) == (415, "sheet_unreadable")
        assert ".xlsx" in refused.json()["detail"]

    def test_a_file_too_large_is_not_taken(self, keeper):
        assert send(keeper, b"x" * 3_000_000).status_code == 413

    def test_the_template_is_a_workbook(self, keeper):
        answer = keeper.get("/api/admin/accounts/template.xlsx")
        assert answer.content.startswith(b"PK")
        assert "attachment" in answer.headers["content-disposition"]
