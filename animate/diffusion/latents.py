"""Latents: pictures as a model holds them, by its autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from animate.diffusion.noise import Drifting, Noise
from animate.diffusion.parts import Turns


class Latents:
    """An autoencoder at work."""

    def __init__(self, vae: Any, kind: torch.dtype, turns: Turns) -> None:
        """`kind`: what latents are computed in, which is the network's."""
        self._vae = vae
        self._kind = kind
        # Kept: diffusers looks through all weights for its `dtype`, a fifth of a small model's time.
        self._vae_kind: torch.dtype = vae.dtype
        self._turns = turns
        self.channels = int(vae.config.latent_channels)
        self.cell = int(2 ** (len(vae.config.block_out_channels) - 1))
        """Pixels along a side of one position; height and width of pictures divide by it."""

    def encoded(self, pictures: Tensor, noises: Sequence[Noise | Drifting]) -> Tensor:
        """(N, 3, H, W) in [0, 1] → (N, C, h, w), scaled as the UNet expects it."""
        with self._turns.at_work(self._vae):
            answer = self._vae.encode((2.0 * pictures - 1.0).to(self._vae_kind))
            latents = answer.latents if hasattr(answer, "latents") else _sampled(answer.latent_dist, noises)
        latents = latents.to(self._kind)
        scale = self._vae.config.scaling_factor
        mean, std = self._statistics(latents)
        return scale * latents if mean is None or std is None else (latents - mean) * scale / std

    def decoded(self, latents: Tensor) -> Tensor:
        """(N, C, h, w) → (N, 3, H, W) in [0, 1], float32."""
        scale = self._vae.config.scaling_factor
        mean, std = self._statistics(latents)
        latents = latents / scale if mean is None or std is None else latents * std / scale + mean
        with self._turns.at_work(self._vae):
            pictures = self._vae.decode(latents.to(self._vae_kind), return_dict=False)[0]
        return (pictures.float() * 0.5 + 0.5).clamp(0, 1)

    def _statistics(self, like: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Mean and spread of each latent channel, for the few autoencoders that state them."""
        mean = getattr(self._vae.config, "latents_mean", None)
        std = getattr(self._vae.config, "latents_std", None)
        if mean is None or std is None:
            return None, None
        return torch.tensor(mean).view(1, -1, 1, 1).to(like), torch.tensor(std).view(1, -1, 1, 1).to(like)


def mixed(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Latents (N, C, h, w) on the way from `a` to `b`: the straight line, with each channel's spread kept.

    The mean of two pictures that have nothing in common is flat, and would be redrawn as something grey.
    """
    line = torch.lerp(a, b, share)
    mean = line.mean(dim=(2, 3), keepdim=True)
    spread = torch.lerp(a.std(dim=(2, 3), keepdim=True), b.std(dim=(2, 3), keepdim=True), share)
    return mean + (line - mean) * (spread / line.std(dim=(2, 3), keepdim=True).clamp_min(1e-6))


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
