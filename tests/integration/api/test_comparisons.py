"""A doctor puts two examinations of one patient side by side; two patients never stand there."""

from datetime import date
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from api.accounts.roles import Role
from api.db.tables import AuditEventRow
from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.reminders.elsewhere import BoundedElsewhere, ElsewhereExam
from imaging_core.sharing.tables import LinkRow
from tests.builders import hl7
from tests.builders.dicom import ct_series, instance_uid, study_uid
from tests.builders.hospital import OTHER_ID_NUMBER
from tests.builders.orders import ELSEWHERE, examined_elsewhere
from tests.builders.plugin import woken
from tests.builders.staff import new_account

pytestmark = [pytest.mark.integration, pytest.mark.clause("R2.9")]


@pytest.fixture
def doctor(clinic):
    return new_account(clinic, Role.DOCTOR)


@pytest.fixture
def before(clinic):
    """An examination of the same patient a year earlier."""
    add_exam(clinic, "before", "20250301")


def add_exam(hospital, study, on):
    hospital.images(ct_series(3, 16, 16, study=study, patient_id="TEST0001", accession_number=study, study_date=on))
    hospital.hl7(hl7.oru_r01(accession_number=study, study_instance_uid=study_uid(study)))
    hospital.follow(derive=False)


def examinations(browser):
    answer = browser.get("/api/plugin/patient")
    assert answer.status_code == 200, answer.text
    return [exam for kind in answer.json()["kinds"] for exam in kind["examinations"]]


def references(browser):
    return [exam["reference"] for exam in examinations(browser)]


def compare(browser, *names):
    return browser.post("/api/plugin/comparisons", json={"references": list(names)})


def address(browser, *names):
    answer = compare(browser, *names)
    assert answer.status_code == 200, answer.text
    return urlsplit(answer.json()["url"]).path


def opened(hospital, path):
    """Return the doctor's own browser, at the page."""
    browser = hospital.browser()
    answer = browser.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/reading/compare")
    return browser


def refusal(answer):
    body = answer.json()
    return answer.status_code, body["code"], body.get("field")


def compared(hospital):
    with hospital.services.database.reading() as session:
        rows = session.scalars(select(AuditEventRow).where(AuditEventRow.action == "prior_exam.compared"))
        return [(row.actor_kind, row.object_id) for row in rows]


class TestAComparisonIsRefused:
    def test_with_another_patients_examination(self, clinic, doctor):
        clinic.load(patient_id="P2", accession_number="A2", study="second", name="测试邻居", id_number=OTHER_ID_NUMBER)
        (theirs,) = references(woken(clinic, doctor, patient_id="P2"))
        browser = woken(clinic, doctor, patient_id="TEST0001")
        (own,) = references(browser)
        assert refusal(compare(browser, own, theirs)) == (404, "not_found", "references.1")
        assert refusal(compare(browser, theirs, own)) == (404, "not_found", "references.0")
        assert compared(clinic) == []

    @pytest.mark.usefixtures("before")
    def test_once_the_plugin_shows_the_next_patient(self, clinic, doctor):
        clinic.load(patient_id="P2", accession_number="A2", study="second", name="测试邻居", id_number=OTHER_ID_NUMBER)
        last = references(woken(clinic, doctor, patient_id="TEST0001"))
        browser = woken(clinic, doctor, patient_id="P2")
        assert refusal(compare(browser, *last)) == (404, "not_found", "references.0")

    def test_with_an_examination_of_another_hospital(self, clinic, doctor):
        class Region:
            def find(self, patient, items, view_record_id):
                opening = {"modality": "CT", "view_record_id": "v", "institution_code": ELSEWHERE}
                return [ElsewhereExam("1.2.3", ELSEWHERE, "外院", "胸部CT平扫", date(2026, 2, 1), "final", opening)]

            def address(self, opening):
                raise AssertionError("not asked for")

        clinic.services.__dict__["elsewhere"] = BoundedElsewhere(Region(), seconds=60)
        browser = woken(clinic, doctor, patient_id="TEST0001")
        own, theirs = (exam["reference"] for exam in sorted(examinations(browser), key=lambda exam: exam["elsewhere"]))
        answer = compare(browser, own, theirs)
        assert refusal(answer) == (409, "comparison_not_held_here", "references.1")
        assert "外院检查请单独打开" in answer.json()["detail"]
        stranger = woken(clinic, doctor, patient_id="TEST0001")  # was shown nothing yet
        assert refusal(compare(stranger, own, theirs)) == (404, "not_found", "references.1")

    def test_with_a_record_of_another_institution_even_where_its_archive_is_here(self, clinic, doctor):
        examined_elsewhere(clinic, study="b")
        browser = woken(clinic, doctor, patient_id="TEST0001")
        own, theirs = (exam["reference"] for exam in sorted(examinations(browser), key=lambda exam: exam["elsewhere"]))
        assert refusal(compare(browser, own, theirs)) == (409, "comparison_not_held_here", "references.1")

    def test_when_it_does_not_name_two(self, clinic, doctor):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        first, second, third = (str(digit) * 32 for digit in range(3))
        for names in ([], [first], [first, second, third], [first, first]):
            answer = compare(browser, *names)
            assert (answer.status_code, answer.json()["field"]) == (422, "references")
        answer = compare(browser, first, study_uid("study"))  # pages handle no UIDs
        assert (answer.status_code, answer.json()["field"]) == (422, "references.1")

    def test_without_a_patient_and_without_a_session(self, clinic, doctor):
        names = ("0" * 32, "1" * 32)
        assert refusal(compare(woken(clinic, doctor), *names)) == (404, "plugin_no_patient", None)
        assert refusal(compare(clinic.browser(), *names))[:2] == (401, "launch_needed")


