"""The printed report: A4, Chinese type embedded, and the QR that opens images and report on a phone."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import segno
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, HRFlowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

_CHINA = timezone(timedelta(hours=8))
_QR_CAPTION = "扫码查看影像和报告"
_QR_SIDE = 30 * mm
_MARGIN = 18 * mm
_SEX_WORDS = {"M": "男", "F": "女"}
_NOTE = "本报告仅供临床医师参考"


@dataclass(frozen=True, slots=True)
class PrintedReport:
    """What stands on the paper. `link` goes into the QR (None: no QR); `sex` is M, F, O or empty, `age` in years."""

    hospital: str
    patient_name: str = field(repr=False)
    sex: str = field(repr=False)
    age: int | None = field(repr=False)
    patient_id: str = field(repr=False)
    accession_number: str
    exam_item: str
    findings: str = field(repr=False)
    impression: str = field(repr=False)
    reporting_physician: str
    verifying_physician: str
    examined_on: date | None
    reported_at: datetime | None
    amended: bool
    link: str | None = field(repr=False)


def render_report(printed: PrintedReport, *, font: Path, zone: tzinfo = _CHINA) -> bytes:
    """Return the report as PDF, set in the TrueType font of that path, times in `zone`.

    The same input gives the same bytes. Nothing of the patient is in the document's properties.
    """
    font_name = _font_name(font)
    styles = _Styles(font_name)
    buffer = BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title="检查报告单",
        author=printed.hospital,
        lang="zh-CN",
        invariant=1,
    )

    def footer(canvas: Canvas, _: SimpleDocTemplate) -> None:
        canvas.setFont(font_name, 8)
        canvas.drawString(_MARGIN, 11 * mm, _NOTE)
        canvas.drawRightString(A4[0] - _MARGIN, 11 * mm, f"第 {canvas.getPageNumber()} 页")

    document.build(_story(printed, styles, zone), onFirstPage=footer, onLaterPages=footer)
    return buffer.getvalue()


class _Styles:
    """The few text styles of the page."""

    def __init__(self, font: str) -> None:
        # CJK wrapping breaks between any two characters and keeps punctuation off the line start.
        self.body = ParagraphStyle("body", fontName=font, fontSize=11, leading=18, wordWrap="CJK")
        self.heading = ParagraphStyle("heading", parent=self.body, fontSize=12, spaceBefore=8, spaceAfter=2)
        self.hospital = ParagraphStyle("hospital", parent=self.body, fontSize=18, leading=26, alignment=TA_CENTER)
        self.title = ParagraphStyle("title", parent=self.body, fontSize=14, leading=22, alignment=TA_CENTER)
        self.small = ParagraphStyle("small", parent=self.body, fontSize=9.5, leading=15)
        self.caption = ParagraphStyle("caption", parent=self.body, fontSize=8, leading=11, alignment=TA_CENTER)


def _story(printed: PrintedReport, styles: _Styles, zone: tzinfo) -> list[Flowable]:
    title = "影像检查报告单（更正报告）" if printed.amended else "影像检查报告单"
    heading = [Paragraph(escape(printed.hospital), styles.hospital), Paragraph(title, styles.title)]
    code = [_QrCode(printed.link, _QR_SIDE), Paragraph(_QR_CAPTION, styles.caption)] if printed.link else []
    width = A4[0] - 2 * _MARGIN - 12  # a frame pads 6 points on each side
    top = Table([[[Spacer(1, 6 * mm), *heading], code]], colWidths=[width - 34 * mm, 34 * mm])
    top.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return [
        top,
        _line(),
        _fields(
            {
                "姓名": printed.patient_name,
                "性别": _SEX_WORDS.get(printed.sex, ""),
                "年龄": "" if printed.age is None else f"{printed.age}岁",
                "患者编号": printed.patient_id,
            },
            styles,
            width,
        ),
        _fields(
            {
                "检查项目": printed.exam_item,
                "检查号": printed.accession_number,
                "检查日期": "" if printed.examined_on is None else printed.examined_on.isoformat(),
            },
            styles,
            width,
        ),
        _line(),
        *_section("检查所见", printed.findings, styles),
        *_section("诊断意见", printed.impression, styles),
        Spacer(1, 8 * mm),
        _line(),
        _fields(
            {
                "报告医师": printed.reporting_physician,
                "审核医师": printed.verifying_physician,
                "报告时间": _written(printed.reported_at, zone),
            },
            styles,
            width,
        ),
    ]


def _section(name: str, text: str, styles: _Styles) -> list[Flowable]:
    # One paragraph per line: a long report may break over pages between any two lines.
    lines = [line for line in text.splitlines() if line.strip()]
    return [Paragraph(name, styles.heading), *(Paragraph(escape(line), styles.body) for line in lines)]


def _fields(pairs: dict[str, str], styles: _Styles, width: float) -> Table:
    cells = [Paragraph(f"{name}：{escape(value)}", styles.small) for name, value in pairs.items()]
    table = Table([cells], colWidths=[width / len(cells)] * len(cells))
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


def _line() -> HRFlowable:
    return HRFlowable(width="100%", thickness=0.6, spaceBefore=3, spaceAfter=3)


def _written(at: datetime | None, zone: tzinfo) -> str:
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


@lru_cache(maxsize=8)
def _font_name(font_path: Path) -> str:
    """Register a TrueType font once and return the name to use it by; only the glyphs used are embedded."""
    name = "report-" + hashlib.sha256(str(font_path).encode()).hexdigest()[:12]
    pdfmetrics.registerFont(TTFont(name, str(font_path)))
    return name


class _QrCode(Flowable):
    """A QR as vector squares, sharp on any printer, centred in its column."""

    def __init__(self, content: str, side: float) -> None:
        super().__init__()
        # Level M: a higher one needs more and smaller modules, which cheap cameras read worse than worn paper.
        self._code = segno.make_qr(content, error="m")
        self._side = side

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Return the space needed."""
        self._left = (available_width - self._side) / 2
        return available_width, self._side

    def draw(self) -> None:
        """Draw runs of dark modules, with the quiet zone of 4 modules (ISO/IEC 18004 5.3.8)."""
        rows = [list(row) for row in self._code.matrix_iter(border=4)]
        module = self._side / len(rows)
        for row_index, row in enumerate(rows):
            start = None
            for column, dark in enumerate([*row, 0]):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    bottom = self._side - (row_index + 1) * module
                    self.canv.rect(
                        self._left + start * module, bottom, (column - start) * module, module, stroke=0, fill=1
                    )
                    start = None
