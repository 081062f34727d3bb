"""Colour: matching to a sample, and grading.

Matching gives each channel of a picture the histogram of a sample's (the semantics of scikit-image's
`match_histograms`): the value at some quantile becomes the sample's value at that quantile. Against the drift of a
feedback loop it is Deforum's best remedy; here it works on floats, so that it does not itself band the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B in the brightness of gamma-coded colours (ITU-R BT.601), as OpenCV's grey."""

YIQ = np.array([LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)])
"""RGB → luma and the two colour axes of NTSC: hue is an angle in the plane of the last two, saturation a radius."""

NODES = 255 * 16 + 1
"""Histogram bins a channel. Every 8-bit level is the middle of one, so 8-bit pictures are matched exactly."""

STEPS = 16
"""Entries of the final table between two nodes: 1/256 of a grey level, one rounding of a float picture to 16 bits."""


@dataclass(frozen=True)
class Space:
    """A colour space and the range of its channels."""

    planes: Callable[[Tensor], list[np.ndarray]]
    """(3, H, W) RGB → three float32 (H, W)."""
    picture: Callable[[list[np.ndarray]], Tensor]
    """And back."""
    ranges: tuple[tuple[float, float], ...]
    """(lowest, highest) of each channel."""


@dataclass(frozen=True)
class Distribution:
    """How the values of one channel are distributed."""

    nodes: np.ndarray
    """(k,) the histogram bins that are not empty, ascending, in 0 … NODES − 1."""
    quantiles: np.ndarray
    """(k,) share of pixels at or below each."""


def match(picture: Tensor, sample: Tensor, space: Space) -> Tensor:
    """(3, H, W): `picture` with the histograms of `sample` in each channel of `space`.

    The sample may have another size. Its histograms are remembered for as long as it lives: a picture, once made, is
    never changed.
    """
    wanted = _remembered(sample, space)
    matched = [
        _mapped(plane, low, high, distribution)
        for plane, (low, high), distribution in zip(space.planes(picture), space.ranges, wanted)
    ]
    return space.picture(matched).clamp_(0, 1).to(picture.device)


def match_rgb(picture: Tensor, sample: Tensor) -> Tensor:
    """Match red, green and blue."""
    return match(picture, sample, RGB)


def match_hsv(picture: Tensor, sample: Tensor) -> Tensor:
    """Match hue, saturation and value; the hue as a plain number, so red is at both of its ends (as Deforum)."""
    return match(picture, sample, HSV)


def match_lab(picture: Tensor, sample: Tensor) -> Tensor:
    """Match CIE L*a*b*.

    OpenCV's conversions are off by half a grey level, which in a loop adds up (17 levels after 100 rounds). The
    picture that came back unmatched is off by the same, so the matched picture is corrected by the difference.
    """
    planes = LAB.planes(picture)
    wanted = _remembered(sample, LAB)
    matched = [
        _mapped(plane, low, high, distribution) for plane, (low, high), distribution in zip(planes, LAB.ranges, wanted)
    ]
    change = LAB.picture(matched).sub_(LAB.picture(planes))
    return change.to(picture.device).add_(picture).clamp_(0, 1)


MATCHERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"RGB": match_rgb, "HSV": match_hsv, "LAB": match_lab}
"""By the names of `color_coherence`: (picture, sample), both (3, H, W) → (3, H, W)."""


def greyscale(picture: Tensor) -> Tensor:
    """(3, H, W) → (3, H, W), all channels the luma."""
    red, green, blue = (weight * plane for weight, plane in zip(LUMA, picture))
    return red.add_(green).add_(blue).expand(3, -1, -1).contiguous()


def contrast(picture: Tensor, factor: float) -> Tensor:
    """Deforum's contrast: the picture times `factor`, in [0, 1] without its wrap-around; 1 returns the picture."""
    return picture if factor == 1 else (picture * factor).clamp_(0, 1)


