"""Structure: what a model is told of a picture beside its latent, in the ways that it listens to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from animate.diffusion.latents import Latents
from animate.diffusion.noise import Drifting, Noise
from animate.diffusion.orders import Order
from animate.diffusion.parts import Parts
from animate.errors import MissingModel


@dataclass(frozen=True)
class Structure:
    """What a picture is to keep."""

    beside: Tensor | None
    """(N, 1 or 1 + C, h, w) for models that read further channels: depth, or what an inpainting model is told."""
    picture: Tensor | None
    """(N, 3, H, W) in [0, 1], 1 the nearest point, for a ControlNet."""


class Structures:
    """What one model listens to."""

    def __init__(self, parts: Parts, latents: Latents, name: str) -> None:
        reads, writes, made = int(parts.unet.config.in_channels), int(parts.unet.config.out_channels), latents.channels
        extra = reads - made
        self.inpaints = extra == 1 + made
        if writes != made:
            raise MissingModel(
                f"{name}: its network paints {writes} channels, the autoencoder has {made}: of another kind"
            )
        if extra not in (0, 1) and not self.inpaints:
            raise MissingModel(
                f"{name}: its network takes {extra} channels beside the latent's {made}; known are none, "
                f"one for depth, and {1 + made} of inpainting models"
            )
        self.reads_plane = extra == 1
        self._controlled = parts.controlnet is not None
        self.takes_depth = self.reads_plane or self._controlled
        self._like_sd2 = parts.depth_like_sd2
        self._latents = latents

    def of(self, latents: Tensor, depth: Tensor | None, group: list[Order], told: Tensor | None = None) -> Structure:
        """What the model is told beside the latent, in the ways that it listens to; `told` to an inpainting model."""
        near = None
        if depth is not None:
            near = 1.0 / depth[[order.at for order in group]].to(latents.device, torch.float32).clamp_min(1e-6)
        picture = None
        if near is not None and self._controlled:  # ControlNets see depth as a grey picture
            low, high = near.amin(dim=(1, 2, 3), keepdim=True), near.amax(dim=(1, 2, 3), keepdim=True)
            grey = (near - low) / (high - low).clamp_min(1e-12)
            picture = grey.expand(-1, 3, -1, -1).to(latents.dtype)
        return Structure(told if told is not None else self._plane(latents, near), picture)

    def _plane(self, latents: Tensor, near: Tensor | None) -> Tensor | None:
        """The depth channel (N, 1, h, w) of models that read one.

        They know depth as MiDaS gives it: nearness (1 / depth), each picture stretched to [−1, 1], nearest = 1. A plane
        of zeros says "no depth", and so does depth without relief.
        """
        if not self.reads_plane:
            return None
        if near is None:
            return torch.zeros_like(latents[:, :1])
        if self._like_sd2:
            near = functional.interpolate(near, size=latents.shape[-2:], mode="bicubic", align_corners=False)
        else:
            near = functional.interpolate(near, size=latents.shape[-2:], mode="area")
        low, high = near.amin(dim=(1, 2, 3), keepdim=True), near.amax(dim=(1, 2, 3), keepdim=True)
        relief = high - low
        plane = 2.0 * (near - low) / relief.clamp_min(1e-12) - 1.0
        return torch.where(relief > 1e-4 * high, plane, torch.zeros_like(plane)).to(latents.dtype)

    def hole(
        self, latents: Tensor, pictures: Tensor | None, places: Tensor | None, noises: Sequence[Noise | Drifting]
    ) -> Tensor:
        """What an inpainting model is told (N, 1 + C, h, w): where to paint, and the picture with a hole there.

        As in diffusers' inpainting pipelines: the hole is half and harder at 0.5, grey, and its mask read at the
        nearest place. Without pictures, or without a mask, all of it is hole.
        """
        size = (latents.shape[-2] * self._latents.cell, latents.shape[-1] * self._latents.cell)
        hard = latents.new_ones((len(latents), 1, *size), dtype=torch.float32)
        if places is not None:
            hard = places.ge(0.5).float()
        shown = (
            torch.full_like(hard, 0.5).expand(-1, 3, -1, -1)
            if pictures is None
            else torch.lerp(pictures, torch.full_like(pictures, 0.5), hard)
        )
        mask = functional.interpolate(hard, size=latents.shape[-2:]).to(latents)
        return torch.cat([mask, self._latents.encoded(shown, noises)], dim=1)
