"""A picture read between its pixels.

Bicubic here is Keys' kernel with a = −½ (Keys 1981, "Cubic convolution interpolation", eq. 15), which reproduces lines
and parabolas. OpenCV's and torch's own bicubic have a = −¾: they amplify middle frequencies and move slow content half
again too far. In a feedback loop that explodes: 120 zooms of 1.01 took a photograph from [0, 1] to [−4.7, 4.5], with
a = −½ to [−0.13, 1.05].

No library samples with a = −½, but it takes a few bilinear reads: along one axis, with s the fractional position,

    keys(s) = linear(f, s) + ½ s (1 − s) · linear(−δ²f, s),        δ²f(x) = f(x − 1) − 2 f(x) + f(x + 1)

In the plane that is one read of f and one of its bend along each axis. The product of both axes would have a fourth
term; without it a diagonal wave at half the finest frequency loses 4 % and nothing else changes.

On a CPU the channels of a pixel lie beside each other in memory, four and four: OpenCV reads four in the time of one.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animate.picture.blur import separable
from animate.picture.border import fold, pad
from animate.picture.threads import STRIP_PIXELS, each, strips

TOGETHER = 4
"""Channels that are read at once."""
OVERLAP = 2.0
"""How often a row of the picture may be made ready before larger strips cost less."""


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
    if sampling in PLAIN:
        result = _plain(picture, x, y, border, PLAIN[sampling])
        return result.clamp_(0, 1) if clamped else result
    if sampling not in CURVED:
        raise ValueError(f"unknown sampling {sampling!r}; known are {', '.join(SAMPLINGS)}")
    margin, start, read = CURVED[sampling]
    height, width = picture.shape[-2:]
    if picture.device.type != "cpu":
        across, down = fold(x, width, border) + start, fold(y, height, border) + start
        result = read(pad(picture, margin, border), across, down, picture.new_empty(len(picture), *x.shape))
        return result.clamp_(0, 1) if clamped else result
    padded = None if border == "replicate" else pad(picture, margin, border)
    out = torch.empty(picture.shape[0], *x.shape)

    def fill(strip: Strip) -> None:
        rows, down, first, last = strip
        across, down = fold(x[rows], width, border).add_(start), down.add(start - first)
        for some in range(0, len(out), TOGETHER):
            channels = slice(some, some + TOGETHER)
            if padded is None:
                source = _extended(picture[channels], first, last, margin)
            else:
                source = _packed(padded[channels, first : last + 2 * margin])
            result = read(source, across, down, out[channels, rows])
            if clamped:
                result.clamp_(0, 1)

    each(fill, _strips(y, height, border))
    return out


def _plain(picture: Tensor, x: Tensor, y: Tensor, border: str, rounded: bool) -> Tensor:
    """One read of all channels; arguments as `resample`.

    Args:
        rounded: at whole pixels only.
    """
    height, width = picture.shape[-2:]
    margin = 1 if border == "wrap" else 0  # between the last pixel and the first
    source = pad(picture, margin, border) if margin else picture
    step = TOGETHER if len(picture) > 2 else 1  # two are sooner read than packed
    some = [slice(first, first + step) for first in range(0, len(picture), step)]
    sources = [_packed(source[channels]) if picture.device.type == "cpu" else source[channels] for channels in some]
    out = picture.new_empty(picture.shape[0], *x.shape)

    def fill(rows: slice) -> None:
        across, down = fold(x[rows], width, border), fold(y[rows], height, border)
        if margin or rounded:
            across, down = across + margin, down + margin
        if rounded:
            across, down = across.add_(0.5).floor_(), down.add_(0.5).floor_()
        for planes, channels in zip(sources, some):
            _read(planes, across, down, out[channels, rows])

    each(fill, strips(*x.shape) if picture.device.type == "cpu" else [slice(None)])
    return out


Strip = tuple[slice, Tensor, int, int]
"""Rows of what is read; the rows of the picture where; the first that is needed, and the one after the last."""


def _strips(y: Tensor, height: int, border: str) -> list[Strip]:
    """What a strip reads is made ready with it, so that both stay in a core's own cache."""
    pixels = STRIP_PIXELS
    while True:
        found = []
        for rows in strips(y.shape[0], y.shape[1], pixels):
            down = fold(y[rows], height, border)
            lowest, highest = torch.aminmax(down)
            found.append((rows, down, int(lowest), min(int(highest) + 2, height + 1)))
        if len(found) == 1 or sum(last - first for _, _, first, last in found) < OVERLAP * height:
            return found
        pixels *= 4


