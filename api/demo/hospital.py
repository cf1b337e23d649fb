"""The demo hospital as frozen dataclasses, read from `hospital.yaml` and refused where it could be taken for real."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from importlib.resources import files

import yaml
from pydantic import TypeAdapter, ValidationError

from api.demo.errors import DemoContentError
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.patients.identity import id_number_fault
from imaging_core.phantoms.part10 import StudyHeader


class Phantom(StrEnum):
    """Which body or signal a study shows; the recipes are in `recipes`."""

    CHEST_CT_FIRST = "chest_ct_first"
    CHEST_CT_SECOND = "chest_ct_second"
    CHEST_CT_NORMAL = "chest_ct_normal"
    CHEST_RADIOGRAPH = "chest_radiograph"
    HEAD_MR = "head_mr"
    ECHO = "echo"
    ENDOSCOPY = "endoscopy"
    MICROSCOPY = "microscopy"
    ECG = "ecg"


class DocumentFormat(StrEnum):
    """File type of an e-report."""

    PDF = "pdf"
    JPG = "jpg"


@dataclass(frozen=True, slots=True)
class DemoReport:
    """A verified report as a radiologist writes it."""

    findings: str
    impression: str
    reporting_physician: str
    verifying_physician: str
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class DemoExam:
    """One study with its report. Its DICOM files come from `phantom`."""

    key: str
    phantom: Phantom
    modality: str
    exam_item: str
    exam_code: str
    request_number: str
    accession_number: str
    study_id: str
    study_description: str
    """Latin, as scanners write it."""
    body_part_examined: str
    performed_at: datetime
    report: DemoReport
    specific_character_set: str = "GB18030"
    electronic_report: DocumentFormat | None = None
    """Whether the hospital's own system also made a file of the report."""


@dataclass(frozen=True, slots=True)
class DemoVisit:
    """One visit. `encounter_class` as in HL7 PV1-2: O outpatient, I inpatient, H health check."""

    visit_number: str
    encounter_class: str
    department: str
    physician: str
    at: datetime
    discharged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DemoLaboratoryLine:
    """One line of a laboratory report; fields as in `LaboratoryResult`."""

    item_code: str
    item_name: str
    value: str
    unit: str
    reference_range: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class DemoLaboratoryReport:
    """A laboratory report of one sample."""

    report_number: str
    panel: str
    observed_at: datetime
    lines: Sequence[DemoLaboratoryLine]


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """An invented person."""

    patient_id: str
    family_name: str
    given_name: str
    roman_name: str
    """Family^Given in Latin letters."""
    sex: str
    birth_date: date
    phone: str
    id_number: str
    visits: Sequence[DemoVisit]
    exams: Sequence[DemoExam]
    laboratory: Sequence[DemoLaboratoryReport] = ()

    @property
    def name(self) -> str:
        """The name as written in Chinese."""
        return self.family_name + self.given_name

    @property
    def dicom_name(self) -> str:
        """The name as a DICOM person name with two representations (PS3.5 6.2.1.1)."""
        return f"{self.roman_name}={self.family_name}^{self.given_name}"

    def age_on(self, day: date) -> int:
        """Return full years on a day."""
        birthday_to_come = (day.month, day.day) < (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - birthday_to_come


@dataclass(frozen=True, slots=True)
class DemoHospital:
    """The hospital and everyone in it."""

    institution_code: InstitutionCode
    name: str
    latin_name: str
    phone: str
    patients: Sequence[DemoPatient]

    def exams(self) -> Iterator[tuple[DemoPatient, DemoExam]]:
        """Yield every exam with its patient."""
        for patient in self.patients:
            for exam in patient.exams:
                yield patient, exam

    def study_header(self, patient: DemoPatient, exam: DemoExam) -> StudyHeader:
        """Return what the scanner knows of an exam."""
        return StudyHeader(
            patient_id=patient.patient_id,
            patient_name=patient.dicom_name,
            patient_birth_date=patient.birth_date.strftime("%Y%m%d"),
            patient_sex=patient.sex,
            patient_age=f"{patient.age_on(exam.performed_at.date()):03d}Y",
            accession_number=exam.accession_number,
            study_id=exam.study_id,
            study_description=exam.study_description,
            performed_at=exam.performed_at,
            institution_name=self.latin_name,
            referring_physician="",
            specific_character_set=exam.specific_character_set,
        )


def load_hospital(text: str | None = None) -> DemoHospital:
    """Return the demo hospital, from `hospital.yaml` beside this module or from other text.

    Raises:
        DemoContentError: not readable, incomplete, or a person who might be taken for a real one.
    """
    source = files("api.demo").joinpath("hospital.yaml").read_text(encoding="utf-8") if text is None else text
    try:
        hospital = TypeAdapter(DemoHospital).validate_python(yaml.safe_load(source))
    except yaml.YAMLError as error:
        raise DemoContentError([f"not YAML: {error}"]) from error
    except ValidationError as error:
        raise DemoContentError(
            [f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors()]
        ) from error
    problems = [*_people_problems(hospital), *_number_problems(hospital)]
    if problems:
        raise DemoContentError(problems)
    return hospital


def _people_problems(hospital: DemoHospital) -> Iterator[str]:
    for patient in hospital.patients:
        who = patient.patient_id
        if not re.fullmatch(r"12\d{9}", patient.phone):
            yield f"{who}: a demo phone begins with 12, which no mobile number does"
        if not patient.id_number.startswith("99"):
            yield f"{who}: a demo ID number begins with 99, a region that does not exist"
        if id_number_fault(patient.id_number) is not None:
            yield f"{who}: the ID number has no valid form or check character"
        if patient.id_number[6:14] != patient.birth_date.strftime("%Y%m%d"):
            yield f"{who}: ID number and birth date differ"
        for exam in patient.exams:
            if exam.performed_at.tzinfo is None or exam.report.reported_at <= exam.performed_at:
                yield f"{exam.key}: times need a zone, and a report comes after its exam"


def _number_problems(hospital: DemoHospital) -> Iterator[str]:
    exams = [exam for _, exam in hospital.exams()]
    numbers = {
        "patient_id": [patient.patient_id for patient in hospital.patients],
        "key": [exam.key for exam in exams],
        "accession_number": [exam.accession_number for exam in exams],
        "request_number": [exam.request_number for exam in exams],
        "visit_number": [visit.visit_number for patient in hospital.patients for visit in patient.visits],
    }
    for field, values in numbers.items():
        for value, count in Counter(values).items():
            if count > 1:
                yield f"{field} {value} is used {count} times"
