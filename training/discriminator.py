"""The discriminator: tells the painter's paintings from the world's pictures, so that paintings are as crisp.

Squared error asks for the mean of all pictures that a noisy one could be, and a mean has soft edges, no grain, and
squares where neighbouring places do not agree. What the painter foretells of its own paintings in their late steps is
therefore also shown to a network that learns beside it which latents are the world's (2014's adversarial loss, on
noised latents as in 2206.02262 and 2405.14867). It looks at three sizes of patch, so that each place has to be right,
and at the coarsest it knows the caption. It never meets the judge.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from training.looks import Block

WIDTHS = (64, 96, 160)
STEP = 0.1
"""How far a latent is moved to see how steeply the discriminator's opinion changes there."""
STEEP = 0.1
"""Weight of that steepness: one that is sure of itself within a hair's breadth teaches nothing."""


class Discriminator(nn.Module):
    """Noisy latents (N, 32, h, w), the share of signal power in each (N,) and its caption (N, pooled) to scores."""

    def __init__(self, pooled: int) -> None:
        super().__init__()
        ways = [nn.Conv2d(32 + 2, WIDTHS[0], 3, padding=1)]
        ways += [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(WIDTHS)]
        self.ways = nn.ModuleList(ways)
        self.blocks = nn.ModuleList(Block(width) for width in WIDTHS)
        self.heads = nn.ModuleList(nn.Sequential(nn.SiLU(), nn.Conv2d(width, 1, 1)) for width in WIDTHS)
        self.caption = nn.Sequential(nn.LayerNorm(pooled), nn.Linear(pooled, WIDTHS[-1]))

    def forward(self, latents: Tensor, power: Tensor, caption: Tensor) -> list[Tensor]:
        """Scores (N, places) for patches of each size, finest first; above 0 is the world's."""
        level = torch.stack([power.sqrt(), (1 - power).sqrt()], dim=1)[:, :, None, None]
        level = level.expand(-1, -1, *latents.shape[2:]).to(latents.dtype)
        seen = torch.cat([latents, level], dim=1).contiguous(memory_format=torch.channels_last)
        scores = []
        for way, block, head in zip(self.ways, self.blocks, self.heads):
            seen = block(way(seen))
            scores.append(head(seen).flatten(1))
        fits = (seen * self.caption(caption)[:, :, None, None]).mean(1).flatten(1)
        scores[-1] = scores[-1] + fits
        return scores


def strength(scores: list[Tensor]) -> Tensor:
    """(N,): how much the discriminator holds each for the world's, the mean of -log(1 + exp(-score)) over patches."""
    return torch.stack([nn.functional.logsigmoid(score.float()).mean(1) for score in scores]).mean(0)


def caught(
    discriminator: Discriminator,
    true: tuple[Tensor, Tensor, Tensor],
    false: tuple[Tensor, Tensor, Tensor],
    random: torch.Generator,
) -> Tensor:
    """What the discriminator makes small: being wrong on the world's latents and on paintings, and being steep."""
    parts = []
    for (latents, power, caption), sign in ((true, 1), (false, -1)):
        moved = STEP * torch.randn(latents.shape, generator=random, device=latents.device)
        scores, beside = discriminator(latents, power, caption), discriminator(latents + moved, power, caption)
        steep = [((a.float() - b.float()) / STEP).square().mean() for a, b in zip(scores, beside)]
        parts += [-strength([sign * score for score in scores]).mean(), STEEP * torch.stack(steep).mean()]
    return torch.stack(parts).sum()
