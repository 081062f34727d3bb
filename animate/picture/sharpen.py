"""Unsharp mask."""

from __future__ import annotations

import torch
from torch import Tensor

from animate.picture.blur import gaussian, separable


def unsharp(picture: Tensor, kernel: int, sigma: float, amount: float, threshold: float = 0.0) -> Tensor:
    """Add `amount` times what a blur takes away: (1 + amount) · picture − amount · blurred.

    Args:
        picture: (C, H, W) in [0, 1].
        kernel: width of the Gaussian in pixels; an even width means the next odd one.
        sigma: its standard deviation in pixels; 0 or less derives it from the width, as OpenCV does.
        amount: 0 returns the picture itself; below 0 softens.
        threshold: grey levels of 255; where picture and blur differ by less, nothing is changed.

    Returns:
        (C, H, W) in [0, 1].
    """
    if amount == 0:
        return picture
    weights = gaussian(int(kernel) // 2 * 2 + 1, sigma)
    blurred = separable(picture, weights, weights)
    if threshold <= 0:
        return blurred.lerp_(picture, 1 + amount).clamp_(0, 1)
    lost = picture - blurred
    lost = torch.where(lost.abs() < threshold / 255, 0, lost)
    return torch.add(picture, lost, alpha=amount).clamp_(0, 1)
