"""What has no pixels, in the form it is shown in. Runs in the limited child process."""

from enum import StrEnum
from typing import Final

import orjson

from imaging_core.dicom.ecg_svg import ecg_svg
from imaging_core.dicom.encapsulated import PDF_CLASS, number_of_pages, page_picture, pdf_of
from imaging_core.dicom.frames import open_dataset
from imaging_core.dicom.structured_report import CLASSES, report_html
from imaging_core.dicom.waveforms import Ecg, read_ecg
from imaging_core.errors import PixelsNotReadable, WaveformNotReadable

_WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."


class Form(StrEnum):
    """What is made of an instance."""

    ECG_SVG = "ecg_svg"
    ECG_NUMBERS = "ecg_numbers"
    """Leads in microvolts, as JSON."""
    REPORT_HTML = "report_html"
    PDF = "pdf"
    PAGES = "pages"
    PAGE_PNG = "page_png"


def form_of(sop_class_uid: str) -> Form | None:
    """Return the form in which an instance of this class is shown as a whole; None for images and all else."""
    if sop_class_uid.startswith(_WAVEFORMS):
        return Form.ECG_SVG
    if sop_class_uid.startswith(CLASSES):
        return Form.REPORT_HTML
    return Form.PDF if sop_class_uid == PDF_CLASS else None


def shown_document(content: bytes, transfer_syntax_uid: str, form: Form, page: int = 1) -> bytes:
    """Return the instance in a form.

    Raises:
        PixelsNotReadable: It cannot be shown so; the reason says why.
    """
    try:
        if form in (Form.ECG_SVG, Form.ECG_NUMBERS):
            ecg = read_ecg(content, transfer_syntax_uid)
            return ecg_svg(ecg).encode() if form is Form.ECG_SVG else _numbers(ecg)
        dataset = open_dataset(content, transfer_syntax_uid)
        if form is Form.REPORT_HTML:
            return report_html(dataset).encode()
        if form is Form.PDF:
            return pdf_of(dataset)
        return str(number_of_pages(dataset)).encode() if form is Form.PAGES else page_picture(dataset, page)
    except WaveformNotReadable as error:
        raise PixelsNotReadable(error.reason_code, str(error)) from error
    except (MemoryError, PixelsNotReadable):
        raise
    except Exception as error:  # a foreign file may be wrong in any way; it is kept all the same
        raise PixelsNotReadable("not_parsed", f"the document cannot be read: {type(error).__name__}") from error


def _numbers(ecg: Ecg) -> bytes:
    leads = [{"name": lead.name, "microvolts": lead.microvolts.tolist()} for lead in ecg.leads]
    return orjson.dumps({"samples_per_second": ecg.samples_per_second, "leads": leads})
