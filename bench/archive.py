"""`archive`: taking in, finding and serving a CT, over the real protocols; peer: Orthanc, in turn with ours.

Ours answers with authentication and audit on and its worker running behind; both acknowledge only what is on disk.
"""

import contextlib
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from api.settings import Settings
from api.wiring import build_services
from bench.archive_in import WAYS_IN, medium_ct, while_taking_in
from bench.archive_out import WAYS_OUT, Study, fill
from bench.archive_target import Archive
from bench.errors import check_peer
from bench.figures import median, median_ratio
from bench.goal import Goal
from bench.installation import running_installation
from bench.machine_key import issue_key
from bench.options import rounds
from bench.orthanc import running_orthanc
from bench.senders import relabelled

_LATER = "3600"
"""Web frames of what is taken in meanwhile are made later: the peer makes none. Those of the CT that is served are made
before, as they are in a hospital some seconds after its last image."""
_MIB = 1024**2
_QUICK = 5.0
"""Milliseconds: the goal for one instance while others are taken in."""


def archive(peer: str | None = None) -> dict[str, Goal]:
    """Measure every way in and out, `MINGYING_BENCH_ROUNDS` times (5) after one round of warming up."""
    check_peer(peer, {"orthanc"})
    files = medium_ct()
    found: dict[str, _Found] = {}
    with _archives(peer) as (archives, settings):
        studies = {name: fill(target) for name, target in archives.items()}
        _derive(settings, studies["ours"])
        for turn in range(rounds(5) + 1):
            order = sorted(archives, reverse=turn % 2 == 0)
            for way in WAYS_IN:
                for name in order:
                    measured = way.measure(archives[name], [relabelled(files) for _ in range(way.lots)])
                    _keep(found, f"{way.name}_per_second", "instances/s", way.goal, name, measured.per_second, turn)
                    _keep(found, f"{way.name}_cpu_ms", "ms of CPU an instance", None, name, measured.cpu_ms, turn)
            for out in WAYS_OUT:
                for name in order:
                    measured = out.measure(archives[name], studies[name])
                    _keep(found, f"{out.name}_per_second", "requests/s", out.goal, name, measured.per_second, turn)
        goals = {name: figure.goal() for name, figure in found.items()}
        goals |= _memory(archives) | _while_taking_in(archives["ours"], studies["ours"])
    return goals


@dataclass
class _Found:
    """One figure in all rounds."""

    unit: str
    goal_of_ratio: float | None
    values: dict[str, list[float]] = field(default_factory=lambda: {"ours": [], "peer": []})

    def goal(self) -> Goal:
        ours, peers = self.values["ours"], self.values["peer"]
        cpu = self.unit.startswith("ms")
        return Goal(
            median(ours),
            self.unit,
            peer=median(peers) if peers else None,
            ratio=median_ratio(ours, peers) if peers else None,
            ratio_goal=(0.6 if cpu else self.goal_of_ratio) if peers else None,
            higher_is_better=not cpu,
            peer_name="Orthanc",
            note=f"{len(ours)} rounds",
        )


def _keep(
    found: dict[str, _Found], name: str, unit: str, goal: float | None, whose: str, value: float, turn: int
) -> None:
    figure = found.setdefault(name, _Found(unit, goal))
    if turn:  # in the first round processes still warm up
        figure.values[whose].append(value)


def _memory(archives: dict[str, Archive]) -> dict[str, Goal]:
    held = {name: target.proportional_bytes() / _MIB for name, target in archives.items()}
    peer = held.get("peer")
    ratio = None if peer is None else held["ours"] / peer
    goal = None if peer is None else 1.0
    return {"memory": Goal(held["ours"], "MiB (PSS)", peer=peer, ratio=ratio, ratio_goal=goal, peer_name="Orthanc")}


def _while_taking_in(ours: Archive, study: Study) -> dict[str, Goal]:
    seconds = while_taking_in(ours, study)
    p95 = statistics.quantiles(seconds, n=20)[-1] * 1000
    return {"instance_p95_while_taking_in": Goal(p95, "ms", goal=_QUICK, note=f"{len(seconds)} requests")}


def _derive(settings: Settings, study: Study) -> None:
    """Make what the worker makes of a study once it is quiet."""
    services = build_services(settings)
    try:
        services.deriver.derive_study(settings.hospital.institution_code, study.study)
    finally:
        services.close()


@contextlib.contextmanager
def _archives(peer: str | None) -> Iterator[tuple[dict[str, Archive], Settings]]:
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(running_installation(DERIVE_QUIET_SECONDS=_LATER))
        settings = ours.settings
        key = issue_key(settings, "stow", "query", "retrieve")
        found = {
            "ours": Archive(
                settings.http.port,
                settings.dicom.port,
                settings.dicom.ae_title,
                key,
                ours.cpu_seconds,
                ours.proportional_bytes,
            )
        }
        if peer is not None:
            other = stack.enter_context(running_orthanc())
            found["peer"] = Archive(
                other.http_port, other.dicom_port, "ORTHANC", "", other.cpu_seconds, other.proportional_bytes
            )
        yield found, settings
