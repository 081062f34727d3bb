"""Unsharp mask, by a given amount or by as much as makes a picture as sharp as another."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from animate.picture.blur import gaussian, separable
from animate.picture.color import LUMA
from animate.picture.compiled import compiled
from animate.picture.threads import each, strips

ZERO, ONE = np.float32(0), np.float32(1)

SOFTEST, CRISPEST = -0.85, 1.0
"""Least and greatest amount of one match, set by eye: beyond them a picture blurs or rings in a single frame. With -0.7
one frame in 240 of a long zoom was left a fifth too crisp, which is seen as a flash."""


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
    if picture.device.type != "cpu":
        lost = picture - separable(picture, weights, weights)
        lost = torch.where(lost.abs() < threshold / 255, 0, lost) if threshold > 0 else lost
        return torch.add(picture, lost, alpha=amount).clamp_(0, 1)
    planes, taps = picture.detach().float().contiguous().numpy(), weights.astype(np.float32)
    out = np.empty_like(planes)

    def sharpen(strip: slice) -> None:
        _unsharp(planes, taps, np.float32(amount), np.float32(threshold / 255), out, strip.start, strip.stop)

    each(sharpen, strips(*planes.shape[1:]))
    return torch.from_numpy(out)


@compiled
def _unsharp(planes, taps, amount, threshold, out, top, bottom):  # type: ignore[no-untyped-def]
    """Rows of `out`; the border mirrors (OpenCV's BORDER_REFLECT)."""
    height, width = planes.shape[1:]
    reach = len(taps) // 2
    down, blurred = np.empty(width + 2 * reach, np.float32), np.empty(width, np.float32)
    for channel in range(planes.shape[0]):
        for y in range(top, bottom):
            down[:], blurred[:] = ZERO, ZERO
            for tap in range(len(taps)):
                row = planes[channel, _mirrored(y + tap - reach, height)]
                for x in range(width):
                    down[reach + x] += taps[tap] * row[x]
            for x in range(reach):
                down[reach - 1 - x] = down[reach + _mirrored(-1 - x, width)]
                down[reach + width + x] = down[reach + _mirrored(width + x, width)]
            for tap in range(len(taps)):
                for x in range(width):
                    blurred[x] += taps[tap] * down[tap + x]
            for x in range(width):
                here = planes[channel, y, x]
                lost = here - blurred[x]
                more = ZERO if np.abs(lost) < threshold else amount * lost
                out[channel, y, x] = min(max(here + more, ZERO), ONE)


@compiled
def _mirrored(index, size):  # type: ignore[no-untyped-def]
    along = index % (2 * size)
    return min(along, 2 * size - 1 - along)


def match_sharpness(picture: Tensor, sample: Tensor, share: float = 1.0) -> Tensor:
    """Bring `picture` to the sharpness of `sample`: the mean square of the Laplacian of its luma.

    Of p + g (p − blurred) that is a parabola in g, so the amount g is found at once. Where even the softest or crispest
    allowed is not enough, that is taken.

    Args:
        picture: (3, H, W) in [0, 1].
        sample: (3, h, w), remembered for as long as it lives.
        share: how far to go, 0 to 1, as a power: a picture 4 times as sharp ends 2 times as sharp at ½.

    Returns:
        (3, H, W) in [0, 1]; the picture itself for share 0.
    """
    if share <= 0:
        return picture
    weights = gaussian(5, 1.0)
    lost = picture - separable(picture, weights, weights)
    has, more = _laplacian(_luma(picture)), _laplacian(_luma(lost))
    now, cross, bend = (float((a * b).mean()) for a, b in ((has, has), (has, more), (more, more)))
    wanted = now ** (1 - share) * _remembered(sample) ** share
    amount = _root(bend, 2 * cross, now - wanted)
    return lost.mul_(amount).add_(picture).clamp_(0, 1)


def sharpness(picture: Tensor) -> float:
    """Mean square of the Laplacian of the luma of (3, H, W); 0 for a plain one."""
    return float(_laplacian(_luma(picture)).square().mean())


def _root(a: float, b: float, c: float) -> float:
    """The solution of a g² + b g + c = 0 nearest to 0 on the rising side; where there is none, the least a g² + b g."""
    if a <= 0:
        return 0.0
    turn = -b / (2 * a)
    rest = turn**2 - c / a
    return float(np.clip(turn + np.sqrt(max(rest, 0.0)), SOFTEST, CRISPEST))


def _luma(picture: Tensor) -> Tensor:
    red, green, blue = picture
    return (LUMA[0] * red).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def _laplacian(plane: Tensor) -> Tensor:
    """(H, W) → (H − 2, W − 2): the four neighbours less four times the middle; empty planes give 0."""
    if min(plane.shape) < 3:
        return plane.new_zeros(1, 1)
    middle = plane[1:-1, 1:-1]
    around = plane[:-2, 1:-1] + plane[2:, 1:-1]
    return around.add_(plane[1:-1, :-2]).add_(plane[1:-1, 2:]).sub_(middle, alpha=4)


def _remembered(sample: Tensor) -> float:
    if sample not in _samples:
        _samples[sample] = sharpness(sample)
    return _samples[sample]


_samples: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Sample → its sharpness."""
