"""Files that are no DICOM on their way in: what they are, whose they are, kept as received and attached.

A file of a known kind that no study is found for is kept in quarantine; importing it again attaches it once there is
one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import PurePosixPath
from typing import BinaryIO, Final, Protocol

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, sessionmaker

from imaging_core.blobs import BlobRef, BlobStore
from imaging_core.documents.errors import DocumentTooLarge, DocumentTypeRefused, RefusalReason
from imaging_core.documents.naming import NoStudy, Told, find_study
from imaging_core.documents.sniffing import MediaType, check_video, checked_media_type, likely_media_type
from imaging_core.documents.store import attach_kept, documents_of
from imaging_core.errors import InstanceTooLarge
from imaging_core.index.tables import QuarantineRow, StudyRow

_TITLES: Final = {
    MediaType.PDF: "电子报告单",
    MediaType.JPEG: "图片",
    MediaType.PNG: "图片",
    MediaType.MP4: "视频",
    MediaType.AECG: "心电图",
    MediaType.SCP_ECG: "心电图",
    MediaType.SLIDE: "病理切片",
}
_SEVERAL_FILES: Final = frozenset({".mrxs", ".vms", ".vmu"})
_LARGEST_ECG: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Attached:
    """What became of a file. `new` is False when the study had it; `reason_code` is set when it waits in quarantine."""

    digest: str
    new: bool = False
    reason_code: str = ""
    reason: str = ""


class LooksAtSlides(Protocol):
    """What the import needs of `slides.SlideReader`."""

    def check(self, blob: BlobRef) -> None:
        """Raise `DocumentTypeRefused` for a file that is no slide."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentImporter:
    """Attaches documents to the studies of one institution.

    Args:
        shown_bytes: The most of a PDF or picture; the others may be as large as an instance.
        slides: None where slides cannot be read; they are refused in words.
        told: Said of every file that no list speaks of.
    """

    blobs: BlobStore
    writes: sessionmaker[Session]
    institution_code: str
    shown_bytes: int
    instance_bytes: int
    clock: Callable[[], datetime]
    slides: LooksAtSlides | None = None
    told: Told = Told()  # noqa: RUF009  # frozen

    def attach(self, name: str, content: BinaryIO, size: int, told: Told | None) -> Attached | None:
        """Take in a file that can be sought in; None when it is of no kind that documents may have.

        Raises:
            DocumentTypeRefused: Damaged, encrypted, active, or of a kind that cannot be read here; not kept.
            DocumentTooLarge: More than allowed; not kept.
            StorageFull: There is no room.
        """
        if PurePosixPath(name).suffix.lower() in _SEVERAL_FILES:
            raise DocumentTypeRefused(RefusalReason.SEVERAL_FILES)
        content.seek(0)
        media_type = likely_media_type(content.read(4096))
        if media_type is None:
            return None
        content.seek(0)
        ref = self._kept(media_type, content, size)
        with self.writes.begin() as session:
            try:
                study = find_study(session, self.institution_code, told or self.told, name)
            except NoStudy as missing:
                self._quarantine(session, ref, missing)
                return Attached(ref.digest, reason_code=missing.reason_code, reason=str(missing))
            return Attached(ref.digest, new=self._file(session, study, ref, media_type, (told or self.told).title))

    def _kept(self, media_type: MediaType, content: BinaryIO, size: int) -> BlobRef:
        if media_type in (MediaType.PDF, MediaType.JPEG, MediaType.PNG):
            data = content.read(self.shown_bytes + 1)
            if len(data) > self.shown_bytes:
                raise DocumentTooLarge("bytes", self.shown_bytes)
            checked_media_type(data)
            return self.blobs.put(BytesIO(data))
        limit = _LARGEST_ECG if media_type in (MediaType.AECG, MediaType.SCP_ECG) else self.instance_bytes
        if size > limit:
            raise DocumentTooLarge("bytes", limit)
        if media_type is MediaType.MP4:
            check_video(content, size)
            content.seek(0)
        if media_type is MediaType.SLIDE and self.slides is None:
            raise DocumentTypeRefused(RefusalReason.NO_READER)
        try:
            ref = self.blobs.put(content, limit=limit)
        except InstanceTooLarge:  # it grew while it was read
            raise DocumentTooLarge("bytes", limit) from None
        if media_type is MediaType.SLIDE and self.slides is not None:
            self.slides.check(ref)
        return ref

    def _file(self, session: Session, study: StudyRow, ref: BlobRef, media_type: MediaType, title: str) -> bool:
        before = {document.blob.digest for document in documents_of(session, study, tuple(MediaType))}
        title = title or _TITLES[media_type]
        attach_kept(session, study, ref, media_type=media_type, title=title, now=self.clock())
        for waiting in session.scalars(self._waiting(ref)):
            waiting.resolved_at = self.clock()
        return ref.digest not in before

    def _quarantine(self, session: Session, ref: BlobRef, missing: NoStudy) -> None:
        if session.scalars(self._waiting(ref)).first() is None:
            session.add(
                QuarantineRow(
                    institution_code=self.institution_code,
                    channel="import",
                    reason_code=missing.reason_code,
                    reason=str(missing),
                    blob_digest=ref.digest,
                    blob_locator=ref.locator,
                    blob_size=ref.size,
                    received_at=self.clock(),
                )
            )

    def _waiting(self, ref: BlobRef) -> Select[QuarantineRow]:
        return select(QuarantineRow).where(
            QuarantineRow.institution_code == self.institution_code,
            QuarantineRow.blob_digest == ref.digest,
            QuarantineRow.resolved_at.is_(None),
        )
