"""Taking a study away (下载): an extraction code, a ticket for the right code, and the package for the ticket."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.audit.record import record
from api.auth.access import CurrentGrant, CurrentServices, actor_of, allow, own
from api.errors import Problem
from api.schemas.downloads import DownloadMade, DownloadOut, DownloadTicket, DownloadWish, ExtractionCode
from api.settings import Settings
from api.wiring import Services
from api.workflows.download_study import load_content, package
from api.workflows.first_screen import visible_study
from imaging_core.domain.grants import Grant, Right
from imaging_core.domain.identifiers import StudyInstanceUid
from imaging_core.index.tables import InstanceRow, SeriesRow, StudyRow
from imaging_core.sharing.codes import new_extraction_code
from imaging_core.sharing.downloads import (
    Download,
    find_download,
    note_right_code,
    open_downloads,
    prepare_download,
    take_try,
)

DownloadId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Ticket = Annotated[str, Query(max_length=64)]
StudyAsked = Annotated[str, Query(pattern=r"^[0-9A-Za-z._-]{1,64}$")]


def make_router(_settings: Settings) -> APIRouter:
    """Return the routes of a patient's downloads."""
    router = APIRouter(prefix="/api/patient", tags=["patient: downloads"])
    _add_codes(router)
    _add_packages(router)
    return router


def _add_codes(router: APIRouter) -> None:
    @router.post("/downloads", status_code=201, dependencies=allow(own(Right.DOWNLOAD)))
    def prepare(body: DownloadWish, grant: CurrentGrant, services: CurrentServices) -> DownloadMade:
        """Make an extraction code for one study; the code is told once."""
        code = new_extraction_code()
        kept = services.code_hasher.hash(code)
        now = services.clock()
        ends = now + timedelta(hours=services.settings.sharing.download_hours)
        with services.database.writing() as session:
            study = visible_study(session, grant, StudyInstanceUid(body.study), now)
            made = prepare_download(session, study, code_hash=kept, expires_at=ends, now=now)
            _record(services, session, grant, "download.created", made)
            size = _size(session, study)
        return DownloadMade(download_id=made.download_id, code=code, expires_at=made.expires_at, bytes=size)

    @router.get("/downloads", dependencies=allow(own(Right.DOWNLOAD)))
    def still_open(study: StudyAsked, grant: CurrentGrant, services: CurrentServices) -> list[DownloadOut]:
        """List the packages of a study whose code still holds, newest first."""
        now = services.clock()
        most = services.settings.sharing.download_tries
        with services.database.reading() as session:
            row = visible_study(session, grant, StudyInstanceUid(study), now)
            found = open_downloads(session, grant, StudyInstanceUid(study), now, most_tries=most)
            size = _size(session, row)
        return [DownloadOut(download_id=item.download_id, expires_at=item.expires_at, bytes=size) for item in found]

    @router.post("/downloads/{download}/unlock", dependencies=allow(own(Right.DOWNLOAD)))
    def unlock(
        download: DownloadId, body: ExtractionCode, grant: CurrentGrant, services: CurrentServices
    ) -> DownloadTicket:
        """Exchange the code for a ticket; a wrong code, an old one and one too many look the same."""
        most = services.settings.sharing.download_tries
        with services.database.writing() as session:
            found = _found(services, session, grant, download)
            kept = take_try(session, grant, download, services.clock(), most_tries=most)
        if kept is None or not services.code_hasher.matches(kept, body.code):
            with services.database.writing() as session:
                _record(services, session, grant, "download.refused", found, outcome="refused")
            raise Problem(403, "extraction_refused")
        with services.database.writing() as session:
            note_right_code(session, grant, download)
            _record(services, session, grant, "download.unlocked", found)
        ticket = services.tickets.issue(grant_id=grant.grant_id, subject=download)
        address = f"/api/patient/downloads/{download}/package.zip?ticket={ticket}"
        return DownloadTicket(url=address, expires_in_seconds=services.tickets.seconds)


def _add_packages(router: APIRouter) -> None:
    @router.get(
        "/downloads/{download}/package.zip", dependencies=allow(own(Right.DOWNLOAD)), response_class=StreamingResponse
    )
    def fetch(
        download: DownloadId, grant: CurrentGrant, services: CurrentServices, ticket: Ticket = ""
    ) -> StreamingResponse:
        """Stream the package; the ticket is spent with the asking."""
        if not services.tickets.take(ticket, grant_id=grant.grant_id, subject=download):
            raise Problem(403, "ticket_spent")
        with services.database.writing() as session:
            found = _found(services, session, grant, download)
            study = visible_study(session, grant, found.study, services.clock())
            content = load_content(services, session, study)
            _record(services, session, grant, "download.started", found)
        zipped = package(services, content)
        pieces: Iterator[bytes] = iter(zipped)
        headers = {
            "Content-Length": str(len(zipped)),
            "Content-Disposition": f'attachment; filename="{_file_name(content.study)}"',
        }
        return StreamingResponse(pieces, media_type="application/zip", headers=headers)


def _found(services: Services, session: Session, grant: Grant, download: str) -> Download:
    found = find_download(session, grant, download)
    if found is None:
        raise Problem(404, "not_found")
    visible_study(session, grant, found.study, services.clock())
    return found


def _size(session: Session, study: StudyRow) -> int:
    received = (
        select(func.coalesce(func.sum(InstanceRow.blob_size), 0))
        .join(SeriesRow, InstanceRow.series_id == SeriesRow.id)
        .where(SeriesRow.study_id == study.id, InstanceRow.current)
    )
    return int(session.scalar(received) or 0)


def _file_name(study: StudyRow) -> str:
    """Return a name that says nothing of the patient: it will stand in a list of downloads for all to see."""
    day = study.study_date.strftime("%Y%m%d") if study.study_date else "unknown"
    return "-".join(["mingying", day, *(item for item in study.modalities if item.isalnum())]) + ".zip"


def _record(
    services: Services, session: Session, grant: Grant, action: str, download: Download, outcome: str = "success"
) -> None:
    record(
        session,
        actor_of(grant),
        action,
        object_kind="download",
        object_id=download.download_id,
        now=services.clock(),
        outcome=outcome,
        detail={"study": download.study},
    )
