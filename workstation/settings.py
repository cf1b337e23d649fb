"""The settings file of a desk, and what the desk remembers by itself."""

import json
import platform
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from workstation.dock import Edge
from workstation.launches import NotALaunch, origin_of

DEFAULT_PORT = 17651


class WrongSettings(Exception):
    """The settings file is missing or wrong; the text names the field."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """What the installer wrote down."""

    server: str
    label: str = ""
    key: str = ""
    """Of scope `workstation`; without it the desk does not report itself."""
    edge: Edge = Edge.RIGHT
    port: int = DEFAULT_PORT
    his_origins: tuple[str, ...] = ()
    """Web pages that may call the loopback door, e.g. `https://his.hospital.local`."""


@dataclass(frozen=True, slots=True)
class DeskState:
    """What is kept from run to run: who this desk is, where the panel was, how often it was woken."""

    workstation: str
    edge: Edge | None = None
    wakes: int = 0


def read_settings(path: Path) -> DeskSettings:
    """Return the settings.

    Raises:
        WrongSettings: names the file or the field.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad writes a mark before the text
    except OSError as error:
        raise WrongSettings(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{path}: {error}") from error
    unknown = sorted(given.keys() - {field.name for field in fields(DeskSettings)})
    if unknown:
        raise WrongSettings(f"{path}: {unknown[0]} is no setting")
    return _checked(path, given)


def _checked(path: Path, given: dict[str, Any]) -> DeskSettings:
    def refuse(field: str, why: str) -> WrongSettings:
        return WrongSettings(f"{path}: {field} {why}")

    for field in ("server", "label", "key", "edge"):
        if not isinstance(given.get(field, ""), str):
            raise refuse(field, "is text in quotes")
    server = given.get("server", "").rstrip("/")
    try:
        origin_of(server)
    except NotALaunch as error:
        raise refuse("server", "is the address of the service, e.g. https://imaging.hospital.local") from error
    if given.get("edge", "right") not in tuple(Edge):
        raise refuse("edge", "is left or right")
    port = given.get("port", DEFAULT_PORT)
    if type(port) is not int or not 1024 <= port <= 65535:
        raise refuse("port", "is a number from 1024 to 65535")
    origins = given.get("his_origins", [])
    if not isinstance(origins, list) or not all(isinstance(origin, str) and _is_origin(origin) for origin in origins):
        raise refuse("his_origins", 'is a list of origins, e.g. ["https://his.hospital.local"]')
    label = given.get("label", "").strip() or platform.node() or "?"
    return DeskSettings(
        server=server,
        label=label[:64],
        key=given.get("key", "").strip(),
        edge=Edge(given.get("edge", "right")),
        port=port,
        his_origins=tuple(origins),
    )


def _is_origin(text: str) -> bool:
    try:
        origin_of(text)
    except NotALaunch:
        return False
    return text.count("/") == 2 and text == text.strip()


class StateFile:
    """Keeps the state of a desk. A file that cannot be read is begun anew: the desk is then a new one on the list."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            edge = kept["edge"]
            self.state = DeskState(str(kept["workstation"]), None if edge is None else Edge(edge), int(kept["wakes"]))
        except (OSError, ValueError, KeyError, TypeError):
            self.state = DeskState(uuid4().hex)
            self._write()

    def change(self, *, edge: Edge | None = None, woken: bool = False) -> None:
        """Remember an edge, or one more wake."""
        self.state = replace(self.state, edge=edge or self.state.edge, wakes=self.state.wakes + woken)
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self.state)), encoding="utf-8")
        beside.replace(self._path)
