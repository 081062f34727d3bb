"""What a decoder weaves into pictures by its build: patterns that repeat with its squares.

A distance of VGG features asks for liveliness wherever it is unsure, and what a refiner of fixed squares has at hand is
the same few dots in each of them. So a pattern that goes on from square to square is looked for and told apart.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from animate.diffusion.autoencoder import FINE

PERIOD = 2 * FINE
"""Pixels along a side after which a pattern may repeat; that finds those that repeat in half of it as well."""
WINDOW = 6
"""Periods along a side of a window in which it goes on."""


def woven(pictures: Tensor) -> Tensor:
    """(N, 3, PERIOD², windows): what repeats in each window of pictures (N, 3, H, W), its mean left out."""
    phases = functional.pixel_unshuffle(pictures, PERIOD)
    phases = functional.avg_pool2d(phases, WINDOW, stride=WINDOW // 2).reshape(len(pictures), 3, PERIOD**2, -1)
    return phases - phases.mean(dim=2, keepdim=True)
