"""What every engine owes its callers, in one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from animate.errors import BadInput


@dataclass(frozen=True)
class Interpolator:
    """An engine made safe: checked input, exact ends, still pairs left alone, results in range."""

    name: str
    engine: Callable[[Tensor, Tensor, Sequence[float]], Iterable[Tensor]]
    device: torch.device

    def __call__(self, a: Tensor, b: Tensor, times: Sequence[float]) -> list[Tensor]:
        """The pictures at `times`.

        Args:
            a: (3, H, W) float in [0, 1], the picture at time 0.
            b: of the same size, the picture at time 1.
            times: each in [0, 1], in any order; at 0 and 1 the pictures themselves are given back.

        Returns:
            one (3, H, W) in [0, 1] for each time, of the kind and on the device of `a`.

        Raises:
            BadInput: pictures that are not alike, not finite, or not pictures; times outside [0, 1].
        """
        _check_times(times)
        ascending = sorted(set(times))
        made = dict(zip(ascending, self.each(a, b, ascending), strict=True))
        return [made[time] for time in times]

    def each(self, a: Tensor, b: Tensor, times: Sequence[float]) -> Iterator[Tensor]:
        """As a call, for ascending times, one by one: a slow motion of 100 × need not hold a hundred pictures."""
        check_pair(a, b)
        _check_times(times)
        if torch.equal(a, b):  # nothing moves, and no network need be asked to see that
            yield from (a.clone() for _ in times)
            return
        inner = [time for time in times if 0 < time < 1]
        first, second = a.to(self.device, torch.float32), b.to(self.device, torch.float32)
        predicted = zip(inner, self.engine(first, second, inner) if inner else (), strict=True)
        for time in times:
            if 0 < time < 1:
                yield next(predicted)[1].clamp(0, 1).to(a)
            else:
                yield b if time else a


def _check_times(times: Sequence[float]) -> None:
    for time in times:
        if not (math.isfinite(time) and 0 <= time <= 1):
            raise BadInput(f"a time between two pictures lies in [0, 1], not at {time}")


def check_pair(a: Tensor, b: Tensor) -> None:
    """Refuse two pictures that nothing can be put between.

    Raises:
        BadInput: with what is wrong and, for a size, how to mend it.
    """
    for which, picture in (("first", a), ("second", b)):
        if picture.ndim != 3 or picture.shape[0] != 3 or 0 in picture.shape:
            raise BadInput(f"the {which} picture has shape {tuple(picture.shape)}, a picture is (3, height, width)")
        if not picture.is_floating_point():
            raise BadInput(f"the {which} picture holds {picture.dtype}, a picture is float in [0, 1]")
        if not bool(torch.isfinite(picture).all()):
            raise BadInput(f"the {which} picture holds values that are not numbers (NaN or infinite)")
    if a.shape != b.shape:
        sizes = " and ".join(f"{picture.shape[2]} × {picture.shape[1]}" for picture in (a, b))
        raise BadInput(f"pictures of {sizes} px cannot be interpolated: bring them to one size first")
