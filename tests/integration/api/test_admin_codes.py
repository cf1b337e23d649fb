"""编码对照: the hospital's own items are reviewed; what a person confirmed is what reminders compare."""

import csv
import io

import pytest
from sqlalchemy import select

from api.db.tables import AuditEventRow
from imaging_core.coding.tables import CodeMappingRow
from tests.builders.hl7 import oru_r01
from tests.builders.orders import examined_elsewhere, hook_call
from tests.builders.sheets import sheet

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.6"), pytest.mark.clause("R6.3")]

CODES = "/api/admin/codes"
CHEST = {"modality": "CT", "body_part": "胸部", "side": "", "methods": ["平扫"]}
ABDOMEN = {"modality": "CT", "body_part": "上腹部", "side": "", "methods": ["平扫"]}
SET = "套餐A"


@pytest.fixture(scope="module")
def hospital(office):
    """Whose patient has a chest CT of another hospital."""
    examined_elsewhere(office.hospital, study="b")
    return office.hospital


@pytest.fixture
def keeper(office):
    return office.keeper


def listed(browser, **wanted) -> dict:
    answer = browser.get(CODES, params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


def confirmed(browser, name, *items, seen=0, code="", **more):
    body = {"code": code, "name": name, "items": list(items), "seen": seen, **more}
    return browser.put(CODES + "/mapping", json=body)


def sent(browser, content: bytes, path="/import"):
    return browser.post(CODES + path, files={"file": ("codes.xlsx", content)})


def ordered(hospital, *names) -> list[dict]:
    his = hospital.browser()
    answer = his.post(
        "/cds-services/duplicate-exam-sign", json=hook_call(*names), headers=hospital.machine_key("orders")
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["cards"]


class TestReview:
    def test_what_arrived_is_listed_with_its_split_and_covered_once_confirmed(self, hospital, keeper):
        for number in range(2):
            hospital.hl7(
                oru_r01(
                    accession_number=f"ACC80{number}",
                    control_id=f"8{number}",
                    exam_item="胸部+上腹部CT平扫",
                )
            )
        ordered(hospital, SET)
        found = listed(keeper)
        both = next(item for item in found["items"] if item["name"] == "胸部+上腹部CT平扫")
        assert [(one["body_part"], one["standard_code"], one["score"]) for one in both["suggested"]] == [
            ("胸部", "DEMO-01-0301-01", 1.0),
            ("上腹部", both["suggested"][1]["standard_code"], 1.0),
        ]
        assert (both["state"], both["uses"], both["version"]) == ("suggested", 2, 0)
        [unmapped] = listed(keeper, state="unmapped", q=SET)["items"]
        assert (unmapped["name"], unmapped["suggested"], unmapped["unknown"]) == (SET, [], [SET])

        done = confirmed(keeper, both["name"], CHEST, ABDOMEN, code=both["code"])
        assert done.status_code == 200, done.text
        assert (done.json()["state"], done.json()["decided_by"]) == ("confirmed", "测试员工")
        before, after = found["coverage"], listed(keeper)["coverage"]
        assert after["items_covered"] == before["items_covered"] + 1
        assert after["uses_covered"] == before["uses_covered"] + 2
        assert (after["items"], after["uses"]) == (before["items"], before["uses"])

    def test_other_items_than_suggested_are_marked_and_can_be_taken_back(self, keeper):
        plain = {**CHEST, "methods": ["增强"]}
        made = confirmed(keeper, "胸部CT", plain).json()
        assert (made["state"], made["version"]) == ("changed", 1)
        back = keeper.post(CODES + "/mapping/reopen", json={"name": "胸部CT", "seen": 1})
        assert (back.json()["state"], back.json()["confirmed"], back.json()["version"]) == ("suggested", [], 2)
        again = keeper.post(CODES + "/mapping/reopen", json={"name": "胸部CT", "seen": 2})
        assert again.status_code == 404

    def test_a_second_person_learns_who_was_first(self, office, hospital, keeper):
        second = office.second
        assert confirmed(keeper, "套餐B", CHEST).status_code == 200
        late = confirmed(second, "套餐B", ABDOMEN)
        assert (late.status_code, late.json()["code"], late.json()["decided_by"]) == (
            409,
            "decided_meanwhile",
            "测试员工",
        )
        assert late.json()["decided_at"]
        # the same answer is no quarrel, and no second event
        assert confirmed(second, "套餐B", CHEST).json()["version"] == 1
        late = second.post(CODES + "/mapping/reopen", json={"name": "套餐B", "seen": 7})
        assert late.status_code == 409
        with hospital.services.database.reading() as session:
            events = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "mapping.confirmed")).all()
        standard = [event.detail["standard"] for event in events if event.detail["item"] == "套餐B"]
        assert standard == [["DEMO-01-0301-01/"]]

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"name": "左膝关节DR", "items": [{"modality": "DR", "body_part": "膝关节", "side": "右"}]}, "左右不一致"),
            ({"name": "胸部CT平扫", "items": [ABDOMEN]}, "部位与名称里的不同"),
            ({"name": "胸部CT平扫", "items": [{"modality": "CT", "body_part": "尾巴"}]}, "标准目录里没有"),
            ({"name": "胸部CT平扫", "items": []}, ""),
            ({"name": "胸部CT平扫", "items": [{**CHEST, "side": "上"}]}, ""),
            ({"name": " ", "items": [CHEST]}, ""),
            ({"name": "胸\x00部", "items": [CHEST]}, ""),
        ],
    )
    def test_what_cannot_be_meant_is_refused_and_named(self, keeper, body, said):
        before = listed(keeper)["counts"]
        refused = keeper.put(CODES + "/mapping", json={"seen": 0, **body})
        assert refused.status_code == 422
        assert said in refused.json()["detail"]
        assert listed(keeper)["counts"] == before

    def test_another_part_needs_a_word_of_the_person(self, keeper):
        assert confirmed(keeper, "胸部CT平扫（特）", ABDOMEN, unlike_name=True).json()["state"] == "changed"


