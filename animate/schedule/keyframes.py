"""Keyframes, and their value at every frame.

One rule (Deforum's): a number is a keyframe, and between two numbers the way is linear unless `ease` says otherwise; an
expression holds from its key up to the next; from a number to an expression the way leads to the expression's value at
its own key; from an expression to a number it jumps. Before the first key stands the first value, after the last the
last (an expression goes on).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from animate.schedule import easing, formula
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.notation import short
from animate.schedule.tree import Node

Array = NDArray[np.float64]
Lookup = Callable[[str, Array], "Array | float"]
"""A variable's values at the given frames."""
LookupAt = Callable[[str, Array], Array]
"""A curve's values at any frames."""


class CurveError(ExpressionError):
    """A curve that cannot be evaluated, at the key that is to blame."""

    def __init__(self, what: str, hint: str, node: Node, owner: str = "") -> None:
        super().__init__(what, hint)
        self.node = node
        self.owner = owner
        """The name the curve is known by; "" where the one who evaluates it knows better."""


Dialect = Literal["native", "deforum"]


@dataclass(frozen=True, slots=True)
class Key:
    """One keyframe."""

    frame: int
    value: float | Expression
    node: Node
    shape: str = "linear"
    """The way to this key: `linear`, `hold`, `cubic`, or the name of an easing."""


@dataclass(frozen=True)
class Keyframes:
    """A curve as written: keys in the order of time, at least one."""

    keys: tuple[Key, ...]
    node: Node
    dialect: Dialect = "native"
    complement: bool = False
    """Written under a name of the opposite sense: the values are 1 − what is written."""

    def key_before(self, frame: float) -> Key:
        """The key whose value holds at a frame."""
        return next((key for key in reversed(self.keys) if key.frame <= frame), self.keys[0])

    def beyond(self, low: float, high: float) -> list[tuple[Key, float]]:
        """The keys that are numbers out of a range, each with its value as it is written."""
        numbers = ((key, key.value) for key in self.keys if isinstance(key.value, float))
        return [(key, value) for key, value in numbers if not low <= (1 - value if self.complement else value) <= high]

    def key_to_blame(self, frame: float, low: float, high: float) -> Key:
        """The key that puts a frame out of range: the one before it, or the one its way leads to."""
        before = self.key_before(frame)
        written = 1 - before.value if self.complement and isinstance(before.value, float) else before.value
        if isinstance(written, float) and low <= written <= high:
            return next((key for key in self.keys if key.frame > frame), before)
        return before


def constant(value: float) -> Keyframes:
    """A curve that never changes."""
    node = Node(value, text=str(value))
    return Keyframes((Key(0, float(value), node),), node)