@pytest.mark.usefixtures("before")
class TestTwoExaminations:
    def test_open_once_for_both_and_are_on_record(self, clinic, doctor):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        newest, oldest = references(browser)
        path = address(browser, oldest, newest)  # in whichever order they were clicked
        reader = opened(clinic, path)
        both = reader.get("/api/patient/comparison").json()
        assert both["in_order"] is True
        assert [both[which]["study"]["study_date"] for which in ("prior", "current")] == ["2025-03-01", "2026-03-01"]
        assert both["prior"]["patient"]["name"] == both["current"]["patient"]["name"] == "测试患者"
        assert both["prior"]["report"]["findings"]
        assert both["prior"]["rights"] == ["dicom", "jpg", "report"]
        assert sorted(compared(clinic)) == sorted(("staff", study_uid(name)) for name in ("study", "before"))
        again = clinic.browser()
        assert refusal(again.get(path, follow_redirects=False))[:2] == (404, "plugin_opening_ended")
        assert again.get("/api/patient/comparison").status_code == 401

    def test_open_nothing_else_of_the_patient(self, clinic, doctor):
        add_exam(clinic, "third", "20240301")
        browser = woken(clinic, doctor, patient_id="TEST0001")
        reader = opened(clinic, address(browser, *references(browser)[:2]))
        seen = {study["study_instance_uid"] for study in reader.get("/api/patient/studies").json()}
        assert seen == {study_uid("study"), study_uid("before")}
        assert reader.get(f"/api/patient/studies/{study_uid('third')}/manifest").status_code == 404
        third = f"/api/patient/studies/{study_uid('third')}/instances/{instance_uid('third')}/frames/1"
        assert reader.get(third).status_code == 404

    def test_of_which_neither_is_called_the_earlier_when_nothing_tells(self, clinic, doctor):
        add_exam(clinic, "same day", "20260301")
        browser = woken(clinic, doctor, patient_id="TEST0001")
        reader = opened(clinic, address(browser, *references(browser)[:2]))
        assert reader.get("/api/patient/comparison").json()["in_order"] is False

    def test_are_shown_no_longer_when_one_was_another_patients_after_all(self, clinic, doctor):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        reader = opened(clinic, address(browser, *references(browser)))
        clinic.load(patient_id="P2", accession_number="A2", study="second", name="测试邻居", id_number=OTHER_ID_NUMBER)
        with clinic.services.database.writing() as session:
            moved = session.scalars(select(StudyRow).where(StudyRow.study_instance_uid == study_uid("before"))).one()
            moved.patient_key = session.scalars(select(PatientRow.id).where(PatientRow.patient_id == "P2")).one()
        assert refusal(reader.get("/api/patient/comparison"))[:2] == (404, "comparison_none")
        assert reader.get(f"/api/patient/studies/{study_uid('before')}/manifest").status_code == 404

    def test_end_with_their_link(self, clinic, doctor):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        path = address(browser, *references(browser))
        with clinic.services.database.writing() as session:
            for link in session.scalars(select(LinkRow).where(LinkRow.kind == "doctor")):
                link.revoked_at = clinic.clock()
        assert refusal(clinic.browser().get(path, follow_redirects=False))[:2] == (404, "plugin_opening_ended")
        assert compared(clinic) == []

    def test_are_not_what_a_single_opening_gives(self, clinic, doctor):
        browser = woken(clinic, doctor, patient_id="TEST0001")
        answer = browser.post("/api/plugin/openings", json={"reference": references(browser)[0]})
        reader = clinic.browser()
        reader.get(urlsplit(answer.json()["url"]).path, follow_redirects=False)
        assert refusal(reader.get("/api/patient/comparison"))[:2] == (404, "comparison_none")
