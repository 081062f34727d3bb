"""Depth that does not pump: each frame's scale and shift are drawn to what the frame before already said."""

from __future__ import annotations

from torch import Tensor

SLOPES = 0.25, 4.0
"""What a scale is fitted within; beyond them two depths are not of one scene."""
POOR = 0.3
"""Error of inverse depth (of its log) that a quarter of the places may exceed; beyond it a line fits nothing and a new
scene begins. The embedded network on ten photographs: 0.04 to 0.21 with themselves enlarged or noisy, over 0.33 with
each other in 19 of 20 cases; medians overlap."""
LEAK = 0.07
"""Share of the way back to the estimate's own scale and shift that is gone in a frame. Without it a flight forwards
takes its scene along: at 5 a frame the farthest point came from 20 to 0.12 in 80 frames."""
BAND = 2.0
"""How many times nearer or farther than the estimate says by itself its nearest and farthest point may be taken: a leak
alone does not hold against a fast camera, which goes farther in a frame the nearer things are."""


def align(depth: Tensor, reference: Tensor, trust: Tensor, rounds: int = 4) -> Tensor:
    """`depth` (1, H, W) with scale and shift of its inverse fitted to `reference` (1, H, W) where `trust` is over 0.5.

    The result is positive; where nothing is known or the two do not fit (`_fitted`) the depth itself is returned.
    """
    line = _fitted(depth, reference, trust, rounds)
    if line is None:
        return depth
    slope, shift = line
    return (1 / (slope / depth + shift).clamp_min(0.25 / reference[trust > 0.5].amax())).view_as(depth)


def steadied(depth: Tensor, reference: Tensor, trust: Tensor) -> Tensor:
    """`depth` (1, H, W) aligned, yet never for long or far away from its own scale: for flights without an end.

    Arguments as for `align`. The fitted line goes back by `LEAK` towards the estimate's own, and its ends stay within
    `BAND` of the estimate's.
    """
    line = _fitted(depth, reference, trust)
    if line is None:
        return depth
    slope, shift = line
    far, near = 1 / depth.amax(), 1 / depth.amin()
    new_far, new_near = (
        ((1 - LEAK) * (slope * end + shift) + LEAK * end).clamp(end / BAND, end * BAND) for end in (far, near)
    )
    slope = (new_near - new_far) / (near - far)
    return 1 / (new_far + slope * (1 / depth - far))


def _fitted(depth: Tensor, reference: Tensor, trust: Tensor, rounds: int = 4) -> tuple[Tensor, Tensor] | None:
    """Slope and shift that take inverse `depth` to inverse `reference`; None where no line does.

    Relative depth is known up to a scale and a shift of *inverse* depth, so that is where the line is fitted: it starts
    from medians and mean absolute deviations (Ranftl et al. 2020, eq. 5), which what really moved hardly bends, and is
    refined under Tukey's weights by *relative* errors: a far place whose depth halves is as wrong as a near one, though
    its inverse depth hardly changes. The slope is the ratio of deviations in each round: both sides err, and the slope
    of least squares, which takes one of them for exact, is too small with every error; frame upon frame that makes the
    world flat (5 % of error: a quarter of its depth left after 60 frames).

    None with too little to trust (under 1 % of the picture), without any depth on either side, and where the line that
    is found is `POOR`, or has a slope beyond `SLOPES`: a new scene.
    """
    seen = trust > 0.5
    if float(seen.float().mean()) < 0.01:
        return None
    x, y = (1 / depth)[seen], (1 / reference)[seen]
    deviations = [(values - values.median()).abs().mean() / values.median() for values in (x, y)]
    if min(float(deviation) for deviation in deviations) < 1e-6:
        return None
    slope = (deviations[1] * y.median() / (deviations[0] * x.median())).clamp(*SLOPES)
    shift = y.median() - slope * x.median()
    for _ in range(rounds):
        line = (slope * x + shift).clamp_min(0.25 * y)
        residual = (line - y) / (line * y).sqrt()  # relative to both alike: by y alone, low errors of y count more
        limit = 4.685 * 1.4826 * residual.abs().median().clamp_min(1e-6)  # Tukey's constant on the median deviation
        weight = (1 - (residual / limit) ** 2).clamp_min(0) ** 2 / (line * y)
        total = weight.sum().clamp_min(1e-12)
        mean_x, mean_y = (weight * x).sum() / total, (weight * y).sum() / total
        spread_x, spread_y = (weight * (x - mean_x) ** 2).sum(), (weight * (y - mean_y) ** 2).sum()
        slope = (spread_y / spread_x.clamp_min(1e-12)).sqrt()
        shift = mean_y - slope * mean_x
    wrong = ((slope * x + shift) / y).clamp_min(1e-3).log().abs()
    if float((wrong > POOR).float().mean()) > 0.25 or not SLOPES[0] <= float(slope) <= SLOPES[1]:
        return None
    return slope, shift
