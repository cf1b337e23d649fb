"""What waits for a person: each with its reason, none too early, patients' names left out."""

import numpy as np
import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.db.tables import WorkRow
from imaging_core.index.tables import InstanceRow
from tests.builders.dicom import ct_instance, instance_uid, study_uid
from tests.builders.hl7 import adt_a04, oru_r01
from tests.builders.staff import signed_in

pytestmark = [pytest.mark.integration, pytest.mark.clause("R4.4")]


@pytest.fixture
def keeper(clinic):
    return signed_in(clinic, [Role.SYSTEM_ADMINISTRATOR])


def cases(browser, **wanted: str) -> dict:
    answer = browser.get("/api/admin/cases", params=wanted)
    assert answer.status_code == 200, answer.text
    assert "测试患者" not in answer.text
    return answer.json()


class TestWaitingData:
    def test_a_hospital_in_order_has_none(self, keeper):
        assert cases(keeper) == {"counts": {}, "cases": []}

    def test_every_kind_is_listed_with_its_reason(self, hospital):
        keeper = signed_in(hospital, [Role.SYSTEM_ADMINISTRATOR])
        # other pixels under the same UID
        hospital.images([ct_instance(16, 16, number=1, pixels=np.zeros((16, 16), np.int16))])
        # an unknown patient, none at all, and a registered one of another name
        hospital.images([ct_instance(study="unknown", patient_id="TEST0404", accession_number="ACC0404")])
        hospital.images([ct_instance(study="none", patient_id="", accession_number="ACC0405")])
        hospital.hl7(adt_a04(patient_id="TEST0406", name="测试乙某", id_number="110101198001010029"))
        hospital.images([ct_instance(study="other", patient_id="TEST0406", patient_name="测试甲某某")])
        # a report without images, and one of somebody unknown
        hospital.hl7(oru_r01(accession_number="ACC0999", control_id="1"))
        hospital.hl7(oru_r01(patient_id="TEST0500", control_id="2"), answered=b"MSA|AE")
        with hospital.services.database.writing() as session:
            for subject, attempts in (("bad", 3), ("slow", 1)):
                session.add(
                    WorkRow(
                        kind="derive",
                        institution_code=hospital.institution_code,
                        subject=subject,
                        due_at=hospital.clock(),
                        attempts=attempts,
                    )
                )
        assert set(cases(keeper)["counts"]) == {"conflict", "quarantine", "failed_work"}
        hospital.clock.forward(minutes=20)
        found = cases(keeper)
        assert found["counts"] == {
            "conflict": 1,
            "quarantine": 1,
            "failed_work": 1,
            "unmatched_study": 3,
            "unmatched_report": 1,
        }
        reasons = {case["subject"]: case["reason"] for case in found["cases"]}
        assert "不同内容" in reasons[study_uid("study")]
        assert "没有登记信息" in reasons[study_uid("unknown")]
        assert "没有患者编号" in reasons[study_uid("none")]
        assert "不足以认定是同一人" in reasons[study_uid("other")]
        assert "derive slow" not in reasons
        [report] = cases(keeper, kind="unmatched_report")["cases"]
        assert (report["accession_number"], report["patient_id"]) == ("ACC0999", "TEST0001")

    def test_what_was_put_right_waits_no_longer(self, clinic, keeper):
        clinic.images([ct_instance(study="unknown", patient_id="TEST0404", accession_number="ACC0404")])
        clinic.clock.forward(minutes=20)
        assert cases(keeper)["counts"] == {"unmatched_study": 1}
        clinic.hl7(adt_a04(patient_id="TEST0404", id_number="110101198001010029"))
        assert cases(keeper)["counts"] == {}

    def test_nobody_else_sees_patients_numbers_here(self, clinic):
        for role in (Role.AUDITOR, Role.SECURITY_ADMINISTRATOR, Role.AUTHOR):
            assert signed_in(clinic, [role]).get("/api/admin/cases").status_code == 403


def item(browser, kind: str, subject: str) -> dict:
    answer = browser.get("/api/admin/cases/item", params={"kind": kind, "subject": subject})
    assert answer.status_code == 200, answer.text
    return answer.json()


def decide(browser, case: dict, remedy: str, *, status: int = 200, **choice) -> dict:
    asked = {"kind": case["kind"], "subject": case["subject"], "state": case["state"], "remedy": remedy}
    answer = browser.post("/api/admin/cases/decide", json=asked | {"reason": "核对过申请单"} | choice)
    assert answer.status_code == status, answer.text
    return answer.json()


def undo(browser, decision: int, *, status: int = 200) -> dict:
    answer = browser.post(f"/api/admin/cases/decisions/{decision}/undo", json={"reason": "看错了"})
    assert answer.status_code == status, answer.text
    return answer.json()


