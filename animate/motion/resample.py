"""A picture read between its pixels.

Bicubic here is Keys' kernel with a = −½ (Keys 1981, "Cubic convolution interpolation", eq. 15), which reproduces lines
and parabolas. OpenCV's and torch's own bicubic have a = −¾: they amplify middle frequencies and move slow content half
again too far. In a feedback loop that explodes: 120 zooms of 1.01 took a photograph from [0, 1] to [−4.7, 4.5], with
a = −½ to [−0.13, 1.05].

No library samples with a = −½, but it takes four bilinear reads: along one axis, with s the fractional position,

    keys(s) = linear(f, s) + ½ s (1 − s) · linear(−δ²f, s),        δ²f(x) = f(x − 1) − 2 f(x) + f(x + 1)

and the plane is the product of both axes: f, δ²ₓf, δ²ᵧf, δ²ₓδ²ᵧf. OpenCV reads four channels in the time of one.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animate.picture.border import fold, pad


def resample(picture: Tensor, x: Tensor, y: Tensor, border: str = "replicate", sampling: str = "bicubic") -> Tensor:
    """Read `picture` at the positions (x, y).

    Args:
        picture: (C, H, W), any range.
        x: (h, w) columns in pixels, 0 the centre of the first.
        y: (h, w) rows.
        border: what lies outside: `replicate`, `wrap`, `reflect`.
        sampling: a name in `SAMPLINGS`.

    Returns:
        (C, h, w), not clamped: all but `nearest` and `bilinear` may overshoot.
    """
    if sampling not in SAMPLINGS:
        raise ValueError(f"unknown sampling {sampling!r}; known are {', '.join(SAMPLINGS)}")
    height, width = picture.shape[-2:]
    margin, read = SAMPLINGS[sampling]
    inside_x, inside_y = fold(x, width, border), fold(y, height, border)
    return read(pad(picture, margin, border), inside_x.add_(margin), inside_y.add_(margin))


def _nearest(padded: Tensor, x: Tensor, y: Tensor) -> Tensor:
    width = padded.shape[-1]
    index = (y + 0.5).floor().long() * width + (x + 0.5).floor().long()
    return padded.flatten(1).index_select(1, index.flatten()).unflatten(1, index.shape)


def _bilinear(padded: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if padded.device.type == "cpu":
        return _read_by_opencv(padded, x, y).movedim(-1, 0).contiguous()
    return _read_by_torch(padded, x, y)


def _bicubic(padded: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Reads of (C, H, W) at least one pixel away from its edges."""
    bends = _bends(padded)  # (4, C, H − 2, W − 2)
    x, y = x - 1, y - 1
    weight_x, weight_y = _bend_weight(x), _bend_weight(y)
    if padded.device.type != "cpu":
        reads = _read_by_torch(bends.flatten(0, 1), x, y).unflatten(0, bends.shape[:2])
        return _bent(reads.unbind(0), weight_x, weight_y, out=torch.empty_like(reads[0]))
    out = torch.empty(padded.shape[0], *x.shape)
    for channel, plane in enumerate(out):
        reads = _read_by_opencv(bends[:, channel], x, y)  # (h, w, 4)
        _bent(reads.unbind(-1), weight_x, weight_y, out=plane)
    return out


def _lanczos(padded: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Keys' kernel on a picture doubled by a windowed sinc: ten taps wide, flat to three quarters of the band."""
    return _bicubic(_doubled(_doubled(padded).mT).mT, 2 * (x - 3), 2 * (y - 3))


SAMPLINGS: dict[str, tuple[int, Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    "bicubic": (3, _bicubic),
    "bilinear": (1, _bilinear),
    "nearest": (1, _nearest),
    "lanczos": (8, _lanczos),
}
"""How many pixels beyond the read cell each needs, and the function."""


def _bends(picture: Tensor) -> Tensor:
    """(C, H, W) → (4, C, H − 2, W − 2): the picture, −δ² across, −δ² down, both; halved with each difference."""
    height, width = picture.shape[-2:]
    out = torch.empty(4, picture.shape[0], height - 2, width - 2, dtype=picture.dtype, device=picture.device)
    across = torch.lerp(picture[..., :-2], picture[..., 2:], 0.5).neg_().add_(picture[..., 1:-1])
    out[0] = picture[:, 1:-1, 1:-1]
    out[1] = across[:, 1:-1]
    middle = picture[..., 1:-1]
    torch.sub(middle[:, 1:-1], torch.lerp(middle[:, :-2], middle[:, 2:], 0.5), out=out[2])
    torch.sub(across[:, 1:-1], torch.lerp(across[:, :-2], across[:, 2:], 0.5), out=out[3])
    return out


def _bend_weight(position: Tensor) -> Tensor:
    """s (1 − s) of the fractional position (the ½ sits in `_bends`)."""
    s = position.frac()
    return torch.addcmul(s, s, s, value=-1)


def _bent(reads: tuple[Tensor, ...], weight_x: Tensor, weight_y: Tensor, out: Tensor) -> Tensor:
    """The product of both axes' formulas."""
    flat, across, down, both = reads
    return torch.addcmul(
        torch.addcmul(flat, weight_x, across), weight_y, torch.addcmul(down, weight_x, both), out=out
    )


def _doubled(picture: Tensor) -> Tensor:
    """(…, n) → (…, 2 (n − 7)): the samples at 3, 3½, 4, … along the last axis."""
    cells = picture.shape[-1] - len(HALF_WAY) + 1
    half_way = torch.zeros_like(picture[..., :cells])
    for first, weight in enumerate(HALF_WAY):
        half_way.add_(picture[..., first : first + cells], alpha=float(weight))
    return torch.stack([picture[..., 3 : 3 + cells], half_way], dim=-1).flatten(-2)


def _lanczos_half_way(lobes: int) -> np.ndarray:
    distance = np.arange(-lobes + 0.5, lobes)
    weights = np.sinc(distance) * np.sinc(distance / lobes)
    return weights / weights.sum()


HALF_WAY = _lanczos_half_way(4)
"""Lanczos weights (4 lobes) of the eight pixels around a point half-way between two."""


def _read_by_opencv(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear reads of (K, H, W) at positions inside it → (h, w, K).

    OpenCV 5 reads linearly at exact float positions; 4.x rounds them to 1/32 px (INTER_BITS).
    """
    count = len(planes)
    source = [plane.numpy() for plane in planes]
    if count == 3:
        source.append(source[0])  # one and four channels have a fast path: 0.4 ms at 512², three take 1.2 ms
    read = cv2.remap(cv2.merge(source), x.numpy(), y.numpy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(read.reshape(*x.shape, len(source)))[..., :count]


def _read_by_torch(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Bilinear reads of (K, H, W) at positions inside it → (K, h, w)."""
    height, width = planes.shape[-2:]
    grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1)
    return F.grid_sample(planes[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=True)[0]
