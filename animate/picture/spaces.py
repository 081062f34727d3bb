"""Colour spaces as three planes each, there and back.

L*a*b* goes by way of linear light, through tables of 2¹⁶ entries: OpenCV's conversion of gamma-coded colours is off by
half a grey level, which adds up in a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

FINEST = (1 << 16) - 1
"""Last entry of a table over 16 bits."""


@dataclass(frozen=True)
class Space:
    """A colour space and the range of its channels."""

    planes: Callable[[np.ndarray], np.ndarray]
    """float32 (3, H, W) from RGB."""
    picture: Callable[[np.ndarray, np.ndarray], object]
    """And back, written to the second, in [0, 1]; may spoil the first."""
    ranges: tuple[tuple[float, float], ...]
    """(lowest, highest) of each channel."""


def scaled(plane: np.ndarray, low: float, high: float, last: int) -> np.ndarray:
    """[low, high] → 0 … last as uint16, rounded; what lies outside is held at the ends of 16 bits."""
    scale = last / (high - low)
    return cv2.addWeighted(plane, scale, plane, 0, -low * scale, dtype=cv2.CV_16U)  # one pass


def _clipped(planes: np.ndarray, out: np.ndarray) -> None:
    np.clip(planes, 0, 1, out=out)


def _hsv_from_rgb(rgb: np.ndarray) -> np.ndarray:
    hsv = np.empty_like(rgb)
    cv2.split(cv2.cvtColor(cv2.merge(list(rgb)), cv2.COLOR_RGB2HSV), list(hsv))
    return hsv


def _rgb_from_hsv(hsv: np.ndarray, out: np.ndarray) -> None:
    rgb = cv2.cvtColor(cv2.merge(list(hsv)), cv2.COLOR_HSV2RGB)
    _clipped(rgb.transpose(2, 0, 1), out)


def _lab_from_rgb(rgb: np.ndarray) -> np.ndarray:
    lab = np.empty_like(rgb)
    cv2.split(cv2.cvtColor(_looked_up(cv2.merge(list(rgb)), TO_LINEAR), cv2.COLOR_LRGB2LAB), list(lab))
    return lab


def _rgb_from_lab(lab: np.ndarray, out: np.ndarray) -> None:
    linear = cv2.cvtColor(cv2.merge(list(lab)), cv2.COLOR_LAB2LRGB)
    root = cv2.sqrt(np.maximum(linear, 0, out=linear), dst=linear)
    cv2.split(_looked_up(root, FROM_ROOT), list(out))


def _looked_up(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """[0, 1] (h, W, 3) through a table of 2¹⁶ entries."""
    rows = pixels.reshape(pixels.shape[0], -1)
    return cv2.LUT(scaled(rows, 0, 1, FINEST), table).reshape(pixels.shape)


def _srgb_to_linear(value: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


_STEPS = np.linspace(0, 1, FINEST + 1)
TO_LINEAR = _srgb_to_linear(_STEPS).astype(np.float32)[None]
FROM_ROOT = _linear_to_srgb(_STEPS**2).astype(np.float32)[None]
"""Of the square root of linear light, whose 16 bits are as fine in the dark as in the light."""

RGB = Space(planes=lambda rgb: rgb, picture=_clipped, ranges=((0.0, 1.0),) * 3)
HSV = Space(planes=_hsv_from_rgb, picture=_rgb_from_hsv, ranges=((0.0, 360.0), (0.0, 1.0), (0.0, 1.0)))
LAB = Space(planes=_lab_from_rgb, picture=_rgb_from_lab, ranges=((0.0, 100.0), (-128.0, 128.0), (-128.0, 128.0)))
