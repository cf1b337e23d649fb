"""Which addresses may wake the panel: launches of the hospital's own server, nothing else."""

import re
from urllib.parse import parse_qs, urlsplit

_TOKEN = re.compile(r"[0-9A-Za-z._-]{20,300}")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_PORTS = {"http": 80, "https": 443}


class NotALaunch(ValueError):
    """It is no launch of the configured server; the text says why."""


def launch_address(text: str, server: str) -> str:
    """Return a launch as it may be opened.

    Raises:
        NotALaunch: another server, another page, anything besides the launch.
    """
    if _ODD.search(text):  # what browsers and parsers read differently
        raise NotALaunch("the address holds blanks or control characters")
    if origin_of(text) != origin_of(server):
        raise NotALaunch(f"the address is not of {server}")
    parts = urlsplit(text)
    if parts.path != urlsplit(server).path.rstrip("/") + "/plugin" or parts.query:
        raise NotALaunch("the address is not that of the plugin page")
    if not _TOKEN.fullmatch(parts.fragment):
        raise NotALaunch("the address carries no launch after #")
    return text


def origin_of(address: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a web address, spelt one way.

    Raises:
        NotALaunch: it is no web address, or one with a user in it.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise NotALaunch("the address cannot be read") from error
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        raise NotALaunch("the address is not a plain web address")
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def address_in(argument: str) -> str:
    """Return the address that a command line gives: itself, or what the `mingying:` scheme carries."""
    parts = urlsplit(argument)
    if parts.scheme != "mingying":
        return argument
    carried = parse_qs(parts.query).get("url", [])
    if (parts.netloc or parts.path.strip("/")) != "wake" or len(carried) != 1:
        raise NotALaunch("of the mingying: scheme only mingying://wake?url=… is known")
    return carried[0]