class TestReminders:
    def test_a_guess_is_replaced_by_what_was_confirmed_and_comes_back(self, hospital, keeper):
        # nobody can read the name of the set
        name = "套餐C"
        assert ordered(hospital, name) == []
        confirmed(keeper, name, CHEST, ABDOMEN)
        [card] = ordered(hospital, name)
        assert "胸部" in str(card)
        keeper.post(CODES + "/mapping/reopen", json={"name": name, "seen": 1})
        assert ordered(hospital, name) == []

    def test_a_proposal_of_a_list_reminds_of_nothing(self, hospital, keeper):
        content = sheet([("A1", "套餐D", "DEMO-01-0301-01")], ("院内编码", "院内项目名称", "标准编码"))
        assert sent(keeper, content).json() == {"total": 1, "new": 1}
        [item] = listed(keeper, q="套餐D")["items"]
        assert (item["state"], item["proposed"][0]["body_part"], item["confirmed"]) == ("suggested", "胸部", [])
        assert ordered(hospital, "套餐D") == []
        assert confirmed(keeper, "套餐D", CHEST, code="A1", seen=1).json()["state"] == "confirmed"
        assert len(ordered(hospital, "套餐D")) == 1


class TestLists:
    HEADINGS = ("院内编码", "院内项目名称", "标准编码")

    def test_one_bad_row_and_nothing_is_imported(self, hospital, keeper):
        content = sheet(
            [
                ("1", "胸部CT平扫", "DEMO-01-0301-01"),
                ("1", "胸部CT平扫", ""),
                ("2", "", ""),
                ("3", "左膝关节正位DR", "DEMO-03-0804-41/右"),
                ("4", "腹部", "XX-1"),
                ("5", "=1+1", ""),
            ],
            self.HEADINGS,
        )
        checked = sent(keeper, content, "/import/check").json()
        places = [(error["row"], error["column"]) for error in checked["errors"]]
        assert places == [
            (3, "院内项目名称"),
            (4, "院内项目名称"),
            (5, "标准编码"),
            (6, "标准编码"),
            (7, "院内项目名称"),
        ]
        refused = sent(keeper, content)
        assert (refused.status_code, refused.json()["code"]) == (422, "sheet_has_errors")
        assert refused.json()["errors"] == checked["errors"]
        with hospital.services.database.reading() as session:
            taken = select(CodeMappingRow).where(CodeMappingRow.local_code.in_(("1", "2", "3", "4", "5")))
            assert session.scalars(taken).all() == []

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01", b"PK\x03\x04xx", "名称\n胸部".encode()])
    def test_files_of_another_kind_are_refused(self, keeper, content):
        refused = sent(keeper, content, "/import/check")
        assert (refused.status_code, refused.json()["field"]) == (415, "file")

    def test_what_is_exported_can_be_imported_again(self, keeper):
        confirmed(
            keeper, "左膝关节正位DR", {"modality": "DR", "body_part": "膝关节", "side": "左", "methods": ["正位"]}
        )
        confirmed(keeper, "=1+1", CHEST)
        table = keeper.get(CODES + "/export.csv").content
        rows = {row["院内项目名称"]: row for row in csv.DictReader(io.StringIO(table.decode("utf-8-sig")))}
        assert rows["左膝关节正位DR"]["标准编码"] == "DEMO-03-0804-41/左"
        assert (rows["'=1+1"]["状态"], rows["左膝关节正位DR"]["核对人"]) == ("已改选", "测试员工")
        gbk = table.decode("utf-8-sig").encode("gb18030")
        for content in (table, gbk):
            assert sent(keeper, content).status_code == 200, sent(keeper, content).text
        states = {item["name"]: item["state"] for item in listed(keeper)["items"]}
        assert (states["=1+1"], states["左膝关节正位DR"]) == ("changed", "confirmed")
