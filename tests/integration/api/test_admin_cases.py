"""What waits for a person: each with its reason, none too early, patients' names left out."""

import numpy as np
import pytest

from api.accounts.roles import Role
from api.db.tables import WorkRow
from tests.builders.dicom import ct_instance, study_uid
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
        assert "不是同一人" in reasons[study_uid("other")]
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