def only(browser, kind: str) -> dict:
    [case] = cases(browser, kind=kind)["cases"]
    return case


class TestStudyOfNobody:
    @pytest.fixture
    def stranger(self, clinic):
        """A study under a number that is TEST0001's, of somebody else."""
        clinic.hl7(adt_a04(patient_id="TEST0406", name="测试乙某", id_number="110101198001010029"))
        clinic.images([ct_instance(study="other", patient_id="TEST0001", patient_name="测试乙某")])
        clinic.clock.forward(minutes=20)
        return study_uid("other")

    def test_candidates_stand_side_by_side_with_what_differs(self, keeper, stranger):
        found = item(keeper, "unmatched_study", stranger)
        assert found["person"]["name"] == "测试乙某"
        by_number = {each["patient_id"]: each for each in found["patients"]}
        assert by_number["TEST0406"]["name_likeness"] == "same"
        assert by_number["TEST0406"]["same_number"] is False
        assert by_number["TEST0001"]["name_likeness"] == "different"
        assert by_number["TEST0001"]["verdict"] == "quarantined"

    def test_one_click_gives_it_to_a_patient_and_one_takes_it_back(self, keeper, stranger):
        case = only(keeper, "unmatched_study")
        made = decide(keeper, case, "assign", patient_id="TEST0406")
        assert cases(keeper)["counts"] == {}
        [told] = keeper.get("/api/admin/cases/decisions").json()["decisions"]
        assert (told["remedy"], told["who"], told["patients"]) == ("assign", "测试员工", ["TEST0406"])
        undo(keeper, made["decision"])
        assert only(keeper, "unmatched_study") == case
        assert undo(keeper, made["decision"], status=409)["code"] == "cannot_undo"

    def test_a_new_patient_is_put_on_record(self, keeper, stranger):
        case = only(keeper, "unmatched_study")
        person = {"name": "测试丙某", "patient_id": "TEST0406"}
        assert decide(keeper, case, "new_patient", status=409, new_patient=person)["code"] == "patient_number_taken"
        decide(keeper, case, "new_patient", new_patient=person | {"patient_id": "TEST0700"})
        held = keeper.post("/api/admin/patients/record", json={"patient_id": "TEST0700"}).json()
        assert [each["study_instance_uid"] for each in held["studies"]] == [stranger]

    def test_ignored_with_a_reason_it_waits_no_more_until_that_is_undone(self, keeper, stranger):
        made = decide(keeper, only(keeper, "unmatched_study"), "ignore")
        assert cases(keeper)["counts"] == {}
        undo(keeper, made["decision"])
        assert cases(keeper)["counts"] == {"unmatched_study": 1}

    def test_what_does_not_fit_is_refused_by_name(self, keeper, stranger):
        case = only(keeper, "unmatched_study")
        assert decide(keeper, case, "assign", status=422)["field"] == "patient"
        assert decide(keeper, case, "assign", status=404, patient_id="NOBODY")["code"] == "patient_unknown"
        assert decide(keeper, case, "adopt", status=422)["code"] == "remedy_unsuitable"
        assert decide(keeper, case | {"state": "another"}, "ignore", status=409)["code"] == "case_gone"
        decide(keeper, case, "ignore", status=422, reason=" ")


class TestTwoContents:
    @pytest.fixture
    def conflict(self, hospital):
        self.send(hospital, 7)
        return hospital

    def send(self, hospital, value):
        hospital.images([ct_instance(16, 16, number=1, pixels=np.full((16, 16), value, np.int16))])

    def served(self, hospital) -> int:
        with hospital.services.database.reading() as session:
            uid = instance_uid("study", "series", 1)
            rows = session.scalars(select(InstanceRow).where(InstanceRow.sop_instance_uid == uid))
            (current,) = [row.revision for row in rows if row.current]
            return current

    def test_both_are_shown_the_newest_is_adopted_and_the_former_comes_back(self, conflict):
        keeper = signed_in(conflict, [Role.SYSTEM_ADMINISTRATOR])
        case = only(keeper, "conflict")
        shown = item(keeper, "conflict", case["subject"])["revisions"]
        assert [(each["revision"], each["current"]) for each in shown] == [(1, True), (2, False)]
        assert shown[0]["digest"] != shown[1]["digest"]
        made = decide(keeper, case, "adopt")
        assert self.served(conflict) == 2
        assert cases(keeper)["counts"] == {}
        undo(keeper, made["decision"])
        assert self.served(conflict) == 1
        assert only(keeper, "conflict") == case

    def test_kept_it_waits_no_more_until_a_third_content_comes(self, conflict):
        keeper = signed_in(conflict, [Role.SYSTEM_ADMINISTRATOR])
        made = decide(keeper, only(keeper, "conflict"), "keep")
        assert self.served(conflict) == 1
        assert cases(keeper)["counts"] == {}
        self.send(conflict, 9)
        assert only(keeper, "conflict")["count"] == 2
        assert undo(keeper, made["decision"], status=409)["code"] == "cannot_undo"


