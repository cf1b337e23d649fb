"""Reading an accounts sheet: what is wrong is named by row and column, hostile files are refused."""

import io
import zipfile
from datetime import date

import pytest
from openpyxl import load_workbook

from api.accounts.roles import Role
from api.messages import import_accounts as words
from api.messages import sheets
from api.sheet_reading import SheetRefused
from api.workflows.import_accounts import MOST_PEOPLE, read_accounts, template
from tests.builders.sheets import sheet, with_member

pytestmark = pytest.mark.clause("R4.2")

WANG = ("王丽", "wang.li", "放射科", "医生、内容审核")
SHEET1 = "xl/worksheets/sheet1.xml"
ROOT = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def errors(*rows, taken=frozenset()) -> list[tuple[int, str, str]]:
    found = read_accounts(sheet(rows), taken)
    return [(error.row, error.column, error.reason) for error in found.errors]


def refusal(content: bytes) -> str:
    with pytest.raises(SheetRefused) as refused:
        read_accounts(content, frozenset())
    return refused.value.reason


class TestRows:
    def test_a_good_sheet_is_read_as_it_stands(self):
        found = read_accounts(sheet([WANG, ("", "", "", ""), ("李四", "LI.si", None, "审计员")]), frozenset())
        assert found.errors == ()
        wang, li = found.rows
        assert (wang.row, wang.name, wang.login, wang.department) == (2, "王丽", "wang.li", "放射科")
        assert wang.roles == {Role.DOCTOR, Role.REVIEWER}
        assert (li.row, li.login, li.department) == (4, "LI.si", "")

    def test_columns_may_stand_in_any_order_and_letters_be_full_width(self):
        found = read_accounts(sheet([("ｗａｎｇ．ｌｉ", "医生", "王丽")], ("账号", "角色", "姓名")), frozenset())
        assert (found.errors, found.rows[0].login) == ((), "wang.li")

    @pytest.mark.parametrize(
        ("row", "column", "reason"),
        [
            (("", "a1", "", "医生"), "姓名", sheets.MISSING),
            (("王" * 65, "a1", "", "医生"), "姓名", sheets.too_long(64)),
            (("王\u202e丽", "a1", "", "医生"), "姓名", sheets.UNPRINTABLE),
            (("王丽", "1001", "", "医生"), "账号", words.LOGIN_FORM),
            (("王丽", 1001, "", "医生"), "账号", words.LOGIN_FORM),
            (("王丽", date(2026, 1, 1), "", "医生"), "账号", sheets.NOT_TEXT),
            (("王丽", True, "", "医生"), "账号", sheets.NOT_TEXT),
            (("王丽", "OLD", "", "医生"), "账号", words.LOGIN_TAKEN),
            (("=HYPERLINK(1)", "a1", "", "医生"), "姓名", sheets.FORMULA),
            (("王丽", "a1", "", "=A1"), "角色", sheets.FORMULA),
            (("王丽", "a1", "科" * 65, "医生"), "科室", sheets.too_long(64)),
            (("王丽", "a1", "", ""), "角色", sheets.MISSING),
            (("王丽", "a1", "", "、"), "角色", sheets.MISSING),
            (("王丽", "a1", "", "医生、院长"), "角色", words.unknown_role("院长")),
            (("王丽", "a1", "", "系统管理员 审计员"), "角色", words.ROLES_CONFLICT),
        ],
    )
    def test_what_is_wrong_is_named_by_row_and_column(self, row, column, reason):
        assert errors(WANG, row, taken={"old"}) == [(3, column, reason)]

    def test_every_error_of_a_row_is_named_at_once(self):
        assert [column for _, column, _ in errors(("", "1", "科" * 65, "院长"))] == ["姓名", "账号", "科室", "角色"]

    def test_one_login_twice_points_at_the_first(self):
        twice = ("李四", "WANG.LI", "", "医生")
        assert errors(WANG, ("李四", "li.si", "", "医生"), twice) == [(4, "账号", words.same_login(2))]


class TestTemplate:
    def test_filled_in_it_is_read(self):
        book = load_workbook(io.BytesIO(template()))
        book[words.SHEET].append(WANG)
        out = io.BytesIO()
        book.save(out)
        assert read_accounts(out.getvalue(), frozenset()).errors == ()

    def test_empty_it_says_that_nobody_is_in_it(self):
        assert refusal(template()) == sheets.EMPTY


class TestFilesThatAreRefused:
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 600,
            "姓名,账号\n王丽,a1\n".encode(),
            b"PK\x03\x04" + b"x" * 60,
        ],
        ids=["empty", "xls", "csv", "torn zip"],
    )
    def test_another_type_is_named(self, content):
        assert refusal(content) == sheets.WRONG_TYPE

    def test_a_zip_of_something_else_is_no_workbook(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.txt", "x")
        assert refusal(packed.getvalue()) == sheets.WRONG_TYPE

    def test_a_zip_bomb_is_not_unfolded(self):
        bomb = with_member(sheet([WANG]), "xl/media/a.bin", b"\0" * 40_000_000)
        assert len(bomb) < 100_000
        assert refusal(bomb) == sheets.too_big(MOST_PEOPLE)

    def test_declared_entities_are_refused(self):
        evil = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + ROOT.format("<row r='1'><c t='str'><v>&a;</v></c></row>")
        assert refusal(with_member(sheet([WANG]), SHEET1, evil.encode())) == sheets.BROKEN

    def test_broken_content_is_refused(self):
        assert refusal(with_member(sheet([WANG]), SHEET1, b"<worksheet><sheetData>")) == sheets.BROKEN
        assert refusal(sheet([WANG])[:-200]) == sheets.WRONG_TYPE

    def test_more_people_than_one_file_may_hold(self):
        many = [("王丽", f"a{number}", "", "医生") for number in range(MOST_PEOPLE + 1)]
        assert refusal(sheet(many)) == sheets.too_many(MOST_PEOPLE)
        assert read_accounts(sheet(many[:-1]), frozenset()).errors == ()

    def test_a_hundred_thousand_rows_are_not_read(self):
        row = "<row><c t='str'><v>a</v></c></row>"
        long = with_member(sheet([WANG]), SHEET1, ROOT.format(row * 100_000).encode())
        assert refusal(long) == sheets.too_many(MOST_PEOPLE)

    def test_neither_are_rows_that_are_only_said_to_be_there(self):
        far = ROOT.format("<row r='1048576'><c r='A1048576' t='str'><v>a</v></c></row>")
        assert refusal(with_member(sheet([WANG]), SHEET1, far.encode())) == sheets.too_many(MOST_PEOPLE)

    @pytest.mark.parametrize(
        ("headings", "reason"),
        [
            (("姓名", "账号", "科室"), sheets.missing_column("角色")),
            (("姓名", "账号", "角色", "手机"), sheets.unknown_column("手机")),
            (("姓名", "账号", "角色", "姓名"), sheets.unknown_column("姓名")),
        ],
    )
    def test_other_columns_than_the_templates(self, headings, reason):
        assert refusal(sheet([WANG], headings)) == reason
