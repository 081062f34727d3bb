"""The network of a model, asked: what a state is answered, under texts, sizes, scales and structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from animate.diffusion.conditioning import Passes
from animate.diffusion.orders import Order, per_row
from animate.diffusion.parts import Parts, Turns
from animate.diffusion.sampling import Sampling
from animate.diffusion.structure import Structure

AESTHETIC, UNAESTHETIC = 6.0, 2.5
"""Scores that the SDXL refiner is told for the prompt and for the negative prompt (diffusers' defaults)."""


class Ask(Protocol):
    """The network of a group."""

    def __call__(self, inputs: Tensor, time: Tensor, told: list[Passes], blind: bool = False) -> Tensor:
        """Scaled latents (N, C, h, w) → (P·N, C, h, w), all passes of what each row is told; of the last one alone, and
        without depth, if `blind`."""
        ...


class Network:
    """A UNet, and its ControlNet where it has one."""

    def __init__(self, parts: Parts, cell: int, reads_plane: bool, device: torch.device, turns: Turns) -> None:
        """`cell`: pixels along a side of one position of the latent; `reads_plane`: of depth, beside it."""
        self._unet: Any = parts.unet
        self._control: Any = parts.controlnet
        # Kept: diffusers looks through all weights for its `dtype`, a fifth of a small model's time.
        self.kind: torch.dtype = parts.unet.dtype
        self.double = getattr(parts.unet.config, "addition_embed_type", None) == "text_time"
        """Whether it is told pooled texts and sizes (SDXL)."""
        self._distilled = parts.unet.config.time_cond_proj_dim
        self._aesthetic = parts.aesthetic
        self._cell, self._reads_plane, self._device, self._turns = cell, reads_plane, device, turns

    def guided(self, how: Sampling) -> bool:
        """Whether a negative pass is run while guidance lasts; distilled models are told the scale instead."""
        return how.cfg_scale > 1 and not self._distilled

    @contextmanager
    def asked(self, group: list[Order], structure: Structure) -> Iterator[Ask]:
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
                weights = per_row([order.how.controlnet_scale for order in group] * passes, inputs)
                added = self._controlled(inputs, time, shown, weights, options)
            if structure.beside is not None:
                inputs = torch.cat([inputs, structure.beside.repeat(passes, 1, 1, 1)], dim=1)
            output: Tensor = self._unet(inputs, time, return_dict=False, **options, **added)[0]
            return output

        with self._turns.at_work(self._unet, *([] if structure.picture is None else [self._control])):
            yield ask

    def by_depth(
        self, output: Tensor, blind: Callable[[], Tensor], group: list[Order], structure: Structure
    ) -> Tensor | float:
        """What is added to hold a picture to its depth: guidance by what depth changes, (N, C, h, w) or 0.

        As a picture guides in InstructPix2Pix (arXiv 2211.09800, eq. 3): the last pass's answer against the same
        without depth.
        """
        scale = per_row([order.how.depth_scale for order in group], output)
        plain = isinstance(scale, float) and scale == 1
        if plain or not self._reads_plane or structure.beside is None or not bool(structure.beside.any()):
            return 0.0
        return (scale - 1) * (output[-len(group) :] - blind())

    def _options(self, group: list[Order], told: list[Passes], x: Tensor) -> dict[str, Any]:
        """What the network is told beside latent and time: texts, and what the family adds."""
        passes = len(told[0].states)
        states = torch.cat([torch.stack([one.states[p] for one in told]) for p in range(passes)])
        options: dict[str, Any] = {"encoder_hidden_states": states.to(self._device, self.kind)}
        if self.double:
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

    def _added(self, group: list[Order], told: list[Passes], x: Tensor) -> dict[str, Tensor]:
        """What SDXL is told besides the prompt: pooled texts and sizes."""
        passes = len(told[0].states)
        height, width = x.shape[-2] * self._cell, x.shape[-1] * self._cell
        pooled = [one.pooled[p] for p in range(passes) for one in told if one.pooled is not None]
        ids = [float(height), float(width), 0.0, 0.0]
        rows = []
        for p in range(passes):
            score = UNAESTHETIC if told[0].guided and p == 0 else AESTHETIC
            tail = [score] if self._aesthetic else [float(height), float(width)]
            rows += [ids + tail] * len(group)
        return {
            "text_embeds": torch.stack(pooled).to(self._device, self.kind),
            "time_ids": torch.tensor(rows, dtype=self.kind, device=self._device),
        }

    def _told_scale(self, group: list[Order]) -> Tensor:
        """Sinusoidal embedding of guidance − 1, (N, D): how LCM reads its scale (arXiv 2310.04378, §4)."""
        half = self._distilled // 2
        scale = torch.tensor([order.how.cfg_scale - 1 for order in group], dtype=torch.float32) * 1000.0
        slope = torch.log(torch.tensor(10000.0)) / (half - 1)
        frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -slope)
        angles = scale[:, None] * frequencies[None, :]
        embedding = torch.cat([angles.sin(), angles.cos()], dim=1)
        embedding = functional.pad(embedding, (0, self._distilled % 2))
        return embedding.to(self._device, self.kind)
