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

BINS = 255 * 64 + 1
"""Of each channel's histogram, 64 to a grey level. Every 8-bit level is the middle of one, so 8-bit pictures are
matched exactly."""

FINEST = (1 << 16) - 1
"""Last entry of a table over 16 bits."""


@dataclass(frozen=True)
class Space:
    """A colour space and the range of its channels."""

    planes: Callable[[np.ndarray], np.ndarray]
    """float32 (3, H, W) from RGB."""
    picture: Callable[[np.ndarray], np.ndarray]
    """And back."""
    ranges: tuple[tuple[float, float], ...]
    """(lowest, highest) of each channel."""


@dataclass(frozen=True)
class Distribution:
    """How the values of one channel are distributed."""

    bins: np.ndarray
    """(k,) the bins that are not empty, ascending."""
    quantiles: np.ndarray
    """(k,) share of pixels at or below each."""


def match(picture: Tensor, sample: Tensor, space: Space) -> Tensor:
    """(3, H, W): `picture` with the histograms of `sample` in each channel of `space`.

    The sample may have another size. Its histograms are remembered for as long as it lives: a picture, once made, is
    never changed.
    """
    wanted = _remembered(sample, space)
    planes = space.planes(picture.cpu().numpy())
    matched = np.empty_like(planes)
    for channel, (low, high) in enumerate(space.ranges):
        _map(planes[channel], low, high, wanted[channel], out=matched[channel])
    return torch.from_numpy(space.picture(matched)).clamp_(0, 1).to(picture.device)


def match_rgb(picture: Tensor, sample: Tensor) -> Tensor:
    """Match red, green and blue."""
    return match(picture, sample, RGB)


def match_hsv(picture: Tensor, sample: Tensor) -> Tensor:
    """Match hue, saturation and value; the hue as a plain number, so red is at both of its ends (as Deforum)."""
    return match(picture, sample, HSV)


def match_lab(picture: Tensor, sample: Tensor) -> Tensor:
    """Match CIE L*a*b*."""
    return match(picture, sample, LAB)


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
        planes = space.planes(sample.cpu().numpy())
        known[space.ranges] = tuple(_distribution(plane, low, high) for plane, (low, high) in zip(planes, space.ranges))
    return known[space.ranges]


_samples: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Sample → ranges of a space → distributions. In LAB the sample costs as much as the picture, frame after frame."""


def _distribution(plane: np.ndarray, low: float, high: float) -> Distribution:
    return _counted(_scaled(plane, low, high, BINS - 1))


def _counted(levels: np.ndarray) -> Distribution:
    """Of bins, uint16 (H, W)."""
    counts = cv2.calcHist([levels], [0], None, [BINS], [0, BINS]).ravel()
    bins = np.flatnonzero(counts)
    return Distribution(bins=bins, quantiles=np.cumsum(counts[bins], dtype=np.float64) / levels.size)


def _map(plane: np.ndarray, low: float, high: float, wanted: Distribution, out: np.ndarray) -> None:
    """Write into `out` (H, W) the plane with the wanted distribution in place of its own.

    Each value is shifted by what its bin is shifted, so within a bin floats keep their distances, and a plane that has
    the wanted distribution stays as it is to the last bit.
    """
    levels = _scaled(plane, low, high, BINS - 1)
    has = _counted(levels)
    becomes = np.interp(has.quantiles, wanted.quantiles, wanted.bins)
    shift = np.zeros((1, FINEST + 1), dtype=np.float32)
    shift[0, has.bins] = (high - low) / (BINS - 1) * (becomes - has.bins)
    cv2.LUT(levels, shift, dst=out)
    cv2.add(out, plane, dst=out)


def _scaled(plane: np.ndarray, low: float, high: float, last: int) -> np.ndarray:
    """[low, high] → 0 … last as uint16, rounded."""
    scale = last / (high - low)
    return cv2.addWeighted(plane, scale, plane, 0, -low * scale, dtype=cv2.CV_16U)  # one pass; below 0 becomes 0


def _converted(planes: np.ndarray, code: int) -> np.ndarray:
    """(3, H, W) through one of OpenCV's conversions."""
    out = np.empty_like(planes)
    cv2.split(cv2.cvtColor(cv2.merge(list(planes)), code), list(out))
    return out


def _lab_from_rgb(planes: np.ndarray) -> np.ndarray:
    """By way of linear light: OpenCV's direct conversion is off by half a grey level, and in a loop that adds up."""
    return _converted(_looked_up(planes, TO_LINEAR), cv2.COLOR_LRGB2LAB)


def _rgb_from_lab(planes: np.ndarray) -> np.ndarray:
    linear = _converted(planes, cv2.COLOR_LAB2LRGB)
    np.sqrt(np.maximum(linear, 0, out=linear), out=linear)
    return _looked_up(linear, FROM_ROOT)


def _looked_up(planes: np.ndarray, table: np.ndarray) -> np.ndarray:
    """[0, 1] (3, H, W) through a table of 2¹⁶ entries."""
    out = np.empty_like(planes)
    for plane, looked_up in zip(planes, out):
        cv2.LUT(_scaled(plane, 0, 1, FINEST), table, dst=looked_up)
    return out


def _srgb_to_linear(value: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


TO_LINEAR = _srgb_to_linear(np.linspace(0, 1, FINEST + 1)).astype(np.float32)[None]
FROM_ROOT = _linear_to_srgb(np.linspace(0, 1, FINEST + 1) ** 2).astype(np.float32)[None]
"""Of the square root of linear light, whose 16 bits are as fine in the dark as in the light."""

RGB = Space(planes=lambda rgb: rgb, picture=lambda rgb: rgb, ranges=((0.0, 1.0),) * 3)
HSV = Space(
    planes=lambda rgb: _converted(rgb, cv2.COLOR_RGB2HSV),
    picture=lambda hsv: _converted(hsv, cv2.COLOR_HSV2RGB),
    ranges=((0.0, 360.0), (0.0, 1.0), (0.0, 1.0)),
)
LAB = Space(planes=_lab_from_rgb, picture=_rgb_from_lab, ranges=((0.0, 100.0), (-128.0, 128.0), (-128.0, 128.0)))
