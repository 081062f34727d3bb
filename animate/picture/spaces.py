"""Colour spaces as three planes each, there and back.

A space is worked on as whatever three planes are quickest to make and to turn back, and says which channels lie in
them: L*a*b* as the cube roots of its three stimuli, whose differences are a* and b*. What is not a line goes through
tables of 2¹⁶ entries: OpenCV's conversion of gamma-coded colours is off by half a grey level, which adds up in a loop,
and its exact one of linear light takes three times as long as the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

FINEST = (1 << 16) - 1
"""Last entry of a table over 16 bits."""


@dataclass(frozen=True)
class Channel:
    """What is matched: a plane, or the difference of two."""

    plane: int
    low: float
    high: float
    less: int | None = None

    def levels(self, planes: np.ndarray, last: int, out: np.ndarray) -> None:
        """The channel of (3, h, W), [low, high] → 0 … last, rounded; what lies beyond ends at the ends of 16 bits."""
        scale = last / (self.high - self.low)
        less, share = (self.plane, 0.0) if self.less is None else (self.less, -scale)
        cv2.addWeighted(planes[self.plane], scale, planes[less], share, -self.low * scale, dst=out, dtype=cv2.CV_16U)


@dataclass(frozen=True)
class Space:
    """A colour space."""

    planes: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """float32 (3, h, W) from RGB, written to the second if they are not there already."""
    channels: tuple[Channel, Channel, Channel]
    picture: Callable[[np.ndarray, np.ndarray, np.ndarray], object]
    """RGB in [0, 1] from the planes and what is to be added to each channel, (3, h, W), written to the third, where the
    planes may lie; spoils the second, and planes that lie there."""


def scaled(plane: np.ndarray, last: int, out: np.ndarray) -> None:
    """[0, 1] → 0 … last as uint16, rounded; what lies outside is held at the ends."""
    cv2.addWeighted(plane, last, plane, 0, 0, dst=out, dtype=cv2.CV_16U)  # one pass


def _picture_of_rgb(rgb: np.ndarray, more: np.ndarray, out: np.ndarray) -> None:
    for plane, shift, sum_ in zip(rgb, more, out):
        cv2.add(plane, shift, dst=sum_)
    np.clip(out, 0, 1, out=out)


def _planes_of_hsv(rgb: np.ndarray, out: np.ndarray) -> np.ndarray:
    cv2.split(cv2.cvtColor(cv2.merge(list(rgb)), cv2.COLOR_RGB2HSV), list(out))
    return out


def _picture_of_hsv(hsv: np.ndarray, more: np.ndarray, out: np.ndarray) -> None:
    more += hsv
    rgb = cv2.cvtColor(cv2.merge(list(more)), cv2.COLOR_HSV2RGB)
    np.clip(rgb.transpose(2, 0, 1), 0, 1, out=out)


def _planes_of_lab(rgb: np.ndarray, out: np.ndarray) -> np.ndarray:
    """f(X), f(Y), f(Z) of CIE 15, each stimulus as a share of white's."""
    level = np.empty(rgb.shape[1:], np.uint16)
    light, stimuli = (np.empty(rgb.shape, np.float32) for _ in range(2))
    for plane, linear in zip(rgb, light):
        scaled(plane, FINEST, level)
        cv2.LUT(level, TO_LIGHT, dst=linear)
    _mix(light, XYZ_FROM_RGB, stimuli)
    _look_up_roots(stimuli, TO_CUBE_ROOT, out)
    return out


def _picture_of_lab(roots: np.ndarray, more: np.ndarray, out: np.ndarray) -> None:
    x, y, z = roots
    lightness, a, b = more
    cv2.add(y, lightness, dst=y)
    cv2.add(x, cv2.add(lightness, a, dst=a), dst=x)
    cv2.add(z, cv2.subtract(lightness, b, dst=b), dst=z)
    # above the knee the cube, below it the tangent
    above = np.clip(roots, KNEE, np.inf, out=more)
    roots -= above
    roots *= SLOPE
    roots += above * above * above
    _mix(roots, FINEST**2 * RGB_FROM_XYZ, more)
    _look_up_roots(np.clip(more, 0, FINEST**2, out=more), FROM_ROOT, out)


def _look_up_roots(planes: np.ndarray, table: np.ndarray, out: np.ndarray) -> None:
    """The square roots of (3, h, W), which are spoiled, through a table of 2¹⁶ entries."""
    rows = planes.reshape(-1, planes.shape[2])
    cv2.sqrt(rows, dst=rows)  # twice as fast as numpy's
    levels = planes.astype(np.uint16)  # cut off, not rounded, which takes three times as long
    for level, plane in zip(levels, out):
        cv2.LUT(level, table, dst=plane)


def _mix(planes: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """(3, 3) · (3, h, W)."""
    first, second, third = planes
    for (one, two, three), mixed in zip(matrix.tolist(), out):
        cv2.addWeighted(first, one, second, two, 0, dst=mixed)
        cv2.scaleAdd(third, three, mixed, dst=mixed)


def _srgb_to_linear(value: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _linear_to_srgb(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


KNEE = 6 / 29
SLOPE = 3 * KNEE**2
"""Of CIE 15: roots below the knee belong to the tangent of the cube there."""

XYZ_FROM_RGB = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
"""ITU-R BT.709."""
XYZ_FROM_RGB /= XYZ_FROM_RGB.sum(axis=1, keepdims=True)  # white is 1
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)

_STEPS = np.linspace(0, 1, FINEST + 1)
_CUT = np.clip(_STEPS + 0.5 / FINEST, 0, 1) ** 2
"""Light whose root was cut to a level: on average half a level more. Roots are as fine in the dark as in light."""

TO_LIGHT = (FINEST**2 * _srgb_to_linear(_STEPS)).astype(np.float32)[None]
"""Linear light, so much of it that its roots are levels."""
TO_CUBE_ROOT = np.where(_CUT > KNEE**3, np.cbrt(_CUT), KNEE + (_CUT - KNEE**3) / SLOPE).astype(np.float32)[None]
FROM_ROOT = _linear_to_srgb(_CUT).astype(np.float32)[None]
FROM_ROOT[0, 0] = 0  # black stays black

RGB = Space(
    planes=lambda rgb, _: rgb,
    channels=(Channel(0, 0, 1), Channel(1, 0, 1), Channel(2, 0, 1)),
    picture=_picture_of_rgb,
)
HSV = Space(
    planes=_planes_of_hsv,
    channels=(Channel(0, 0, 360), Channel(1, 0, 1), Channel(2, 0, 1)),
    picture=_picture_of_hsv,
)
LAB = Space(
    planes=_planes_of_lab,
    channels=(
        Channel(1, 16 / 116, 1),
        Channel(0, -128 / 500, 128 / 500, less=1),
        Channel(1, -128 / 200, 128 / 200, less=2),
    ),
    picture=_picture_of_lab,
)
"""L* from 0 to 100, a* and b* from −128 to 128."""
