"""The DICOM listener of an installation: everything it offers, put together."""

from collections.abc import Sequence
from functools import partial

from api.audit.record import Actor, record
from api.dicom_network import build_connect, peers, tls_files
from api.wiring import Services
from api.workflows.report_commitment import owe_report, report_on_association
from imaging_core.dicom.limits import Limits
from imaging_core.network.commitment import CommitmentService
from imaging_core.network.find import Finder
from imaging_core.network.peers import Peer
from imaging_core.network.query import QueryService
from imaging_core.network.retrieval import Asked, RetrieveService
from imaging_core.network.scp import ScpServices, ScpSettings, StorageScp
from imaging_core.network.sending import Sender
from imaging_core.network.tls import accepting

_MOST_NAMED = 20


def build_scp(services: Services) -> StorageScp:
    """Return the listener with all it offers."""
    settings = services.settings
    dicom, files = settings.dicom, tls_files(settings)
    scp = ScpSettings(
        ae_title=dicom.ae_title,
        host=dicom.host,
        port=dicom.port,
        peers=peers(settings),
        tls=accepting(files) if files else None,
        tls_port=dicom.tls.port,
        instance_bytes=settings.limits.instance_bytes,
    )
    limits = Limits(instance_bytes=settings.limits.instance_bytes)
    retrieve = RetrieveService(
        peers=scp.known(),
        sessions=services.database.reads,
        sender=Sender(services.blobs, services.retrieval.decoding, limits),
        connect=build_connect(settings),
        audit=partial(_note_retrieval, services),
    )
    commitment = CommitmentService(services.database.writes, services.clock, partial(owe_report, services))
    query = QueryService(Finder(services.database.reads, dicom.ae_title), partial(_note_query, services))
    offered = ScpServices(
        find=query.find,
        move=retrieve.move,
        get=retrieve.get,
        commit=commitment.accept,
        report=partial(report_on_association, services),
    )
    return StorageScp(services.ingestor, scp, offered)


def _note_retrieval(services: Services, asked: Asked) -> None:
    """Record a retrieval before its first byte is sent."""
    studies = asked.study_instance_uids
    with services.database.writing() as session:
        record(
            session,
            Actor("machine", asked.peer.ae_title, asked.peer.institution_code),
            "instances.retrieved",
            object_kind="study",
            object_id=studies[0] if len(studies) == 1 else "-",
            now=services.clock(),
            detail={
                "what": "dicom",
                "destination": asked.destination,
                "instances": asked.instances,
                "studies": len(studies),
                # one row a request: of very many studies the first are named
                **({"study_instance_uids": list(studies[:_MOST_NAMED])} if len(studies) > 1 else {}),
            },
        )


def _note_query(services: Services, peer: Peer, level: str, keys: Sequence[str]) -> None:
    """Record a query before its first match is sent: by which keys, not for whom."""
    with services.database.writing() as session:
        record(
            session,
            Actor("machine", peer.ae_title, peer.institution_code),
            "archive.searched",
            object_kind="search",
            object_id="-",
            now=services.clock(),
            detail={"level": level.lower(), "keys": ",".join(keys)[:1024], "what": "dicom"},
        )
