"""Loading the demo hospital over the real protocols: HL7 by MLLP, images by C-STORE."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import func, select

from api.demo.accounts import ensure_accounts
from api.demo.build import DemoStudy, build_demo_files
from api.demo.documents import electronic_reports
from api.demo.errors import DemoLoadFailed
from api.demo.hospital import DemoHospital, load_hospital
from api.demo.laboratory import laboratory_results
from api.demo.messages import demo_messages
from api.demo.recipes import Scale
from api.settings import Settings
from api.wiring import Services, build_services
from imaging_core.documents.laboratory import store_laboratory_results
from imaging_core.documents.store import store_document
from imaging_core.domain.identifiers import InstitutionCode
from imaging_core.index.tables import StudyRow
from imaging_core.interop.hl7v2.framing import MllpFramer, framed
from imaging_core.network.scu import SendingFailed, send_files
from imaging_core.patients.registry import find_patient

_ANSWER_SECONDS = 30
_DERIVE_SECONDS = 600
_MARKER = "demo.loaded"
_SENDER = "MODALITY"


def ensure_files(
    settings: Settings, *, console: Console, scale: Scale = Scale.FULL, hospital: DemoHospital | None = None
) -> list[DemoStudy]:
    """Make the demo's DICOM files if they are not in the data folder yet."""
    with _bar(console) as bar:
        task = bar.add_task("drawing the demo's images", total=None)

        def progress(_key: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return build_demo_files(settings.data / "demo-files", progress, scale=scale, hospital=hospital)


def load_demo(
    settings: Settings, *, console: Console, scale: Scale = Scale.FULL, hospital: DemoHospital | None = None
) -> None:
    """Bring registrations, images, reports and e-reports into a running installation; done once, safe to repeat.

    Raises:
        DemoLoadFailed: a sentence that says which part was refused.
    """
    hospital = hospital or load_hospital()
    studies = ensure_files(settings, console=console, scale=scale, hospital=hospital)
    make_accounts(settings)
    marker = settings.data / _MARKER
    content = "\n".join(sorted(study.folder.name for study in studies))
    if marker.exists() and marker.read_text() == content:
        return
    services = build_services(settings)
    try:
        _send_messages(settings, demo_messages(hospital))
        _send_images(settings, studies, console)
        _wait_until_derived(services, studies, console)
        _attach(services, hospital)
    finally:
        services.close()
    marker.write_text(content)


def make_accounts(settings: Settings) -> None:
    """Make or mend the accounts of the demo's staff."""
    services = build_services(settings)
    try:
        ensure_accounts(services)
    finally:
        services.close()


def _send_messages(settings: Settings, messages: list[bytes]) -> None:
    hl7 = settings.hl7
    try:
        with socket.create_connection((hl7.host, hl7.port), timeout=_ANSWER_SECONDS) as connection:
            framer = MllpFramer(hl7.max_message_bytes)
            for message in messages:
                connection.sendall(framed(message))
                answer = _answer(connection, framer)
                if b"\rMSA|AA|" not in answer:
                    refusal = answer.decode("gb18030", "replace").split("\r")[1]
                    raise DemoLoadFailed(f"a message of the demo hospital was refused: {refusal}")
    except OSError as error:
        raise DemoLoadFailed(f"the HL7 receiver does not answer ({error}): is `mingying up` running?") from error


def _answer(connection: socket.socket, framer: MllpFramer) -> bytes:
    while True:
        data = connection.recv(65536)
        if not data:
            raise DemoLoadFailed("the HL7 receiver closed the connection")
        for message in framer.feed(data):
            return message


def _send_images(settings: Settings, studies: list[DemoStudy], console: Console) -> None:
    paths = [path for study in studies for path in study.paths()]
    dicom = settings.dicom
    with _bar(console) as bar:
        task = bar.add_task("sending images by C-STORE", total=len(paths))
        try:
            send_files(
                paths,
                host=dicom.host,
                port=dicom.port,
                called_ae_title=dicom.ae_title,
                calling_ae_title=_SENDER,
                progress=lambda done, _all: bar.update(task, completed=done),
            )
        except SendingFailed as error:
            raise DemoLoadFailed(f"images of the demo hospital were refused: {error}") from error


def _wait_until_derived(services: Services, studies: list[DemoStudy], console: Console) -> None:
    wanted = [study.study_instance_uid for study in studies]
    done = select(func.count()).where(
        StudyRow.study_instance_uid.in_(wanted),
        StudyRow.manifest_version.is_not(None),
        StudyRow.patient_key.is_not(None),
    )
    deadline = time.monotonic() + _DERIVE_SECONDS
    with _bar(console) as bar:
        task = bar.add_task("making pictures", total=len(wanted))
        ready = 0
        while ready < len(wanted):
            if time.monotonic() > deadline:
                raise DemoLoadFailed(f"only {ready} of {len(wanted)} studies were prepared: see logs/worker.log")
            with services.database.reading() as session:
                ready = session.scalar(done) or 0
            bar.update(task, completed=ready)
            time.sleep(0.2)


def _attach(services: Services, hospital: DemoHospital) -> None:
    now = services.clock()
    with services.database.writing() as session:
        for report in electronic_reports(hospital, services.font):
            study = session.scalars(select(StudyRow).where(StudyRow.accession_number == report.accession_number)).one()
            limit = services.settings.limits.document_bytes
            store_document(
                session, services.blobs, BytesIO(report.content), study=study, title=report.title, limit=limit, now=now
            )
        code = InstitutionCode(services.settings.hospital.institution_code)
        for patient_id, results in laboratory_results(hospital):
            patient = find_patient(session, institution_code=code, patient_id=patient_id)
            if patient is None:
                raise DemoLoadFailed(f"patient {patient_id} of the demo hospital was not registered")
            store_laboratory_results(session, institution_code=code, patient=patient, results=results, now=now)


@contextmanager
def _bar(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress
