"""The one array type that passes between opening, straightening and reading."""

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""rows × columns × 3, red first."""

Matrix = NDArray[np.float64]
"""3 × 3 homography acting on (x, y, 1)."""
