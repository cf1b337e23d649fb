"""Slabs and planes through a series, computed on the server: MIP, MinIP, AvgIP and MPR. Definition: docs/slabs.md."""

from imaging_core.volume.picture import slab_picture
from imaging_core.volume.service import Slab, Volumes
from imaging_core.volume.wish import Mode, NamedPlane, ObliquePlane, SlabWish

__all__ = ["Mode", "NamedPlane", "ObliquePlane", "Slab", "SlabWish", "Volumes", "slab_picture"]
