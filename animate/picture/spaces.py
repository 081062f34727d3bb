"""Colour spaces as three planes each, there and back.

CIE L*a*b* is computed here, by tables of 2¹⁶ entries and two matrices: OpenCV's conversion of gamma-coded colours is
off by half a grey level, which adds up in a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch

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


# CIE L*a*b* (CIE 15:2004, eq. 8.3 to 8.11) of sRGB (IEC 61966-2-1), white D65. With x, y, z in units of the white,
#   f(v) = v^⅓ above δ³, else v / (3δ²) + 2δ/3;   L = 116 f(y) − 16,   a = 500 (f(x) − f(y)),   b = 200 (f(y) − f(z)).

_DELTA = 6 / 29
_XYZ_FROM_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_IN_WHITES = _XYZ_FROM_RGB / _XYZ_FROM_RGB.sum(axis=1, keepdims=True)
_LAB_FROM_F = np.array([[0.0, 116, 0], [500, -500, 0], [0, 200, -200]])


def _lab_from_rgb(rgb: np.ndarray) -> np.ndarray:
    """(3, H, W): L* + 16, a*, b*."""
    whites = _mixed(_IN_WHITES, _looked_up(rgb, TO_LINEAR))
    return _mixed(_LAB_FROM_F, _looked_up(_root(whites), F_FROM_ROOT))


def _rgb_from_lab(lab: np.ndarray, out: np.ndarray) -> None:
    whites = _looked_up(_mixed(np.linalg.inv(_LAB_FROM_F), lab), FROM_F, *_F_RANGE)
    linear = _mixed(np.linalg.inv(_IN_WHITES), whites)
    root = _root(np.maximum(linear, 0, out=linear))
    for plane, looked_up in zip(root, out):
        cv2.LUT(scaled(plane, 0, 1, FINEST), FROM_ROOT, dst=looked_up)


def _mixed(matrix: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """(3, H, W), each a weighted sum of the planes."""
    weights = torch.from_numpy(matrix.astype(np.float32))
    return (weights @ torch.from_numpy(planes).flatten(1)).view(planes.shape).numpy()


def _root(planes: np.ndarray) -> np.ndarray:
    """The square root of contiguous planes, in their place."""
    flat = planes.reshape(-1, planes.shape[-1])
    cv2.sqrt(flat, dst=flat)
    return planes


def _looked_up(planes: np.ndarray, table: np.ndarray, low: float = 0, high: float = 1) -> np.ndarray:
    """[low, high] (3, H, W) through a table of 2¹⁶ entries."""
    flat = planes.reshape(-1, planes.shape[-1])
    return cv2.LUT(scaled(flat, low, high, FINEST), table).reshape(planes.shape)


def _srgb_to_linear(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


def _f(value: np.ndarray) -> np.ndarray:
    return np.where(value > _DELTA**3, np.cbrt(value), value / (3 * _DELTA**2) + 2 * _DELTA / 3)


def _from_f(f: np.ndarray) -> np.ndarray:
    return np.where(f > _DELTA, f**3, 3 * _DELTA**2 * f - 2 * _DELTA**3)


_F_RANGE = (-0.25, 1.5)
"""What is beyond lies far outside RGB."""
_STEPS = np.linspace(0, 1, FINEST + 1)
TO_LINEAR = _srgb_to_linear(_STEPS).astype(np.float32)[None]
FROM_ROOT = _linear_to_srgb(_STEPS**2).astype(np.float32)[None]
"""Of the square root of linear light, whose 16 bits are as fine in the dark as in the light."""
F_FROM_ROOT = _f(_STEPS**2).astype(np.float32)[None]
"""Likewise."""
FROM_F = _from_f(np.linspace(*_F_RANGE, FINEST + 1)).astype(np.float32)[None]

RGB = Space(planes=lambda rgb: rgb, picture=_clipped, ranges=((0.0, 1.0),) * 3)
HSV = Space(planes=_hsv_from_rgb, picture=_rgb_from_hsv, ranges=((0.0, 360.0), (0.0, 1.0), (0.0, 1.0)))
LAB = Space(planes=_lab_from_rgb, picture=_rgb_from_lab, ranges=((16.0, 116.0), (-128.0, 128.0), (-128.0, 128.0)))
