"""A picture read between its pixels.

Bicubic here is Keys' kernel with a = −½ (Keys 1981, "Cubic convolution interpolation", eq. 15), which reproduces lines
and parabolas. OpenCV's and torch's own bicubic have a = −¾: they amplify middle frequencies and move slow content half
again too far. In a feedback loop that explodes: 120 zooms of 1.01 took a photograph from [0, 1] to [−4.7, 4.5], with
a = −½ to [−0.13, 1.05].

On a CPU that is one loop over the sixteen pixels around a place. Elsewhere it is four of torch's bilinear reads: along
one axis, with s the fractional position,

    keys(s) = linear(f, s) + ½ s (1 − s) · linear(−δ²f, s),        δ²f(x) = f(x − 1) − 2 f(x) + f(x + 1)

so in the plane one of f, one of its bend along each axis and one of the bend of the bend.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animate.picture.blur import separable
from animate.picture.border import FOLDS, fold, indices, pad
from animate.picture.compiled import compiled, inlined
from animate.picture.threads import each, strips

SAMPLINGS = ("bicubic", "lanczos", "bilinear", "nearest")
SPARE = 8
"""Pixels around a picture before it is doubled for `lanczos`: what the windowed sinc reaches, and Keys' kernel then."""


def resample(
    picture: Tensor,
    x: Tensor,
    y: Tensor,
    border: str = "replicate",
    sampling: str = "bicubic",
    clamped: bool = False,
) -> Tensor:
    """Read `picture` at the positions (x, y).

    Args:
        picture: (C, H, W), any range.
        x: (h, w) columns in pixels, 0 the centre of the first.
        y: (h, w) rows.
        border: what lies outside: `replicate`, `wrap`, `reflect`.
        sampling: a name in `SAMPLINGS`.
        clamped: to [0, 1], as all but `nearest` and `bilinear` may overshoot.

    Returns:
        (C, h, w).
    """
    if sampling not in SAMPLINGS:
        raise ValueError(f"unknown sampling {sampling!r}; known are {', '.join(SAMPLINGS)}")
    if border not in FOLDS:
        raise ValueError(f"unknown border {border!r}; known are {', '.join(FOLDS)}")
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(f"columns {tuple(x.shape)} and rows {tuple(y.shape)} of what is read must be (h, w) both")
    height, width = picture.shape[-2:]
    if not height or not width:
        raise ValueError(f"nothing can be read from a picture of {height} × {width}")
    picture = picture.detach().float()
    if sampling == "lanczos":  # Keys' kernel on a picture that a windowed sinc has doubled
        picture = _doubled(pad(picture, SPARE, border))
        x, y = (2 * (fold(place, size, border) + SPARE) for place, size in ((x, width), (y, height)))
        border = "replicate"
    if picture.device.type == "cpu":
        return _by_loop(picture, x, y, border, sampling, clamped)
    read = _by_torch(picture, x, y, border, sampling)
    return read.clamp_(0, 1) if clamped else read


def _by_loop(picture: Tensor, x: Tensor, y: Tensor, border: str, sampling: str, clamped: bool) -> Tensor:
    planes, across, down = (tensor.detach().float().contiguous().numpy() for tensor in (picture, x, y))
    least, most = (np.float32(0), np.float32(1)) if clamped else (np.float32(-np.inf), np.float32(np.inf))
    count, height, width = planes.shape
    out = np.empty((count, *across.shape), np.float32)
    code = CODES[border]
    if sampling in ("bilinear", "nearest"):
        nearest = sampling == "nearest"
        _in_strips(partial(_straight, planes, across, down, code, nearest, least, most, out), *across.shape)
        return torch.from_numpy(out)
    rows, columns = (indices(size, BEFORE, AFTER, border).numpy() for size in (height, width))
    beside = np.zeros((len(rows), len(columns), TOGETHER), np.float32)
    for first in range(0, count, TOGETHER):
        some = slice(first, first + TOGETHER)
        _pack(planes[some], rows, columns, beside)
        read = partial(_curved, beside, across, down, code, least, most, out[some])
        _in_strips(read, *across.shape)
    return torch.from_numpy(out)


def _in_strips(read: Callable[[int, int], object], height: int, width: int) -> None:
    each(lambda rows: read(rows.start, rows.stop), strips(height, width))


