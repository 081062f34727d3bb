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

from animate.picture.spaces import FINEST, HSV, LAB, RGB, Channel, Space
from animate.picture.threads import each, strips

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B in the brightness of gamma-coded colours (ITU-R BT.601), as OpenCV's grey."""

YIQ = np.array([LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)])
"""RGB → luma and the two colour axes of NTSC: hue is an angle in the plane of the last two, saturation a radius."""

BINS = 255 * 32 + 1
"""Of each channel's histogram, 32 to a grey level. Every 8-bit level is the middle of one, so 8-bit pictures are
matched exactly. With 64 counting takes twice as long (the counts leave the first cache), with 16 the distance to
scikit-image's float matching grows from 0.08 to 0.17 grey levels."""


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

    Each value is shifted by what its bin is shifted, so within a bin floats keep their distances, and a plane that has
    the wanted distribution stays as it is to the last bit.
    """
    wanted = _remembered(sample, space)
    rgb = picture.cpu().numpy()
    levels, matched = np.empty(rgb.shape, np.uint16), np.empty_like(rgb)

    def look(rows: slice) -> tuple[slice, np.ndarray]:
        return rows, _looked_at(rgb[:, rows], space, levels[:, rows], matched[:, rows])

    def paint(part: tuple[slice, np.ndarray]) -> None:
        rows, planes = part
        more = np.empty(planes.shape, np.float32)
        for level, shift, out in zip(levels[:, rows], shifts, more):
            cv2.LUT(level, shift, dst=out)
        space.picture(planes, more, matched[:, rows])

    looks = each(look, strips(*rgb.shape[1:]))
    shifts = each(lambda channel: _shift(_counts(channel[0]), *channel[1:]), zip(levels, wanted, space.channels))
    each(paint, looks)
    return torch.from_numpy(matched).to(picture.device)


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


def _remembered(sample: Tensor, space: Space) -> list[Distribution]:
    known = _samples.setdefault(sample, {})
    if space not in known:
        rgb = sample.cpu().numpy()
        levels = np.empty(rgb.shape, np.uint16)
        _looked_at(rgb, space, levels, np.empty_like(rgb))
        known[space] = [_distribution(_counts(channel)) for channel in levels]
    return known[space]


_samples: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Sample → space → distributions. In LAB the sample costs as much as the picture, frame after frame."""


def _looked_at(rgb: np.ndarray, space: Space, levels: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The planes of a picture (3, h, W), written to `out` if they are not there already, and the bin of every value of
    its channels, written to `levels`."""
    planes = space.planes(rgb, out)
    for channel, level in zip(space.channels, levels):
        channel.levels(planes, BINS - 1, level)
    return planes


def _counts(levels: np.ndarray) -> np.ndarray:
    """(BINS,) how many values are in each bin."""
    return cv2.calcHist([levels], [0], None, [BINS], [0, BINS]).ravel()


def _distribution(counts: np.ndarray) -> Distribution:
    bins = np.flatnonzero(counts)
    quantiles = np.cumsum(counts[bins], dtype=np.float64)
    return Distribution(bins=bins, quantiles=quantiles / quantiles[-1])


def _shift(has: np.ndarray, wanted: Distribution, channel: Channel) -> np.ndarray:
    """(1, 2¹⁶) what is to be added to the values of each bin, so that they are distributed as wanted.

    Args:
        has: (BINS,) how many are in each.
    """
    quantiles = np.cumsum(has, dtype=np.float64)
    becomes = np.interp(quantiles / quantiles[-1], wanted.quantiles, wanted.bins)
    becomes -= np.arange(BINS)
    shift = np.empty((1, FINEST + 1), dtype=np.float32)  # beyond the bins nothing is ever looked up
    np.multiply(becomes, (channel.high - channel.low) / (BINS - 1), out=shift[0, :BINS], casting="same_kind")
    return shift
