"""Packages to take away (下载): a study behind an extraction code (提取码), for a while and for few wrong tries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from imaging_core.domain.grants import Grant
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.index.tables import StudyRow
from imaging_core.sharing.errors import StudyWithoutPatient
from imaging_core.sharing.tables import DownloadRow


@dataclass(frozen=True, slots=True)
class Download:
    """A package that its patient may take away with the code."""

    download_id: str
    study: StudyInstanceUid
    expires_at: datetime


def prepare_download(
    session: Session, study: StudyRow, *, code_hash: str, expires_at: datetime, now: datetime
) -> Download:
    """Return a new package of a study.

    Raises:
        StudyWithoutPatient: the study is not matched to a patient.
    """
    if study.patient_key is None:
        raise StudyWithoutPatient(study.study_instance_uid)
    row = DownloadRow(
        download_id=uuid4().hex,
        institution_code=study.institution_code,
        patient_key=study.patient_key,
        study_instance_uid=study.study_instance_uid,
        code_hash=code_hash,
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return _download(row)


def find_download(session: Session, grant: Grant, download_id: str) -> Download | None:
    """Return a package of the grant's patient, ended or not; None for a foreign and an unknown one."""
    row = session.scalars(select(DownloadRow).where(*_named(grant, download_id))).one_or_none()
    return None if row is None else _download(row)


def open_downloads(
    session: Session, grant: Grant, study: StudyInstanceUid, now: datetime, *, most_tries: int
) -> Sequence[Download]:
    """Return the packages of a study whose code still holds, newest first."""
    rows = session.scalars(
        select(DownloadRow)
        .where(
            *_owned(grant),
            DownloadRow.study_instance_uid == study,
            DownloadRow.expires_at > now,
            DownloadRow.tries < most_tries,
        )
        .order_by(DownloadRow.id.desc())
    )
    return [_download(row) for row in rows]


def take_try(session: Session, grant: Grant, download_id: str, now: datetime, *, most_tries: int) -> str | None:
    """Count one try before it is judged; return the hash to judge it by, None once the package has ended."""
    return session.scalar(
        update(DownloadRow)
        .where(*_named(grant, download_id), DownloadRow.expires_at > now, DownloadRow.tries < most_tries)
        .values(tries=DownloadRow.tries + 1)
        .returning(DownloadRow.code_hash)
    )


def note_right_code(session: Session, grant: Grant, download_id: str) -> None:
    """Forget the tries before the right one."""
    session.execute(update(DownloadRow).where(*_named(grant, download_id)).values(tries=0))


def _owned(grant: Grant) -> list[ColumnElement[bool]]:
    return [DownloadRow.institution_code == grant.institution_code, DownloadRow.patient_key == grant.patient]


def _named(grant: Grant, download_id: str) -> list[ColumnElement[bool]]:
    return [DownloadRow.download_id == download_id, *_owned(grant)]


def _download(row: DownloadRow) -> Download:
    return Download(row.download_id, StudyInstanceUid(row.study_instance_uid), row.expires_at)
