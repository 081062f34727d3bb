"""Colour spaces, there and back, and the two loops of a histogram match in them.

Powers are polynomials: of a root of their argument, where they are smooth, to 1e-6 between the least and the greatest
value. So a row is converted in a few vector instructions a pixel, all in floats: OpenCV's conversion of gamma-coded
colours is off by half a grey level, which adds up in a feedback loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from animate.picture.compiled import compiled, inlined

Pixels = np.ndarray
"""float32 (3, h, W)."""


@dataclass(frozen=True)
class Space:
    """A colour space of three channels."""

    kind: int
    """By which the loops know it."""
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    """Between which values each channel is matched; what lies beyond belongs to the first and the last bin."""
    bins: int = 255 * 32 + 1
    """Of a channel's histogram, 32 to an 8-bit level, and each level is the middle of one."""

    @cached_property
    def steps(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each channel, the lowest value and how many bins there are to a unit."""
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        return low, np.float32(self.bins - 1) / (high - low)


AS_RGB, AS_HSV, AS_LAB = range(3)

RGB = Space(AS_RGB, low=(0, 0, 0), high=(1, 1, 1), bins=255 * 16 + 1)
"""Half as many bins save a twentieth of the time. 8-bit pictures come out as scikit-image's, photographs in floats are
0.03 grey levels from its in the mean at 512². In the other spaces that mean would grow from 0.08 to 0.17."""
HSV = Space(AS_HSV, low=(0, 0, 0), high=(360, 1, 1))
LAB = Space(AS_LAB, low=(0, -128, -128), high=(100, 128, 128))
"""CIE L*a*b* 1976 of sRGB under D65."""


def count(picture: Pixels, rows: slice, space: Space, channels: Pixels) -> np.ndarray:
    """(3, bins) how many values of some rows of a picture are in each bin of its channels.

    The channels are written to the same rows of `channels`, which for RGB is the picture itself.
    """
    counts = np.empty((3, space.bins), np.int32)
    _count(picture, rows.start, rows.stop, space.kind, *space.steps, channels, counts)
    return counts


def moves(has: np.ndarray, wanted: np.ndarray, space: Space) -> np.ndarray:
    """float32 (3, bins): by how much the values of each bin are to be moved, so that they are distributed as wanted.

    The value at some quantile becomes the wanted one at that quantile, on a line between two that are not empty.

    Args:
        has: (3, bins) how many values each bin has.
        wanted: (3, bins) how many it is to have, of as many values or of others.
    """
    shifts = np.empty((3, space.bins), np.float32)
    for channel, scale in enumerate(space.steps[1]):
        _moves(has[channel], wanted[channel], scale, shifts[channel])
    return shifts


def shift(channels: Pixels, rows: slice, space: Space, shifts: np.ndarray, picture: Pixels) -> None:
    """Some rows of the picture, in [0, 1], of channels whose values are moved by what their bin is.

    Args:
        space: HSV or LAB.
        shifts: float32 (3, bins).
        picture: where they are written; may be the channels.
    """
    _shift(channels, rows.start, rows.stop, space.kind, *space.steps, shifts, picture)


# --- loops ------------------------------------------------------------------------------------------------------------

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


LANES = 4
"""Counts of one channel, of places far apart in turn: one that follows itself waits for memory."""


@compiled
def _count(picture, top, bottom, kind, low, scale, channels, counts):  # type: ignore[no-untyped-def]
    bins = np.empty(picture.shape[2], np.uint16)
    lanes = np.zeros((3, LANES, counts.shape[1]), np.int32)
    for y in range(top, bottom):
        red, green, blue = picture[0, y], picture[1, y], picture[2, y]
        if kind == AS_HSV:
            _hsv_of_rgb(red, green, blue, channels[0, y], channels[1, y], channels[2, y])
        elif kind == AS_LAB:
            _lab_of_rgb(red, green, blue, channels[0, y], channels[1, y], channels[2, y])
        for channel in range(3):
            _tally(channels[channel, y], low[channel], scale[channel], bins, lanes[channel])
    for channel in range(3):
        _sum(lanes[channel], counts[channel])


@compiled
def _shift(channels, top, bottom, kind, low, scale, shifts, picture):  # type: ignore[no-untyped-def]
    width = channels.shape[2]
    bins, moved = np.empty(width, np.uint16), np.empty((3, width), np.float32)
    for y in range(top, bottom):
        for channel in range(3):
            _move(channels[channel, y], low[channel], scale[channel], shifts[channel], bins, moved[channel])
        red, green, blue = picture[0, y], picture[1, y], picture[2, y]
        if kind == AS_HSV:
            _rgb_of_hsv(moved[0], moved[1], moved[2], red, green, blue)
        else:
            _rgb_of_lab(moved[0], moved[1], moved[2], red, green, blue)


@compiled
def match_plane(plane, wanted, matched):  # type: ignore[no-untyped-def]
    """Red, green or blue, float32 (H, W) in [0, 1], with its values distributed as wanted, int32 (bins of RGB,), while
    it lies in the cache; written to `matched`."""
    height, width = plane.shape
    scale = np.float32(len(wanted) - 1)
    bins = np.empty(width, np.uint16)
    lanes = np.zeros((LANES, len(wanted)), np.int32)
    has, shifts = np.empty(len(wanted), np.int32), np.empty(len(wanted), np.float32)
    for y in range(height):
        _tally(plane[y], ZERO, scale, bins, lanes)
    _sum(lanes, has)
    _moves(has, wanted, scale, shifts)
    for y in range(height):
        _move(plane[y], ZERO, scale, shifts, bins, matched[y])


@compiled
def _tally(values, low, scale, bins, lanes):  # type: ignore[no-untyped-def]
    _bins(values, low, scale, lanes.shape[1], bins)
    one, two, three, four = lanes[0], lanes[1], lanes[2], lanes[3]
    quarter = len(values) // LANES
    for x in range(quarter):
        one[bins[x]] += 1
        two[bins[x + quarter]] += 1
        three[bins[x + 2 * quarter]] += 1
        four[bins[x + 3 * quarter]] += 1
    for x in range(LANES * quarter, len(values)):
        one[bins[x]] += 1


@compiled
def _sum(lanes, counts):  # type: ignore[no-untyped-def]
    for place in range(len(counts)):
        counts[place] = lanes[0, place] + lanes[1, place] + lanes[2, place] + lanes[3, place]


@compiled
def _moves(has, wanted, scale, shifts):  # type: ignore[no-untyped-def]
    # both as shares of one whole, so that what is equal is equal to the last bit
    of_has, of_wanted = wanted.sum(), has.sum()
    quantile, low, high = 0, 0, 0  # of the bin, and of two wanted ones between which it lies
    before, after = -1, -1
    for here in range(len(has)):
        if has[here] == 0:  # what nobody asks for
            shifts[here] = ZERO
            continue
        quantile += has[here] * of_has
        while high < quantile or after < 0:
            before, low = after, high
            after += 1
            while wanted[after] == 0:
                after += 1
            high += wanted[after] * of_wanted
        if before < 0 or quantile == high:
            shifts[here] = np.float32(after - here) / scale
        else:
            along = (quantile - low) / (high - low)
            shifts[here] = np.float32(before + along * (after - before) - here) / scale


@compiled
def _move(values, low, scale, shifts, bins, moved):  # type: ignore[no-untyped-def]
    _bins(values, low, scale, len(shifts), bins)
    for x in range(len(values)):
        moved[x] = shifts[bins[x]]
    high = low + np.float32(len(shifts) - 1) / scale
    for x in range(len(values)):
        moved[x] = min(max(moved[x] + values[x], low), high)


@compiled
def _bins(values, low, scale, count, bins):  # type: ignore[no-untyped-def]
    last = np.float32(count - 1)
    for x in range(len(values)):
        bins[x] = np.uint16(np.int32(min(max(ZERO, (values[x] - low) * scale), last) + HALF))


# --- HSV --------------------------------------------------------------------------------------------------------------

TINY = np.float32(1e-12)
THREE, FOUR, FIVE, SIX = np.float32(3), np.float32(4), np.float32(5), np.float32(6)
SIXTH, THIRD, FULL = np.float32(60), np.float32(120), np.float32(360)
"""Of a turn, in degrees."""


@compiled
def _hsv_of_rgb(red, green, blue, hue, saturation, value):  # type: ignore[no-untyped-def]
    """Hue in degrees, 0 for grey; the hexagon of Smith 1978, "Color gamut transform pairs"."""
    for x in range(len(red)):
        r, g, b = red[x], green[x], blue[x]
        most = max(r, max(g, b))
        spread = most - min(r, min(g, b))
        share = SIXTH / max(spread, TINY)
        by_red, by_green, by_blue = (g - b) * share, (b - r) * share + THIRD, (r - g) * share - THIRD
        angle = by_red if most == r else (by_green if most == g else by_blue)
        hue[x] = angle + FULL if angle < ZERO else angle
        saturation[x] = spread / max(most, TINY)
        value[x] = most


@compiled
def _rgb_of_hsv(hue, saturation, value, red, green, blue):  # type: ignore[no-untyped-def]
    for x in range(len(hue)):
        h, v = hue[x] / SIXTH, value[x]
        chroma = v * saturation[x]
        red[x] = _side(h + FIVE, v, chroma)
        green[x] = _side(h + THREE, v, chroma)
        blue[x] = _side(h + ONE, v, chroma)


@inlined
def _side(place, value, chroma):  # type: ignore[no-untyped-def]
    along = place - SIX * np.floor(place / SIX)
    return min(max(value - chroma * max(min(along, min(FOUR - along, ONE)), ZERO), ZERO), ONE)


# --- L*a*b* -----------------------------------------------------------------------------------------------------------


def _fitted(
    power: Callable[[np.ndarray], np.ndarray], low: float, high: float, degree: int = 7
) -> tuple[np.float32, ...]:
    """A polynomial near `power` from `low` to `high`: where it begins, its scale, and its coefficients from the highest
    one down, of a variable from −1 to 1 there, in which they are small enough for 32 bits."""
    near = np.polynomial.chebyshev.Chebyshev.interpolate(power, degree, [low, high])
    falling = np.polynomial.chebyshev.cheb2poly(near.coef)[::-1]
    return tuple(np.float32(number) for number in ((low + high) / 2, 2 / (high - low), *falling))


@inlined
def _at(polynomial, x):  # type: ignore[no-untyped-def]
    u = (x - polynomial[0]) * polynomial[1]
    total = polynomial[2]
    for k in range(3, len(polynomial)):
        total = total * u + polynomial[k]
    return total


DARK, SLOPE = 0.04045, 12.92
DARK_LIGHT = DARK / SLOPE
"""IEC 61966-2-1: the end of sRGB's straight part, and how steep it is."""
TO_LIGHT = _fitted(lambda v: ((v + 0.055) / 1.055) ** 2.4, DARK, 1, degree=8)
FROM_LIGHT = _fitted(lambda root: 1.055 * root ** (5 / 3) - 0.055, DARK_LIGHT**0.25, 1.05)
"""Of the fourth root."""

KNEE = 6 / 29
"""CIE 15: cube roots below it belong to the tangent of the cube there."""
CUBE_ROOT = _fitted(lambda root: root ** (4 / 3), KNEE**0.75, 1.02)
"""Of the fourth root."""

XYZ_OF_RGB = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
"""ITU-R BT.709."""
XYZ_OF_RGB /= XYZ_OF_RGB.sum(axis=1, keepdims=True)  # white is 1
RGB_OF_XYZ = np.linalg.inv(XYZ_OF_RGB)

(X_R, X_G, X_B), (Y_R, Y_G, Y_B), (Z_R, Z_G, Z_B) = XYZ_OF_RGB.astype(np.float32)
(R_X, R_Y, R_Z), (G_X, G_Y, G_Z), (B_X, B_Y, B_Z) = RGB_OF_XYZ.astype(np.float32)
STRAIGHT, LIGHT_KNEE, STRAIGHT_SLOPE = np.float32(DARK), np.float32(DARK_LIGHT), np.float32(SLOPE)
ROOT_KNEE, CUBE_KNEE = np.float32(KNEE), np.float32(KNEE**3)
TANGENT, TANGENT_START = np.float32(3 * KNEE**2), np.float32(4 / 29)
L_OF_Y, L_START, A_OF_X, B_OF_Z = np.float32(116), np.float32(16), np.float32(500), np.float32(200)


@inlined
def _light(coded):  # type: ignore[no-untyped-def]
    straight, curved = coded / STRAIGHT_SLOPE, _at(TO_LIGHT, coded)
    return straight if coded <= STRAIGHT else curved  # both are there: so eight and sixteen are made at once


@inlined
def _coded(light):  # type: ignore[no-untyped-def]
    straight, curved = light * STRAIGHT_SLOPE, _at(FROM_LIGHT, np.sqrt(np.sqrt(max(light, ZERO))))
    return min(max(straight if light <= LIGHT_KNEE else curved, ZERO), ONE)


@inlined
def _root(stimulus):  # type: ignore[no-untyped-def]
    straight, curved = stimulus / TANGENT + TANGENT_START, _at(CUBE_ROOT, np.sqrt(np.sqrt(max(stimulus, ZERO))))
    return straight if stimulus <= CUBE_KNEE else curved


@inlined
def _cube(root):  # type: ignore[no-untyped-def]
    straight, curved = TANGENT * (root - TANGENT_START), root * root * root
    return straight if root <= ROOT_KNEE else curved


@compiled
def _lab_of_rgb(red, green, blue, lightness, a, b):  # type: ignore[no-untyped-def]
    for i in range(len(red)):
        r, g, v = _light(red[i]), _light(green[i]), _light(blue[i])
        x, y, z = (
            _root(X_R * r + X_G * g + X_B * v),
            _root(Y_R * r + Y_G * g + Y_B * v),
            _root(Z_R * r + Z_G * g + Z_B * v),
        )
        lightness[i], a[i], b[i] = L_OF_Y * y - L_START, A_OF_X * (x - y), B_OF_Z * (y - z)


@compiled
def _rgb_of_lab(lightness, a, b, red, green, blue):  # type: ignore[no-untyped-def]
    for i in range(len(red)):
        root = (lightness[i] + L_START) / L_OF_Y
        x, y, z = _cube(root + a[i] / A_OF_X), _cube(root), _cube(root - b[i] / B_OF_Z)
        red[i], green[i], blue[i] = (
            _coded(R_X * x + R_Y * y + R_Z * z),
            _coded(G_X * x + G_Y * y + G_Z * z),
            _coded(B_X * x + B_Y * y + B_Z * z),
        )
