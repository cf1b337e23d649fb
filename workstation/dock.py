"""The panel's place at the edge of the screen: what it does when called, touched, left, put away. No Qt, no clock."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

STRIP_WIDTH = 14
PANEL_WIDTH = 420
CALLED_SECONDS = 10.0
"""How long a panel stays that came by itself and that nobody touches: long enough to read a count."""
LEFT_SECONDS = 0.8
"""A pointer that slips out for a moment does not close the panel."""


class Edge(StrEnum):
    """The side of the screen."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> "Edge":
        """The side across."""
        return Edge.RIGHT if self is Edge.LEFT else Edge.LEFT


class Shown(StrEnum):
    """How much of the panel is to be seen."""

    OUT = "out"
    STRIP = "strip"
    HIDDEN = "hidden"


class Rect(NamedTuple):
    """A part of the screen."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Dock:
    """Where the panel is, who holds it there, and when it goes back (None: not by itself)."""

    edge: Edge
    shown: Shown = Shown.STRIP
    pointer: bool = False
    focused: bool = False
    back_at: float | None = None
    marked: bool = False
    """Something came while only the strip was to be seen."""

    @property
    def _held(self) -> bool:
        return self.pointer or self.focused


def called(dock: Dock, now: float, *, slides: bool) -> Dock:
    """A HIS woke the panel, or the page has something new. It slides out, or only the strip is marked."""
    if slides:
        return opened(dock, now)
    if dock.shown is Shown.OUT:
        return dock
    return replace(dock, shown=Shown.STRIP, marked=True)


def opened(dock: Dock, now: float) -> Dock:
    """The doctor asked for the panel, or it came by itself; nobody touches it yet."""
    return _timed(replace(dock, shown=Shown.OUT, marked=False), now, CALLED_SECONDS)


def pointed(dock: Dock, now: float, *, inside: bool) -> Dock:
    """The mouse came to the strip or the panel, or left it."""
    moved = replace(dock, pointer=inside and dock.shown is not Shown.HIDDEN)
    if inside and dock.shown is Shown.STRIP:
        moved = replace(moved, shown=Shown.OUT, marked=False)
    return _timed(moved, now, LEFT_SECONDS)


def focused(dock: Dock, now: float, *, inside: bool) -> Dock:
    """The keyboard came or went: whoever types a name keeps the panel wherever the mouse is."""
    return _timed(replace(dock, focused=inside and dock.shown is Shown.OUT), now, LEFT_SECONDS)


def passed(dock: Dock, now: float) -> Dock:
    """Time went by."""
    if dock.back_at is None or now < dock.back_at:
        return dock
    return replace(dock, shown=Shown.STRIP, back_at=None)


def put_away(dock: Dock, *, completely: bool) -> Dock:
    """The doctor closed the panel: to the strip, or out of sight until it is called."""
    shown = Shown.HIDDEN if completely else Shown.STRIP
    return replace(dock, shown=shown, pointer=False, focused=False, back_at=None, marked=False)


def across(dock: Dock, now: float) -> Dock:
    """The doctor moved the panel to the other edge, and the mouse stayed behind."""
    return _timed(replace(dock, edge=dock.edge.other, pointer=False), now, CALLED_SECONDS)


def frame(dock: Dock, area: Rect) -> Rect:
    """Return the window on the usable part of the screen. It grows from the edge, never onto the screen beside."""
    width = STRIP_WIDTH if dock.shown is not Shown.OUT else STRIP_WIDTH + min(PANEL_WIDTH, area.width - STRIP_WIDTH)
    left = area.left if dock.edge is Edge.LEFT else area.left + area.width - width
    return Rect(left, area.top, width, area.height)


def _timed(dock: Dock, now: float, seconds: float) -> Dock:
    if dock.shown is not Shown.OUT or dock._held:
        return replace(dock, back_at=None)
    return replace(dock, back_at=now + seconds)
