"""A painter without a network: coloured tiles, laid anew each frame. `pip install .` here, then `model: mosaic`.

A painter needs what `animate.diffusion.models.Paints` lists; the factory named in the entry point is called with the
device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from animate.diffusion.sampling import Sampling

TILE = 8


class Mosaic:
    """Lays tiles of 8 pixels; the strength decides how much of the picture shows through them."""

    name = "mosaic"
    digest = "mosaic 1.0"  # two runs with an equal digest make the same frames
    multiple = TILE  # sizes must divide by it

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)

    def imagine(self, size: tuple[int, int], how: Sequence[Sampling]) -> Tensor:
        """Pictures (N, 3, H, W) in [0, 1] from nothing but their seeds."""
        height, width = size
        return torch.stack([self._laid(one.seed, height // TILE, width // TILE) for one in how])

    def redraw(self, pictures: Tensor, strength: float, how: Sequence[Sampling]) -> Tensor:
        """Pictures (N, 3, H, W) laid in tiles of their own mean colour, with a little of the seed's."""
        tiles = interpolate(avg_pool2d(pictures, TILE), scale_factor=TILE, mode="nearest")
        fresh = self.imagine((pictures.shape[-2], pictures.shape[-1]), how).to(pictures)
        return strength * pictures + (1 - strength) * (0.85 * tiles + 0.15 * fresh)

    def _laid(self, seed: int, rows: int, columns: int) -> Tensor:
        colours = torch.rand(1, 3, rows, columns, generator=torch.Generator().manual_seed(seed))
        return interpolate(colours, scale_factor=TILE, mode="nearest")[0].to(self.device)
