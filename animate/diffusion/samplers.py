"""From a noise level down to a picture: diffusers' schedulers, started at any level.

diffusers rounds the strength of an img2img call to whole steps of the sampler, so an animated strength jumps. Here a
run may start between two steps: the sampler believes it takes its usual step, but at that place of its table a gentler
noise level is written. The levels after it are the sampler's own. Three things make the result a continuous function
of the strength that equals diffusers' where the strength falls on a whole step:

- A sampler that remembers earlier steps (DPM++ 2M, LMS, …) acts differently in its first step than later. So two of
  them walk side by side on the same network outputs, one begun at the exact level and one at the next whole step, and
  their results are mixed by the fraction.
- A sampler that draws noise in each step would see the whole sequence of draws shift by one at each whole step. So each
  draw turns into the next one with the fraction.
- A few samplers leap to the clean picture in every step, however short (LCM, TCD), or repeat a step (PLMS). Their first
  step is mixed with having taken none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from animate.diffusion.noise import Noise, draw, turn
from animate.diffusion.sampler_names import MODEL_OWN, SAMPLERS, resolve
from animate.errors import MissingExtra

REMEMBERING = frozenset(
    {
        "DPMSolverMultistepScheduler",
        "DPMSolverSinglestepScheduler",
        "UniPCMultistepScheduler",
        "DEISMultistepScheduler",
        "LMSDiscreteScheduler",
        "PNDMScheduler",
        "SASolverScheduler",
    }
)
"""Schedulers whose step depends on the steps before it."""

LEAPING = frozenset({"LCMScheduler", "TCDScheduler", "PNDMScheduler"})
"""Schedulers whose step does not shrink to nothing with its length."""

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


def make(name: str, own: Any) -> Any:
    """A fresh diffusers scheduler called `name` for a model whose own scheduler is `own`.

    Raises `BadInput` for an unknown name. The settings are those of the model, as with diffusers' `from_config`, and
    over them those that the name implies.
    """
    import diffusers

    name = resolve(name)
    if name == MODEL_OWN:
        return type(own).from_config(own.config)
    sampler = SAMPLERS[name]
    try:
        return getattr(diffusers, sampler.scheduler).from_config(own.config, **sampler.settings)
    except ImportError as error:
        raise MissingExtra(f"the sampler {name!r} needs another package: pip install scipy") from error


class Course:
    """One run of a sampler for a batch: start level, network evaluations and steps.

    `early` and `late` are two schedulers of one kind, made by `make`; they are reset here and keep state during the
    run, so a course is walked once. `evaluations` times the caller asks the network at `time(i)` for `scaled(x, i)` and
    hands its output to `step`.
    """

    def __init__(self, early: Any, late: Any, start: Start, noises: Sequence[Noise], eta: float = 0.0) -> None:
        self._early = early
        self._late: Any = None
        self._start = start
        self._fraction = start.fraction
        self._noises = noises
        self._options, self._draws = _options(type(early).step, eta)
        self._first: Tensor | None = None
        self._upcoming: Tensor | None = None
        kind = type(early).__name__
        self._leaps = start.broken and start.run > 1 and kind in LEAPING
        self._mixes = start.broken and start.run > 1 and kind in REMEMBERING

        reset(early, start.steps)
        self._begin = start.index * early.order
        begin_at(early, self._begin)
        self._times = list(early.timesteps)
        if start.broken:
            self._times = _soften(early, start)
        if self._leaps or self._mixes:
            self._late = late
            reset(late, start.steps)
            begin_at(late, self._begin + late.order)
        self._formal = list(early.timesteps)

    @property
    def evaluations(self) -> range:
        """Indices of the network evaluations, in order."""
        return range(self._begin, len(self._formal))

    def time(self, index: int) -> Tensor:
        """The training step, 0-dimensional, that the network is told at an evaluation."""
        return self._times[index]

    def imagined(self, shape: Sequence[int]) -> Tensor:
        """The latent (N, C, h, w) of a whole picture's start: noise alone, float32 on the CPU. `shape` is (C, h, w)."""
        return draw(self._noises, shape) * self._early.init_noise_sigma

    def noised(self, latents: Tensor) -> Tensor:
        """`latents` (N, C, h, w) at the exact start level."""
        noise = draw(self._noises, latents.shape[1:]).to(latents)
        if self._late is not None or self._leaps:
            self._first = noise
        self._clean = latents if self._leaps else None
        formal = self._formal[self._begin].repeat(len(latents))
        return self._early.add_noise(latents, noise, formal.to(latents.device))

    def scaled(self, x: Tensor, index: int) -> Tensor:
        """The network's input for the state `x`, as its training scaled it."""
        return self._early.scale_model_input(x, self._formal[index])

    def step(self, output: Tensor, index: int, x: Tensor) -> Tensor:
        """The state after evaluation `index`, whose network output is `output`; all (N, C, h, w)."""
        noise = self._supply(index, output.shape[1:])
        stepped = self._stepped(self._early, output, index, x, noise)
        first_done = self._begin + self._early.order - 1
        if self._leaps and index == first_done and self._clean is not None:
            level = self._formal[self._begin + self._early.order].repeat(len(x)).to(x.device)
            fresh = noise() if self._draws else self._first
            assert fresh is not None
            untaken = self._late.add_noise(self._clean, fresh.to(x), level)
            return torch.lerp(untaken, stepped, self._fraction)
        if self._mixes and index > first_done:
            self._late.scale_model_input(x, self._formal[index])
            beside = self._stepped(self._late, output, index, x, noise)
            return torch.lerp(beside, stepped, self._fraction)
        return stepped

    def _stepped(self, scheduler: Any, output: Tensor, index: int, x: Tensor, noise: Callable[[], Tensor]) -> Tensor:
        formal = self._formal[index]
        if not self._draws:
            return scheduler.step(output, formal, x, **self._options, return_dict=False)[0]
        with _Supplied(noise):
            return scheduler.step(output, formal, x, **self._options, return_dict=False)[0]

    def _supply(self, index: int, shape: Sequence[int]) -> Callable[[], Tensor]:
        """The noise (N, *shape) of one step, drawn when it is first asked for."""
        kept: list[Tensor] = []

        def noise() -> Tensor:
            if not kept:
                kept.append(self._next_draw(index, shape))
            return kept[0]

        return noise

    def _next_draw(self, index: int, shape: Sequence[int]) -> Tensor:
        if not self._start.broken:
            return draw(self._noises, shape)
        if self._upcoming is None:
            self._upcoming = draw(self._noises, shape)
            if self._leaps and self._first is not None:
                return turn(self._first.cpu().float(), self._upcoming, self._fraction)
            return self._upcoming
        current, self._upcoming = self._upcoming, draw(self._noises, shape)
        return turn(current, self._upcoming, self._fraction)


