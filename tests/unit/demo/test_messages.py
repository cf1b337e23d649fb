from datetime import UTC, datetime

import pytest

from api.demo.hospital import load_hospital
from api.demo.messages import demo_messages
from imaging_core.interop.hl7v2.charset import decode
from imaging_core.interop.hl7v2.message import read_message
from imaging_core.interop.hl7v2.observation import read_reports
from imaging_core.interop.hl7v2.registration import discharge_time, read_registration
from imaging_core.interop.hl7v2.report_codes import ReportCodes
from imaging_core.patients.registration import EncounterClass
from imaging_core.reports.types import ReportStatus

HOSPITAL = load_hospital()
NOW = datetime(2026, 12, 1, tzinfo=UTC)
MESSAGES = [read_message(raw) for raw in demo_messages(HOSPITAL)]


def of_kind(kind, event):
    return [m for m in MESSAGES if (m.header.value(9, 1), m.header.value(9, 2)) == (kind, event)]


class TestDemoMessages:
    def test_are_the_same_every_time_and_numbered_apart(self):
        assert demo_messages(HOSPITAL) == demo_messages(HOSPITAL)
        assert len({message.header.value(10) for message in MESSAGES}) == len(MESSAGES)

    def test_are_written_in_gb18030(self):
        assert {decode(raw)[1] for raw in demo_messages(HOSPITAL)} == {"gb18030"}

    @pytest.mark.parametrize("patient", HOSPITAL.patients, ids=lambda patient: patient.patient_id)
    def test_register_every_patient_with_phone_and_id_number(self, patient):
        read = [read_registration(message, HOSPITAL.institution_code, NOW) for message in of_kind("ADT", "A04")]
        own = [item for item in read if item.registration.patient_id == patient.patient_id]
        assert len(own) == len(patient.visits)
        for item in own:
            registration = item.registration
            assert item.warnings == ()
            assert (registration.name, registration.sex) == (patient.name, patient.sex)
            assert (registration.phone, registration.id_number) == (patient.phone, patient.id_number)
            assert registration.birth_date == patient.birth_date

    def test_discharge_whoever_was_an_inpatient(self):
        discharges = of_kind("ADT", "A03")
        wanted = [v.discharged_at for p in HOSPITAL.patients for v in p.visits if v.discharged_at is not None]
        assert [discharge_time(message, NOW) for message in discharges] == wanted
        registered = read_registration(discharges[0], HOSPITAL.institution_code, NOW).registration
        assert registered.encounter_class is EncounterClass.INPATIENT

    def test_carry_every_report_whole_and_verified(self):
        reports = [report for message in of_kind("ORU", "R01") for report in read_reports(message, ReportCodes())]
        exams = [exam for _, exam in HOSPITAL.exams()]
        assert len(reports) == len(exams)
        for report, exam in zip(reports, exams, strict=True):
            assert report.status is ReportStatus.VERIFIED
            assert (report.findings, report.impression) == (exam.report.findings, exam.report.impression)
            assert report.accession_number == exam.accession_number
            assert report.exam_item == exam.exam_item
            assert report.reporting_physician == exam.report.reporting_physician
            assert report.verifying_physician == exam.report.verifying_physician
            assert (report.examined_at, report.reported_at) == (exam.performed_at, exam.report.reported_at)

    def test_name_each_study_by_the_uid_of_its_files(self):
        named = [read_reports(message, ReportCodes())[0].study_instance_uid for message in of_kind("ORU", "R01")]
        assert named == [HOSPITAL.study_header(*pair).study_instance_uid for pair in HOSPITAL.exams()]
