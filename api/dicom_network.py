"""The DICOM network as the settings say: whom we know, and how we connect."""

from api.settings import Settings
from imaging_core.network.peers import Peer, Right
from imaging_core.network.retrieval import Connect, connecting
from imaging_core.network.tls import TlsFiles, requesting


def peers(settings: Settings) -> list[Peer]:
    """Return the application entities of the settings; one of `peers` counts more than its title in the short list."""
    own = settings.hospital.institution_code
    senders = [Peer(ae_title=title.strip(), institution_code=own) for title in settings.dicom.calling_ae_titles]
    named = [
        Peer(
            ae_title=peer.ae_title,
            institution_code=peer.institution_code or own,
            rights=frozenset(map(Right, peer.may)),
            host=peer.host,
            port=peer.port,
            addresses=peer.addresses,
            tls=peer.tls,
        )
        for peer in settings.dicom.peers
    ]
    return [*senders, *named]


def build_connect(settings: Settings) -> Connect:
    """Return how to open associations to others."""
    files = tls_files(settings)
    return connecting(settings.dicom.ae_title, requesting(files) if files else None)


def tls_files(settings: Settings) -> TlsFiles | None:
    """Return our certificate with its key, None where there is none."""
    tls = settings.dicom.tls
    if tls.certificate is None or tls.key is None:
        return None
    return TlsFiles(tls.certificate, tls.key, tls.authority)
