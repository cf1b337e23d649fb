"""A patient of one's own on the running service: registered, examined, reported, and at the door with the QR's link."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import pypdfium2
from playwright.sync_api import Page, expect

from tests.builders import hl7
from tests.builders.dicom import ct_series, study_uid
from tests.builders.running import RunningService
from tests.builders.senders import mllp, storescu, write_instances

Found = TypeVar("Found")


def wait_until(what: Callable[[], Found | None], *, seconds: float = 90) -> Found:
    """Return the first true answer."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := what():
            return value
        time.sleep(0.3)
    raise AssertionError("it did not happen in time")


class Examined:
    """One invented patient with one CT and its verified report."""

    def __init__(self, service: RunningService, folder: Path, number: int, *, slices: int = 3) -> None:
        self.service = service
        self.folder = folder
        self.accession_number = f"ACC{number:04d}"
        self.study = study_uid(f"road {number}")
        self.id_number = f"1101011990{number:04d}001X"
        self.phone = f"1380000{number:04d}"
        self.name = "测试患者"
        person: dict[str, Any] = {"patient_id": f"TEST{number:04d}", "name": self.name}
        self.sent = ct_series(
            slices,
            128,
            128,
            study=f"road {number}",
            patient_id=person["patient_id"],
            patient_name=self.name,
            accession_number=self.accession_number,
        )
        assert b"MSA|AA" in mllp(service.hl7_port, hl7.adt_a04(**person, phone=self.phone, id_number=self.id_number))
        sent = storescu(service.dicom_port, write_instances(folder / "sent", self.sent))
        assert sent.returncode == 0, sent.stderr
        report = hl7.oru_r01(**person, accession_number=self.accession_number, study_instance_uid=self.study)
        assert b"MSA|AA" in mllp(service.hl7_port, report)

    def link(self) -> str:
        """Print the report and scan its QR as a phone does."""
        pdf = self.folder / "report.pdf"
        self.printed(pdf)
        link = read_qr(pdf)
        assert link.startswith(f"{self.service.base_url}/r#"), "the QR on the printed report cannot be read"
        return link

    def printed(self, pdf: Path) -> None:
        wait_until(
            lambda: (
                self.service.cli("print-report", self.accession_number, "--out", str(pdf), check=False).returncode == 0
            )
        )

    def enter(self, page: Page) -> None:
        """Verify by ID number and see the report."""
        page.goto(self.link())
        page.get_by_text("证件号验证").click()
        page.get_by_label("身份证号或其他证件号").fill(self.id_number)
        page.get_by_role("checkbox").first.check()
        page.get_by_role("button", name="查看报告").click()
        expect(page.get_by_text("磨玻璃结节").first).to_be_visible()


def read_qr(pdf: Path | bytes) -> str:
    """Return what the QR on the first page says, looked at again and from nearer as a phone does.

    About one sound code in 150 is not read by OpenCV's first detector, at any size.
    """
    page = pypdfium2.PdfDocument(pdf)[0]
    for scale in (3, 4, 5, 2):
        picture = np.ascontiguousarray(page.render(scale=scale).to_numpy()[:, :, :3])
        for detector in (cv2.QRCodeDetector(), cv2.QRCodeDetectorAruco()):
            text, _, _ = detector.detectAndDecode(picture)
            if text:
                return str(text)
    return ""
