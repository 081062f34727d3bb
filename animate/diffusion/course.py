"""From a noise level down to a picture: diffusers' schedulers, started at any level.

diffusers rounds the strength of an img2img call to whole steps of the sampler, so an animated strength jumps. Here a
run may start between two steps: the sampler believes it takes its usual step, but at that place of its table a gentler
noise level is written. The levels after it are the sampler's own. Three things make the result a continuous function
of the strength that equals diffusers' where the strength falls on a whole step:

- A sampler that remembers earlier steps (DPM++ 2M, LMS, …) acts differently in its first step than later. So two of
  them walk side by side on the same network outputs, one begun at the exact level and one at the next whole step, and
  their results are mixed by the fraction.
- A sampler that draws noise in each step would see the whole sequence of draws shift by one at each whole step. So each
  draw turns into the next one with the fraction, and the first draw fades in: the noise of a short step grows with the
  root of its length, so what it lacks is filled up with the noise that the network sees.
- A few samplers leap to the clean picture in every step, however short (LCM, TCD), or repeat a step (PLMS), or cut the
  clean picture (DDIM, as SDXL's own settings make it). Their first step is mixed with having taken none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from animate.diffusion.levels import Levels, Start
from animate.diffusion.noise import Drifting, Noise, draw, slerp, turn
from animate.diffusion.samplers import fresh, parameters

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
"""Schedulers whose step does not shrink to nothing with its length, however they are set."""

CUTTING = frozenset({"DDIMScheduler", "DDIMParallelScheduler"})
"""Schedulers that leap where they cut what they take for the clean picture (`clip_sample`, `thresholding`): the noise
that they take for the rest is not told of it."""

SHORTEST = 0.1
"""Samplers that remember divide by the distance to the step before; a broken step is remembered at least this long."""


class Course:
    """One run of a sampler for a batch: start level, network evaluations and steps.

    `prepared` comes from `prepare`, with the start's number of steps. A course is walked once: for each of
    `evaluations` the caller asks the network at `time(i)` for `scaled(x, i)` and hands its output to `step`.
    """

    def __init__(self, prepared: Any, start: Start, noises: Sequence[Noise | Drifting], eta: float = 0.0) -> None:
        self._begin = start.index * prepared.order
        self._order = int(prepared.order)
        early = self._early = fresh(prepared, self._begin)
        self._late: Any = None
        self._start = start
        self._fraction = start.fraction
        self._noises = noises
        self._options, self._draws = _options(type(early).step, eta)
        kind = type(early).__name__
        goes_on = start.broken and start.run > 1
        self._leaps = goes_on and _leaping(early)
        self._mixes = goes_on and kind in REMEMBERING
        self._fades = goes_on and self._draws and not self._leaps

        self._formal: list[Tensor] = list(early.timesteps)
        self._levels = Levels.of(early, start) if start.broken else None
        self._times = self._formal if self._levels is None else self._levels.write(early, start.fraction)
        if self._leaps or self._mixes:
            self._late = fresh(prepared, self._begin + prepared.order)
        self._clean: Tensor | None = None
        self._first_noise: Tensor | None = None
        self._start_noise: Tensor | None = None
        self._seen: Tensor | None = None
        self._known: Tensor | None = None
        self._upcoming: Tensor | None = None

    @property
    def evaluations(self) -> range:
        """Indices of the network evaluations, in order."""
        return range(self._begin, len(self._formal))

    def step_of(self, index: int) -> int:
        """The step of this run, from 1, that an evaluation belongs to."""
        return (index - self._begin) // self._order + 1

    def time(self, index: int) -> Tensor:
        """The training step, 0-dimensional, that the network is told at an evaluation."""
        time = self._times[index]
        return time.float() if time.dtype == torch.float64 else time  # mps has no float64; the network takes float32

    def imagined(self, shape: Sequence[int]) -> Tensor:
        """The latent (N, C, h, w) of a whole picture's start: noise alone, float32 on the CPU. `shape` is (C, h, w)."""
        return draw(self._noises, shape) * self._early.init_noise_sigma

    def noised(self, latents: Tensor, own: Tensor | None = None, share: float = 0.0) -> Tensor:
        """`latents` (N, C, h, w) at the exact start level; the noise leans by `share` to their `own`."""
        noise = draw(self._noises, latents.shape[1:]).to(latents)
        if own is not None:
            noise = torch.stack([slerp(drawn, known, share) for drawn, known in zip(noise, own.to(noise))])
        self._start_noise = noise
        if self._leaps:
            self._clean, self._first_noise = latents, noise
        return _noisy(self._early, latents, noise, self._level_at(self._begin, latents))

    def held(self, latents: Tensor, index: int) -> Tensor:
        """`latents` (N, C, h, w) at the level of an evaluation, under the noise that `noised` has drawn."""
        assert self._start_noise is not None
        return _noisy(self._early, latents, self._start_noise, self._level_at(index, latents))

    def scaled(self, x: Tensor, index: int) -> Tensor:
        """The network's input for the state `x`, as its training scaled it."""
        scaled: Tensor = self._early.scale_model_input(x, self._formal[index])
        if self._fades and index == self._begin:
            self._seen = scaled
        return scaled

    def step(self, output: Tensor, index: int, x: Tensor) -> Tensor:
        """The state after evaluation `index`, whose network output is `output`; all (N, C, h, w)."""
        if self._fades and index == self._begin and self._seen is not None and self._levels is not None:
            self._known = _seen_noise(output, self._seen, self._levels.angle(self._fraction), self._early)
        noise = _once(lambda: self._next_draw(output.shape[1:]))
        stepped = self._stepped(self._early, output, index, x, noise).to(x.dtype)
        last_of_first = self._begin + self._early.order - 1
        if index == last_of_first:
            if self._leaps:
                stepped = torch.lerp(self._untaken(x, noise).to(x.dtype), stepped, self._fraction)
            if self._mixes and self._levels is not None and self._fraction < SHORTEST:
                self._levels.write(self._early, SHORTEST)
        elif self._mixes:
            self._late.scale_model_input(x, self._formal[index])
            beside = self._stepped(self._late, output, index, x, noise).to(x.dtype)
            stepped = torch.lerp(beside, stepped, self._fraction)
        return stepped

    def _stepped(self, scheduler: Any, output: Tensor, index: int, x: Tensor, noise: Callable[[], Tensor]) -> Tensor:
        formal = self._formal[index]
        if not self._draws:
            return scheduler.step(output, formal, x, **self._options, return_dict=False)[0]
        with _Supplied(noise):
            return scheduler.step(output, formal, x, **self._options, return_dict=False)[0]

    def _untaken(self, x: Tensor, noise: Callable[[], Tensor]) -> Tensor:
        """The start, had it been at the next whole step."""
        assert self._clean is not None
        assert self._first_noise is not None
        drawn = noise() if self._draws else self._first_noise
        return _noisy(self._late, self._clean, drawn.to(x), self._level_at(self._begin + self._late.order, x))

    def _level_at(self, index: int, like: Tensor) -> Tensor:
        return self._formal[index].repeat(len(like)).to(like.device)

    def _next_draw(self, shape: Sequence[int]) -> Tensor:
        """The noise (N, *shape) of one step."""
        if not self._start.broken:
            return draw(self._noises, shape)
        first = self._upcoming is None
        current, self._upcoming = self._upcoming, draw(self._noises, shape)
        if current is not None:
            return turn(current, self._upcoming, self._fraction)
        if first and self._leaps and self._first_noise is not None:
            return turn(self._first_noise.cpu().float(), self._upcoming, self._fraction)
        if first and self._fades and self._known is not None and self._levels is not None:
            fresh, known = self._levels.shares(self._fraction)
            return fresh * self._upcoming + known * self._known.cpu().float()
        return self._upcoming


