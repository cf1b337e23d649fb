"""TLS for associations: the BCP 195 profile of PS3.15 B.9 as Python's own defaults keep it (TLS 1.2 and later)."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Our certificate with its key; `authority` signs those of the other side."""

    certificate: Path
    key: Path
    authority: Path | None = None


def accepting(files: TlsFiles) -> ssl.SSLContext:
    """Return what the listener needs. With an authority, nobody without a certificate of it is let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    if files.authority is not None:
        context.load_verify_locations(files.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def requesting(files: TlsFiles) -> ssl.SSLContext:
    """Return what an association to another entity needs; its certificate must be the authority's.

    Machines are known by address, and their certificates seldom name it: who signed them is what counts.
    """
    context = ssl.create_default_context(cafile=files.authority and str(files.authority))
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    return context
