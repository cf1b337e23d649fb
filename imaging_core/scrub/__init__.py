"""Upkeep of stored bytes: read again and repaired, copied to the replica, counted."""

from imaging_core.scrub.catching_up import CaughtUp, ReplicaStanding, catch_up, replica_standing
from imaging_core.scrub.cross_check import Unreferenced, unreferenced
from imaging_core.scrub.growth import Growth, count_growth, growth
from imaging_core.scrub.scrubbing import Scrub, Scrubbed, Standing, standing
from imaging_core.scrub.tiers import Tiers, TierStanding, tier_standing

__all__ = [
    "CaughtUp",
    "Growth",
    "ReplicaStanding",
    "Scrub",
    "Scrubbed",
    "Standing",
    "TierStanding",
    "Tiers",
    "Unreferenced",
    "catch_up",
    "count_growth",
    "growth",
    "replica_standing",
    "standing",
    "tier_standing",
    "unreferenced",
]
