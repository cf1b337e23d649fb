"""From a report the grant may see, hospital's or paper, to the text that interpretation takes."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.tables import PaperRow
from api.errors import Problem
from api.workflows.read_paper import REPORT_PREFIX
from imaging_core.domain.grants import Grant, Holder
from imaging_core.domain.identifiers import ReportKey
from imaging_core.index.tables import StudyRow
from imaging_core.patients.tables import PatientRow
from imaging_core.reports.reading import find_report
from imaging_core.sharing.grants import visible_studies
from interpret.types import ReportText

_SEXES = {"M": "male", "F": "female", "男": "male", "女": "female"}
_MODALITY_WORDS = {"CT": "CT", "MR": "MR", "磁共振": "MR", "DR": "DR", "超声": "US", "彩超": "US", "心电": "ECG"}


@dataclass(frozen=True, slots=True)
class LoadedReport:
    """A report ready to be interpreted."""

    report_id: str
    version: str
    text: ReportText
    from_paper: bool


def load_report(session: Session, grant: Grant, report_id: str, now: datetime) -> LoadedReport:
    """Return a report that the grant may see.

    Raises:
        Problem: 404, the same for a foreign, an unknown and a withdrawn report.
    """
    loaded = (
        _from_paper(session, grant, report_id)
        if report_id.startswith(REPORT_PREFIX)
        else _from_archive(session, grant, report_id, now)
    )
    if loaded is None:
        raise Problem(404, "not_found")
    return loaded


def age_on(birth_date: date | None, day: date) -> int | None:
    """Return full years on a day.

    >>> age_on(date(1960, 6, 2), date(2026, 6, 1))
    65
    """
    if birth_date is None:
        return None
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def sex_word(sex: str) -> str | None:
    """Return "male", "female" or None for DICOM and HL7 values."""
    return _SEXES.get(sex.strip().upper())


def _from_archive(session: Session, grant: Grant, report_id: str, now: datetime) -> LoadedReport | None:
    visible = visible_studies(grant, now)
    report = find_report(session, visible, ReportKey(report_id))
    if report is None:
        return None
    study = session.scalars(visible.where(StudyRow.study_instance_uid == report.study_instance_uid)).one()
    patient = session.get_one(PatientRow, grant.patient)
    text = ReportText(
        findings=report.findings,
        impression=report.impression,
        modality=next((item for item in study.modalities if item not in {"SR", "PR", "KO"}), None),
        exam_item=report.exam_item or None,
        sex=sex_word(patient.sex),
        age=age_on(patient.birth_date, study.study_date or now.date()),
    )
    return LoadedReport(report_id, str(report.version), text, from_paper=False)


def _from_paper(session: Session, grant: Grant, report_id: str) -> LoadedReport | None:
    if grant.holder is not Holder.PATIENT:
        return None
    paper = session.scalars(
        select(PaperRow).where(
            PaperRow.id == report_id.removeprefix(REPORT_PREFIX),
            PaperRow.institution_code == grant.institution_code,
            PaperRow.patient_key == grant.patient,
            PaperRow.state == "confirmed",
        )
    ).first()
    if paper is None or paper.confirmed is None:
        return None
    fields = paper.confirmed
    item = fields.get("exam_item", "")
    digits = "".join(character for character in fields.get("age", "") if character.isdigit())
    text = ReportText(
        findings=fields.get("findings", ""),
        impression=fields.get("impression", ""),
        modality=next((code for prefix, code in _MODALITY_WORDS.items() if prefix in item.upper()), None),
        exam_item=item or None,
        sex=sex_word(fields.get("sex", "")),
        age=int(digits) if digits and len(digits) < 4 else None,
    )
    return LoadedReport(report_id, "1", text, from_paper=True)
