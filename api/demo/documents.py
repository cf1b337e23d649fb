"""E-reports as the hospital's own ultrasound and ECG systems export them: a PDF and a JPG."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from api.demo.ecg_sheet import draw_ecg_sheet
from api.demo.hospital import DemoExam, DemoHospital, DemoPatient, DocumentFormat
from imaging_core.phantoms.ultrasound import EchoAcquisition, render_echo

_SEXES = {"M": "男", "F": "女", "O": "未知"}


@dataclass(frozen=True, slots=True)
class ElectronicReport:
    """A report file and the exam it belongs to."""

    patient_id: str
    accession_number: str
    title: str
    media_type: str
    content: bytes = field(repr=False)


def electronic_reports(hospital: DemoHospital, font: Path) -> Iterator[ElectronicReport]:
    """Yield the e-reports, set in the TrueType font of that path; the same font gives the same bytes."""
    for patient, exam in hospital.exams():
        if exam.electronic_report is DocumentFormat.PDF:
            content, media_type = _pdf(hospital, patient, exam, font), "application/pdf"
        elif exam.electronic_report is DocumentFormat.JPG:
            head = [hospital.name, f"{exam.exam_item}报告单", _person_line(patient, exam)]
            foot = [*_paragraphs(exam), _signature(exam)]
            content, media_type = draw_ecg_sheet(head, foot, font), "image/jpeg"
        else:
            continue
        yield ElectronicReport(
            patient.patient_id, exam.accession_number, f"{exam.exam_item}电子报告单", media_type, content
        )


def _person_line(patient: DemoPatient, exam: DemoExam) -> str:
    age = patient.age_on(exam.performed_at.date())
    return (
        f"姓名：{patient.name}　性别：{_SEXES[patient.sex]}　年龄：{age}岁　"
        f"患者编号：{patient.patient_id}　检查号：{exam.accession_number}"
    )


def _signature(exam: DemoExam) -> str:
    report = exam.report
    return (
        f"报告医师：{report.reporting_physician}　审核医师：{report.verifying_physician}　"
        f"报告时间：{report.reported_at:%Y-%m-%d %H:%M}"
    )


def _paragraphs(exam: DemoExam) -> list[str]:
    return ["检查所见：", *exam.report.findings.split("\n"), "诊断意见：", *exam.report.impression.split("\n")]


def _pdf(hospital: DemoHospital, patient: DemoPatient, exam: DemoExam, font: Path) -> bytes:
    """Draw one page: head, two pictures of the cine, findings, impression, signature."""
    face = font.stem  # reportlab keeps the first font of a name
    pdfmetrics.registerFont(TTFont(face, str(font)))
    target = io.BytesIO()
    page = Canvas(target, pagesize=A4, invariant=1)
    page.setTitle(f"{exam.exam_item}报告单")
    width, height = A4
    page.setFont(face, 18)
    page.drawCentredString(width / 2, height - 24 * mm, hospital.name)
    page.setFont(face, 14)
    page.drawCentredString(width / 2, height - 33 * mm, f"{exam.exam_item}报告单")
    page.setFont(face, 9.5)
    page.drawString(20 * mm, height - 43 * mm, _person_line(patient, exam))
    page.line(20 * mm, height - 46 * mm, width - 20 * mm, height - 46 * mm)
    _draw_pictures(page, height - 112 * mm)
    page.setFont(face, 11)
    line = height - 122 * mm
    for paragraph in _paragraphs(exam):
        for text in simpleSplit(paragraph, face, 11, width - 40 * mm):
            page.drawString(20 * mm, line, text)
            line -= 7 * mm
    page.line(20 * mm, line, width - 20 * mm, line)
    page.setFont(face, 9.5)
    page.drawString(20 * mm, line - 7 * mm, _signature(exam))
    page.drawString(20 * mm, line - 14 * mm, "演示数据：人物、影像和报告均为虚构。")
    page.save()
    return target.getvalue()


def _draw_pictures(page: Canvas, bottom: float) -> None:
    cine = render_echo(EchoAcquisition(frames=10))
    for column, frame in enumerate((0, 9)):
        picture = ImageReader(Image.fromarray(cine[frame]))
        page.drawImage(picture, (20 + column * 86) * mm, bottom, 84 * mm, 63 * mm)
