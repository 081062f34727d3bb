"""The painter: pictures from noise and from pictures, by a loop of our own over a model of diffusers.

diffusers' pipelines spend 8 ms a call beside the network and round the strength to whole steps; here scheduler, UNet
and autoencoder are driven by hand. Where the strength falls on a whole step the result is diffusers' own
(`StableDiffusionImg2ImgPipeline` and its SDXL kin, to 1e-5).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from animate.diffusion.adapters import Adapters
from animate.diffusion.conditioning import Encoder, Passes, Script, Texts
from animate.diffusion.noise import Noise
from animate.diffusion.samplers import Course, Start, prepare
from animate.diffusion.sampling import Prompt, Sampling
from animate.errors import BadInput, MissingModel

__all__ = ["Painter", "Parts", "Prompt", "Sampling"]

SCHEDULERS = 64
"""Prepared samplers that are kept, one for each name and number of steps."""

AESTHETIC, UNAESTHETIC = 6.0, 2.5
"""Scores that the SDXL refiner is told for the prompt and for the negative prompt (diffusers' defaults)."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A model taken apart, as diffusers names its parts."""

    unet: Any
    vae: Any
    encoders: tuple[Encoder, ...]
    scheduler: Any
    controlnet: Any = None
    """A ControlNet for depth (arXiv 2302.05543), or None."""
    empty_is_zero: bool = False
    """`force_zeros_for_empty_prompt` of SDXL."""
    aesthetic: bool = False
    """`requires_aesthetics_score` of the SDXL refiner."""
    depth_like_sd2: bool = False
    """Depth is brought to the latent's size as in diffusers' depth2img: bicubic, without a filter."""
    digest: Callable[[], str] = lambda: ""
    """sha256 over the weights, asked for when needed."""


@dataclass(frozen=True)
class _Order:
    """One row of a batch: what is to be painted, and what it is conditioned on."""

    at: int
    how: Sampling
    script: Script
    start: Start


@dataclass(frozen=True)
class _Kept:
    """What a picture is held to while it is painted."""

    latents: Tensor
    """(N, C, h, w) clean."""
    free: Tensor
    """(N, 1, h, w), 1 where the model paints."""


@dataclass(frozen=True)
class _Structure:
    """The depth that a picture is to have."""

    plane: Tensor | None
    """(N, 1, h, w) for models that read a further channel."""
    picture: Tensor | None
    """(N, 3, H, W) in [0, 1], 1 the nearest point, for a ControlNet."""


class Painter:
    """A diffusion model that paints. Not for several threads at once.

    Rows of a batch that share sampler, steps, number of passes and start are painted together; a row's noise depends on
    its own seeds alone.
    """

    def __init__(self, parts: Parts, *, name: str, device: str | torch.device = "cpu", frugal: bool = False) -> None:
        """`frugal`: only the part at work stays on the device (cards of 4 GB)."""
        self.name = name
        self.device = torch.device(device)
        self._parts = parts
        self._frugal = frugal and self.device.type != "cpu"
        self._unet, self._vae = parts.unet, parts.vae
        # Kept: diffusers looks through all weights for its `dtype`, a fifth of a small model's time.
        self._kind: torch.dtype = parts.unet.dtype
        self._vae_kind: torch.dtype = parts.vae.dtype
        self._double = getattr(self._unet.config, "addition_embed_type", None) == "text_time"
        self._distilled = self._unet.config.time_cond_proj_dim
        self.texts = Texts(parts.encoders, penultimate=self._double, empty_is_zero=parts.empty_is_zero)
        self._adapters = Adapters(self._unet, parts.encoders)
        self._schedulers: OrderedDict[tuple[str, int], Any] = OrderedDict()
        self._channels = int(self._vae.config.latent_channels)
        extra = int(self._unet.config.in_channels) - self._channels
        if extra not in (0, 1):
            raise MissingModel(
                f"{name}: its network takes {extra} channels beside the latent's {self._channels}; "
                "inpainting models are not supported, take the plain model of the family"
            )
        self._reads_plane = extra == 1
        self._control: Any = parts.controlnet
        self.takes_depth = self._reads_plane or self._control is not None

    @property
    def multiple(self) -> int:
        """Height and width must divide by it."""
        return int(2 ** (len(self._vae.config.block_out_channels) - 1))

    @cached_property
    def digest(self) -> str:
        """sha256 of the model's files, for the run's record."""
        return self._parts.digest()

    def imagine(self, size: tuple[int, int], how: Sequence[Sampling], depth: Tensor | None = None) -> Tensor:
        """Pictures (N, 3, H, W) from noise alone, one for each of `how`; `size` is (height, width).

        `depth` as for `redraw`.
        """
        self._fits(size, depth)
        with torch.inference_mode():
            orders = self._orders(how, [0.0] * len(how))
            painted = self._in_groups(orders, lambda group: self._imagined(size, group, depth), size)
        return painted.clone()  # an ordinary tensor again, which may be changed in place

    def redraw(
        self,
        pictures: Tensor,
        strength: float | Sequence[float],
        how: Sequence[Sampling],
        depth: Tensor | None = None,
        within: Tensor | None = None,
        towards: Tensor | None = None,
        share: float = 0.0,
    ) -> Tensor:
        """`pictures` (N, 3, H, W) redrawn, the result on their device.

        Strength in [0, 1] (one, or one a picture): 1 keeps the picture and runs no model, 0 ignores it (`imagine`);
        between, the start's noise level follows it exactly. `depth` (N, 1, H, W), positive, larger = farther, steers
        models that read depth and is refused by others. With `within` (N, 1, H, W) in [0, 1] only that much of each
        place is redrawn: what lies around is given back untouched, and steers what is painted in (RePaint,
        arXiv 2201.09865, §4.1). With `towards` (N, 3, H, W) what is redrawn is not the pictures but their latents on
        the way to those of `towards`, `share` in [0, 1] of it (`mixed`), and strength 1 only decodes them.
        """
        size = (int(pictures.shape[-2]), int(pictures.shape[-1]))
        if pictures.ndim != 4 or pictures.shape[1] != 3 or len(pictures) != len(how):
            raise ValueError(f"expected {len(how)} pictures (N, 3, H, W), not {tuple(pictures.shape)}")
        strengths = [float(strength)] * len(how) if isinstance(strength, int | float) else list(strength)
        if not all(0 <= kept <= 1 for kept in strengths):
            raise ValueError(f"strength must lie in [0, 1]: {strengths}")
        if towards is not None and towards.shape != pictures.shape:
            raise ValueError(f"expected as many pictures to go towards, not {tuple(towards.shape)}")
        self._fits(size, depth)
        result = pictures.clone()
        ignored = [row for row, kept in enumerate(strengths) if kept == 0 and within is None]
        if ignored:
            planes = None if depth is None else depth[ignored]
            result[ignored] = self.imagine(size, [how[row] for row in ignored], planes).to(result)
        whole = [row for row, kept in enumerate(strengths) if kept == 1] if towards is not None else []
        if whole and towards is not None:
            with torch.inference_mode():
                noises = [_noise(how[row]) for row in whole]
                here, there = (side[whole].to(self.device, torch.float32) for side in (pictures, towards))
                latents = mixed(self._encoded(here, noises), self._encoded(there, noises), share)
                result[whole] = self._decoded(latents).to(result)
        partly = [row for row, kept in enumerate(strengths) if kept < 1 and row not in ignored]
        if partly:
            planes = None if depth is None else depth[partly]
            places = None if within is None else within[partly].to(self.device, torch.float32)
            ends = None if towards is None else towards[partly].to(self.device, torch.float32)
            with torch.inference_mode():
                orders = self._orders([how[row] for row in partly], [strengths[row] for row in partly])
                chosen = pictures[partly].to(self.device, torch.float32)
                painted = self._in_groups(
                    orders, lambda group: self._redrawn(chosen, group, planes, places, ends, share), size
                )
            result[partly] = painted.to(result)
        return result

    # ---- a batch ----------------------------------------------------------------------------------------------------

    def _fits(self, size: tuple[int, int], depth: Tensor | None) -> None:
        if depth is not None and not self.takes_depth:
            raise BadInput(f"{self.name} does not read depth")
        if any(side < self.multiple or side % self.multiple for side in size):
            raise BadInput(f"{self.name} paints sizes that divide by {self.multiple}, not {size[1]}×{size[0]}")

    def _orders(self, how: Sequence[Sampling], strengths: Sequence[float]) -> list[_Order]:
        orders = []
        for at, (one, kept) in enumerate(zip(how, strengths)):
            self._wear(one)
            start = Start.of(one.steps, 1 - kept)
            with self._at_work(*(encoder.model for encoder in self.texts.encoders)):
                script = self.texts.script(one, self._guided(one), start.run)
            orders.append(_Order(at, one, script, start))
        return orders

    def _in_groups(
        self, orders: Sequence[_Order], paint: Callable[[list[_Order]], Tensor], size: tuple[int, int]
    ) -> Tensor:
        """Paint together what can be painted together; (N, 3, H, W) in the order that was asked for."""
        groups: dict[Any, list[_Order]] = {}
        for order in orders:
            one = order.how
            key = (one.sampler, order.start, one.eta, one.loras, self._guided(one), order.script.shape)
            groups.setdefault(key, []).append(order)
        result = torch.empty(len(orders), 3, *size, device=self.device)
        for group in groups.values():
            self._wear(group[0].how)
            result[[order.at for order in group]] = paint(group)
        return result

    def _wear(self, how: Sampling) -> None:
        """Bring LoRA files and textual inversions into force; nothing is done if they are already."""
        with torch.inference_mode(False):  # parameters made in inference mode could never be changed again
            for token, path in how.embeddings:
                self._adapters.teach(self.texts, token, path)
            self.texts.variant = self._adapters.wear(how.loras)

    def _guided(self, how: Sampling) -> bool:
        """Whether a negative pass is run; models distilled on guidance are told the scale instead."""
        return how.cfg_scale > 1 and not self._distilled

    # ---- from level to picture --------------------------------------------------------------------------------------

    def _imagined(self, size: tuple[int, int], group: list[_Order], depth: Tensor | None) -> Tensor:
        noises = [_noise(order.how) for order in group]
        course = self._course(group, noises)
        latents = course.imagined((self._channels, size[0] // self.multiple, size[1] // self.multiple))
        latents = latents.to(self.device, self._kind)
        structure = self._structure(latents, depth, group)
        return self._decoded(self._denoised(latents, course, group, structure))

    def _redrawn(
        self,
        pictures: Tensor,
        group: list[_Order],
        depth: Tensor | None,
        within: Tensor | None,
        towards: Tensor | None,
        share: float,
    ) -> Tensor:
        rows = [order.at for order in group]
        noises = [_noise(order.how) for order in group]
        course = self._course(group, noises)
        clean = self._encoded(pictures[rows], noises)
        if towards is not None:
            clean = mixed(clean, self._encoded(towards[rows], noises), share)
            pictures = torch.lerp(pictures, towards, share)
        latents = course.noised(clean)
        structure = self._structure(latents, depth, group)
        if within is not None:
            places = within[rows]
            # A position of the latent that holds anything to be painted is painted; what is kept there is put back.
            free = functional.adaptive_max_pool2d(places, latents.shape[-2:]).gt(0).to(latents)
            painted = self._decoded(self._denoised(latents, course, group, structure, _Kept(clean, free)))
            return torch.lerp(pictures[rows], painted, places)
        painted = self._decoded(self._denoised(latents, course, group, structure))
        start = group[0].start
        if start.run == 1 and start.broken:
            # Less than one step: what is left of the way to strength 1 is gone by mixing with the untouched picture,
            # so that the autoencoder's own loss fades in instead of appearing at once.
            painted = torch.lerp(pictures[rows], painted, start.fraction)
        return painted

    def _course(self, group: list[_Order], noises: list[Noise]) -> Course:
        how = group[0].how
        key = (how.sampler, how.steps)
        if key not in self._schedulers:
            self._schedulers[key] = prepare(how.sampler, self._parts.scheduler, how.steps)
            if len(self._schedulers) > SCHEDULERS:
                self._schedulers.popitem(last=False)
        return Course(self._schedulers[key], group[0].start, noises, how.eta)

    def _denoised(
        self, x: Tensor, course: Course, group: list[_Order], structure: _Structure, kept: _Kept | None = None
    ) -> Tensor:
        """The latent at the end of the course."""
        guided = self._guided(group[0].how)
        told: list[Passes] = []
        with self._at_work(self._unet, *([] if structure.picture is None else [self._control])):
            for index in course.evaluations:
                now = [order.script.at(course.step_of(index)) for order in group]
                if len(told) != len(now) or any(one is not other for one, other in zip(told, now)):
                    told = now
                    passes = len(told[0].states)
                    options = self._options(group, told, x)
                    shown = None if structure.picture is None else structure.picture.repeat(passes, 1, 1, 1)
                    weights = _per_row([order.how.controlnet_scale for order in group] * passes, x)
                if kept is not None:
                    x = torch.lerp(course.held(kept.latents, index).to(x), x, kept.free)
                inputs = course.scaled(x, index)
                inputs = inputs if passes == 1 else torch.cat([inputs] * passes)
                added = {} if shown is None else self._controlled(inputs, course.time(index), shown, weights, options)
                bare = inputs
                if structure.plane is not None:
                    inputs = torch.cat([inputs, structure.plane.repeat(passes, 1, 1, 1)], dim=1)
                output = self._unet(inputs, course.time(index), return_dict=False, **options, **added)[0]
                held = self._held(output, bare, course.time(index), group, structure, options)
                x = course.step(_guide(output, group, told, guided, held), index, x)
        return x

    def _held(
        self,
        output: Tensor,
        bare: Tensor,
        time: Any,
        group: list[_Order],
        structure: _Structure,
        options: dict[str, Any],
    ) -> Tensor | float:
        """What is added to hold a picture to its depth: guidance by what depth changes, (N, C, h, w) or 0.

        As a picture guides in InstructPix2Pix (arXiv 2211.09800, eq. 3): the last pass's answer against the same
        without depth.
        """
        scale = _per_row([order.how.depth_scale for order in group], output)
        if structure.plane is None or (isinstance(scale, float) and scale == 1) or not bool(structure.plane.any()):
            return 0.0
        rows = len(group)
        inputs = torch.cat([bare[-rows:], torch.zeros_like(structure.plane)], dim=1)
        last = {name: value[-rows:] for name, value in options.items()}
        without = self._unet(inputs, time, return_dict=False, **last)[0]
        return (scale - 1) * (output[-rows:] - without)

    def _options(self, group: list[_Order], told: list[Passes], x: Tensor) -> dict[str, Any]:
        """What the network is told beside latent and time: texts, and what the family adds."""
        passes = len(told[0].states)
        states = torch.cat([torch.stack([one.states[p] for one in told]) for p in range(passes)])
        options: dict[str, Any] = {"encoder_hidden_states": states.to(self.device, self._kind)}
        if self._double:
            options["added_cond_kwargs"] = self._added(group, told, x)
        if self._distilled:
            options["timestep_cond"] = self._told_scale(group).repeat(passes, 1)
        return options

    def _controlled(
        self, inputs: Tensor, time: Any, shown: Tensor, weights: Tensor | float, options: dict[str, Any]
    ) -> dict[str, Any]:
        """What the ControlNet adds inside the UNet, each row by its own weight."""
        options = {name: value for name, value in options.items() if name != "timestep_cond"}
        down, middle = self._control(inputs, time, controlnet_cond=shown, return_dict=False, **options)
        return {
            "down_block_additional_residuals": [weights * part for part in down],
            "mid_block_additional_residual": weights * middle,
        }

    def _added(self, group: list[_Order], told: list[Passes], x: Tensor) -> dict[str, Tensor]:
        """What SDXL is told besides the prompt: pooled texts and sizes."""
        passes = len(told[0].states)
        height, width = x.shape[-2] * self.multiple, x.shape[-1] * self.multiple
        pooled = [one.pooled[p] for p in range(passes) for one in told if one.pooled is not None]
        ids = [float(height), float(width), 0.0, 0.0]
        guided = self._guided(group[0].how)
        rows = []
        for p in range(passes):
            score = UNAESTHETIC if guided and p == 0 else AESTHETIC
            tail = [score] if self._parts.aesthetic else [float(height), float(width)]
            rows += [ids + tail] * len(group)
        return {
            "text_embeds": torch.stack(pooled).to(self.device, self._kind),
            "time_ids": torch.tensor(rows, dtype=self._kind, device=self.device),
        }

    def _told_scale(self, group: list[_Order]) -> Tensor:
        """Sinusoidal embedding of guidance − 1, (N, D): how LCM reads its scale (arXiv 2310.04378, §4)."""
        half = self._distilled // 2
        scale = torch.tensor([order.how.cfg_scale - 1 for order in group], dtype=torch.float32) * 1000.0
        slope = torch.log(torch.tensor(10000.0)) / (half - 1)
        frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -slope)
        angles = scale[:, None] * frequencies[None, :]
        embedding = torch.cat([angles.sin(), angles.cos()], dim=1)
        embedding = functional.pad(embedding, (0, self._distilled % 2))
        return embedding.to(self.device, self._kind)

    # ---- pictures and latents ---------------------------------------------------------------------------------------

    def _encoded(self, pictures: Tensor, noises: Sequence[Noise]) -> Tensor:
        """(N, 3, H, W) in [0, 1] → (N, C, h, w), scaled as the UNet expects it."""
        with self._at_work(self._vae):
            answer = self._vae.encode((2.0 * pictures - 1.0).to(self._vae_kind))
            latents = answer.latents if hasattr(answer, "latents") else _sampled(answer.latent_dist, noises)
        latents = latents.to(self._kind)
        scale = self._vae.config.scaling_factor
        mean, std = self._statistics(latents)
        return scale * latents if mean is None or std is None else (latents - mean) * scale / std

    def _decoded(self, latents: Tensor) -> Tensor:
        """(N, C, h, w) → (N, 3, H, W) in [0, 1], float32."""
        scale = self._vae.config.scaling_factor
        mean, std = self._statistics(latents)
        latents = latents / scale if mean is None or std is None else latents * std / scale + mean
        with self._at_work(self._vae):
            pictures = self._vae.decode(latents.to(self._vae_kind), return_dict=False)[0]
        return (pictures.float() * 0.5 + 0.5).clamp(0, 1)

    def _statistics(self, like: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Mean and spread of each latent channel, for the few autoencoders that state them."""
        mean = getattr(self._vae.config, "latents_mean", None)
        std = getattr(self._vae.config, "latents_std", None)
        if mean is None or std is None:
            return None, None
        return torch.tensor(mean).view(1, -1, 1, 1).to(like), torch.tensor(std).view(1, -1, 1, 1).to(like)

    def _structure(self, latents: Tensor, depth: Tensor | None, group: list[_Order]) -> _Structure:
        """What the model is told of depth, in the ways that it listens to."""
        near = None
        if depth is not None:
            near = 1.0 / depth[[order.at for order in group]].to(self.device, torch.float32).clamp_min(1e-6)
        picture = None
        if near is not None and self._control is not None:  # ControlNets see depth as a grey picture
            low, high = near.amin(dim=(1, 2, 3), keepdim=True), near.amax(dim=(1, 2, 3), keepdim=True)
            grey = (near - low) / (high - low).clamp_min(1e-12)
            picture = grey.expand(-1, 3, -1, -1).to(self._kind)
        return _Structure(self._plane(latents, near), picture)

    def _plane(self, latents: Tensor, near: Tensor | None) -> Tensor | None:
        """The depth channel (N, 1, h, w) of models that read one.

        They know depth as MiDaS gives it: nearness (1 / depth), each picture stretched to [−1, 1], nearest = 1. A plane
        of zeros says "no depth", and so does depth without relief.
        """
        if not self._reads_plane:
            return None
        if near is None:
            return torch.zeros_like(latents[:, :1])
        if self._parts.depth_like_sd2:
            near = functional.interpolate(near, size=latents.shape[-2:], mode="bicubic", align_corners=False)
        else:
            near = functional.interpolate(near, size=latents.shape[-2:], mode="area")
        low, high = near.amin(dim=(1, 2, 3), keepdim=True), near.amax(dim=(1, 2, 3), keepdim=True)
        relief = high - low
        plane = 2.0 * (near - low) / relief.clamp_min(1e-12) - 1.0
        return torch.where(relief > 1e-4 * high, plane, torch.zeros_like(plane)).to(latents.dtype)

    @contextmanager
    def _at_work(self, *modules: Any) -> Iterator[None]:
        """With little memory: the modules at work are on the device, and only they."""
        if not self._frugal:
            yield
            return
        for module in modules:
            module.to(self.device)
        try:
            yield
        finally:
            for module in modules:
                module.to("cpu")


def mixed(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Latents (N, C, h, w) on the way from `a` to `b`: the straight line, with each channel's spread kept.

    The mean of two pictures that have nothing in common is flat, and would be redrawn as something grey.
    """
    line = torch.lerp(a, b, share)
    mean = line.mean(dim=(2, 3), keepdim=True)
    spread = torch.lerp(a.std(dim=(2, 3), keepdim=True), b.std(dim=(2, 3), keepdim=True), share)
    return mean + (line - mean) * (spread / line.std(dim=(2, 3), keepdim=True).clamp_min(1e-6))


def _noise(how: Sampling) -> Noise:
    return Noise(how.seed, how.subseed, how.subseed_strength)


def _sampled(distribution: Any, noises: Sequence[Noise]) -> Tensor:
    """A latent from the autoencoder's distribution, by each picture's own noise.

    diffusers draws it before the noise of the start; an autoencoder without spread draws nothing.
    """
    std = getattr(distribution, "std", None)
    if std is None or getattr(distribution, "deterministic", False):
        return distribution.mode()
    mean: Tensor = distribution.mean
    drawn = torch.stack([noise.draw(mean.shape[1:]) for noise in noises])
    return mean + std * drawn.to(mean)


def _guide(output: Tensor, group: list[_Order], told: list[Passes], guided: bool, held: Tensor | float = 0.0) -> Tensor:
    """Classifier-free guidance over the passes: ε = ε₀ + s · Σ wᵢ (εᵢ − ε₀); (P·N, C, h, w) → (N, C, h, w).

    One prompt is the usual formula; several are composable diffusion (Liu et al. 2022, §3.2). `held` is added.
    """
    rows = len(group)
    parts = output.split(rows)
    if not guided and len(parts) == 1:
        return output + held
    weights = [_per_row([one.weights[p] for one in told], output) for p in range(len(told[0].weights))]
    if not guided:
        total = _per_row([sum(one.weights) or 1.0 for one in told], output)
        return sum((w * part for w, part in zip(weights, parts)), torch.zeros_like(parts[0])) / total + held
    base, *wanted = parts
    scale = _per_row([order.how.cfg_scale for order in group], output)
    if len(wanted) == 1 and isinstance(weights[0], float) and weights[0] == 1:
        found = base + scale * (wanted[0] - base)
    else:
        found = base + scale * sum((w * (part - base) for w, part in zip(weights, wanted)), torch.zeros_like(base))
    found = found + held
    share = _per_row([order.how.guidance_rescale for order in group], output)
    return found if isinstance(share, float) and share == 0 else _rescaled(found, wanted[0], share)


def _rescaled(found: Tensor, plain: Tensor, share: Tensor | float) -> Tensor:
    """Guidance brought part of the way back to the contrast of the unguided prediction (arXiv 2305.08891, §3.4)."""
    own, wanted = (part.std(dim=(1, 2, 3), keepdim=True) for part in (found, plain))
    return found * (share * (wanted / own) + 1 - share)


def _per_row(values: list[float], like: Tensor) -> Tensor | float:
    """One number for all rows, or a column (N, 1, 1, 1)."""
    if all(value == values[0] for value in values):
        return values[0]
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1, 1)
