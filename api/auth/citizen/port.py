"""The port: who a citizen is whom a platform of the province or city sends to us."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class CitizenRefused(Exception):
    """What the browser brought proves nothing. The argument is a word for the audit, never what was brought."""


class CitizenPlatformUnavailable(Exception):
    """The platform did not answer in time, or not as agreed; the citizen may try again."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """A person as the platform verified them. Nothing of this enters an address, a log or a page."""

    id_number: str = field(repr=False)
    name: str = field(repr=False)
    """Empty where the platform gives none."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A way to the platform and back, begun here and bound to one browser."""

    platform: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    """Of PKCE (RFC 7636)."""


class CitizenPlatform(Protocol):
    """One platform; safe to use from several threads."""

    def address(self, visit: Visit) -> str | None:
        """Return where the browser goes for this visit; None where citizens only come by themselves.

        Raises:
            CitizenPlatformUnavailable: it cannot be asked now.
        """
        ...

    def identify(self, reference: str, visit: Visit | None, now: datetime) -> Citizen:
        """Redeem what the browser brought, from server to server; it is good once.

        Raises:
            CitizenRefused: it is forged, spent, expired, or not of this visit.
            CitizenPlatformUnavailable: nobody can tell now.
        """
        ...