def _noisy(scheduler: Any, latents: Tensor, noise: Tensor, levels: Tensor) -> Tensor:
    """`latents` (N, C, h, w) under `noise` at the levels (N,)."""
    table = getattr(scheduler, "alphas_cumprod", None)
    noisy: Tensor = scheduler.add_noise(latents, noise, levels)
    if table is not None:  # diffusers has moved it to the latents' device, where reading a number is a call of its own
        scheduler.alphas_cumprod = table
    return noisy


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


def _once(make: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Made when first asked for, and the same ever after: two schedulers of one step get one noise."""
    kept: list[Tensor] = []

    def get() -> Tensor:
        if not kept:
            kept.append(make())
        return kept[0]

    return get


def _seen_noise(output: Tensor, scaled: Tensor, angle: float, scheduler: Any) -> Tensor:
    """The noise that the network sees in its input, from what it was trained to tell."""
    kind = scheduler.config.prediction_type
    if kind == "v_prediction":
        return math.cos(angle) * output + math.sin(angle) * scaled
    if kind == "sample":
        return (scaled - math.cos(angle) * output) / max(math.sin(angle), 1e-6)
    return output


def _options(step: Callable[..., Any], eta: float) -> tuple[dict[str, Any], bool]:
    """What a scheduler's `step` is to be told, and whether it may draw noise."""
    taken = parameters(step)
    options = {"eta": eta} if "eta" in taken else {}
    return options, "generator" in taken and not ("eta" in taken and eta == 0)


def _leaping(scheduler: Any) -> bool:
    kind, config = type(scheduler).__name__, scheduler.config
    return kind in LEAPING or (kind in CUTTING and bool(config.get("clip_sample") or config.get("thresholding")))
