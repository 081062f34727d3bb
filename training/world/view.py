"""What a renderer hands back."""

from typing import NamedTuple

import numpy as np

SKY_DEPTH = 1e4
"""Depth written where there is only sky."""


class View(NamedTuple):
    """One rendered view."""

    picture: np.ndarray
    """uint8 (H, W, 3) RGB."""
    depth: np.ndarray
    """float32 (H, W) along the axis, world units; SKY_DEPTH in the sky."""
    what: np.ndarray
    """uint8 (H, W): 0 sky, 1 land, 2 water, 3 a thing."""
    seen: np.ndarray
    """int32 (H, W): 1 + the thing's row, 0 where none."""
