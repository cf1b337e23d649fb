"""The share of the province's institutions from which studies can be retrieved, against an imported list."""

import csv
import io
from typing import Any

import pytest

from api.audit.record import Actor, record
from tests.builders.sheets import sheet

pytestmark = [pytest.mark.integration, pytest.mark.clause("R2.7")]

PATH = "/api/admin/institutions"
HEADINGS = ("机构代码", "机构名称", "所在地")
CODES = [f"1234000000000000{number:02}" for number in range(10)]


@pytest.fixture
def keeper(office):
    return office.keeper


def sent(browser, rows, path="/import"):
    return browser.post(PATH + path, files={"file": ("list.xlsx", sheet(rows, HEADINGS))})


def overview(browser, **wanted) -> dict:
    answer = browser.get(PATH, params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


def opened(hospital, code: str, outcome="success", by="card") -> None:
    """Record an opening as cards and as patients' pages do."""
    place: dict[str, Any] = {"object_kind": "institution", "object_id": code, "detail": {}}
    if by == "page":
        place = {"object_kind": "patient", "object_id": "1", "detail": {"institution_code": code}}
    with hospital.services.database.writing() as session:
        actor = Actor("doctor", "card", hospital.institution_code)
        record(session, actor, "prior_exam.opened", outcome=outcome, now=hospital.clock(), **place)


class TestTheShare:
    def test_of_no_list_is_no_figure_and_not_nought(self, keeper):
        assert {name: overview(keeper)[name] for name in ("total", "ratio", "share")} == {
            "total": 0,
            "ratio": None,
            "share": "暂无数据",
        }

    def test_counts_what_was_retrieved_and_says_why_the_others_do_not(self, office, keeper):
        hospital = office.hospital
        rows = [(code, f"测试医院{code[-2:]}", "测试市") for code in CODES]
        assert sent(keeper, rows).json() == {"total": 10, "errors": []}
        assert overview(keeper)["counts"] == {"untried": 10}
        for number, code in enumerate(CODES[:8]):
            opened(hospital, code, by="page" if number % 2 else "card")
        found = overview(keeper)
        assert (found["ratio"], found["share"], found["wanted"]) == (0.8, "80%", 0.8)
        hospital.clock.forward(minutes=1)
        opened(hospital, CODES[0], outcome="failed")
        opened(hospital, "99999999999999999X")
        found = overview(keeper, state="failed")
        assert (found["share"], [one["code"] for one in found["institutions"]]) == ("70%", [CODES[0]])
        assert "没有成功" in found["institutions"][0]["reason"]
        hospital.clock.forward(minutes=1)
        opened(hospital, CODES[0])
        assert overview(keeper)["share"] == "80%"
        table = keeper.get(PATH + "/export.csv").content.decode("utf-8-sig")
        states = [row["状态"] for row in csv.DictReader(io.StringIO(table))]
        assert (states.count("可调阅"), states.count("未验证")) == (8, 2)


class TestTheList:
    def test_one_bad_row_and_the_list_before_stays(self, keeper):
        assert sent(keeper, [(CODES[0], "测试医院", "")]).status_code == 200
        rows = [(CODES[1], "甲", ""), ("123", "乙", ""), (CODES[1], "丙", ""), (CODES[2], "", "")]
        checked = sent(keeper, rows, "/import/check").json()
        places = [(error["row"], error["column"]) for error in checked["errors"]]
        assert places == [(3, "机构代码"), (4, "机构代码"), (5, "机构名称")]
        refused = sent(keeper, rows)
        assert (refused.status_code, refused.json()["errors"]) == (422, checked["errors"])
        assert [one["code"] for one in overview(keeper)["institutions"]] == [CODES[0]]

    def test_a_new_list_takes_the_place_of_the_old(self, keeper):
        for code in CODES[:2]:
            assert sent(keeper, [(code, "测试医院", "")]).status_code == 200
        assert [one["code"] for one in overview(keeper)["institutions"]] == [CODES[1]]


@pytest.mark.clause("R5.1")
class TestRetention:
    """Beside the list of institutions, for it needs the same signed-in administrator and no more."""

    def test_a_study_is_found_by_its_number_with_its_term_and_why(self, keeper):
        found = keeper.get("/api/admin/retention", params={"study": "ACC0001"}).json()
        [study] = found["studies"]
        assert (study["accession_number"], found["total"]) == ("ACC0001", 1)
        assert study["keep_until"] > study["counted_from"]
        assert f"{study['years']} 年" in study["why"]
        assert "15 年" in found["policy"]
        assert "测试患者" not in str(found)

    def test_of_what_is_not_there_is_nothing(self, keeper):
        assert keeper.get("/api/admin/retention", params={"study": "ACC9999"}).json()["studies"] == []
