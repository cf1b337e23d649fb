"""E-reports as the hospital uploads them: taken, listed, read back byte for byte."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import BinaryIO
from uuid import uuid4

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.documents.errors import DocumentNotFound, DocumentRefused, RefusalReason
from imaging_core.documents.sniffing import MediaType, checked_media_type
from imaging_core.documents.tables import DocumentRow
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.index.tables import ChangeRow, StudyRow

MOST_BYTES = 20 * 1024 * 1024
DOCUMENT_ATTACHED = "document_attached"


@dataclass(frozen=True, slots=True)
class Document:
    """One e-report of a study. `size` is in bytes."""

    document_key: str
    study_instance_uid: StudyInstanceUid
    title: str
    media_type: MediaType
    size: int
    digest: str


def attach_document(
    session: Session,
    blobs: BlobStore,
    content: BinaryIO,
    *,
    study: StudyRow,
    title: str,
    now: datetime,
    most_bytes: int = MOST_BYTES,
) -> Document:
    """Keep a PDF or JPG with a study; the same bytes again give the document that is there.

    Raises:
        DocumentRefused: too large, another type, damaged, encrypted or with active content; nothing was kept.
    """
    data = content.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise DocumentRefused(RefusalReason.TOO_LARGE)
    media_type = checked_media_type(data)
    ref = blobs.put(BytesIO(data))
    row = session.scalars(
        select(DocumentRow).where(
            DocumentRow.institution_code == study.institution_code,
            DocumentRow.study_instance_uid == study.study_instance_uid,
            DocumentRow.blob_digest == ref.digest,
        )
    ).one_or_none()
    if row is None:
        row = DocumentRow(
            document_key=uuid4().hex,
            institution_code=study.institution_code,
            study_instance_uid=study.study_instance_uid,
            title=title[:128],
            media_type=media_type,
            blob_digest=ref.digest,
            blob_locator=ref.locator,
            blob_size=ref.size,
            received_at=now,
        )
        change = ChangeRow(
            institution_code=study.institution_code,
            kind=DOCUMENT_ATTACHED,
            study_instance_uid=study.study_instance_uid,
            subject=row.document_key,
            at=now,
        )
        session.add_all([row, change])
        session.flush()
    return _document(row)


def documents_of(session: Session, visible: Select[StudyRow]) -> list[Document]:
    """Return the documents of the visible studies, oldest first."""
    return [_document(row) for row in session.scalars(_of(visible).order_by(DocumentRow.id))]


def open_document(
    session: Session, blobs: BlobStore, visible: Select[StudyRow], document_key: str
) -> tuple[Document, Iterator[bytes]]:
    """Return a document and its bytes in pieces, if its study is among the visible ones.

    Raises:
        DocumentNotFound: unknown, or of a study that is not visible.
    """
    row = session.scalars(_of(visible).where(DocumentRow.document_key == document_key)).one_or_none()
    if row is None:
        raise DocumentNotFound(document_key)
    return _document(row), blobs.read(BlobRef(row.blob_digest, row.blob_size, row.blob_locator))


def _of(visible: Select[StudyRow]) -> Select[DocumentRow]:
    studies = visible.order_by(None).subquery()
    return select(DocumentRow).join(
        studies,
        (DocumentRow.institution_code == studies.c.institution_code)
        & (DocumentRow.study_instance_uid == studies.c.study_instance_uid),
    )


def _document(row: DocumentRow) -> Document:
    return Document(
        document_key=row.document_key,
        study_instance_uid=StudyInstanceUid(row.study_instance_uid),
        title=row.title,
        media_type=MediaType(row.media_type),
        size=row.blob_size,
        digest=row.blob_digest,
    )
