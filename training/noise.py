"""How much noise is on a latent at each time step, and at which steps the painter learns."""

from __future__ import annotations

import torch
from torch import Tensor

NOISE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.0004,
    "beta_end": 0.008,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "clip_sample": False,
    "set_alpha_to_one": True,
    "steps_offset": 1,  # trailing steps ignore it; what pipelines of Stable Diffusion want to see
}
"""Stable Diffusion's schedule with less noise, as 16 x 16 positions need less than 64 x 64: eight trailing steps
stand at noise-to-signal 1/0, 7.7, 3.4, 2.0, 1.3, 0.85, 0.55 and 0.31."""

NOISY, NOISY_SHARE = 450, 0.75
"""Three quarters of the samples have so late a time step or a later one: there it is settled what a picture shows."""


def signal() -> Tensor:
    """(1000,): the share of signal power left at each time step, 0 at the last."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(**NOISE).alphas_cumprod.double()


def times_of(count: int, random: torch.Generator, device: torch.device, noisy: int = NOISY) -> Tensor:
    """(count,) time steps, three quarters of them from ``noisy`` on, stratified over the batch, in random order."""
    even = (torch.arange(count, device=device) + torch.rand(count, generator=random, device=device)) / count
    early, last = 1 - NOISY_SHARE, NOISE["num_train_timesteps"]
    late = noisy + (even - early) / NOISY_SHARE * (last - noisy)
    times = torch.where(even < early, even / early * noisy, late).long().clamp(max=last - 1)
    return times[torch.randperm(count, generator=random, device=device)]


def noised(latents: Tensor, power: Tensor, random: torch.Generator) -> Tensor:
    """Latents (N, 32, h, w) with so much of their power (N,) left."""
    noise = torch.randn(latents.shape, generator=random, device=latents.device)
    power = power[:, None, None, None]
    return power.sqrt() * latents + (1 - power).sqrt() * noise
