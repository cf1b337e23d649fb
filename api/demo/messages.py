"""What the demo hospital's HIS and RIS send: registrations, discharges, verified reports (HL7 v2.4, GB18030)."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import count

from api.demo.hospital import DemoExam, DemoHospital, DemoPatient, DemoVisit

_CHINA = timezone(timedelta(hours=8))


def demo_messages(hospital: DemoHospital) -> list[bytes]:
    """Return every message, without MLLP framing, in the order of events for each patient.

    ADT^A04 for each visit, ADT^A03 where the patient was discharged, then ORU^R01 for each report. A report names its
    study by accession number (OBR-3) and by Study Instance UID (ZDS-1). Control ids are the same every time.
    """
    numbers = count(1)
    return [
        ("\r".join(segments) + "\r").encode("gb18030")
        for patient in hospital.patients
        for segments in _messages_of(hospital, patient, numbers)
    ]


def _messages_of(hospital: DemoHospital, patient: DemoPatient, numbers: "count[int]") -> Iterator[list[str]]:
    for visit in sorted(patient.visits, key=lambda visit: visit.at):
        yield _adt("A04", patient, visit, next(numbers), visit.at)
        if visit.discharged_at is not None:
            yield _adt("A03", patient, visit, next(numbers), visit.discharged_at)
    for exam in patient.exams:
        yield _oru(hospital, patient, exam, next(numbers))


def _adt(event: str, patient: DemoPatient, visit: DemoVisit, number: int, at: datetime) -> list[str]:
    pv1 = _segment(
        "PV1",
        {
            1: "1",
            2: visit.encounter_class,
            3: _escaped(visit.department),
            7: f"^{_escaped(visit.physician)}",
            19: visit.visit_number,
            44: _stamp(visit.at),
            45: _stamp(visit.discharged_at) if event == "A03" and visit.discharged_at else "",
        },
    )
    return [_msh(f"ADT^{event}", number, at), f"EVN|{event}|{_stamp(at)}", _pid(patient), pv1]


def _oru(hospital: DemoHospital, patient: DemoPatient, exam: DemoExam, number: int) -> list[str]:
    report = exam.report
    obr = _segment(
        "OBR",
        {
            1: "1",
            2: exam.request_number,
            3: exam.accession_number,
            4: f"{exam.exam_code}^{_escaped(exam.exam_item)}",
            7: _stamp(exam.performed_at),
            22: _stamp(report.reported_at),
            24: exam.modality,
            25: "F",
            32: f"^{_escaped(report.verifying_physician)}",
            33: f"^{_escaped(report.reporting_physician)}",
        },
    )
    uid = hospital.study_header(patient, exam).study_instance_uid
    return [
        _msh("ORU^R01", number, report.reported_at),
        _pid(patient),
        obr,
        f"OBX|1|TX|59776-5^检查所见^LN||{_escaped(report.findings)}||||||F",
        f"OBX|2|TX|19005-8^诊断意见^LN||{_escaped(report.impression)}||||||F",
        f"ZDS|{uid}^MINGYING^Application^DICOM",
    ]


def _msh(message_type: str, number: int, at: datetime) -> str:
    sender = "RIS" if message_type.startswith("ORU") else "HIS"
    return _segment(
        "MSH",
        {
            1: "^~\\&",  # MSH-1 is the bar itself, so everything stands one place earlier
            2: sender,
            3: "DEMOHOSP",
            4: "MINGYING",
            5: "MINGYING",
            6: _stamp(at),
            8: message_type,
            9: f"DEMO{number:06d}",
            10: "P",
            11: "2.4",
            17: "GB18030",
        },
    )


def _pid(patient: DemoPatient) -> str:
    return _segment(
        "PID",
        {
            1: "1",
            3: f"{patient.patient_id}^^^DEMOHOSP^MR",
            5: f"{_escaped(patient.name)}^{patient.roman_name.replace('^', '')}",
            7: patient.birth_date.strftime("%Y%m%d"),
            8: patient.sex,
            13: patient.phone,
            19: patient.id_number,
        },
    )


def _segment(name: str, fields: dict[int, str]) -> str:
    values = [fields.get(number, "") for number in range(1, max(fields) + 1)]
    return "|".join([name, *values])


def _stamp(at: datetime) -> str:
    return at.astimezone(_CHINA).strftime("%Y%m%d%H%M%S")


def _escaped(text: str) -> str:
    # HL7 v2.5.1 2.7: the escape character first, or the others would be escaped twice.
    for plain, sequence in (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\")):
        text = text.replace(plain, sequence)
    return text.replace("\n", "\\.br\\")
