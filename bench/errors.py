"""Why a workload cannot be run here.

BenchError
├── NeedMissing        a program, a file or the built pages are not here; the text says what brings them
└── PeerUnknown        this workload has no such peer
"""

from collections.abc import Collection


class BenchError(Exception):
    """A workload was not run; the text is a sentence for the person who called it."""


class NeedMissing(BenchError):
    """Something the workload needs is not on this machine."""

    def __init__(self, need: str, remedy: str) -> None:
        super().__init__(f"{need} is missing: {remedy}")
        self.need = need


class PeerUnknown(BenchError):
    """The workload cannot be compared with this peer."""

    def __init__(self, peer: str, known: Collection[str]) -> None:
        there = f"there is: {', '.join(sorted(known))}" if known else "this workload starts none"
        super().__init__(f"no peer {peer}; {there}")
        self.peer = peer


def check_peer(peer: str | None, known: Collection[str] = ()) -> None:
    """Refuse a peer that the workload does not know."""
    if peer is not None and peer not in known:
        raise PeerUnknown(peer, known)
