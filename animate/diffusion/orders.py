"""Orders: what is to be painted, row by row of a batch, and what each row is told beside."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from animate.diffusion.conditioning import Script
from animate.diffusion.levels import Start
from animate.diffusion.noise import Drifting, Noise
from animate.diffusion.sampling import Sampling


@dataclass(frozen=True)
class Order:
    """One row of a batch: what is to be painted, and what it is conditioned on."""

    at: int
    how: Sampling
    script: Script
    start: Start
    source: Script | None = None
    """Of what the picture shows, where its own noise is asked for."""

    def noise(self, drift: Tensor | None = None) -> Noise | Drifting:
        """Its draws; `drift` (N, 2, H, W) in pixels, of all rows."""
        return noise_of(self.how) if drift is None else Drifting(noise_of(self.how), drift[self.at], self.how.seed)


def noise_of(how: Sampling) -> Noise:
    """The draws of a sampling's own seeds."""
    return Noise(how.seed, how.subseed, how.subseed_strength)


@dataclass(frozen=True)
class Beside:
    """What a redrawing is told beside the pictures, as `redraw` takes it."""

    within: Tensor | None
    drift: Tensor | None
    towards: Tensor | None
    share: Tensor | None
    other: Tensor | None
    mix: float

    def of(self, rows: list[int], device: torch.device) -> Beside:
        """The same for some of the rows, on the device."""

        def chosen(field: Tensor | None) -> Tensor | None:
            return None if field is None else field[rows].to(device, torch.float32)

        return Beside(
            chosen(self.within),
            chosen(self.drift),
            chosen(self.towards),
            chosen(self.share),
            chosen(self.other),
            self.mix,
        )


def together(orders: Sequence[Order], guided: Callable[[Sampling], bool]) -> list[list[Order]]:
    """The orders that can be painted together: those that share sampler, steps, number of passes and start."""
    groups: dict[Hashable, list[Order]] = {}
    for order in orders:
        one = order.how
        look = one.sampler, one.eta, one.loras, one.inversion
        key = (*look, order.start, guided(one), order.script.shape)
        groups.setdefault(key, []).append(order)
    return list(groups.values())


def per_row(values: list[float], like: Tensor) -> Tensor | float:
    """One number for all rows, or a column (N, 1, 1, 1)."""
    if all(value == values[0] for value in values):
        return values[0]
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1, 1)