class TestReports:
    def test_a_report_is_linked_to_a_study_of_its_patient_by_hand(self, clinic, keeper):
        clinic.images([ct_instance(study="second", accession_number="ACC0002")])
        clinic.hl7(oru_r01(accession_number="ACC0999", control_id="1"))
        clinic.clock.forward(minutes=20)
        case = only(keeper, "unmatched_report")
        shown = item(keeper, "unmatched_report", case["subject"])
        assert study_uid("second") in {each["study_instance_uid"] for each in shown["studies"]}
        assert "other_number" in shown["studies"][0]["reasons"]
        assert decide(keeper, case, "link", status=422, study_instance_uid="1.2.3")["field"] == "study"
        made = decide(keeper, case, "link", study_instance_uid=study_uid("second"))
        assert cases(keeper)["counts"] == {}
        undo(keeper, made["decision"])
        assert only(keeper, "unmatched_report") == case

    def test_a_report_of_nobody_known_is_filed_for_a_patient_and_waits_again(self, clinic, keeper):
        clinic.hl7(oru_r01(patient_id="TEST0500", accession_number="ACC0500", control_id="2"), answered=b"MSA|AE")
        case = only(keeper, "quarantine")
        assert case["remedies"] == ["assign", "reprocess", "ignore"]
        made = decide(keeper, case, "assign", patient_id="TEST0001")
        clinic.clock.forward(minutes=20)
        assert only(keeper, "unmatched_report")["patient_id"] == "TEST0001"
        undo(keeper, made["decision"])
        assert cases(keeper)["counts"] == {"quarantine": 1}


class TestRecords:
    def test_two_that_look_alike_are_proposed_merged_and_parted(self, clinic, keeper):
        clinic.hl7(adt_a04(patient_id="TEST0600"))
        case = only(keeper, "lookalike")
        one, other = item(keeper, "lookalike", case["subject"])["patients"]
        assert (one["identity_likeness"], one["name_likeness"]) == ("same", "same")
        assert "110101" not in str(one)
        made = decide(keeper, case, "merge", patient_id=one["patient_id"])
        assert cases(keeper)["counts"] == {}
        held = keeper.post("/api/admin/patients/record", json={"patient_id": other["patient_id"]}).json()
        assert (held["patient_id"], held["merged"]) == (one["patient_id"], [other["patient_id"]])
        undo(keeper, made["decision"])
        assert only(keeper, "lookalike") == case

    def test_a_study_moved_to_another_patient_is_closed_for_the_former_at_once(self, clinic, keeper):
        clinic.hl7(adt_a04(patient_id="TEST0600", name="测试乙某", id_number="110101198001010029"))
        study = study_uid("study")
        visitor, friend = (clinic.browser(clinic.grant(study, shared=shared)[1]) for shared in (False, True))
        for who in (visitor, friend):
            assert who.get("/api/patient/studies").status_code == 200
        moved = {"patient_id": "TEST0001", "studies": [study], "to_patient_id": "TEST0600", "reason": "录错编号"}
        made = keeper.post("/api/admin/patients/move", json=moved)
        assert made.status_code == 200, made.text
        for who in (visitor, friend):
            assert who.get("/api/patient/studies").status_code == 401
        again = keeper.post("/api/admin/patients/move", json=moved)
        assert (again.status_code, again.json()["code"]) == (409, "nothing_to_move")

    def test_what_stands_in_the_way_of_undoing_is_named(self, clinic, keeper):
        clinic.hl7(adt_a04(patient_id="TEST0600", name="测试乙某", id_number="110101198001010029"))
        study = study_uid("study")
        merged = {"into": "TEST0600", "merged": "TEST0001", "reason": "同一人"}
        first = keeper.post("/api/admin/patients/merge", json=merged).json()["decision"]
        split = {
            "patient_id": "TEST0600",
            "studies": [study],
            "new_patient": {"name": "测试丙某"},
            "reason": "另一人的检查",
        }
        second = keeper.post("/api/admin/patients/move", json=split).json()["decision"]
        assert undo(keeper, first, status=409)["later"] == [second]
        undo(keeper, second)
        undo(keeper, first)
        held = keeper.post("/api/admin/patients/record", json={"patient_id": "TEST0001"}).json()
        assert [each["study_instance_uid"] for each in held["studies"]] == [study]
