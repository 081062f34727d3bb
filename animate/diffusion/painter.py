"""The painter: pictures from noise and from pictures, by a loop of our own over a model of diffusers.

diffusers' pipelines spend 8 ms a call beside the network and round the strength to whole steps; here scheduler, UNet
and autoencoder are driven by hand. Where the strength falls on a whole step the result is diffusers' own
(`StableDiffusionImg2ImgPipeline` and its SDXL kin, to 1e-5).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from animate.diffusion import inversion
from animate.diffusion.adapters import Adapters
from animate.diffusion.conditioning import Encoder, Passes, Script, Texts
from animate.diffusion.noise import Drifting, Noise
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
    source: Script | None = None
    """Of what the picture shows, where its own noise is asked for."""


@dataclass(frozen=True)
class _Kept:
    """What a picture is held to while it is painted."""

    latents: Tensor
    """(N, C, h, w) clean."""
    free: Tensor
    """(N, 1, h, w), 1 where the model paints."""
    steps: int = 10**9
    """For how many of the first evaluations."""


@dataclass(frozen=True)
class _Beside:
    """What a redrawing is told beside the pictures, as `redraw` takes it."""

    within: Tensor | None
    drift: Tensor | None
    towards: Tensor | None
    share: Tensor | None
    other: Tensor | None
    mix: float

    def of(self, rows: list[int], device: torch.device) -> _Beside:
        """The same for some of the rows, on the device."""

        def chosen(field: Tensor | None) -> Tensor | None:
            return None if field is None else field[rows].to(device, torch.float32)

        return _Beside(
            chosen(self.within),
            chosen(self.drift),
            chosen(self.towards),
            chosen(self.share),
            chosen(self.other),
            self.mix,
        )


@dataclass(frozen=True)
class _Structure:
    """What a picture is to keep."""

    beside: Tensor | None
    """(N, 1 or 1 + C, h, w) for models that read further channels: depth, or what an inpainting model is told."""
    picture: Tensor | None
    """(N, 3, H, W) in [0, 1], 1 the nearest point, for a ControlNet."""


class _Ask(Protocol):
    """The network of a group."""

    def __call__(self, inputs: Tensor, time: Tensor, told: list[Passes], blind: bool = False) -> Tensor:
        """Scaled latents (N, C, h, w) → (P·N, C, h, w), all passes of what each row is told; of the last one alone, and
        without depth, if `blind`."""
        ...


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
        self._inpaints = extra == 1 + self._channels
        if extra not in (0, 1) and not self._inpaints:
            raise MissingModel(
                f"{name}: its network takes {extra} channels beside the latent's {self._channels}; known are none, one "
                f"for depth, and {1 + self._channels} of inpainting models"
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

    def imagine(
        self,
        size: tuple[int, int],
        how: Sequence[Sampling],
        depth: Tensor | None = None,
        drift: Tensor | None = None,
    ) -> Tensor:
        """Pictures (N, 3, H, W) from noise alone, one for each of `how`; `size` is (height, width).

        `depth` and `drift` as for `redraw`.
        """
        self._fits(size, depth)
        with torch.inference_mode():
            orders = self._orders(how, [0.0] * len(how))
            painted = self._in_groups(orders, lambda group: self._imagined(size, group, depth, drift), size)
        return painted.clone()  # an ordinary tensor again, which may be changed in place

    def redraw(
        self,
        pictures: Tensor,
        strength: float | Sequence[float],
        how: Sequence[Sampling],
        depth: Tensor | None = None,
        within: Tensor | None = None,
        drift: Tensor | None = None,
        towards: Tensor | None = None,
        share: Tensor | None = None,
        other: Tensor | None = None,
        mix: float = 0.0,
    ) -> Tensor:
        """`pictures` (N, 3, H, W) redrawn, the result on their device.

        Strength in [0, 1] (one, or one a picture): 1 keeps the picture and runs no model, 0 ignores it (`imagine`);
        between, the start's noise level follows it exactly. `depth` (N, 1, H, W), positive, larger = farther, steers
        models that read depth and is refused by others. With `within` (N, 1, H, W) in [0, 1] only that much of each
        place is redrawn: what lies around is given back untouched, and steers what is painted in (RePaint,
        arXiv 2201.09865, §4.1); an inpainting model (9 channels) is shown it.
        With `drift` (N, 2, H, W), in pixels, the noise at p is that of p + drift(p). Over the first half of the steps
        the latent is drawn towards that of `towards` (N, 3, H, W), by `share` (N, 1, H, W) in [0, 1] in all; the later
        steps, which paint the grain, are left alone, or it would grow from frame to frame.
        With `other` (N, 3, H, W) what is redrawn is not the pictures but their latents on the way to those of `other`,
        `mix` in [0, 1] of it (`mixed`), and strength 1 only decodes them.
        """
        size = (int(pictures.shape[-2]), int(pictures.shape[-1]))
        if pictures.ndim != 4 or pictures.shape[1] != 3 or len(pictures) != len(how):
            raise ValueError(f"expected {len(how)} pictures (N, 3, H, W), not {tuple(pictures.shape)}")
        strengths = [float(strength)] * len(how) if isinstance(strength, int | float) else list(strength)
        if not all(0 <= kept <= 1 for kept in strengths):
            raise ValueError(f"strength must lie in [0, 1]: {strengths}")
        for goal in (towards, other):
            if goal is not None and goal.shape != pictures.shape:
                raise ValueError(f"expected as many pictures to go towards, not {tuple(goal.shape)}")
        self._fits(size, depth)
        result = pictures.clone()
        ignored = [row for row, kept in enumerate(strengths) if kept == 0 and within is None]
        if ignored:
            planes = None if depth is None else depth[ignored]
            moved = None if drift is None else drift[ignored]
            result[ignored] = self.imagine(size, [how[row] for row in ignored], planes, moved).to(result)
        whole = [row for row, kept in enumerate(strengths) if kept == 1] if other is not None else []
        if whole and other is not None:
            with torch.inference_mode():
                noises = [_noise(how[row]) for row in whole]
                here, there = (side[whole].to(self.device, torch.float32) for side in (pictures, other))
                latents = mixed(self._encoded(here, noises), self._encoded(there, noises), mix)
                result[whole] = self._decoded(latents).to(result)
        partly = [row for row, kept in enumerate(strengths) if kept < 1 and row not in ignored]
        if partly:
            planes = None if depth is None else depth[partly]
            beside = _Beside(within, drift, towards, share, other, mix).of(partly, self.device)
            with torch.inference_mode():
                orders = self._orders([how[row] for row in partly], [strengths[row] for row in partly])
                chosen = pictures[partly].to(self.device, torch.float32)
                painted = self._in_groups(orders, lambda group: self._redrawn(chosen, group, planes, beside), size)
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
                source = None
                if one.inversion > 0:
                    plain = replace(one, prompts=(Prompt(one.source),), cfg_scale=1.0)
                    source = self.texts.script(plain, False, start.run)
            orders.append(_Order(at, one, script, start, source))
        return orders

    def _in_groups(
        self, orders: Sequence[_Order], paint: Callable[[list[_Order]], Tensor], size: tuple[int, int]
    ) -> Tensor:
        """Paint together what can be painted together; (N, 3, H, W) in the order that was asked for."""
        groups: dict[Any, list[_Order]] = {}
        for order in orders:
            one = order.how
            look = one.sampler, one.eta, one.loras, one.inversion
            key = (*look, order.start, self._guided(one), order.script.shape)
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

    def _imagined(
        self, size: tuple[int, int], group: list[_Order], depth: Tensor | None, drift: Tensor | None
    ) -> Tensor:
        noises = [_noise(order.how, None if drift is None else drift[order.at]) for order in group]
        course = self._course(group, noises)
        latents = course.imagined((self._channels, size[0] // self.multiple, size[1] // self.multiple))
        latents = latents.to(self.device, self._kind)
        told = self._hole(latents, None, None, noises) if self._inpaints else None
        structure = self._structure(latents, depth, group, told)
        return self._decoded(self._denoised(latents, course, group, structure))

    def _redrawn(self, pictures: Tensor, group: list[_Order], depth: Tensor | None, beside: _Beside) -> Tensor:
        rows = [order.at for order in group]
        chosen = pictures[rows]
        noises = [_noise(order.how, None if beside.drift is None else beside.drift[order.at]) for order in group]
        course = self._course(group, noises)
        clean = self._encoded(chosen, noises)
        if beside.other is not None:
            clean = mixed(clean, self._encoded(beside.other[rows], noises), beside.mix)
            chosen = torch.lerp(chosen, beside.other[rows], beside.mix)
        places = None if beside.within is None else beside.within[rows]
        own = told = None
        if group[0].source is not None:
            told = self._hole(clean, chosen, places, noises) if self._inpaints else None
            own = self._inverted(clean, course, group, self._structure(clean, depth, group, told))
        latents = course.noised(clean, own, group[0].how.inversion)
        if told is None and self._inpaints:  # only now, since that is the order of diffusers' draws
            told = self._hole(latents, chosen, places, noises)
        structure = self._structure(latents, depth, group, told)
        kept = []
        if beside.towards is not None and beside.share is not None:
            share = functional.interpolate(beside.share[rows], size=latents.shape[-2:], mode="area")
            steps = -(-len(course.evaluations) // 2)
            free = (1 - share.clamp(0, 1)) ** (1 / steps)  # all of them together leave 1 − share
            kept.append(_Kept(self._encoded(beside.towards[rows], noises), free.to(latents), steps))
        if places is not None and not self._inpaints:  # an inpainting model has learned it, and needs no holding
            # A position of the latent that holds anything to be painted is painted; what is kept there is put back.
            free = functional.adaptive_max_pool2d(places, latents.shape[-2:]).gt(0).to(latents)
            kept.append(_Kept(clean, free))
        painted = self._decoded(self._denoised(latents, course, group, structure, kept))
        if places is not None:
            return torch.lerp(chosen, painted, places)
        start = group[0].start
        if start.run == 1 and start.broken:
            # Less than one step: what is left of the way to strength 1 is gone by mixing with the untouched picture,
            # so that the autoencoder's own loss fades in instead of appearing at once.
            painted = torch.lerp(chosen, painted, start.fraction)
        return painted

    def _inverted(self, clean: Tensor, course: Course, group: list[_Order], structure: _Structure) -> Tensor:
        """The noise of these latents' own."""
        orders = [
            replace(order, script=order.source or order.script, how=replace(order.how, cfg_scale=1.0))
            for order in group
        ]
        times = [float(course.time(index)) for index in course.evaluations]
        told = [order.script.at(order.start.run) for order in orders]
        with self._asked(orders, structure) as ask:
            return inversion.noise_of(clean, times, self._parts.scheduler, lambda x, time: ask(x, time, told))

    def _course(self, group: list[_Order], noises: Sequence[Noise | Drifting]) -> Course:
        how = group[0].how
        key = (how.sampler, how.steps)
        if key not in self._schedulers:
            self._schedulers[key] = prepare(how.sampler, self._parts.scheduler, how.steps)
            if len(self._schedulers) > SCHEDULERS:
                self._schedulers.popitem(last=False)
        return Course(self._schedulers[key], group[0].start, noises, how.eta)

    def _denoised(
        self, x: Tensor, course: Course, group: list[_Order], structure: _Structure, kept: Sequence[_Kept] = ()
    ) -> Tensor:
        """The latent at the end of the course."""
        guided = self._guided(group[0].how)
        with self._asked(group, structure) as ask:
            for step, index in enumerate(course.evaluations):
                for part in (part for part in kept if step < part.steps):
                    x = torch.lerp(course.held(part.latents, index).to(x), x, part.free)
                told = [order.script.at(course.step_of(index)) for order in group]
                scaled, time = course.scaled(x, index), course.time(index)
                output = ask(scaled, time, told)
                held = self._by_depth(output, partial(ask, scaled, time, told, blind=True), group, structure)
                x = course.step(_guide(output, group, told, guided, held), index, x)
        return x

    @contextmanager
    def _asked(self, group: list[_Order], structure: _Structure) -> Iterator[_Ask]:
        """The network at work for a group; what the texts make of its options is kept while they stay the same."""
        last: list[Passes] = []
        options: dict[str, Any] = {}

        def ask(inputs: Tensor, time: Tensor, told: list[Passes], blind: bool = False) -> Tensor:
            nonlocal last, options
            passes = len(told[0].states)
            if len(last) != len(told) or any(one is not other for one, other in zip(last, told)):
                last, options = told, self._options(group, told, inputs)
            if blind and structure.beside is not None:
                nothing = torch.zeros_like(structure.beside)
                of_last_pass = {
                    name: value[-len(inputs) :] for name, value in options.items() if torch.is_tensor(value)
                }
                unseen: Tensor = self._unet(
                    torch.cat([inputs, nothing], dim=1), time, return_dict=False, **of_last_pass
                )[0]
                return unseen
            inputs = inputs if passes == 1 else torch.cat([inputs] * passes)
            added = {}
            if structure.picture is not None:
                shown = structure.picture.repeat(passes, 1, 1, 1)
                weights = _per_row([order.how.controlnet_scale for order in group] * passes, inputs)
                added = self._controlled(inputs, time, shown, weights, options)
            if structure.beside is not None:
                inputs = torch.cat([inputs, structure.beside.repeat(passes, 1, 1, 1)], dim=1)
            output: Tensor = self._unet(inputs, time, return_dict=False, **options, **added)[0]
            return output

        with self._at_work(self._unet, *([] if structure.picture is None else [self._control])):
            yield ask

    def _by_depth(
        self, output: Tensor, blind: Callable[[], Tensor], group: list[_Order], structure: _Structure
    ) -> Tensor | float:
        """What is added to hold a picture to its depth: guidance by what depth changes, (N, C, h, w) or 0.

        As a picture guides in InstructPix2Pix (arXiv 2211.09800, eq. 3): the last pass's answer against the same
        without depth.
        """
        scale = _per_row([order.how.depth_scale for order in group], output)
        plain = isinstance(scale, float) and scale == 1
        if plain or not self._reads_plane or structure.beside is None or not bool(structure.beside.any()):
            return 0.0
        return (scale - 1) * (output[-len(group) :] - blind())

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

    def _encoded(self, pictures: Tensor, noises: Sequence[Noise | Drifting]) -> Tensor:
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

    def _structure(
        self, latents: Tensor, depth: Tensor | None, group: list[_Order], told: Tensor | None = None
    ) -> _Structure:
        """What the model is told beside the latent, in the ways that it listens to; `told` to an inpainting model."""
        near = None
        if depth is not None:
            near = 1.0 / depth[[order.at for order in group]].to(self.device, torch.float32).clamp_min(1e-6)
        picture = None
        if near is not None and self._control is not None:  # ControlNets see depth as a grey picture
            low, high = near.amin(dim=(1, 2, 3), keepdim=True), near.amax(dim=(1, 2, 3), keepdim=True)
            grey = (near - low) / (high - low).clamp_min(1e-12)
            picture = grey.expand(-1, 3, -1, -1).to(self._kind)
        return _Structure(told if told is not None else self._plane(latents, near), picture)

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

    def _hole(
        self, latents: Tensor, pictures: Tensor | None, places: Tensor | None, noises: Sequence[Noise | Drifting]
    ) -> Tensor:
        """What an inpainting model is told (N, 1 + C, h, w): where to paint, and the picture with a hole there.

        As in diffusers' inpainting pipelines: the hole is half and harder at 0.5, grey, and its mask read at the
        nearest place. Without pictures, or without a mask, all of it is hole.
        """
        size = (latents.shape[-2] * self.multiple, latents.shape[-1] * self.multiple)
        hard = latents.new_ones((len(latents), 1, *size), dtype=torch.float32)
        if places is not None:
            hard = places.ge(0.5).float()
        shown = (
            torch.full_like(hard, 0.5).expand(-1, 3, -1, -1)
            if pictures is None
            else torch.lerp(pictures, torch.full_like(pictures, 0.5), hard)
        )
        mask = functional.interpolate(hard, size=latents.shape[-2:]).to(latents)
        return torch.cat([mask, self._encoded(shown, noises)], dim=1)

    @contextmanager
    def _at_work(self, *modules: Any) -> Iterator[None]:
        """With little memory: the modules at work are on the device, and only they."""
        if not self._frugal:
            yield
            return
        _move(modules, self.device)
        try:
            yield
        finally:
            _move(modules, torch.device("cpu"))


def _move(modules: Sequence[Any], device: torch.device) -> None:
    with torch.inference_mode(False):  # parameters made in inference mode could never be changed again
        for module in modules:
            module.to(device)


def mixed(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Latents (N, C, h, w) on the way from `a` to `b`: the straight line, with each channel's spread kept.

    The mean of two pictures that have nothing in common is flat, and would be redrawn as something grey.
    """
    line = torch.lerp(a, b, share)
    mean = line.mean(dim=(2, 3), keepdim=True)
    spread = torch.lerp(a.std(dim=(2, 3), keepdim=True), b.std(dim=(2, 3), keepdim=True), share)
    return mean + (line - mean) * (spread / line.std(dim=(2, 3), keepdim=True).clamp_min(1e-6))


def _noise(how: Sampling, drift: Tensor | None = None) -> Noise | Drifting:
    """`drift` (2, H, W) in pixels."""
    noise = Noise(how.seed, how.subseed, how.subseed_strength)
    return noise if drift is None else Drifting(noise, drift, how.seed)


def _sampled(distribution: Any, noises: Sequence[Noise | Drifting]) -> Tensor:
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
