"""Masks: (1, H, W) in [0, 1], 1 where something applies."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.picture.blur import gaussian, separable


def grow(mask: Tensor, radius: float) -> Tensor:
    """Spread the mask by a disc of `radius` pixels; a negative radius shrinks it by as much."""
    reach = round(abs(radius))
    if reach == 0:
        return mask
    offset = np.arange(-reach, reach + 1)
    disc = (offset[:, None] ** 2 + offset**2 <= radius**2 + 0.5).astype(np.uint8)
    spread = cv2.dilate if radius > 0 else cv2.erode
    planes = [spread(plane, disc, borderType=cv2.BORDER_REPLICATE) for plane in mask.cpu().numpy()]
    return torch.from_numpy(np.stack(planes)).to(mask.device)


def feather(mask: Tensor, radius: float) -> Tensor:
    """Soften the mask's edge over about `radius` pixels to each side (a Gaussian of half that)."""
    if radius <= 0:
        return mask
    weights = gaussian(2 * int(np.ceil(1.5 * radius)) + 1, radius / 2)
    return separable(mask, weights, weights, "replicate").clamp_(0, 1)


def blend(below: Tensor, above: Tensor, mask: Tensor) -> Tensor:
    """(C, H, W): `above` where the mask is 1, `below` where it is 0, mixed between."""
    return torch.lerp(below, above, mask)