class _Supplied(TorchFunctionMode):
    """Within it, `torch.randn` answers with noise of ours: diffusers' steps accept generators only."""

    def __init__(self, noise: Callable[[], Tensor]) -> None:
        super().__init__()
        self._noise = noise

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.randn:
            return self._noise().to(device=kwargs.get("device"), dtype=kwargs.get("dtype"))
        return func(*args, **kwargs)


def _options(step: Callable[..., Any], eta: float) -> tuple[dict[str, Any], bool]:
    """What a scheduler's `step` is to be told, and whether it may draw noise."""
    parameters = inspect.signature(step).parameters
    options = {"eta": eta} if "eta" in parameters else {}
    return options, "generator" in parameters and not ("eta" in parameters and eta == 0)


def reset(scheduler: Any, steps: int) -> None:
    """A scheduler as new, on `steps` steps; its tables stay on the CPU, where reading them waits for no device."""
    pristine = scheduler.__dict__.setdefault("_animate_alphas", scheduler.alphas_cumprod)
    scheduler.alphas_cumprod = pristine
    scheduler.set_timesteps(steps)


def begin_at(scheduler: Any, index: int) -> None:
    """Tell a scheduler that counts its steps which one comes first."""
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(index)


def _soften(scheduler: Any, start: Start) -> list[Tensor]:
    """Write the exact start level into the scheduler's table; the times that the network is told.

    Between two steps the training time runs linearly, and the noise level follows the training's table, corrected at
    both ends to what the sampler itself has there (some samplers round their times, and the last step ends at zero).
    Levels are handled as the angle atan(σ), in which 0 and infinity are ordinary numbers.
    """
    here = start.index * scheduler.order
    after = here + scheduler.order
    times = [float(t) for t in scheduler.timesteps]
    table = _angles(scheduler.alphas_cumprod)

    def level(index: int) -> tuple[float, float]:
        """Time and angle of a whole step."""
        if index < len(times):
            return times[index], _angle_at(scheduler, table, index)
        return 0.0, float(np.arctan(float(scheduler.sigmas[-1]))) if _on_sigmas(scheduler) else 0.0

    (from_time, from_angle), (to_time, to_angle) = level(here), level(after)
    f = start.fraction
    time = f * from_time + (1 - f) * to_time
    off = f * (from_angle - _read(table, from_time)) + (1 - f) * (to_angle - _read(table, to_time))
    angle = min(max(_read(table, time) + off, to_angle), np.pi / 2)

    told: list[Tensor] = list(scheduler.timesteps)
    told[here] = torch.tensor(time, dtype=torch.float32)
    alphas = scheduler.alphas_cumprod.clone()
    if _on_sigmas(scheduler):
        _write_sigma(scheduler, here, float(np.tan(angle)), table, told)
        angle = _read(table, time)  # SA-Solver's `add_noise` reads the training's table nevertheless
    alphas[int(times[here])] = float(np.cos(angle)) ** 2
    if hasattr(scheduler, "final_alpha_cumprod") and after < len(times):
        # DDIM steps by a fixed stride, which may end beside the next time of its own list: lead it there.
        landing = int(times[here]) - scheduler.config.num_train_timesteps // start.steps
        if 0 <= landing != int(to_time):
            angle = f * float(table[landing]) + (1 - f) * to_angle
            alphas[landing] = float(np.cos(angle)) ** 2
    scheduler.alphas_cumprod = alphas
    return told


