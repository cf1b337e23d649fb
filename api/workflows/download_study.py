"""A study as one ZIP: the received files as a File-set with DICOMDIR, the report, pictures, and a note what is what.

Nothing is compressed, so the size is known before the first byte and memory stays flat.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, cast

from sqlalchemy.orm import Session
from zipstream import ZipStream

from api.messages.package import read_me
from api.wiring import Services
from api.workflows.print_report import as_pdf, report_to_print
from imaging_core.blobs import BlobFile, BlobRef
from imaging_core.dicom.file_set import DirectoryFile, DirectoryStudy, FileSetDirectory
from imaging_core.documents.report_pdf import PrintedReport
from imaging_core.documents.store import Document, documents_of
from imaging_core.errors import FrameNotFound
from imaging_core.index import queries
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.reports.reading import current_report

_ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png", "video/mp4": "mp4"}


@dataclass(frozen=True, slots=True)
class PackageContent:
    """What goes into a package, loaded in one short transaction."""

    study: StudyRow
    files: list[tuple[SeriesRow, InstanceRow]]
    report: PrintedReport | None
    documents: list[Document]


def load_content(services: Services, session: Session, study: StudyRow) -> PackageContent:
    """Return what the package of a study holds now."""
    report = current_report(session, study)
    files = [
        (series, row) for series in queries.series_of(session, study) for row in queries.instances_of(session, series)
    ]
    return PackageContent(
        study=study,
        files=files,
        report=report_to_print(services, session, study, report) if report else None,
        documents=documents_of(session, study),
    )


def package(services: Services, content: PackageContent) -> ZipStream:
    """Return the ZIP, nothing of which is read before it is iterated; `len` tells its size.

    No transaction may be open: a report is drawn, and files other than images are looked into.
    """
    zipped = ZipStream(sized=True)
    reports = _report_files(services, content)
    pictures = list(_pictures(services, content))
    read_me_text = read_me(services.settings.hospital.name, has_report=bool(reports), has_pictures=bool(pictures))
    zipped.add(read_me_text.encode("utf-8-sig"), "说明.txt")
    for name, data, size in reports:
        zipped.add(data, name, size=size)
    directory = FileSetDirectory(_directory_study(content.study))
    for series, instance in content.files:
        ref = services.blob_ref(instance)
        place = directory.add(_directory_file(services, series, instance, ref))
        zipped.add(_later(partial(services.blobs.read, ref)), place, size=ref.size)
    if listed := directory.dicomdir():
        zipped.add(listed, "DICOMDIR")
    for name, picture, size in pictures:
        zipped.add(_later(picture), name, size=size)
    return zipped


def _report_files(services: Services, content: PackageContent) -> list[tuple[str, bytes | Iterator[bytes], int]]:
    files: list[tuple[str, bytes | Iterator[bytes], int]] = []
    if content.report is not None:
        pdf = as_pdf(services, content.report)
        files.append(("报告/检查报告单.pdf", pdf, len(pdf)))
    for number, document in enumerate(content.documents, start=1):
        name = f"报告/电子报告单{number}.{_ENDINGS[document.media_type]}"
        files.append((name, _later(partial(services.blobs.read, document.blob)), document.blob.size))
    return files


def _pictures(services: Services, content: PackageContent) -> Iterator[tuple[str, Callable[[], Iterator[bytes]], int]]:
    """Yield previews where they were made; a series of one frame after another is numbered through."""
    folders: dict[str, int] = {}
    counts: dict[str, int] = {}
    for series, instance in content.files:
        uid = series.series_instance_uid
        for number in range(1, instance.number_of_frames + 1):
            place = (
                content.study.institution_code,
                content.study.study_instance_uid,
                instance.sop_instance_uid,
                number,
            )
            with suppress(FrameNotFound):
                size = services.derived.preview_bytes(*place)
                folder = folders.setdefault(uid, len(folders) + 1)
                counts[uid] = counts.get(uid, 0) + 1
                yield f"JPG预览/序列{folder}/{counts[uid]:04d}.jpg", partial(_picture, services, place), size


def _picture(services: Services, place: tuple[str, str, str, int]) -> Iterator[bytes]:
    yield services.derived.preview(*place)


def _later(read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """Open only when it is this file's turn."""
    yield from read()


def _directory_study(study: StudyRow) -> DirectoryStudy:
    return DirectoryStudy(
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        study_instance_uid=study.study_instance_uid,
        study_id=study.study_id,
        study_date=study.study_date,
        study_time=study.study_time,
        study_description=study.study_description,
        accession_number=study.accession_number,
    )


def _directory_file(services: Services, series: SeriesRow, instance: InstanceRow, ref: BlobRef) -> DirectoryFile:
    return DirectoryFile(
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        modality=series.modality,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        instance_number=instance.instance_number,
        is_image=instance.number_of_frames > 0,
        content=lambda: cast(BinaryIO, BlobFile(services.blobs, ref)),
    )
