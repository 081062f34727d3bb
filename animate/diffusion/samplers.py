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

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from animate.diffusion.noise import Drifting, Noise, draw, slerp, turn
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
"""Schedulers whose step does not shrink to nothing with its length, however they are set."""

CUTTING = frozenset({"DDIMScheduler", "DDIMParallelScheduler"})
"""Schedulers that leap where they cut what they take for the clean picture (`clip_sample`, `thresholding`): the noise
that they take for the rest is not told of it."""

SHORTEST = 0.1
"""Samplers that remember divide by the distance to the step before; a broken step is remembered at least this long."""

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
        kind = getattr(diffusers, sampler.scheduler)
        return kind.from_config(own.config, **sampler.settings, **_zero_ending(kind, own))
    except ImportError as error:
        raise MissingExtra(f"the sampler {name!r} needs another package: pip install scipy") from error


def prepare(name: str, own: Any, steps: int) -> Any:
    """A scheduler as `make` gives it, with its levels for `steps` steps: to be kept, and copied for every run.

    Its tables stay on the CPU, where reading them waits for no device. KDPM2 takes 240 ms to set them up for 25 steps.
    """
    scheduler = make(name, own)
    if scheduler.config.get("skip_prk_steps") is False and steps < scheduler.pndm_order:
        scheduler.register_to_config(skip_prk_steps=True)  # the steps by Runge and Kutta that it would begin with are 4
    scheduler.set_timesteps(steps)
    return scheduler


def _fresh(prepared: Any, begin: int) -> Any:
    """A copy to be walked once, beginning at evaluation `begin`; it shares the tables, not what it will remember."""
    scheduler = object.__new__(type(prepared))
    for name, value in vars(prepared).items():
        scheduler.__dict__[name] = list(value) if isinstance(value, list) else value
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    return scheduler


def _zero_ending(kind: Any, own: Any) -> dict[str, object]:
    """For models whose training ends in pure noise (zero terminal SNR, arXiv 2305.08891): their levels, spelled out.

    Half of diffusers' schedulers do not know the setting and would start at a level that the network has not seen. The
    last level is 2⁻²⁴ instead of 0, as in those that know it, so that σ is finite.
    """
    if not own.config.get("rescale_betas_zero_snr") or "rescale_betas_zero_snr" in _parameters(kind.__init__):
        return {}
    alphas = own.alphas_cumprod.double().clamp_min(2.0**-24)
    steps = torch.cat([alphas[:1], alphas[1:] / alphas[:-1]])
    return {"trained_betas": (1 - steps).tolist()}


class Course:
    """One run of a sampler for a batch: start level, network evaluations and steps.

    `prepared` comes from `prepare`, with the start's number of steps. A course is walked once: for each of
    `evaluations` the caller asks the network at `time(i)` for `scaled(x, i)` and hands its output to `step`.
    """

    def __init__(self, prepared: Any, start: Start, noises: Sequence[Noise | Drifting], eta: float = 0.0) -> None:
        self._begin = start.index * prepared.order
        self._order = int(prepared.order)
        early = self._early = _fresh(prepared, self._begin)
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
        self._levels = _Levels.of(early, start) if start.broken else None
        self._times = self._formal if self._levels is None else self._levels.write(early, start.fraction)
        if self._leaps or self._mixes:
            self._late = _fresh(prepared, self._begin + prepared.order)
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
    if (
        table is not None
    ):  # which diffusers has moved to the latents' device, where reading a number is a call of its own
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
    parameters = _parameters(step)
    options = {"eta": eta} if "eta" in parameters else {}
    return options, "generator" in parameters and not ("eta" in parameters and eta == 0)


def _leaping(scheduler: Any) -> bool:
    kind, config = type(scheduler).__name__, scheduler.config
    return kind in LEAPING or (kind in CUTTING and bool(config.get("clip_sample") or config.get("thresholding")))


def _parameters(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)


@dataclass(frozen=True)
class _Levels:
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
    def of(cls, scheduler: Any, start: Start) -> _Levels:
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
