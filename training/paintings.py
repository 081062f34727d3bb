"""Paintings of the painter's own, from pure noise to the last step, to be learned from where a caption is missed.

In a noised picture of the world the road is there already, however faint; in what the painter began it is not, unless
it drew one. So what a sampler meets is what the painter is taught on.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.batch import NO_DEPTH

STEPS = 8
GUIDANCE = (2.0, 4.0)
"""From and to: around the 3 that the embedded painter is used with."""
RESCALE = 0.7
EARLY, LATE = range(1, 5), range(4, STEPS)
"""Steps in which it is settled what a picture shows, and those in which it gets its edges and grain."""


@dataclass(frozen=True)
class States:
    """Where paintings stand when a step begins."""

    noisy: Tensor
    """(n, 32, h, w)"""
    plain: Tensor
    """(n, 32, h, w): v without the caption, as the painter foretold it there."""
    times: Tensor
    """(n,)"""
    guidance: Tensor
    """(n, 1, 1, 1)"""
    which: Tensor
    """(n,): number of the painting."""
    late: Tensor
    """(n,) bool: whether the step is one of `LATE`."""

    def __getitem__(self, rows: Tensor) -> States:
        return States(*(part[rows] for part in vars(self).values()))


def guided(told: Tensor, plain: Tensor, guidance: Tensor) -> Tensor:
    """v (n, 32, h, w) by classifier-free guidance, its spread led back to that of ``told`` (2305.08891 section 3.4)."""
    v = plain + guidance * (told - plain)
    spread = told.std(dim=(1, 2, 3), keepdim=True) / v.std(dim=(1, 2, 3), keepdim=True)
    return v * (RESCALE * spread + 1 - RESCALE).detach()


@torch.no_grad()
def begun(
    unet: nn.Module, alphas: Tensor, said: Tensor, unsaid: Tensor, noise: Tensor, random: torch.Generator
) -> States:
    """Three states of each painting that begins with ``noise`` (N, 32, h, w): one of an early step, two of late ones.

    ``said`` (N, 48, 192) and ``unsaid`` (1, 48, 192) are captions, and none, as the painter reads them.
    """
    count, device = len(noise), noise.device
    times = (torch.arange(STEPS, 0, -1) * len(alphas) // STEPS - 1).tolist()
    low, high = GUIDANCE
    guidance = low + (high - low) * torch.rand(count, 1, 1, 1, generator=random, device=device)
    both, depth = torch.cat([said, unsaid.expand_as(said)]), torch.full_like(noise[:, :1], NO_DEPTH)
    noisy, states, plains = noise, [noise], []
    for time, after in itertools.pairwise([*times, None]):
        seen = torch.cat([noisy, depth], dim=1).repeat(2, 1, 1, 1)
        told, plain = unet(seen, torch.full((2 * count,), time, device=device), both).sample.float().chunk(2)
        plains.append(plain)
        if after is not None:
            v = guided(told, plain, guidance)
            power, left = alphas[time].float(), alphas[after].float()
            clean, rest = power.sqrt() * noisy - (1 - power).sqrt() * v, (1 - power).sqrt() * noisy + power.sqrt() * v
            noisy = left.sqrt() * clean + (1 - left).sqrt() * rest
            states.append(noisy)
    early = torch.randint(EARLY.start, EARLY.stop, (count,), generator=random, device=device)
    late = LATE.start + torch.rand(count, len(LATE), generator=random, device=device).argsort(1)[:, :2]
    steps = torch.cat([early, late[:, 0], late[:, 1]])
    which = torch.arange(count, device=device).repeat(3)
    return States(
        noisy=torch.stack(states)[steps, which],
        plain=torch.stack(plains)[steps, which],
        times=torch.tensor(times, device=device)[steps],
        guidance=guidance[which],
        which=which,
        late=torch.arange(3 * count, device=device) >= count,
    )
