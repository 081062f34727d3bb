"""Easings: how the way from one keyframe to the next is walked.

Every function maps progress (n,) in [0, 1] to eased progress (n,), with f(0) = 0 and f(1) = 1; outside [0, 1] the ends
hold. `back` and `elastic` overshoot on purpose, all others stay inside and never turn back (but for `bounce`).
The families are Robert Penner's (Programming Macromedia Flash MX, 2002, ch. 7), each as `in_…`, `out_…` and `in_out_…`;
`ease`, `in`, `out` and `in_out` are the curves of CSS (CSS Easing Functions Level 1, §2.3).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from animate.errors import near

Array = NDArray[np.float64]
Easing = Callable[[Array], Array]

_FAMILIES: dict[str, Easing] = {
    "sine": lambda x: 1 - np.cos(x * np.pi / 2),
    "quad": lambda x: x**2,
    "cubic": lambda x: x**3,
    "quart": lambda x: x**4,
    "quint": lambda x: x**5,
    # 2^(10(x−1)) leaves 2^-10 at 0; shifted and scaled so that both ends are hit
    "expo": lambda x: (np.exp2(10 * x) - 1) / 1023,
    "circ": lambda x: 1 - np.sqrt(1 - x**2),
    "back": lambda x: x**2 * (2.70158 * x - 1.70158),  # draws back by a tenth
    "elastic": lambda x: -(np.exp2(10 * x - 10) - (1 - x) / 1024) * np.sin((10 * x - 10.75) * 2 * np.pi / 3),
    "bounce": lambda x: 1 - _bounce(1 - x),
}
"""How each family leaves: its `in_…` form on [0, 1]."""


def _bounce(x: Array) -> Array:
    """A ball that falls on 1 and bounces three times."""
    height = 7.5625 * x**2
    for centre, floor in ((1.5, 0.75), (2.25, 0.9375), (2.625, 0.984375)):
        start = {1.5: 1.0, 2.25: 2.0, 2.625: 2.5}[centre] / 2.75
        height = np.where(x >= start, 7.5625 * (x - centre / 2.75) ** 2 + floor, height)
    return height


def bezier(x1: float, y1: float, x2: float, y2: float) -> Easing:
    """CSS's cubic-bezier: the curve through (0, 0), (x1, y1), (x2, y2), (1, 1); x1 and x2 in [0, 1]."""

    def eased(x: Array) -> Array:
        low, high = np.zeros_like(x), np.ones_like(x)
        for _ in range(52):  # bisection down to the last bit: the x of the curve never turns back
            middle = (low + high) / 2
            short = _bernstein(middle, x1, x2) < x
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return _bernstein((low + high) / 2, y1, y2)

    return _between_ends(eased)


def _bernstein(s: Array, first: float, second: float) -> Array:
    return 3 * s * (1 - s) ** 2 * first + 3 * s**2 * (1 - s) * second + s**3


def _between_ends(easing: Easing) -> Easing:
    """`easing` on [0, 1], exactly 0 before and exactly 1 after."""

    def eased(x: Array) -> Array:
        x = np.asarray(x, dtype=np.float64)
        inside = easing(np.clip(x, 0, 1))
        return np.where(x <= 0, 0.0, np.where(x >= 1, 1.0, inside))

    return eased


def _out(enter: Easing) -> Easing:
    return lambda x: 1 - enter(1 - x)


def _in_out(enter: Easing) -> Easing:
    return lambda x: np.where(x < 0.5, enter(np.minimum(2 * x, 1)) / 2, 1 - enter(np.minimum(2 - 2 * x, 1)) / 2)


EASINGS: dict[str, Easing] = {
    "linear": _between_ends(lambda x: x),
    "smoothstep": _between_ends(lambda x: x * x * (3 - 2 * x)),
    "ease": bezier(0.25, 0.1, 0.25, 1),
    "in": bezier(0.42, 0, 1, 1),
    "out": bezier(0, 0, 0.58, 1),
    "in_out": bezier(0.42, 0, 0.58, 1),
}
for _name, _enter in _FAMILIES.items():
    EASINGS[f"in_{_name}"] = _between_ends(_enter)
    EASINGS[f"out_{_name}"] = _between_ends(_out(_enter))
    EASINGS[f"in_out_{_name}"] = _between_ends(_in_out(_enter))

_BEZIER = re.compile(r"(?:cubic[-_])?bezier\s*\(\s*([^,()]+),([^,()]+),([^,()]+),([^,()]+)\)\Z")


def named(name: str) -> Easing:
    """The easing called `in_out_cubic`, `easeInOutCubic`, `ease-in-out` or `cubic-bezier(0.2, 0, 0.4, 1)`.

    Raises ValueError whose text says what would be right.
    """
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).replace("-", "_").lower()
    short = plain.removeprefix("ease_")
    if plain in EASINGS:
        return EASINGS[plain]
    if short in EASINGS:
        return EASINGS[short]
    if match := _BEZIER.match(name.strip()):
        try:
            x1, y1, x2, y2 = (float(part) for part in match.groups())
        except ValueError:
            raise ValueError("cubic-bezier takes four numbers") from None
        if 0 <= x1 <= 1 and 0 <= x2 <= 1 and abs(y1) <= 100 and abs(y2) <= 100:
            return bezier(x1, y1, x2, y2)
        raise ValueError("cubic-bezier(x1, y1, x2, y2) has x1 and x2 between 0 and 1")
    others = "for example linear, hold, cubic, in_out_sine, out_bounce"
    raise ValueError(near(short, [*EASINGS, "hold", "cubic"], others, cutoff=0.5))
