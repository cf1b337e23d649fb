"""Reading a photographed report, and making a report of what the patient confirmed."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from api.audit.record import Actor, record
from api.db.tables import PaperRow
from api.wiring import Services
from imaging_core.domain.identifiers import PatientKey
from imaging_core.patients.names import same_person_name
from ocr.image.upright import turn_box, turn_picture, turn_size
from ocr.types import Box, Progress, Reading

REPORT_PREFIX = "paper-"
LABELS = {
    "hospital": "医院",
    "department": "科室",
    "name": "姓名",
    "sex": "性别",
    "age": "年龄",
    "exam_no": "检查号",
    "exam_item": "检查项目",
    "exam_date": "检查日期",
    "report_date": "报告日期",
    "findings": "检查所见",
    "impression": "诊断意见",
    "reporting_physician": "报告医师",
    "verifying_physician": "审核医师",
}


def read_paper(services: Services, *, institution_code: str, paper_id: str) -> None:
    """Read an uploaded picture; the outcome, also a refusal, is written to its row."""
    with services.database.reading() as session:
        paper = session.get(PaperRow, paper_id)
        if paper is None or paper.state != "reading" or paper.upload is None:
            return  # deleted, or read by an earlier run of this job
        upload = paper.upload
    reader = services.paper_reader
    reading = reader.read(upload, lambda progress: _show_progress(services, paper_id, progress))
    picture = turn_picture(reader.clean_pictures(upload)[0], reading.turn) if reading.accepted else None
    with services.database.writing() as session:
        paper = session.get(PaperRow, paper_id)
        if paper is None or paper.state != "reading":
            return
        paper.state = "read" if reading.accepted else "refused"
        paper.reason = reading.reason
        paper.reading = as_document(reading) if reading.accepted else None  # of a refused one nothing is kept
        paper.picture = picture
        paper.upload = None
        paper.progress = 1.0
        paper.owner_mismatch = reading.accepted and _belongs_to_another(session, paper, reading)
        record(
            session,
            Actor("system", "paper-reader", institution_code),
            "paper.read",
            object_kind="paper",
            object_id=paper_id,
            now=services.clock(),
            outcome="success" if reading.accepted else "refused",
            detail={"engine": reading.engine, "seconds": round(reading.seconds, 2), "doubts": len(reading.doubts)},
        )


def _show_progress(services: Services, paper_id: str, progress: Progress) -> None:
    with services.database.writing() as session:
        session.execute(update(PaperRow).where(PaperRow.id == paper_id).values(progress=progress.done))


def _belongs_to_another(session: Session, paper: PaperRow, reading: Reading) -> bool:
    name = reading.fields.get("name")
    if name is None or not name.value.strip():
        return False
    return not same_person_name(session, PatientKey(paper.patient_key), name.value)


def as_document(reading: Reading) -> dict[str, Any]:
    """Return a reading as JSON, upright: fields in the order of the form, boxes as [left, top, width, height]."""
    width, height = turn_size(reading.width, reading.height, reading.turn)

    def pixels(box: Box | None) -> list[int] | None:
        # people see the first page; what stands on a further one has no place on it
        if box is None or box.page:
            return None
        return list(turn_box(box, reading.turn, reading.width, reading.height).pixels)

    ordered = [reading.fields[key] for key in LABELS if key in reading.fields]
    return {
        "width": width,
        "height": height,
        "text": reading.text,
        "fields": [
            {
                "key": field.key,
                "label": LABELS[field.key],
                "value": field.value,
                "box": pixels(field.box),
                "confidence": round(field.confidence, 3),
            }
            for field in ordered
        ],
        "rows": [
            {"item": row.item, "value": row.value, "unit": row.unit, "reference": row.reference, "flag": row.flag}
            for row in reading.rows
        ],
        "doubts": [
            {"text": doubt.text, "box": pixels(doubt.box), "why": doubt.why, "where": doubt.where}
            for doubt in reading.doubts
        ],
    }
