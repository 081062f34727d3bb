"""Functions of the schedule language beyond numexpr's own, each over whole arrays.

A function is called with numbers or float64 arrays (n,) and returns an array that broadcasts to (n,). The oscillators
also receive `t`, the frames being evaluated. To add one: write it below and decorate it; its signature is its contract,
its first line of documentation is what `animate fields` shows.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.schedule.easing import EASINGS

Array = NDArray[np.float64]

# fmt: off
NUMEXPR: dict[str, int] = {
    "sin": 1, "cos": 1, "tan": 1, "arcsin": 1, "arccos": 1, "arctan": 1, "arctan2": 2,
    "sinh": 1, "cosh": 1, "tanh": 1, "arcsinh": 1, "arccosh": 1, "arctanh": 1,
    "exp": 1, "expm1": 1, "log": 1, "log10": 1, "log1p": 1, "sqrt": 1, "abs": 1, "floor": 1, "ceil": 1,
    "fmod": 2, "where": 3, "ones_like": 1, "conj": 1, "real": 1, "imag": 1, "complex": 2,
}
# fmt: on
"""Functions that numexpr evaluates itself, with the number of their arguments."""


@dataclass(frozen=True)
class Function:
    """One of our own functions."""

    name: str
    compute: Callable[..., Any]
    timed: bool
    """Takes the frames `t` before its arguments."""
    parameters: tuple[str, ...]
    required: int
    variadic: bool
    doc: str

    @property
    def usage(self) -> str:
        return f"{self.name}({'a, b, …' if self.variadic else ', '.join(self.parameters)})"


FUNCTIONS: dict[str, Function] = {}


def function(compute: Callable[..., Any], name: str = "", doc: str = "") -> Callable[..., Any]:
    """Put a function into the table under its own name (without a closing underscore)."""
    name = name or compute.__name__.rstrip("_")
    parameters = list(inspect.signature(compute).parameters.values())
    timed = bool(parameters) and parameters[0].name == "t"
    own = parameters[timed:]
    FUNCTIONS[name] = Function(
        name=name,
        compute=compute,
        timed=timed,
        parameters=tuple(p.name for p in own if p.kind is not p.VAR_POSITIONAL),
        required=sum(p.default is p.empty and p.kind is not p.VAR_POSITIONAL for p in own),
        variadic=any(p.kind is p.VAR_POSITIONAL for p in own),
        doc=doc or (compute.__doc__ or "").split("\n")[0],
    )
    return compute


# --- oscillators ----------------------------------------------------------------------------------------------------


def _turns(t: Array, period: Any, phase: Any) -> Array:
    """Whole and broken periods since frame −phase."""
    period = np.asarray(period, dtype=np.float64)
    if (period <= 0).any():
        raise ValueError("a period must be greater than 0 frames")
    return (t + phase) / period


@function
def wave(t: Array, period: Any, phase: Any = 0) -> Array:
    """Sine in [−1, 1] with a period in frames; 0 and rising at frame 0."""
    return np.sin(2 * np.pi * _turns(t, period, phase))


@function
def tri(t: Array, period: Any, phase: Any = 0) -> Array:
    """Triangle in [−1, 1]; 0 and rising at frame 0."""
    turn = np.mod(_turns(t, period, phase) + 0.25, 1)
    return 1 - np.abs(4 * turn - 2)


@function
def saw(t: Array, period: Any, phase: Any = 0) -> Array:
    """Ramp from 0 towards 1 over each period."""
    return np.mod(_turns(t, period, phase), 1)


@function
def square(t: Array, period: Any, phase: Any = 0) -> Array:
    """1 in the first half of each period, −1 in the second."""
    return np.where(np.mod(_turns(t, period, phase), 1) < 0.5, 1.0, -1.0)


@function
def pulse(t: Array, period: Any, width: Any = 1, phase: Any = 0) -> Array:
    """1 for the first `width` frames of each period, else 0."""
    turns = _turns(t, period, phase)
    # A frame that lies within rounding of the next period belongs to it: 7.999999 × period must still pulse.
    into = (turns - np.floor(turns + 1e-9)) * np.asarray(period, dtype=np.float64)
    return np.where(into < np.asarray(width) - 1e-9, 1.0, 0.0)


# --- chance ---------------------------------------------------------------------------------------------------------


def hashed(*keys: Any) -> NDArray[np.uint64]:
    """64 well mixed bits for each tuple of keys: splitmix64 (Steele et al. 2014), chained over the keys.

    The same on every machine; this is what all chance in a schedule comes from.
    """
    state: Any = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        for key in keys:
            bits = np.asarray(key)
            # 0.0 and −0.0 are the same key; whole numbers are hashed by value, so that 3 and 3.0 agree
            bits = bits.astype(np.uint64) if bits.dtype == np.uint64 else bits.astype(np.int64).view(np.uint64)
            state = state + bits * np.uint64(0xD1B54A32D192ED03) + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return np.asarray(state)


def _uniform(*keys: Any) -> Array:
    """[0, 1) for each tuple of whole keys."""
    return (hashed(*keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _whole(x: Any) -> Array:
    """floor(x) inside what an integer can hold; NaN becomes 0, and is put back by the callers."""
    return np.clip(np.floor(np.nan_to_num(np.asarray(x, dtype=np.float64))), -(2.0**62), 2.0**62)


def _same_chance(seed: Any) -> NDArray[np.int64]:
    """The seed as a whole number; a broken one counts in thousandths, so that 1.5 differs from 1."""
    return np.asarray(np.rint(_whole(np.asarray(seed, dtype=np.float64) * 1000)), dtype=np.float64).astype(np.int64)


@function
def rand(x: Any, seed: Any = 0) -> Array:
    """Chance in [0, 1): one number for each whole x, the same on every run."""
    x = np.asarray(x, dtype=np.float64)
    return np.where(np.isfinite(x), _uniform(_whole(x).astype(np.int64), _same_chance(seed)), np.nan)


@function
def noise(x: Any, seed: Any = 0) -> Array:
    """Smooth chance in [−1, 1]: takes a new direction about once for each whole x."""
    x = np.asarray(x, dtype=np.float64)
    cell = _whole(x)
    f = np.clip(np.nan_to_num(x) - cell, 0, 1)
    w = f * f * f * (f * (6 * f - 15) + 10)  # Perlin 2002: first and second derivative vanish at the lattice
    cell, seeded = cell.astype(np.int64), _same_chance(seed)
    here, there = 2 * _uniform(cell, seeded) - 1, 2 * _uniform(cell + 1, seeded) - 1
    return np.where(np.isfinite(x), here + (there - here) * w, np.nan)


# --- shaping --------------------------------------------------------------------------------------------------------


@function
def min_(*values: Any) -> Any:
    """The smallest of its arguments."""
    return reduce(np.minimum, values)


@function
def max_(*values: Any) -> Any:
    """The largest of its arguments."""
    return reduce(np.maximum, values)


@function
def sum_(*values: Any) -> Any:
    """Its arguments added up."""
    return reduce(np.add, values)


@function
def prod(*values: Any) -> Any:
    """Its arguments multiplied."""
    return reduce(np.multiply, values)


@function
def clip(x: Any, low: Any, high: Any) -> Any:
    """x, but no less than low and no more than high."""
    return np.minimum(np.maximum(x, low), high)


@function
def lerp(a: Any, b: Any, x: Any) -> Any:
    """From a (x = 0) to b (x = 1), straight, and on beyond."""
    return a + (np.asarray(b) - a) * x


@function
def smoothstep(low: Any, high: Any, x: Any) -> Any:
    """0 below low, 1 above high, smooth between."""
    width = np.asarray(high, dtype=np.float64) - low
    w = np.clip((x - np.asarray(low, dtype=np.float64)) / np.where(width == 0, 1, width), 0, 1)
    return np.where(width == 0, np.where(np.asarray(x) < low, 0.0, 1.0), w * w * (3 - 2 * w))


@function
def mod(x: Any, y: Any) -> Any:
    """What is left of x after whole multiples of y; has the sign of y."""
    return np.mod(x, y)


@function
def round_(x: Any, digits: Any = 0) -> Any:
    """x to the nearest whole number, or to so many digits; halves go to the even neighbour."""
    scale = 10.0 ** np.clip(np.rint(digits), -300, 300)
    return np.rint(np.asarray(x) * scale) / scale


@function
def trunc(x: Any) -> Any:
    """x without its fraction."""
    return np.trunc(x)


@function
def int_(x: Any) -> Any:
    """x without its fraction."""
    return np.trunc(x)


@function
def frac(x: Any) -> Any:
    """x − floor(x)."""
    return np.asarray(x) - np.floor(x)


@function
def sign(x: Any) -> Any:
    """−1, 0 or 1."""
    return np.sign(x)


@function
def hypot(x: Any, y: Any) -> Any:
    """√(x² + y²)."""
    return np.hypot(x, y)


@function
def pow_(x: Any, y: Any) -> Any:
    """x to the power of y."""
    return np.power(np.asarray(x, dtype=np.float64), y)


@function
def log2(x: Any) -> Any:
    """Logarithm to the base 2."""
    return np.log2(x)


@function
def radians(x: Any) -> Any:
    """Degrees as radians."""
    return np.radians(x)


@function
def degrees(x: Any) -> Any:
    """Radians as degrees."""
    return np.degrees(x)


@function
def maximum(a: Any, b: Any) -> Any:
    """The larger of two."""
    return np.maximum(a, b)


@function
def minimum(a: Any, b: Any) -> Any:
    """The smaller of two."""
    return np.minimum(a, b)


@function
def isnan(x: Any) -> Any:
    """1 where x is not a number, else 0."""
    return np.where(np.isnan(x), 1.0, 0.0)


@function
def isfinite(x: Any) -> Any:
    """1 where x is a number and not infinite, else 0."""
    return np.where(np.isfinite(x), 1.0, 0.0)


@function
def isinf(x: Any) -> Any:
    """1 where x is infinite, else 0."""
    return np.where(np.isinf(x), 1.0, 0.0)


@function
def signbit(x: Any) -> Any:
    """1 where x is below 0, or −0, else 0."""
    return np.where(np.signbit(x), 1.0, 0.0)


@function
def copysign(x: Any, y: Any) -> Any:
    """x with the sign of y."""
    return np.copysign(x, y)


@function
def nextafter(x: Any, y: Any) -> Any:
    """The number beside x, towards y."""
    return np.nextafter(x, y)


for _name, _easing in EASINGS.items():
    if _name != "linear":
        _called = _name if _name in ("ease", "smoothstep") else f"ease_{_name}"
        if _called not in FUNCTIONS:

            def _eased(x: Any, _easing: Any = _easing) -> Any:
                return _easing(x)

            _eased.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
                [inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
            )
            function(_eased, name=_called, doc=f"The easing {_name} of x in [0, 1].")
