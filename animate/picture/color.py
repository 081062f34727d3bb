"""Colour: matching to a sample, and grading.

Matching gives each channel of a picture the histogram of a sample's (the semantics of scikit-image's
`match_histograms`): the value at some quantile becomes the sample's value at that quantile. Against the drift of a
feedback loop it is Deforum's best remedy; here it works on floats, so that it does not itself band the picture.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from animate.picture import spaces
from animate.picture.spaces import HSV, LAB, RGB, Space
from animate.picture.threads import each, strips

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B in the brightness of gamma-coded colours (ITU-R BT.601), as OpenCV's grey."""

YIQ = np.array([LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)])
"""RGB → luma and the two colour axes of NTSC: hue is an angle in the plane of the last two, saturation a radius."""


def match(picture: Tensor, sample: Tensor, space: Space) -> Tensor:
    """(3, H, W): `picture` with the histograms of `sample` in each channel of `space`.

    The sample may have another size. Its histograms are remembered for as long as it lives: a picture, once made, is
    never changed.

    Each value is shifted by what its bin is shifted, so within a bin floats keep their distances, and a plane that has
    the wanted distribution stays as it is (in RGB to the last bit).
    """
    wanted = _remembered(sample, space)
    if space is RGB:  # whose channels are the planes: a thread takes one after the other, while it lies in its cache
        planes = _planes(picture)
        matched = np.empty_like(planes)
        each(lambda channel: spaces.match_plane(planes[channel], wanted[channel], matched[channel]), range(3))
        return torch.from_numpy(matched).to(picture.device)
    channels, counts = _counted(picture, space)
    moves = spaces.moves(counts, wanted, space)
    each(lambda rows: spaces.shift(channels, rows, space, moves, channels), strips(*channels.shape[1:]))
    return torch.from_numpy(channels).to(picture.device)


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


def _remembered(sample: Tensor, space: Space) -> np.ndarray:
    known = _samples.get(id(sample))
    if known is None:
        known = _samples[id(sample)] = {}
        weakref.finalize(sample, _samples.pop, id(sample))
    if space.kind not in known:
        known[space.kind] = _counted(sample, space)[1]
    return known[space.kind]


_samples: dict[int, dict[int, np.ndarray]] = {}
"""Sample → space → its counts, as long as the sample lives. In LAB it costs as much as the picture, frame after frame.
"""


def _counted(picture: Tensor, space: Space) -> tuple[np.ndarray, np.ndarray]:
    """The channels (3, H, W) of a picture, and how many of their values are in each bin, (3, bins)."""
    planes = _planes(picture)
    channels = planes if space is RGB else np.empty_like(planes)
    counts = each(lambda rows: spaces.count(planes, rows, space, channels), strips(*planes.shape[1:]))
    return channels, reduce(np.add, counts)


def _planes(picture: Tensor) -> np.ndarray:
    """float32 (3, H, W), in this machine's own memory."""
    planes = np.ascontiguousarray(picture.cpu().numpy(), np.float32)
    if planes.ndim != 3 or len(planes) != 3:
        raise ValueError(f"a picture in colour is (3, H, W), not {planes.shape}")
    return planes
