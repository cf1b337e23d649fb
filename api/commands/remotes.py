"""Naming another DICOM machine on the command line: one of the settings' peers, or AE@host:port."""

import re

from api.commands.common import wrong_use
from api.dicom_network import build_connect, peers
from api.settings import Settings
from imaging_core.network.peers import Peer, Peers
from imaging_core.network.remote import Remote

_ADDRESS = re.compile(r"(?P<title>[^@]{1,16})@(?P<host>\[[0-9a-fA-F:]+\]|[^:@\[\]]+):(?P<port>\d{1,5})")


def remote_named(settings: Settings, name: str) -> Remote:
    """Return the machine; one that cannot be meant ends the command with status 2."""
    known = Peers(peers(settings))
    match = _ADDRESS.fullmatch(name.strip())
    if match is None:
        peer = known.get(name)
        if peer is None or not peer.host:
            wrong_use(f"{name}: give AE@host:port, or the AE title of a peer of the settings that has a host")
        return Remote(peer, build_connect(settings))
    title, host, port = match["title"].strip(), match["host"].strip("[]"), int(match["port"])
    if not 0 < port <= 65535:
        wrong_use(f"{name}: the port is between 1 and 65535")
    listed = known.get(title)
    peer = Peer(
        ae_title=title,
        institution_code=listed.institution_code if listed else settings.hospital.institution_code,
        host=host,
        port=port,
        tls=bool(listed and listed.tls),
    )
    return Remote(peer, build_connect(settings))
