"""The painter: pictures from noise and from pictures, by a loop of our own over a model of diffusers.

diffusers' pipelines spend 8 ms a call beside the network and round the strength to whole steps; here scheduler, UNet
and autoencoder are driven by hand. Where the strength falls on a whole step the result is diffusers' own
(`StableDiffusionImg2ImgPipeline` and its SDXL kin, to 1e-5).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from animate.diffusion import inversion
from animate.diffusion.adapters import Adapters
from animate.diffusion.conditioning import Texts
from animate.diffusion.course import Course
from animate.diffusion.guidance import guide
from animate.diffusion.latents import Latents, mixed
from animate.diffusion.levels import Start
from animate.diffusion.network import Network
from animate.diffusion.noise import Drifting, Noise
from animate.diffusion.orders import Beside, Order, noise_of, together
from animate.diffusion.parts import Parts, Turns
from animate.diffusion.samplers import prepare
from animate.diffusion.sampling import Prompt, Sampling
from animate.diffusion.structure import Structure, Structures
from animate.errors import BadInput

__all__ = ["Painter", "Parts", "Prompt", "Sampling"]

SCHEDULERS = 64
"""Prepared samplers that are kept, one for each name and number of steps."""


@dataclass(frozen=True)
class _Kept:
    """What a picture is held to while it is painted."""

    latents: Tensor
    """(N, C, h, w) clean."""
    free: Tensor
    """(N, 1, h, w), 1 where the model paints."""
    steps: int = 10**9
    """For how many of the first evaluations."""


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
        self._turns = Turns(self.device, frugal)
        self._latents = Latents(parts.vae, parts.unet.dtype, self._turns)
        self._structures = Structures(parts, self._latents, name)
        self._network = Network(parts, self._latents.cell, self._structures.reads_plane, self.device, self._turns)
        self.texts = Texts(parts.encoders, penultimate=self._network.double, empty_is_zero=parts.empty_is_zero)
        self._adapters = Adapters(parts.unet, parts.encoders)
        self._schedulers: OrderedDict[tuple[str, int], Any] = OrderedDict()
        self.takes_depth = self._structures.takes_depth

    @property
    def multiple(self) -> int:
        """Height and width must divide by it."""
        return self._latents.cell

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
                noises = [noise_of(how[row]) for row in whole]
                here, there = (side[whole].to(self.device, torch.float32) for side in (pictures, other))
                latents = mixed(self._latents.encoded(here, noises), self._latents.encoded(there, noises), mix)
                result[whole] = self._latents.decoded(latents).to(result)
        partly = [row for row, kept in enumerate(strengths) if kept < 1 and row not in ignored]
        if partly:
            planes = None if depth is None else depth[partly]
            beside = Beside(within, drift, towards, share, other, mix).of(partly, self.device)
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

    def _orders(self, how: Sequence[Sampling], strengths: Sequence[float]) -> list[Order]:
        orders = []
        for at, (one, kept) in enumerate(zip(how, strengths)):
            self._wear(one)
            start = Start.of(one.steps, 1 - kept)
            with self._turns.at_work(*(encoder.model for encoder in self.texts.encoders)):
                script = self.texts.script(one, self._network.guided(one), start.run)
                source = None
                if one.inversion > 0:
                    plain = replace(one, prompts=(Prompt(one.source),), cfg_scale=1.0)
                    source = self.texts.script(plain, False, start.run)
            orders.append(Order(at, one, script, start, source))
        return orders

    def _in_groups(
        self, orders: Sequence[Order], paint: Callable[[list[Order]], Tensor], size: tuple[int, int]
    ) -> Tensor:
        """Paint together what can be painted together; (N, 3, H, W) in the order that was asked for."""
        result = torch.empty(len(orders), 3, *size, device=self.device)
        for group in together(orders, self._network.guided):
            self._wear(group[0].how)
            result[[order.at for order in group]] = paint(group)
        return result

    def _wear(self, how: Sampling) -> None:
        """Bring LoRA files and textual inversions into force; nothing is done if they are already."""
        with torch.inference_mode(False):  # parameters made in inference mode could never be changed again
            for token, path in how.embeddings:
                self._adapters.teach(self.texts, token, path)
            self.texts.variant = self._adapters.wear(how.loras)

    # ---- from level to picture --------------------------------------------------------------------------------------

    def _imagined(
        self, size: tuple[int, int], group: list[Order], depth: Tensor | None, drift: Tensor | None
    ) -> Tensor:
        noises = [order.noise(drift) for order in group]
        course = self._course(group, noises)
        latents = course.imagined((self._latents.channels, size[0] // self.multiple, size[1] // self.multiple))
        latents = latents.to(self.device, self._network.kind)
        told = self._structures.hole(latents, None, None, noises) if self._structures.inpaints else None
        structure = self._structures.of(latents, depth, group, told)
        return self._latents.decoded(self._denoised(latents, course, group, structure))

    def _redrawn(self, pictures: Tensor, group: list[Order], depth: Tensor | None, beside: Beside) -> Tensor:
        rows = [order.at for order in group]
        chosen = pictures[rows]
        noises = [order.noise(beside.drift) for order in group]
        course = self._course(group, noises)
        clean = self._latents.encoded(chosen, noises)
        if beside.other is not None:
            clean = mixed(clean, self._latents.encoded(beside.other[rows], noises), beside.mix)
            chosen = torch.lerp(chosen, beside.other[rows], beside.mix)
        places = None if beside.within is None else beside.within[rows]
        own = told = None
        if group[0].source is not None:
            told = self._structures.hole(clean, chosen, places, noises) if self._structures.inpaints else None
            own = self._inverted(clean, course, group, self._structures.of(clean, depth, group, told))
        latents = course.noised(clean, own, group[0].how.inversion)
        if told is None and self._structures.inpaints:  # only now, since that is the order of diffusers' draws
            told = self._structures.hole(latents, chosen, places, noises)
        structure = self._structures.of(latents, depth, group, told)
        kept = []
        if beside.towards is not None and beside.share is not None:
            share = functional.interpolate(beside.share[rows], size=latents.shape[-2:], mode="area")
            steps = -(-len(course.evaluations) // 2)
            free = (1 - share.clamp(0, 1)) ** (1 / steps)  # all of them together leave 1 − share
            kept.append(_Kept(self._latents.encoded(beside.towards[rows], noises), free.to(latents), steps))
        if places is not None and not self._structures.inpaints:
            # An inpainting model has learned it, and needs no holding. For others a position of the latent that holds
            # anything to be painted is painted; what is kept there is put back.
            free = functional.adaptive_max_pool2d(places, latents.shape[-2:]).gt(0).to(latents)
            kept.append(_Kept(clean, free))
        painted = self._latents.decoded(self._denoised(latents, course, group, structure, kept))
        if places is not None:
            return torch.lerp(chosen, painted, places)
        start = group[0].start
        if start.run == 1 and start.broken:
            # Less than one step: what is left of the way to strength 1 is gone by mixing with the untouched picture,
            # so that the autoencoder's own loss fades in instead of appearing at once.
            painted = torch.lerp(chosen, painted, start.fraction)
        return painted

    def _inverted(self, clean: Tensor, course: Course, group: list[Order], structure: Structure) -> Tensor:
        """The noise of these latents' own."""
        orders = [
            replace(order, script=order.source or order.script, how=replace(order.how, cfg_scale=1.0))
            for order in group
        ]
        times = [float(course.time(index)) for index in course.evaluations]
        told = [order.script.at(order.start.run) for order in orders]
        with self._network.asked(orders, structure) as ask:
            return inversion.noise_of(clean, times, self._parts.scheduler, lambda x, time: ask(x, time, told))

    def _course(self, group: list[Order], noises: Sequence[Noise | Drifting]) -> Course:
        how = group[0].how
        key = (how.sampler, how.steps)
        if key not in self._schedulers:
            self._schedulers[key] = prepare(how.sampler, self._parts.scheduler, how.steps)
            if len(self._schedulers) > SCHEDULERS:
                self._schedulers.popitem(last=False)
        return Course(self._schedulers[key], group[0].start, noises, how.eta)

    def _denoised(
        self, x: Tensor, course: Course, group: list[Order], structure: Structure, kept: Sequence[_Kept] = ()
    ) -> Tensor:
        """The latent at the end of the course."""
        with self._network.asked(group, structure) as ask:
            for step, index in enumerate(course.evaluations):
                for part in (part for part in kept if step < part.steps):
                    x = torch.lerp(course.held(part.latents, index).to(x), x, part.free)
                now = course.step_of(index)
                told = [order.script.at(now) for order in group]
                scaled, time = course.scaled(x, index), course.time(index)
                output = ask(scaled, time, told)
                held: Tensor | float = 0.0
                if now <= group[0].script.guided:
                    blind = partial(ask, scaled, time, told, blind=True)
                    held = self._network.by_depth(output, blind, group, structure)
                x = course.step(guide(output, group, told, held), index, x)
        return x