def _packed(picture: Tensor) -> Tensor:
    """(C, H, W) on a CPU with the channels of a pixel beside each other, two or three filled up to `TOGETHER`."""
    if len(picture) == 1:
        return picture
    planes = list(picture.numpy())
    return torch.from_numpy(cv2.merge(planes + planes[-1:] * (TOGETHER - len(planes)))).permute(2, 0, 1)


def _extended(picture: Tensor, first: int, last: int, margin: int) -> Tensor:
    """The rows `first` to `last` of `picture` (C, H, W), packed, with a margin of what is there or the edge again."""
    top, bottom = max(first - margin, 0), min(last + margin, picture.shape[1])
    above, below = top - first + margin, last + margin - bottom
    # packed, then framed: packing into a frame takes three times as long as packing
    rows = np.ascontiguousarray(_packed(picture[:, top:bottom]).permute(1, 2, 0).numpy())
    framed = cv2.copyMakeBorder(rows, above, below, margin, margin, cv2.BORDER_REPLICATE)
    return torch.from_numpy(framed.reshape(*framed.shape[:2], -1)).permute(2, 0, 1)


def _bicubic(picture: Tensor, x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Positions count from the second pixel: what bends has neighbours."""
    inner = picture[:, 1:-1, 1:-1]
    _read(inner, x, y, out)
    bent = torch.empty_like(out)
    bend = torch.lerp(picture[:, 1:-1, :-2], picture[:, 1:-1, 2:], 0.5)
    torch.sub(inner, bend, out=bend)  # half of −δ² across
    out.addcmul_(_read(bend, x, y, bent), _bend_weight(x))
    torch.lerp(picture[:, :-2, 1:-1], picture[:, 2:, 1:-1], 0.5, out=bend)
    torch.sub(inner, bend, out=bend)  # and down
    return out.addcmul_(_read(bend, x, y, bent), _bend_weight(y))


def _bend_weight(position: Tensor) -> Tensor:
    """s (1 − s) of the fractional position."""
    s = position.frac()
    return s.addcmul_(s, s, value=-1)


def _lanczos(picture: Tensor, x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Keys' kernel on a picture doubled by a windowed sinc of eight taps: fine detail survives more rounds."""
    doubled = _doubled(picture.contiguous())
    packed = _packed(doubled) if picture.device.type == "cpu" else doubled
    return _bicubic(packed, 2 * x - 1, 2 * y - 1, out)


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


PLAIN = {"bilinear": False, "nearest": True}
"""Whether positions are rounded."""
CURVED: dict[str, tuple[int, int, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]]] = {
    "bicubic": (3, 2, _bicubic),
    "lanczos": (8, 8, _lanczos),
}
"""How many pixels beyond the picture each may touch; where the picture begins in what is read; and how a picture
(C, H, W) padded by so much is read at positions (h, w) into (c, h, w), which it gives back."""
SAMPLINGS = (*CURVED, *PLAIN)


def _read(planes: Tensor, x: Tensor, y: Tensor, out: Tensor) -> Tensor:
    """Bilinear reads of (C, H, W) at positions (h, w) inside it into `out` (c, h, w), which is given back.

    What is packed may have more channels than are wanted.
    """
    height, width = planes.shape[-2:]
    if planes.device.type != "cpu":
        grid = torch.stack([x * (2 / (width - 1)) - 1, y * (2 / (height - 1)) - 1], dim=-1)
        read = F.grid_sample(planes[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=True)[0]
        return out.copy_(read[: len(out)])
    # OpenCV 5 reads linearly at exact float positions; 4.x rounds them to 1/32 px
    filled, how = list(out.numpy()), cv2.INTER_LINEAR
    if len(planes) == 1:
        cv2.remap(planes[0].numpy(), x.numpy(), y.numpy(), how, dst=filled[0], borderMode=cv2.BORDER_REPLICATE)
    else:
        source = planes.permute(1, 2, 0).numpy()
        found = cv2.remap(source, x.numpy(), y.numpy(), how, borderMode=cv2.BORDER_REPLICATE)
        spare = [np.empty_like(filled[0]) for _ in range(len(planes) - len(out))]
        cv2.split(found, filled + spare)
    return out