def _by_torch(picture: Tensor, x: Tensor, y: Tensor, border: str, sampling: str) -> Tensor:
    height, width = picture.shape[-2:]
    x, y = (fold(place, size, border).nan_to_num_(0) for place, size in ((x, width), (y, height)))
    if sampling == "nearest":
        x, y = x.add(0.5).floor_(), y.add(0.5).floor_()
    padded, margin = pad(picture, 3, border), 2
    inner, x, y = padded[:, 1:-1, 1:-1], x + margin, y + margin
    read = _linear(inner, x, y)
    if sampling in ("bilinear", "nearest"):
        return read
    (s, t), bent = (x.frac(), y.frac()), _bend(padded, -1)
    across, down, both = bent[:, 1:-1], _bend(padded, -2)[..., 1:-1], _bend(bent, -2)
    s, t = s - s * s, t - t * t
    read.addcmul_(_linear(across, x, y), s).addcmul_(_linear(down, x, y), t)
    return read.addcmul_(_linear(both, x, y), s * t)


def _bend(picture: Tensor, axis: int) -> Tensor:
    """Half of −δ² along an axis, which so becomes shorter by two."""
    length = picture.shape[axis] - 2
    before, middle, after = (picture.narrow(axis, start, length) for start in range(3))
    return middle - torch.lerp(before, after, 0.5)


