"""A stream of frames brought to another rate: in-betweens as frames arrive, never more than a few in memory.

Frame i of the source is shown at time i, or at its own moment where the rate varies; frame k of the result shows the
moment k / ratio. What falls on a source frame is that frame, untouched; so any ratio comes out evenly spaced, 24 → 60
as well as 12 → 48.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from animate.errors import BadInput
from animate.interp.cuts import Glance, glance, is_cut, is_same
from animate.interp.interpolator import Interpolator, check_pair
from animate.motion import flow

PATIENCE = 3
"""Repeats that are taken for a low rate of drawing (animation on twos, threes, fours); more are a still, and hold."""

TRUSTED = 0.5
"""Share of a pair on which forward and backward flow must agree. On real clips, frames next to each other agree on
0.9 and more; two pictures with nothing in common on 0.1 to 0.2."""

LOOKED_AT = 256
"""Longer side, px, of the copies on which that is measured."""

Kind = Literal["cut", "still", "large motion"]

Cuts = bool | Callable[[int], bool]
"""Whether cuts are looked for, or what knows whether a shot begins with a source frame."""


@dataclass(frozen=True)
class Event:
    """Something that was done other than plain interpolation, for the log."""

    kind: Kind
    frame: int
    """Source frame at which it begins."""
    text: str


def log(event: Event) -> None:
    """Into the log of this module; what cannot be trusted as a warning."""
    level = logging.WARNING if event.kind == "large motion" else logging.INFO
    logging.getLogger(__name__).log(level, "frame %d: %s", event.frame, event.text)


@dataclass(frozen=True)
class Knot:
    """A source frame that the result passes through."""

    frame: int
    picture: Tensor
    holds: bool = False
    """From here to the next knot the picture stands: a cut comes, or a still."""


def retime(
    frames: Iterable[Tensor],
    ratio: Fraction,
    between: Interpolator,
    *,
    end: Literal["hold", "stop", "loop"] = "hold",
    cuts: Cuts = True,
    repeats: Literal["keep", "retime"] = "keep",
    moments: Sequence[Fraction] | None = None,
    tell: Callable[[Event], None] = log,
) -> Iterator[Tensor]:
    """The frames at `ratio` times their rate.

    Args:
        frames: (3, H, W) in [0, 1] each, of one size; read one by one.
        ratio: result frames for each source frame, at least 1; exact, so that an hour later nothing has drifted.
        end: after the last frame, `hold` it for its own duration (n frames become ⌈n · ratio⌉, as long as before),
            `stop` with it, or `loop`: go on to the first, so that the result repeats without a seam.
        cuts: find cuts and never blend across one, or what knows whether a shot begins with a source frame (asked for
            the number of frames where a loop leads back); the frame before a cut stands until the next begins.
        repeats: `retime` takes a frame that repeats the one before as a late one, and puts motion in its place.
        moments: when each frame is shown and, one more, when the last has been, in frames of the mean rate: ascending,
            the first 0. None: frame i at i.
        tell: hears of cuts, stills and motion too large to be trusted.

    Raises:
        BadInput: fewer than two frames, frames of unlike sizes or with values that are no numbers, a ratio below 1.
    """
    if ratio < 1:
        raise BadInput(f"in-betweens only add frames: {float(ratio):g} times the rate would leave some out")
    when: Callable[[int], Fraction] = Fraction if moments is None else moments.__getitem__
    index = 0
    last: Knot | None = None
    for knot in _knots(frames, cuts, repeats, end == "loop", tell):
        if last is not None:
            begin, span = when(last.frame), when(knot.frame) - when(last.frame)
            until = _before(when(knot.frame), ratio)
            places = [float((number / ratio - begin) / span) for number in range(index, until)]
            yield from _passed(last, knot, places, between, tell)
            index = until
        last = knot
    if last is None:
        raise BadInput("there are no frames to interpolate")
    if last.frame == 0:
        raise BadInput("one frame alone has nothing before or after it to interpolate")
    if end == "stop" and index / ratio == when(last.frame):
        yield last.picture
    if end == "hold":
        for _ in range(_before(when(last.frame + 1), ratio) - index):
            yield last.picture


def _before(moment: Fraction, ratio: Fraction) -> int:
    """How many result frames lie before a moment of the source."""
    return math.ceil(moment * ratio)


def _passed(
    last: Knot, knot: Knot, places: list[float], between: Interpolator, tell: Callable[[Event], None]
) -> Iterator[Tensor]:
    """The frames from one knot to just before the next."""
    if last.holds:
        yield from (last.picture for _ in places)
        return
    if any(place > 0 for place in places):
        _judge(last, knot, tell)
    yield from between.each(last.picture, knot.picture, places)


def _judge(a: Knot, b: Knot, tell: Callable[[Event], None]) -> None:
    """Say where motion is too large to be trusted."""
    forward, backward = flow.both_ways(_small(a.picture), _small(b.picture))
    agreement = flow.trust(flow.occluded(forward, backward), flow.occluded(backward, forward))
    if agreement < TRUSTED:
        tell(Event("large motion", a.frame, f"motion to the next is too large to trust ({agreement:.0%} agree)"))


def _small(picture: Tensor) -> Tensor:
    picture = picture.float()
    factor = LOOKED_AT / max(picture.shape[-2:])
    if factor >= 1:
        return picture
    height, width = (max(8, round(side * factor)) for side in picture.shape[-2:])
    return functional.interpolate(picture[None], (height, width), mode="area")[0]


def _knots(
    frames: Iterable[Tensor],
    cuts: Cuts,
    repeats: str,
    loop: bool,
    tell: Callable[[Event], None],
) -> Iterator[Knot]:
    """Source frames that matter, each with what lies between it and the next.

    A knot is only known when the next frame that differs has been seen, so one frame is held back.
    """
    first: Tensor | None = None
    held: Tensor | None = None  # the newest frame that is no repeat
    seen: Glance | None = None
    at = newest = -1
    for index, picture in enumerate(frames):
        newest = index
        if first is None:
            first = picture
            check_pair(picture, picture)
        _alike(first, picture, index)
        here = glance(picture)
        if held is None or seen is None:
            held, seen, at = picture, here, index
            continue
        if repeats == "retime" and is_same(seen, here):
            continue
        yield from _closed(held, seen, here, at, index, cuts, tell)
        held, seen, at = picture, here, index
    if held is None or seen is None or first is None:
        return
    if loop:
        yield from _closed(held, seen, glance(first), at, newest + 1, cuts, tell)
        yield Knot(newest + 1, first)
        return
    yield Knot(at, held, holds=newest > at)
    if newest > at:
        yield Knot(newest, held)


def _closed(
    held: Tensor,
    seen: Glance,
    here: Glance,
    at: int,
    now: int,
    cuts: Cuts,
    tell: Callable[[Event], None],
) -> Iterator[Knot]:
    """The knots for the frame `held`, shown first at `at`, now that another one comes at `now`."""
    if cuts(now) if callable(cuts) else cuts and is_cut(seen, here):
        tell(Event("cut", now, "a cut: nothing is blended across it"))
        yield Knot(at, held, holds=True)
    elif now - at - 1 > PATIENCE:
        tell(Event("still", at, f"the picture stands for {now - at} frames"))
        yield Knot(at, held, holds=True)
        yield Knot(now - 1, held)
    else:
        yield Knot(at, held)


def _alike(first: Tensor, picture: Tensor, index: int) -> None:
    if picture.shape != first.shape:
        sizes = [f"{shape[-1]} × {shape[-2]}" for shape in (picture.shape, first.shape)]
        raise BadInput(f"frame {index} is {sizes[0]} px, those before are {sizes[1]}: bring them to one size first")
    if not bool(torch.isfinite(picture).all()):
        raise BadInput(f"frame {index} holds values that are not numbers (NaN or infinite)")
