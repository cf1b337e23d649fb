"""Where a slice lies in the patient, for putting slices in anatomical order."""

from typing import Any

import numpy as np
from pydicom.dataset import Dataset

Position = dict[str, list[float]]
"""`normal` (unit vector, patient coordinates) and `origin` (mm) of a plane."""


def slice_position(dataset: Dataset) -> Position | None:
    """Return the plane of an instance, None when it names none (PS3.3 C.7.6.2.1.1)."""
    orientation = _numbers(dataset.get("ImageOrientationPatient"), 6)
    origin = _numbers(dataset.get("ImagePositionPatient"), 3)
    if orientation is None or origin is None:
        return None
    normal = np.cross(orientation[:3], orientation[3:])
    length = float(np.linalg.norm(normal))
    if not np.isfinite(length) or length < 1e-6:
        return None
    return {"normal": [float(part) for part in normal / length], "origin": origin}


def _numbers(value: Any, count: int) -> list[float] | None:  # noqa: ANN401  # an attribute of a foreign file
    try:
        numbers = [float(part) for part in value]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None
