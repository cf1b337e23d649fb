"""The order in which a viewer pages through a series."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

Instance = Mapping[str, Any]

_PARALLEL: Final = 1e-3
_SAME_PLACE_MM: Final = 1e-3


def in_anatomical_order(instances: Sequence[Instance]) -> list[Instance]:
    """Return the instances in the order of their planes along the normal.

    Of the two directions the one is taken that agrees with the instance numbers, for the scanner knows whether
    the head or the feet come first. Where planes are missing, not parallel, or in the same place more than once
    (phases, echoes, diffusion weights), the order is that of the instance numbers.
    """
    by_number = sorted(instances, key=_number_first)
    along = _positions_along_normal(by_number)
    if along is None:
        return by_number
    order = np.argsort(along, kind="stable")
    if np.any(np.diff(along[order]) < _SAME_PLACE_MM):
        return by_number
    # by_number counts upwards, so a falling projection means that the scanner goes the other way
    ranks = np.argsort(order)
    if np.dot(ranks - ranks.mean(), np.arange(len(ranks)) - (len(ranks) - 1) / 2) < 0:
        order = order[::-1]
    return [by_number[index] for index in order]


def _positions_along_normal(instances: Sequence[Instance]) -> np.ndarray | None:
    planes = [instance["position"] for instance in instances]
    if len(planes) < 2 or any(plane is None for plane in planes):
        return None
    normals = np.array([plane["normal"] for plane in planes])
    if np.any(np.abs(normals - normals[0]) > _PARALLEL):
        return None
    along: np.ndarray = np.array([plane["origin"] for plane in planes]) @ normals[0]
    return along


def _number_first(instance: Instance) -> tuple[bool, int, str]:
    number = instance["instance_number"]
    return number is None, number or 0, instance["sop_instance_uid"]