def _on_sigmas(scheduler: Any) -> bool:
    """Whether the scheduler reads its levels from a grid of σ (and not from the training's table of ᾱ)."""
    return hasattr(scheduler, "sigmas") and hasattr(scheduler, "set_begin_index")


def _angle_at(scheduler: Any, table: np.ndarray, index: int) -> float:
    if _on_sigmas(scheduler):
        return float(np.arctan(float(scheduler.sigmas[index])))
    return float(table[int(scheduler.timesteps[index])])


def _angles(alphas_cumprod: Tensor) -> np.ndarray:
    """Noise level of every training step as atan(σ)."""
    alphas = alphas_cumprod.double().numpy().clip(0.0, 1.0)
    return np.arctan2(np.sqrt(1 - alphas), np.sqrt(alphas))


def _read(table: np.ndarray, time: float) -> float:
    return float(np.interp(time, np.arange(len(table)), table))


def _write_sigma(scheduler: Any, here: int, sigma: float, table: np.ndarray, told: list[Tensor]) -> None:
    """One level of a grid of σ, with what second-order samplers derive from it."""
    following = float(scheduler.sigmas[here + 1])
    # Never below the next level, not even by rounding: ancestral samplers take the root of the difference.
    sigma = max(sigma, following * (1 + 2**-20))
    scheduler.sigmas[here] = sigma
    if not hasattr(scheduler, "sigmas_interpol"):
        return
    if hasattr(scheduler, "sigmas_up"):
        up = (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5
        down = (following**2 - up**2) ** 0.5
        middle = (sigma * down) ** 0.5
        scheduler.sigmas_up[here], scheduler.sigmas_down[here] = up, down
        scheduler.sigmas_interpol[here] = middle
    else:
        middle = (sigma * following) ** 0.5
        scheduler.sigmas_interpol[here + 1] = middle
    if here + 1 < len(told):
        time = float(np.interp(np.arctan(middle), table, np.arange(len(table))))
        told[here + 1] = torch.tensor(time, dtype=torch.float32)
