"""What `mingying bench` can run."""

from collections.abc import Callable

from bench.access import access
from bench.archive import archive
from bench.durability import durability
from bench.editor import editor
from bench.goal import Goal
from bench.growth import growth
from bench.machine import machine
from bench.paper import ocr
from bench.plugin import plugin
from bench.reminders import reminders
from bench.retrieval import retrieval
from bench.understanding import understanding
from bench.viewer import viewer

__all__ = ["WORKLOADS", "Goal", "machine"]

WORKLOADS: dict[str, Callable[[str | None], dict[str, Goal]]] = {
    "access": access,
    "archive": archive,
    "durability": durability,
    "editor": editor,
    "growth": growth,
    "ocr": ocr,
    "plugin": plugin,
    "reminders": reminders,
    "retrieval": retrieval,
    "understanding": understanding,
    "viewer": viewer,
}
"""By name; the argument names the peer to start, where the workload has one."""
