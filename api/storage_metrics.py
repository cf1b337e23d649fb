"""Figures of the store in the Prometheus text format; read from the database when somebody asks."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.wiring import Services
from api.workflows.keep_storage import StorageFigures, figures_of


def storage_metrics(services: Services) -> bytes:
    """Return the figures; nothing while the database does not answer."""
    try:
        figures = figures_of(services)
    except Exception:  # noqa: BLE001  # /health says that the database is down; the other metrics are wanted now
        return b""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(figures, services.clock().timestamp()))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, figures: StorageFigures, now: float) -> None:
        self._figures = figures
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found, scrub = self._figures, self._figures.scrub
        replica, tiers = found.replica, found.tiers
        values: dict[str, tuple[str, float | None]] = {
            "bytes": ("Bytes of instances that came in", found.growth.bytes),
            "instances": ("Instances that came in", found.growth.instances),
            "growth_bytes_per_day": ("Mean of the last 30 whole days", found.per_day),
            "free_bytes": ("Room on the disk of the data folder", found.free),
            "days_until_full": ("Days until that room is used up, at this growth", found.days_left),
            "scrub_last_full_pass_timestamp_seconds": ("End of the last whole pass", _stamp(scrub.last_full_pass)),
            "scrub_bytes": ("Bytes read again since the installation began", scrub.bytes),
            "scrub_blobs": ("Blobs read again since the installation began", scrub.blobs),
            "scrub_mismatches": ("Copies found missing, changed or unreadable", scrub.damaged),
            "scrub_repaired": ("Of them, written anew from a right copy", scrub.repaired),
            "scrub_unrepaired": ("Of them, open: no right copy is known. Alarm above 0", scrub.unrepaired),
            "scrub_oldest_unverified_seconds": (
                "No byte was verified longer ago, except what never was",
                self._ago(scrub.verified_since or scrub.pass_began),
            ),
            "replica_lacking": (
                "Blobs without second copy. Alarm above 0",
                None if replica is None else replica.lacking,
            ),
            "replica_complete_timestamp_seconds": (
                "When everything had its second copy last",
                None if replica is None else _stamp(replica.complete_at),
            ),
            "cold_bytes": ("Bytes in the colder place", None if tiers is None else tiers.cold_bytes),
            "cold_segments": ("Segments in the colder place", None if tiers is None else tiers.cold_segments),
            "cold_wanted": ("Of them, asked back to disk", None if tiers is None else tiers.wanted_segments),
        }
        for name, (about, value) in values.items():
            if value is not None:
                yield GaugeMetricFamily(f"mingying_storage_{name}", about, value=float(value))

    def _ago(self, moment: datetime | None) -> float | None:
        return None if moment is None else self._now - moment.timestamp()


def _stamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
