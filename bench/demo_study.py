"""One study of the demo hospital in a running installation, brought there over the real protocols."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from api.demo.build import DemoStudy, build_demo_files
from api.demo.hospital import DemoPatient, load_hospital
from api.demo.messages import demo_messages
from api.settings import Settings
from api.wiring import build_services
from bench.errors import BenchError
from bench.installation import CACHE
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.framing import MllpFramer, framed
from imaging_core.network.scu import SendingFailed, send_files

LARGE_CT = "chest-ct-2025"
"""512 × 512 × 320."""
_DERIVE_SECONDS = 300


def demo_study(key: str) -> DemoStudy:
    """Return a study of the demo hospital, drawn once and kept in `artifacts/bench` (half a minute for a large CT)."""
    return build_demo_files(CACHE / "demo-files", only={key}, processes=1)[0]


def load_study(settings: Settings, study: DemoStudy) -> DemoPatient:
    """Register its patient, send images and report, wait until the pictures are made; return the patient.

    Raises:
        BenchError: Something was refused or took too long.
    """
    hospital = load_hospital()
    patient = next(item for item in hospital.patients if item.patient_id == study.patient_id)
    messages = [item for item in demo_messages(hospital) if study.patient_id.encode() in item]
    for answer in send_messages(settings, messages):
        if b"\rMSA|AA|" not in answer:
            raise BenchError("a message of the demo hospital was refused")
    send_instances(settings, study.paths())
    _wait_until_derived(settings, study)
    return patient


def send_instances(settings: Settings, paths: list[Path]) -> None:
    """Send files by C-STORE."""
    dicom = settings.dicom
    try:
        send_files(paths, host=dicom.host, port=dicom.port, called_ae_title=dicom.ae_title, calling_ae_title="MODALITY")
    except SendingFailed as error:
        raise BenchError(f"images were refused: {error}") from error


def send_messages(settings: Settings, messages: list[bytes]) -> Iterator[bytes]:
    with socket.create_connection((settings.hl7.host, settings.hl7.port), timeout=30) as connection:
        framer = MllpFramer(settings.hl7.max_message_bytes)
        for message in messages:
            connection.sendall(framed(message))
            yield _answer(connection, framer)


def _answer(connection: socket.socket, framer: MllpFramer) -> bytes:
    while data := connection.recv(65536):
        for message in framer.feed(data):
            return message
    raise BenchError("the HL7 receiver closed the connection")


def _wait_until_derived(settings: Settings, study: DemoStudy) -> None:
    made = select(StudyRow.id).where(
        StudyRow.study_instance_uid == study.study_instance_uid,
        StudyRow.manifest_version.is_not(None),
        StudyRow.patient_key.is_not(None),
    )
    services = build_services(settings)
    try:
        deadline = time.monotonic() + _DERIVE_SECONDS
        while time.monotonic() < deadline:
            with services.database.reading() as session:
                if session.scalar(made) is not None:
                    return
            time.sleep(0.2)
    finally:
        services.close()
    raise BenchError(f"no pictures were made within {_DERIVE_SECONDS} s")
