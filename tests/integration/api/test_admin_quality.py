"""The quality figures over HTTP: for system administrators alone, without a name, exported without formulas."""

import csv
import io
from datetime import date

import pytest

from api.accounts.roles import Role
from api.db.tables import AuditEventRow
from tests.builders.dicom import ct_instance, study_uid
from tests.builders.staff import signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R1.1")]

QUALITY = "/api/admin/quality"
DAY = date(2026, 3, 1)


@pytest.fixture
def keeper(clinic):
    return signed_in(clinic, [Role.SYSTEM_ADMINISTRATOR])


def asked(browser, path: str = "", **wanted: str):
    answer = browser.get(QUALITY + path, params=wanted)
    assert answer.status_code == 200, answer.text
    assert "测试患者" not in answer.text
    return answer


def figures(browser, **wanted: str) -> dict[str, tuple[int, int, str]]:
    found = asked(browser, **wanted).json()["indicators"]
    return {item["key"]: (item["numerator"], item["denominator"], item["share"]) for item in found}


def table(answer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


class TestFigures:
    def test_a_period_without_studies_has_no_data(self, keeper):
        found = asked(keeper, since="1990-01-01", until="1990-01-31").json()
        assert {item["share"] for item in found["indicators"]} == {"暂无数据"}
        assert {item["ratio"] for item in found["indicators"]} == {None}
        assert (found["since"], found["until"], found["undated"]) == ("1990-01-01", "1990-01-31", 0)

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"since": "2026-02-30"}, "invalid_request"),
            ({"until": "yesterday"}, "invalid_request"),
            ({"since": "2026-03-02", "until": "2026-03-01"}, "period_reversed"),
        ],
    )
    def test_a_wrong_period_is_refused(self, keeper, wrong, code):
        for path in ("", "/export.csv", "/reported/studies", "/reported/studies.csv"):
            refused = keeper.get(QUALITY + path, params={**wrong, "side": "missing"})
            assert (refused.status_code, refused.json()["code"]) == (422, code)

    def test_count_what_came_in_by_the_real_ways(self, hospital):
        keeper = signed_in(hospital, [Role.SYSTEM_ADMINISTRATOR])
        hospital.images([ct_instance(study="unknown", patient_id="TEST0404", accession_number="ACC0404")])
        hospital.follow(derive=True)
        found = figures(keeper)
        assert found["patient_matched"] == (1, 2, "50.0%")
        assert found["images_ready"] == (2, 2, "100.0%")
        assert found["reported"] == (1, 2, "50.0%")
        assert found["report_in_time"] == (1, 1, "100.0%")
        assert found["link_issued"] == (1, 1, "100.0%")
        assert found["opened"] == (0, 1, "0.0%")
        assert found["registered"] == (0, 0, "暂无数据")
        hospital.grant(study_uid("study"))
        assert figures(keeper)["opened"] == (1, 1, "100.0%")

    def test_each_says_what_it_means(self, keeper):
        found = asked(keeper).json()["indicators"]
        assert len(found) >= 12
        words = ("name", "definition", "numerator_words", "denominator_words", "group")
        assert [item["key"] for item in found if not all(item[word] for word in words)] == []


class TestStudiesBehind:
    def test_are_named_by_numbers(self, clinic, keeper):
        clinic.images([ct_instance(study="unknown", patient_id="TEST0404", accession_number="ACC0404")])
        found = asked(keeper, "/reported/studies", side="missing").json()
        assert found["total"] == 1
        [study] = found["studies"]
        assert set(study) == {"study_instance_uid", "accession_number", "study_date", "modalities", "body_parts"}
        assert (study["accession_number"], study["study_instance_uid"]) == ("ACC0404", study_uid("unknown"))
        assert study["modalities"] == ["CT"]
        [counted] = asked(keeper, "/reported/studies", side="counted").json()["studies"]
        assert counted["accession_number"] == "ACC0001"

    def test_of_an_indicator_or_a_side_that_does_not_exist(self, keeper):
        assert keeper.get(f"{QUALITY}/nonsense/studies", params={"side": "missing"}).status_code == 404
        assert keeper.get(f"{QUALITY}/reported/studies", params={"side": "both"}).status_code == 422
        assert keeper.get(f"{QUALITY}/reported/studies").status_code == 422


class TestExport:
    def test_holds_every_indicator_with_its_definition(self, keeper):
        answer = asked(keeper, "/export.csv", since="2026-01-01")
        assert answer.headers["content-disposition"] == 'attachment; filename="quality.csv"'
        head, *rows = table(answer)
        found = {row[1]: dict(zip(head, row, strict=True)) for row in rows}
        assert len(found) == len(figures(keeper))
        assert found["区域平台登记率"]["结果"] == "暂无数据"
        reported = found["影像报告匹配率"]
        assert (reported["分子"], reported["分母"], reported["结果"]) == ("1", "1", "100.0%")
        assert (reported["起始检查日期"], reported["截止检查日期"]) == ("2026-01-01", "")
        assert "初步报告" in reported["定义"]

    def test_of_studies_holds_no_formula(self, clinic, keeper):
        clinic.images([ct_instance(study="evil", patient_id="TEST0404", accession_number="=1+1")])
        answer = asked(keeper, "/reported/studies.csv", side="missing")
        assert answer.headers["content-disposition"] == 'attachment; filename="quality-reported-missing.csv"'
        [_, evil] = table(answer)
        assert (evil[0], evil[3]) == ("'=1+1", study_uid("evil"))

    def test_of_too_many_studies_is_refused(self, clinic, keeper, monkeypatch):
        monkeypatch.setattr("api.routes.admin_quality.MOST_EXPORTED", 1)
        clinic.images([ct_instance(study=name, accession_number=name, patient_id="T") for name in ("one", "two")])
        refused = keeper.get(f"{QUALITY}/reported/studies.csv", params={"side": "missing"})
        assert (refused.status_code, refused.json()["code"]) == (422, "quality_too_many")


def test_nobody_else_looks_and_every_look_is_an_event(clinic, keeper):
    for role in (Role.AUDITOR, Role.SECURITY_ADMINISTRATOR, Role.DOCTOR):
        assert signed_in(clinic, [role]).get(QUALITY).status_code == 403
    asked(keeper)
    asked(keeper, "/export.csv")
    asked(keeper, "/reported/studies", side="missing", since="2026-01-01")
    asked(keeper, "/reported/studies.csv", side="counted")
    with clinic.services.database.reading() as session:
        events = [
            row for row in session.query(AuditEventRow).order_by(AuditEventRow.at) if row.object_kind == "quality"
        ]
    found = {event.action: (event.object_id, event.detail) for event in events}
    assert found == {
        "quality.viewed": ("-", {}),
        "quality.exported": ("-", {}),
        "quality.studies_listed": ("reported", {"since": "2026-01-01", "side": "missing", "studies": 0}),
        "quality.studies_exported": ("reported", {"side": "counted", "studies": 1}),
    }
