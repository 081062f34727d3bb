"""Depth that does not pump: each frame's scale and shift are drawn to what the frame before already said."""

from __future__ import annotations

from torch import Tensor


def align(depth: Tensor, reference: Tensor, trust: Tensor, rounds: int = 4) -> Tensor:
    """`depth` (1, H, W) with scale and shift of its inverse fitted to `reference` (1, H, W) where `trust` is over 0.5.

    Relative depth is known up to a scale and a shift of *inverse* depth, so that is where the line is fitted: it starts
    from medians and mean absolute deviations (Ranftl et al. 2020, eq. 5), which what really moved hardly bends, and is
    refined by least squares of *relative* errors under Tukey's weights: a far place whose depth halves is as wrong as a
    near one, though its inverse depth hardly changes. The slope is kept within [0.25, 4] and the result positive; with
    too little to trust (under 1 % of the picture) the depth is returned.
    """
    seen = trust > 0.5
    if float(seen.float().mean()) < 0.01:
        return depth
    x, y = (1 / depth)[seen], (1 / reference)[seen]
    deviation = (x - x.median()).abs().mean()
    if float(deviation) < 1e-9:  # a constant depth has no slope to fit
        return (1 / (1 / depth + (y.median() - x.median())).clamp_min(0.25 * y.min())).view_as(depth)
    slope = ((y - y.median()).abs().mean() / deviation).clamp(0.25, 4)
    shift = y.median() - slope * x.median()
    for _ in range(rounds):
        residual = (slope * x + shift) / y - 1
        limit = 4.685 * 1.4826 * residual.abs().median().clamp_min(1e-6)  # Tukey's constant on the median deviation
        weight = (1 - (residual / limit) ** 2).clamp_min(0) ** 2 / y**2
        total = weight.sum().clamp_min(1e-12)
        mean_x, mean_y = (weight * x).sum() / total, (weight * y).sum() / total
        spread = (weight * (x - mean_x) ** 2).sum().clamp_min(1e-12)
        slope = ((weight * (x - mean_x) * (y - mean_y)).sum() / spread).clamp(0.25, 4)
        shift = mean_y - slope * mean_x
    return (1 / (slope / depth + shift).clamp_min(0.25 * y.min())).view_as(depth)