def grade(picture: Tensor, brightness: float = 1.0, saturation: float = 1.0, hue: float = 0.0) -> Tensor:
    """Turn and scale the colours; at 1, 1, 0 the picture itself.

    Args:
        picture: (3, H, W) in [0, 1].
        brightness: factor of all.
        saturation: factor of the distance from grey of the same luma.
        hue: degrees around the colour wheel at the same luma, red → yellow → green; two turns add up.

    Returns:
        (3, H, W) in [0, 1].
    """
    if (brightness, saturation, hue) == (1, 1, 0):
        return picture
    cos, sin = saturation * np.cos(np.radians(hue)), saturation * np.sin(np.radians(hue))
    in_yiq = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    matrix = brightness * np.linalg.inv(YIQ) @ in_yiq @ YIQ
    weights = torch.as_tensor(matrix, dtype=picture.dtype, device=picture.device)
    return (weights @ picture.flatten(1)).clamp_(0, 1).view_as(picture)


def _remembered(sample: Tensor, space: Space) -> tuple[Distribution, ...]:
    known = _samples.setdefault(sample, {})
    if space.ranges not in known:
        known[space.ranges] = tuple(
            _distribution(plane, low, high) for plane, (low, high) in zip(space.planes(sample), space.ranges)
        )
    return known[space.ranges]


_samples: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Sample → ranges of a space → distributions. In LAB the sample costs as much as the picture, frame after frame."""


def _distribution(plane: np.ndarray, low: float, high: float) -> Distribution:
    counts = cv2.calcHist([_levels(plane, low, high, NODES - 1)], [0], None, [NODES], [0, NODES]).ravel()
    nodes = np.flatnonzero(counts)
    return Distribution(nodes=nodes, quantiles=np.cumsum(counts[nodes], dtype=np.float64) / plane.size)


def _mapped(plane: np.ndarray, low: float, high: float, wanted: Distribution) -> np.ndarray:
    """(H, W) with the wanted distribution, in place of the one it has."""
    has = _distribution(plane, low, high)
    becomes = np.interp(has.quantiles, wanted.quantiles, wanted.nodes)
    at_nodes = np.interp(np.arange(NODES), has.nodes, becomes)
    between = np.linspace(0, 1, STEPS, endpoint=False)
    fine = at_nodes[:-1, None] + np.diff(at_nodes)[:, None] * between  # (NODES − 1, STEPS)
    last = STEPS * (NODES - 1)
    table = np.full((1, 1 << 16), at_nodes[-1])
    table[0, :last] = fine.ravel()
    values = (low + (high - low) / (NODES - 1) * table).astype(np.float32)
    return cv2.LUT(_levels(plane, low, high, last), values)


def _levels(plane: np.ndarray, low: float, high: float, last: int) -> np.ndarray:
    """float32 (H, W) in [low, high] → uint16 in 0 … last, rounded."""
    scale = last / (high - low)
    levels = cv2.addWeighted(plane, scale, plane, 0, -low * scale, dtype=cv2.CV_16U)  # the only call that does all
    return np.minimum(levels, last)


def _rgb_planes(picture: Tensor) -> list[np.ndarray]:
    return [plane.numpy() for plane in picture.cpu()]


def _from_rgb(planes: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(planes))


def _converting(to_space: int, to_rgb: int, *ranges: tuple[float, float]) -> Space:
    return Space(
        planes=lambda picture: list(cv2.split(cv2.cvtColor(cv2.merge(_rgb_planes(picture)), to_space))),
        picture=lambda planes: _from_rgb(list(cv2.split(cv2.cvtColor(cv2.merge(planes), to_rgb)))),
        ranges=ranges,
    )


RGB = Space(planes=_rgb_planes, picture=_from_rgb, ranges=((0.0, 1.0),) * 3)
HSV = _converting(cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB, (0.0, 360.0), (0.0, 1.0), (0.0, 1.0))
LAB = _converting(cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB, (0.0, 100.0), (-128.0, 128.0), (-128.0, 128.0))
