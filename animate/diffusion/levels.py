"""Noise levels between two whole steps of a sampler: where a run begins, and what is written into its tables there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

FAINTEST = 1e-3
"""Lowest start level, as σ: at zero itself the samplers divide by it, and a thousandth cannot be seen."""

WHOLE = 1e-6
"""A start this near to a whole step is that step: 10 × (1 − 0.7) is 3.0000000000000004."""


@dataclass(frozen=True)
class Start:
    """Where in a sampler's steps a run begins."""

    steps: int
    """Steps that the sampler takes for a whole picture."""
    run: int
    """Steps that are run, the broken one included."""
    fraction: float
    """Length of the first of them in (0, 1]; 1 is a whole step."""

    @classmethod
    def of(cls, steps: int, denoise: float) -> Start:
        """The start for a denoising strength in (0, 1], 1 being the whole way.

        >>> Start.of(10, 0.4), Start.of(10, 0.45)
        (Start(steps=10, run=4, fraction=1.0), Start(steps=10, run=5, fraction=0.5))
        """
        length = min(steps * denoise, float(steps))
        whole = round(length)
        if abs(length - whole) < WHOLE and whole > 0:
            return cls(steps, whole, 1.0)
        run = min(int(length) + 1, steps)
        return cls(steps, run, length - (run - 1))

    @property
    def index(self) -> int:
        """The sampler's step at which the run begins."""
        return self.steps - self.run

    @property
    def broken(self) -> bool:
        """Whether the run begins between two steps."""
        return self.fraction < 1


@dataclass(frozen=True)
class Levels:
    """The noise levels between two whole steps of a scheduler, and how to write one into its table.

    Between them the training time runs linearly, and the level follows the training's table, corrected at both ends to
    what the sampler itself has there (some samplers round their times, and the last step ends at zero). Levels are
    angles atan(σ), in which 0 and infinity are ordinary numbers.
    """

    index: int
    """Place of the earlier step in the scheduler's lists."""
    table: np.ndarray
    """Angle of every training step."""
    times: tuple[float, float]
    """Training time at the earlier and at the later step."""
    angles: tuple[float, float]
    landing: int
    """The training step that DDIM's fixed stride leads to where that is not the next of its list; else −1."""

    @classmethod
    def of(cls, scheduler: Any, start: Start) -> Levels:
        alphas = scheduler.alphas_cumprod.double().numpy().clip(0.0, 1.0)
        table = np.arctan2(np.sqrt(1 - alphas), np.sqrt(alphas))
        here = start.index * scheduler.order
        after = here + scheduler.order

        def level(index: int) -> tuple[float, float]:
            if index >= len(scheduler.timesteps):
                return 0.0, _final_angle(scheduler)
            time = float(scheduler.timesteps[index])
            return time, math.atan(float(scheduler.sigmas[index])) if _on_sigmas(scheduler) else float(table[int(time)])

        (earlier, high), (later, low) = level(here), level(after)
        landing = int(earlier) - scheduler.config.num_train_timesteps // start.steps
        strays = type(scheduler).__name__ == "DDIMScheduler" and after < len(scheduler.timesteps)
        return cls(
            index=here,
            table=table,
            times=(earlier, later),
            angles=(high, low),
            landing=landing if strays and 0 <= landing != int(later) else -1,
        )

    def time(self, fraction: float) -> float:
        """Training time; fraction 1 is the earlier step, 0 the later."""
        return fraction * self.times[0] + (1 - fraction) * self.times[1]

    def angle(self, fraction: float) -> float:
        """Noise level as atan(σ)."""
        offs = [angle - self._read(time) for time, angle in zip(self.times, self.angles)]
        angle = self._read(self.time(fraction)) + fraction * offs[0] + (1 - fraction) * offs[1]
        return min(max(angle, self.angles[1], FAINTEST), math.pi / 2)

    def shares(self, fraction: float) -> tuple[float, float]:
        """(fresh, known): the parts of the drawn and of the seen noise in what an ancestral step is given.

        Such a step leaves cos β = σ_next / σ of the noise and adds sin β of new one. With g = √fraction of new noise
        only, the rest is made up by the old: cos β + h sin β = √(1 − g² sin² β).
        """
        cosine = min(math.tan(self.angles[1]) / max(math.tan(self.angle(fraction)), 1e-12), 1.0)
        sine = math.sqrt(1 - cosine**2)
        if sine < 1e-9:
            return math.sqrt(fraction), 0.0
        return math.sqrt(fraction), (math.sqrt(1 - fraction * sine**2) - cosine) / sine

    def write(self, scheduler: Any, fraction: float) -> list[Tensor]:
        """Put the level at the earlier step's place; the times that the network is then told at each evaluation."""
        told: list[Tensor] = list(scheduler.timesteps)
        told[self.index] = torch.tensor(self.time(fraction), dtype=torch.float32)
        alphas = scheduler.alphas_cumprod.clone()
        angle = self.angle(fraction)
        if _on_sigmas(scheduler):
            middle = _write_sigma(scheduler, self.index, math.tan(angle))
            if middle is not None and self.index + 1 < len(told):
                time = float(np.interp(math.atan(middle), self.table, np.arange(len(self.table))))
                told[self.index + 1] = torch.tensor(time, dtype=torch.float32)
            angle = self._read(self.time(fraction))  # SA-Solver's `add_noise` reads the training's table nevertheless
        alphas[int(self.times[0])] = math.cos(angle) ** 2
        if self.landing >= 0:
            angle = fraction * float(self.table[self.landing]) + (1 - fraction) * self.angles[1]
            alphas[self.landing] = math.cos(angle) ** 2
        scheduler.alphas_cumprod = alphas
        return told

    def _read(self, time: float) -> float:
        return float(np.interp(time, np.arange(len(self.table)), self.table))


def _final_angle(scheduler: Any) -> float:
    """Where the last step ends."""
    if _on_sigmas(scheduler):
        return math.atan(float(scheduler.sigmas[-1]))
    return math.acos(math.sqrt(min(float(getattr(scheduler, "final_alpha_cumprod", 1.0)), 1.0)))


def _on_sigmas(scheduler: Any) -> bool:
    """Whether the scheduler reads its levels from a grid of σ (and not from the training's table of ᾱ)."""
    return hasattr(scheduler, "sigmas") and hasattr(scheduler, "set_begin_index")


def _write_sigma(scheduler: Any, here: int, sigma: float) -> float | None:
    """One level of a grid of σ, with what second-order samplers derive from it; their middle level, if there is one."""
    following = float(scheduler.sigmas[here + 1])
    # Never below the next level, not even by rounding: ancestral samplers take the root of the difference.
    sigma = max(sigma, following * (1 + 2**-20))
    for name in ("sigmas", "sigmas_interpol", "sigmas_up", "sigmas_down"):
        if hasattr(scheduler, name):
            setattr(scheduler, name, getattr(scheduler, name).clone())  # the tables are shared
    scheduler.sigmas[here] = sigma
    if not hasattr(scheduler, "sigmas_interpol"):
        return None
    if hasattr(scheduler, "sigmas_up"):
        up = (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5
        down = (following**2 - up**2) ** 0.5
        scheduler.sigmas_up[here], scheduler.sigmas_down[here] = up, down
        middle = (sigma * down) ** 0.5
        scheduler.sigmas_interpol[here] = middle
        return middle
    middle = (sigma * following) ** 0.5
    scheduler.sigmas_interpol[here + 1] = middle
    return middle