def values(curve: Keyframes, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    """(m,) values at `frames` (m,), whole numbers in rising order; NaN and infinities are left for the caller.

    Raises CurveError.
    """
    first = curve.keys[0].value
    if len(curve.keys) > 1:
        found = _between_keys(curve.keys, frames, lookup, lookup_at)
    elif isinstance(first, Expression) and curve.keys[0].frame == 0:
        found = _held(curve.keys[0], frames, lookup, lookup_at)
    elif isinstance(first, Expression):  # before its key stands its first value
        found = _held(curve.keys[0], np.maximum(frames, curve.keys[0].frame), lookup, lookup_at)
    else:
        found = np.broadcast_to(np.float64(first), frames.shape)
    return 1 - found if curve.complement else found


def _held(key: Key, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    """(m,) values of a key's expression."""
    held = key.value
    assert isinstance(held, Expression)
    try:
        return formula.evaluate(held, frames, lambda name: lookup(name, frames), lookup_at)
    except CurveError:
        raise
    except ExpressionError as error:
        raise at_key(error, key) from None


def at_key(error: ExpressionError, key: Key) -> CurveError:
    """What is wrong with the expression of a key, as it is told."""
    assert isinstance(key.value, Expression)
    return CurveError(f"{short(key.value.text)}: {error.what}", error.hint, key.node)


def _between_keys(keys: tuple[Key, ...], frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    # Keys beyond the next one (for cubic: the one after it) have no influence on these frames.
    times = np.array([key.frame for key in keys], dtype=np.float64)
    needed = int(np.searchsorted(times, frames[-1], side="right")) + 2
    keys, times = keys[:needed], times[:needed]
    is_number = np.array([not isinstance(key.value, Expression) for key in keys])
    own = np.array([key.value if isinstance(key.value, float) else np.nan for key in keys])  # at each key's own frame
    segment = np.clip(np.searchsorted(times, frames, side="right") - 1, 0, None)  # (m,) the key before
    bounds = np.searchsorted(segment, np.arange(len(keys) + 1))

    found = np.empty(len(frames))
    jobs: dict[str, list[int]] = {}
    for index in np.flatnonzero(~is_number).tolist():
        jobs.setdefault(keys[index].value.text, []).append(index)  # type: ignore[union-attr]
    for indices in jobs.values():  # each text once, over all the stretches it holds and at its keys
        stretches = [np.arange(bounds[i], bounds[i + 1]) for i in indices]
        places = np.concatenate(stretches)
        wanted = np.concatenate([np.maximum(frames[places], times[segment[places]]), times[indices]])
        got = _held(keys[indices[0]], wanted, lookup, lookup_at)
        found[places], own[indices] = got[: len(places)], got[len(places) :]

    rests = is_number[segment] & ((segment == len(keys) - 1) | (frames < times[0]))
    found[rests] = own[segment[rests]]
    on_way = is_number[segment] & ~rests
    if on_way.any():
        here = segment[on_way]
        progress = (frames[on_way] - times[here]) / (times[here + 1] - times[here])
        found[on_way] = _walk(keys, times, own, is_number, here, progress)
    return found


def _walk(
    keys: tuple[Key, ...],
    times: Array,
    own: Array,
    is_number: NDArray[np.bool_],
    here: NDArray[np.intp],
    progress: Array,
) -> Array:
    """Values on the way from key `here` to the next, at `progress` in [0, 1); exactly the key's value at 0."""
    start, change = own[here], own[here + 1] - own[here]
    shapes = [key.shape for key in keys]
    if set(shapes) == {"linear"}:
        found = start + change * progress
    else:
        found = np.empty(len(here))
        target = np.array(shapes, dtype=object)[here + 1]
        for shape in dict.fromkeys(target.tolist()):
            mine = target == shape
            if shape == "cubic":
                found[mine] = _cubic(times, own, is_number, shapes, here[mine], progress[mine])
            else:
                found[mine] = start[mine] + change[mine] * _eased(shape, progress[mine])
    return np.where(progress == 0, start, found)


def _eased(shape: str, progress: Array) -> Array:
    if shape == "linear":
        return progress
    return np.zeros_like(progress) if shape == "hold" else easing.named(shape)(progress)


def _cubic(
    times: Array, own: Array, is_number: NDArray[np.bool_], shapes: list[str], here: NDArray[np.intp], progress: Array
) -> Array:
    """Monotone cubic through the keys (Fritsch & Butland 1984, eq. 5): smooth at every key, never beyond two of them.

    The slope is 0 where the neighbours lie on one side, and where the curve begins, ends, jumps or holds.
    """
    gap = np.diff(times)
    secant = np.diff(own) / gap
    slope = np.zeros(len(own))
    for i in range(1, len(own) - 1):
        joined = is_number[i] and is_number[i - 1] and shapes[i] != "hold" and shapes[i + 1] != "hold"
        if joined and secant[i - 1] * secant[i] > 0:
            wide, narrow = 2 * gap[i] + gap[i - 1], gap[i] + 2 * gap[i - 1]
            slope[i] = (wide + narrow) / (wide / secant[i - 1] + narrow / secant[i])
    p, h = progress, gap[here]
    a, b = own[here], own[here + 1]
    return (
        a * (1 + 2 * p) * (1 - p) ** 2
        + b * p**2 * (3 - 2 * p)
        + h * p * (1 - p) * ((1 - p) * slope[here] - p * slope[here + 1])
    )


def fill_gaps(found: Array) -> tuple[Array, int]:
    """NaN replaced linearly between its neighbours, as Deforum does it, and how many there were; all NaN stays."""
    missing = np.isnan(found)
    count = int(missing.sum())
    if not count or count == len(found):
        return found, count
    index = np.arange(len(found))
    return np.where(missing, np.interp(index, index[~missing], found[~missing]), found), count
