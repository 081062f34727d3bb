"""What the painter is to make small: squared error where it is seen, and what a critic misses of what captions tell."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.batch import NO_DEPTH, Batch, unsaid_tokens
from training.critic import Critic, noised, unheard
from training.latents import Table
from training.noise import times_of

if TYPE_CHECKING:
    from training.painter import Painter

COARSE = 4
"""Channels that hold a patch's mean and slopes; those after them hold texture."""
SMOOTH = 0.25
"""What is added to a place's liveliness before its error is divided by the root of it: grain is seen in a smooth sky,
not among leaves. Without it, and with samples of little noise counting less (min-SNR) and drawn less often, 50,000
samples left the painter worse at taking noise away than shrinking each place by its own energy: 0.244 against 0.230."""
OWN = 0.25
"""Share of a batch that goes on with paintings of its own where a critic is heeded; only the critic speaks there."""
STEPS = 8
HEEDED = range(300, 900)
"""Time steps at which the critic is heard: after the first, which knows nothing yet of where things are to be, so that
the noise still decides that, and before details."""


def channel_weights(table: Table) -> Tensor:
    """(1, 32, 1, 1), mean 1: a channel weighs as its spread, so the means of patches weigh most.

    Errors in those are what shows as squares in a smooth sky, and they are what a caption can tell.
    """
    spread = table.latents[:: max(1, len(table) // 2000)].float().std(dim=(0, 2, 3))
    return (spread / spread.mean())[None, :, None, None]


def visibility(latents: Tensor) -> Tensor:
    """(N, 1, h, w), mean 1: how much an error is seen at each place, less where the texture around hides it."""
    lively = nn.functional.avg_pool2d(
        latents[:, COARSE:].square().mean(1, keepdim=True), 3, 1, 1, count_include_pad=False
    )
    seen = (SMOOTH + lively).rsqrt()
    return seen / seen.mean()


def losses(
    painter: Painter,
    unet: nn.Module,
    alphas: Tensor,
    weights: Tensor,
    batch: Batch,
    random: torch.Generator,
    critic: Critic | None = None,
    heed: float = 0.0,
) -> Tensor:
    """(N,): weighted squared error of v for each sample of the batch, and ``heed`` times what the critic misses."""
    latents, device = batch.latents, batch.latents.device
    said = painter.read(batch.tokens)
    times = times_of(len(latents), random, device)
    noise = torch.randn(latents.shape, generator=random, device=device)
    power = alphas[times].float()[:, None, None, None]
    noisy = power.sqrt() * latents + (1 - power).sqrt() * noise
    aim = power.sqrt() * noise - (1 - power).sqrt() * latents
    depth, own = batch.depth, torch.zeros(len(latents), dtype=torch.bool, device=device)
    if critic is not None:
        own[: int(OWN * len(latents))] = True
        unsaid = painter.read(unsaid_tokens().to(device)[None])
        noisy[own], times[own] = begun(unet, alphas, said[own].detach(), unsaid.detach(), noise[own], random)
        depth = torch.where(own[:, None, None, None], NO_DEPTH, depth)
        power = alphas[times].float()[:, None, None, None]
    found = unet(torch.cat([noisy, depth], dim=1), times, said).sample.float()
    error = (weights * visibility(latents) * (found - aim).square()).mean(dim=(1, 2, 3)) * ~own
    if critic is None:
        return error
    foretold = power.sqrt() * noisy - (1 - power).sqrt() * found
    sooner = (times * (0.5 + 0.45 * torch.rand(len(times), generator=random, device=device))).long()
    power = alphas[sooner].float()
    heard = (times >= HEEDED.start) & (times < HEEDED.stop)
    missed = unheard(critic(noised(foretold, power, random), power), batch.kind, batch.told)
    return error + heed * missed * heard


@torch.no_grad()
def begun(
    unet: nn.Module, alphas: Tensor, said: Tensor, unsaid: Tensor, noise: Tensor, random: torch.Generator
) -> tuple[Tensor, int]:
    """Paintings of its own (N, 32, h, w), one to five of eight guided DDIM steps after ``noise``, and the time there.

    In a noised picture of the world the road is there already, however faint; in what the painter began it is not,
    unless it drew one. ``said`` (N, 48, 192) and ``unsaid`` (1, 48, 192) are captions, and none, as it reads them.
    """
    count, device = len(noise), noise.device
    times = (torch.arange(STEPS, 0, -1) * len(alphas) // STEPS - 1).tolist()
    taken = int(torch.randint(1, 6, (), generator=random, device=device))
    guidance = 1 + 4 * torch.rand(count, 1, 1, 1, generator=random, device=device)
    both, depth = torch.cat([said, unsaid.expand_as(said)]), torch.full_like(noise[:, :1], NO_DEPTH)
    noisy = noise
    for time, after in itertools.pairwise(times[: taken + 1]):
        seen = torch.cat([noisy, depth], dim=1).repeat(2, 1, 1, 1)
        told, plain = unet(seen, torch.full((2 * count,), time, device=device), both).sample.float().chunk(2)
        v = plain + guidance * (told - plain)
        power, left = alphas[time].float(), alphas[after].float()
        clean, rest = power.sqrt() * noisy - (1 - power).sqrt() * v, (1 - power).sqrt() * noisy + power.sqrt() * v
        noisy = left.sqrt() * clean + (1 - left).sqrt() * rest
    return noisy, times[taken]
