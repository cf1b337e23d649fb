"""E-reports as the hospital uploads them: taken, listed, found among the visible studies."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import BinaryIO
from uuid import uuid4

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.documents.errors import DocumentTooLarge
from imaging_core.documents.sniffing import SHOWN, MediaType, checked_media_type
from imaging_core.documents.tables import DocumentRow
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.index.tables import ChangeRow, StudyRow

DOCUMENT_ATTACHED = "document_attached"


@dataclass(frozen=True, slots=True)
class Document:
    """One e-report of a study, as it was uploaded."""

    document_id: str
    study_instance_uid: StudyInstanceUid
    title: str
    media_type: MediaType
    blob: BlobRef

    @property
    def bytes(self) -> int:
        """Return the size in bytes."""
        return self.blob.size


def store_document(
    session: Session,
    blobs: BlobStore,
    content: BinaryIO,
    *,
    study: StudyRow,
    title: str,
    limit: int,
    now: datetime,
) -> Document:
    """Keep a PDF, JPG or PNG of at most `limit` bytes with a study; the same bytes again are the one that is there.

    Raises:
        DocumentTooLarge: beyond `limit`, or beyond what a page may hold; nothing was kept.
        DocumentTypeRefused: another type, damaged, encrypted or with active content; nothing was kept.
    """
    data = content.read(limit + 1)
    if len(data) > limit:
        raise DocumentTooLarge("bytes", limit)
    media_type = checked_media_type(data)
    return attach_kept(session, study, blobs.put(BytesIO(data)), media_type=media_type, title=title, now=now)


def attach_kept(
    session: Session, study: StudyRow, ref: BlobRef, *, media_type: MediaType, title: str, now: datetime
) -> Document:
    """Make bytes that are kept a document of a study; the same bytes again give the document that is there."""
    known = session.scalars(
        _of(select(StudyRow).where(StudyRow.id == study.id)).where(DocumentRow.blob_digest == ref.digest)
    )
    row = known.one_or_none()
    if row is None:
        row = _new_row(study, ref, title=title, media_type=media_type, now=now)
        session.add(row)
        session.add(
            ChangeRow(
                institution_code=study.institution_code,
                kind=DOCUMENT_ATTACHED,
                study_instance_uid=study.study_instance_uid,
                subject=row.document_key,
                at=now,
            )
        )
        session.flush()
    return _document(row)


def documents_of(session: Session, study: StudyRow, media_types: Collection[MediaType] = SHOWN) -> list[Document]:
    """Return the documents of a study, oldest first: those that a page can show, unless other kinds are asked for."""
    rows = _of(select(StudyRow).where(StudyRow.id == study.id)).where(DocumentRow.media_type.in_(media_types))
    return [_document(row) for row in session.scalars(rows.order_by(DocumentRow.id))]


def find_document(session: Session, visible: Select[StudyRow], document_id: str) -> Document | None:
    """Return a document if its study is among the visible ones; None for a foreign and an unknown one."""
    row = session.scalars(_of(visible).where(DocumentRow.document_key == document_id)).one_or_none()
    return None if row is None else _document(row)


def _of(visible: Select[StudyRow]) -> Select[DocumentRow]:
    studies = visible.order_by(None).subquery()
    return select(DocumentRow).join(
        studies,
        (DocumentRow.institution_code == studies.c.institution_code)
        & (DocumentRow.study_instance_uid == studies.c.study_instance_uid),
    )


def _new_row(study: StudyRow, ref: BlobRef, *, title: str, media_type: MediaType, now: datetime) -> DocumentRow:
    return DocumentRow(
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


def _document(row: DocumentRow) -> Document:
    return Document(
        document_id=row.document_key,
        study_instance_uid=StudyInstanceUid(row.study_instance_uid),
        title=row.title,
        media_type=MediaType(row.media_type),
        blob=BlobRef(row.blob_digest, row.blob_size, row.blob_locator),
    )