def _linear(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear reads of (C, H, W) at positions (h, w) inside it."""
    height, width = planes.shape[-2:]
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1)
    return F.grid_sample(planes[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=True)[0]


def _doubled(picture: Tensor) -> Tensor:
    """(C, H, W) → (C, 2H, 2W): the samples at 0, ½, 1, …; right from four pixels within the edges on."""
    itself = np.ones(1)
    between = separable(picture, itself, HALF_WAY, "replicate")
    wide = torch.stack([picture, between], dim=-1).flatten(-2)
    between = separable(wide, HALF_WAY, itself, "replicate")
    return torch.stack([wide, between], dim=-2).flatten(-3, -2)


def _half_way(lobes: int) -> np.ndarray:
    """(2 · lobes + 1,) Lanczos weights of the pixels around the point half a pixel after the middle one."""
    distance = np.arange(-lobes, lobes + 1) - 0.5
    weights = np.where(np.abs(distance) < lobes, np.sinc(distance) * np.sinc(distance / lobes), 0)
    return weights / weights.sum()


HALF_WAY = _half_way(lobes=4)


# --- loops ------------------------------------------------------------------------------------------------------------

BEFORE, AFTER = 1, 3
"""Pixels around the picture that Keys' kernel may touch: where a picture wraps, a place may be its width."""
TOGETHER = 4
"""Channels that are read at once."""

ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
STEEP, STEEPER = np.float32(1.5), np.float32(2.5)
STEP, TWO_STEPS, THREE_STEPS = np.uint64(1), np.uint64(2), np.uint64(3)
REPLICATE, WRAP, REFLECT = range(3)
CODES = {"replicate": REPLICATE, "wrap": WRAP, "reflect": REFLECT}
"""What the loops call the borders of `FOLDS`."""


@compiled
def _pack(planes, rows, columns, out):  # type: ignore[no-untyped-def]
    """(c, H, W), c up to four → (h, w, 4), of some rows and columns: so a pixel is read at once."""
    for v in range(len(rows)):
        for channel in range(len(planes)):
            row = planes[channel, rows[v]]
            for u in range(len(columns)):
                out[v, u, channel] = row[np.uint64(columns[u])]


@compiled
def _curved(packed, x, y, border, least, most, out, top, bottom):  # type: ignore[no-untyped-def]
    """Rows of `out` by Keys' kernel, from what `_pack` made of `BEFORE` to `AFTER` pixels around the picture."""
    height, width = packed.shape[0] - BEFORE - AFTER, packed.shape[1] - BEFORE - AFTER
    across, down = np.empty(x.shape[1], np.float32), np.empty(x.shape[1], np.float32)
    read = np.empty((x.shape[1], TOGETHER), np.float32)
    for v in range(top, bottom):
        _fold(x[v], width, border, across)
        _fold(y[v], height, border, down)
        for u in range(len(read)):
            left, high = np.int32(across[u]), np.int32(down[u])
            a, b, c, d = _keys(across[u] - np.float32(left))
            e, f, g, h = _keys(down[u] - np.float32(high))
            x0, y0 = np.uint64(left), np.uint64(high)
            i0, i1, i2, i3 = _on_row(packed, y0, x0, a, b, c, d)
            j0, j1, j2, j3 = _on_row(packed, y0 + STEP, x0, a, b, c, d)
            k0, k1, k2, k3 = _on_row(packed, y0 + TWO_STEPS, x0, a, b, c, d)
            l0, l1, l2, l3 = _on_row(packed, y0 + THREE_STEPS, x0, a, b, c, d)
            read[u, 0] = e * i0 + f * j0 + g * k0 + h * l0
            read[u, 1] = e * i1 + f * j1 + g * k1 + h * l1
            read[u, 2] = e * i2 + f * j2 + g * k2 + h * l2
            read[u, 3] = e * i3 + f * j3 + g * k3 + h * l3
        for channel in range(len(out)):
            for u in range(len(read)):
                out[channel, v, u] = min(max(read[u, channel], least), most)


@inlined
def _keys(s):  # type: ignore[no-untyped-def]
    """The weights of the four pixels around a place, s after the second."""
    rest = ONE - s
    first, last = -HALF * s * rest * rest, -HALF * rest * s * s
    second = ONE + s * s * (STEEP * s - STEEPER)
    return first, second, ONE - first - second - last, last


@inlined
def _on_row(packed, y, x, a, b, c, d):  # type: ignore[no-untyped-def]
    """Four pixels weighted, each channel for itself, which the compiler makes one operation of all four."""
    x1, x2, x3 = x + STEP, x + TWO_STEPS, x + THREE_STEPS
    return (
        a * packed[y, x, 0] + b * packed[y, x1, 0] + c * packed[y, x2, 0] + d * packed[y, x3, 0],
        a * packed[y, x, 1] + b * packed[y, x1, 1] + c * packed[y, x2, 1] + d * packed[y, x3, 1],
        a * packed[y, x, 2] + b * packed[y, x1, 2] + c * packed[y, x2, 2] + d * packed[y, x3, 2],
        a * packed[y, x, 3] + b * packed[y, x1, 3] + c * packed[y, x2, 3] + d * packed[y, x3, 3],
    )


@compiled
def _straight(planes, x, y, border, nearest, least, most, out, top, bottom):  # type: ignore[no-untyped-def]
    """Rows of `out`, bilinear or from whole pixels only."""
    count, height, width = planes.shape
    across, down = np.empty(x.shape[1], np.float32), np.empty(x.shape[1], np.float32)
    for v in range(top, bottom):
        _fold(x[v], width, border, across)
        _fold(y[v], height, border, down)
        if nearest:
            across, down = np.floor(across + HALF), np.floor(down + HALF)
        for u in range(len(across)):
            left, high = np.int32(across[u]), np.int32(down[u])
            s, t = across[u] - np.float32(left), down[u] - np.float32(high)
            # past the last pixel comes the first where it wraps, else what is read there does not count
            x0, y0 = np.uint64(left if left < width else 0), np.uint64(high if high < height else 0)
            x1, y1 = (
                x0 + STEP if x0 + STEP < width else np.uint64(0),
                y0 + STEP if y0 + STEP < height else np.uint64(0),
            )
            for channel in range(count):
                k = np.uint64(channel)
                first = planes[k, y0, x0] + s * (planes[k, y0, x1] - planes[k, y0, x0])
                other = planes[k, y1, x0] + s * (planes[k, y1, x1] - planes[k, y1, x0])
                out[k, v, u] = min(max(first + t * (other - first), least), most)


@compiled
def _fold(places, size, border, out):  # type: ignore[no-untyped-def]
    """As `border.fold`; what is no number is 0."""
    length = np.float32(size)
    if border == WRAP:
        for u in range(len(places)):
            out[u] = min(max(ZERO, places[u] - length * np.floor(places[u] / length)), length)
    elif border == REFLECT:
        for u in range(len(places)):
            beyond = places[u] + HALF
            beyond -= TWO * length * np.floor(beyond / (TWO * length))
            out[u] = min(max(ZERO, length - HALF - np.abs(length - beyond)), length - ONE)
    else:
        for u in range(len(places)):
            out[u] = min(max(ZERO, places[u]), length - ONE)
