"""Depth of field: what lies before or behind the plane in focus is blurred by a lens, as light adds up."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LEVELS = 5
"""Sharpnesses that a place is mixed from: the picture itself and discs of growing radius."""
GAMMA = 2.2
"""Light adds up linearly, coded colours do not: a blurred lamp must stay brighter than what it is blurred into."""
SHARP = 0.4
"""Radius in pixels below which nothing is blurred."""


def blur(picture: Tensor, nearness: Tensor, focus: float, aperture: float) -> Tensor:
    """`picture` as a lens sees it.

    The disc that a point becomes grows with the difference of inverse depths (thin lens: Pharr, Jakob & Humphreys,
    Physically Based Rendering, §5.2.3). A sharp place gives nothing to the blurred ones beside it, or silhouettes would
    glow.

    Args:
        picture: (3, H, W) in [0, 1].
        nearness: (1, H, W) in [0, 1], inverse depth with 0 the farthest point and 1 the nearest.
        focus: nearness of the plane in focus.
        aperture: radius of the disc, in hundredths of the height, that a difference of 1 gives; 0 blurs nothing.

    Returns:
        (3, H, W) in [0, 1]; the picture itself where nothing is blurred.
    """
    height = picture.shape[-2]
    radius = (nearness - focus).abs() * (aperture / 100 * height)
    largest = float(radius.max())
    if largest < SHARP:
        return picture
    near = torch.where(nearness > focus, radius, torch.zeros_like(radius))
    radius = torch.maximum(radius, _spread(near, largest))  # a near thing out of focus lies over what is behind it
    light = picture.clamp(0, 1) ** GAMMA
    steps = [largest * (level / (LEVELS - 1)) for level in range(LEVELS)]
    seen = [light, *(_through_disc(light, radius, step) for step in steps[1:])]
    place = radius / largest * (LEVELS - 1)
    mixed = sum((1 - (place - level).abs()).clamp(0, 1) * one for level, one in enumerate(seen))
    assert isinstance(mixed, Tensor)
    return mixed.clamp(0, 1) ** (1 / GAMMA)


def _through_disc(light: Tensor, radius: Tensor, size: float) -> Tensor:
    """(3, H, W) blurred by a disc of `size` pixels; places count as far as their own disc reaches that size."""
    reach = int(size + 1)
    offset = torch.arange(-reach, reach + 1, device=light.device, dtype=light.dtype)
    disc = (size + 0.5 - torch.hypot(offset[None], offset[:, None])).clamp(0, 1)
    weight = (radius / size).clamp(0.02, 1)
    both = torch.cat([light * weight, weight])[:, None]  # (4, 1, H, W)
    padded = functional.pad(both, (reach, reach, reach, reach), mode="replicate")
    added = functional.conv2d(padded, (disc / disc.sum())[None, None])[:, 0]
    return added[:3] / added[3:]


def _spread(near: Tensor, largest: float) -> Tensor:
    """(1, H, W) how far discs of near places reach over their surroundings."""
    reach = max(1, round(largest))
    wide = functional.max_pool2d(near[None], 2 * reach + 1, 1, reach)
    return functional.avg_pool2d(wide, 2 * reach + 1, 1, reach, count_include_pad=False)[0]
