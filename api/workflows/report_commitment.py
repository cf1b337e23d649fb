"""Reporting on storage commitments: owed with the request, tried until heard, given up after some days."""

from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from api.dicom_network import build_connect, peers
from api.jobs import COMMIT, owe
from api.wiring import Services
from imaging_core.network.commitment import Report, ReportNotHeard, deliver, deliver_on, examine
from imaging_core.network.peers import Peer, Peers
from imaging_core.network.tables import StorageCommitmentRow

log = structlog.get_logger(__name__)

_GIVE_UP = timedelta(days=7)
_FIRST_ON_ITS_ASSOCIATION = timedelta(seconds=30)


def owe_report(services: Services, session: Session, row: StorageCommitmentRow) -> None:
    """Owe the report on a request, in the transaction that keeps it."""
    peer = _peer(services, row)
    now = services.clock()
    due_at = now if peer is not None and peer.host else now + _FIRST_ON_ITS_ASSOCIATION
    owe(session, kind=COMMIT, institution_code=row.institution_code, subject=str(row.id), due_at=due_at)


def report_commitment(services: Services, number: int) -> None:
    """Report on a request, unless that was heard already.

    Raises:
        ReportNotHeard: try again later.
    """
    with services.database.reading() as session:
        row = session.get(StorageCommitmentRow, number)
        if row is None or row.reported_at is not None:
            return
        if services.clock() - row.requested_at > _GIVE_UP:
            log.error("storage commitment given up", called_ae_title=row.ae_title, number=number)
            return
        peer = _peer(services, row)
        report = examine(session, services.blobs, row)
    if peer is None:
        raise ReportNotHeard("the AE title is no longer known")
    settings = services.settings
    deliver(report, peer, build_connect(settings), settings.dicom.ae_title)
    _note_heard(services, number, report)


def report_on_association(services: Services, association: object, peer: Peer, number: int) -> None:
    """Report on the association that asked; when it ends first, the report stays owed."""
    with services.database.reading() as session:
        report = examine(session, services.blobs, session.get_one(StorageCommitmentRow, number))
    try:
        deliver_on(association, report, services.settings.dicom.ae_title)
    except ReportNotHeard as error:
        log.warning("storage commitment not heard", called_ae_title=peer.ae_title, reason=str(error))
    else:
        _note_heard(services, number, report)


def _peer(services: Services, row: StorageCommitmentRow) -> Peer | None:
    peer = Peers(peers(services.settings)).get(row.ae_title)
    return peer if peer is not None and peer.institution_code == row.institution_code else None


def _note_heard(services: Services, number: int, report: Report) -> None:
    with services.database.writing() as session:
        row = session.get_one(StorageCommitmentRow, number)
        row.reported_at, row.failed = services.clock(), len(report.failed)
    log.info("storage commitment reported", number=number, safe=len(report.safe), failed=len(report.failed))
