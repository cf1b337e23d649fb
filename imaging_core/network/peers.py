"""Who may do what: the application entities we know, with their rights.

An AE title is only a claim. Where addresses are given the claim must come from one of them, and where TLS is wanted
nothing is said or heard without it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address


class Right(StrEnum):
    """What an application entity may ask for. Everyone known may verify (C-ECHO)."""

    STORE = "store"
    """Send instances, and ask whether they are safe (storage commitment)."""
    QUERY = "query"
    RETRIEVE = "retrieve"
    """Have instances sent, to itself or to a destination."""
    DESTINATION = "destination"
    """Be where others have instances sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One application entity."""

    ae_title: str
    institution_code: str
    rights: frozenset[Right] = frozenset({Right.STORE})
    host: str = ""
    port: int = 0
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where its associations must come from; none: anywhere."""
    tls: bool = False
    """Speak with it only over TLS, in both directions."""

    def may(self, right: Right) -> bool:
        """Return whether it has a right."""
        return right in self.rights

    def admitted(self, address: str, *, secure: bool) -> bool:
        """Return whether an association that bears its title may come this way."""
        if self.tls and not secure:
            return False
        try:
            source = ip_address(address)
        except ValueError:
            return False
        if isinstance(source, IPv6Address) and source.ipv4_mapped is not None:
            source = source.ipv4_mapped
        return not self.addresses or any(source in network for network in self.addresses)


class Peers:
    """All application entities we know; every other is turned away."""

    def __init__(self, peers: Iterable[Peer] = ()) -> None:
        self._peers = {peer.ae_title.strip(): peer for peer in peers}

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    def get(self, ae_title: str) -> Peer | None:
        """Return the entity of this title, None when it is unknown."""
        return self._peers.get(ae_title.strip())

    def admit(self, ae_title: str, address: str, *, secure: bool) -> Peer | None:
        """Return who asks for an association, None when it must be turned away."""
        peer = self.get(ae_title)
        return peer if peer is not None and peer.admitted(address, secure=secure) else None

    def destination(self, ae_title: str, asked_by: Peer) -> Peer | None:
        """Return where instances go; None when the title is unknown, is no destination or belongs to others."""
        peer = self.get(ae_title)
        if peer is None or not peer.host or not peer.may(Right.DESTINATION):
            return None
        return peer if peer.institution_code == asked_by.institution_code else None
