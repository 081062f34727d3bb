"""The discriminator: tells the painter's paintings from the world's pictures, so that paintings are as crisp.

Squared error asks for the mean of all pictures that a noisy one could be, and a mean has soft edges, no grain, and
squares where neighbouring places do not agree. What the painter foretells of its own paintings in their late steps is
therefore also shown to a network that learns beside it which latents are the world's (the adversarial loss of
1406.2661, on noised latents as in 2206.02262 and 2405.14867). It looks at the picture that the latents are, since a
square in a smooth sky is plain there and next to nothing in numbers, at four sizes of patch, so that each place has to
be right, and at the coarsest it knows the caption. It never meets the judge.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from animate.diffusion.autoencoder import PATCH, PatchAutoencoder
from training.looks import Block

WIDTHS = (32, 64, 96, 160)
CROP = 12
"""Places of a latent's side that it looks at at a time, which is twice as fast as all 16."""
RATE = 1e-3
"""Of its learning, whatever the painter's: it has to find what the painter does wrong now before that has changed."""
CELL = 4
"""Pixels of a side of the squares that it starts from."""
STEP = 0.1
"""How far a latent is moved to see how steeply the discriminator's opinion changes there."""
STEEP = 0.01
"""Weight of that steepness: one that is sure of itself within a hair's breadth teaches nothing."""
OFTEN = 4
"""Of so many latents one is moved."""
FAINT = 0.01
"""Contrast, of 2, below which a picture counts as flat."""


Shown = tuple[Tensor, Tensor, Tensor]
"""What it looks at: noisy latents (N, 32, h, w), the share of signal power in each (N,), captions (N, pooled)."""


class Discriminator(nn.Module):
    """Noisy latents (N, 32, h, w), the share of signal power in each (N,) and its caption (N, pooled) to scores."""

    kernel: Tensor
    bias: Tensor

    def __init__(self, vae: PatchAutoencoder, pooled: int) -> None:
        super().__init__()
        self.register_buffer("kernel", vae.decoder.weight.detach().float().clone(), persistent=False)
        self.register_buffer("bias", vae.decoder.bias.detach().float().clone(), persistent=False)  # type: ignore[union-attr]
        ways = [nn.Conv2d(3 + 3 * CELL**2 + 2, WIDTHS[0], 3, padding=1)]
        ways += [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(WIDTHS)]
        self.ways = nn.ModuleList(ways)
        self.blocks = nn.ModuleList(Block(width) for width in WIDTHS)
        self.heads = nn.ModuleList(nn.Sequential(nn.SiLU(), nn.Conv2d(width, 1, 1)) for width in WIDTHS)
        self.caption = nn.Sequential(nn.LayerNorm(pooled), nn.Linear(pooled, WIDTHS[-1]))

    def forward(self, latents: Tensor, power: Tensor, caption: Tensor) -> list[Tensor]:
        """Scores (N, places) for patches of each size, finest first; above 0 is the world's."""
        with torch.autocast(latents.device.type, enabled=False):  # a bfloat16 is as coarse as what is to be seen
            cells = functional.pixel_unshuffle(self.picture(latents.float()), CELL)
            colours = cells.unflatten(1, (3, CELL**2)).mean(2)
            seen = torch.cat([colours, contrast(cells, colours)], dim=1)
        level = torch.stack([power.sqrt(), (1 - power).sqrt()], dim=1)[:, :, None, None]
        seen = torch.cat([seen, level.expand(-1, -1, *seen.shape[2:])], dim=1)
        seen, scores = seen.contiguous(memory_format=torch.channels_last), []
        for way, block, head in zip(self.ways, self.blocks, self.heads):
            seen = block(way(seen))
            scores.append(head(seen).flatten(1))
        fits = (seen * self.caption(caption)[:, :, None, None]).mean(1).flatten(1)
        scores[-1] = scores[-1] + fits
        return scores

    def picture(self, latents: Tensor) -> Tensor:
        """(N, 3, H, W): the closed form of the autoencoder, all but its refiner's detail, at a tenth of the cost."""
        return functional.pixel_shuffle(functional.conv2d(latents, self.kernel, self.bias, padding=1), PATCH)


def contrast(cells: Tensor, colours: Tensor) -> Tensor:
    """Cells (N, 48, h, w) of mean ``colours`` (N, 3, h, w) against their surroundings, about 1 wherever there is
    anything to be seen."""
    edges = cells.unflatten(1, (3, CELL**2)) - _around(colours)[:, :, None]
    lively = _around(edges.abs().mean(dim=(1, 2))[:, None])[:, None]
    return (edges / (FAINT + 2 * lively)).flatten(1, 2)


def _around(values: Tensor) -> Tensor:
    return functional.avg_pool2d(values, 3, 1, 1, count_include_pad=False)


def strength(scores: list[Tensor]) -> Tensor:
    """(N,): how much the discriminator holds each for the world's, the mean of -log(1 + exp(-score)) over patches."""
    return torch.stack([functional.logsigmoid(score.float()).mean(1) for score in scores]).mean(0)


def held(discriminator: Discriminator, true: Shown, false: Shown, random: torch.Generator) -> dict[str, Tensor]:
    """``clumsy``: how surely the discriminator sees through the false, which moves who made them and not it;
    ``fooled``: where it errs, which moves it alone."""
    discriminator.requires_grad_(False)
    clumsy = -strength(discriminator(*false)).mean()
    discriminator.requires_grad_(True)
    latents, power, caption = false
    return {"clumsy": clumsy, "fooled": caught(discriminator, true, (latents.detach(), power, caption), random)}


def caught(discriminator: Discriminator, true: Shown, false: Shown, random: torch.Generator) -> Tensor:
    """What the discriminator makes small: being wrong on the world's latents and on paintings, and being steep."""
    parts = []
    for (latents, power, caption), sign in ((true, 1), (false, -1)):
        few = -(-len(latents) // OFTEN)
        moved = latents[:few] + STEP * torch.randn(latents[:few].shape, generator=random, device=latents.device)
        scores = discriminator(
            *(torch.cat(both) for both in ((latents, moved), (power, power[:few]), (caption, caption[:few])))
        )
        steep = [((score[:few] - score[-few:]).float() / STEP).square().mean() for score in scores]
        said = [sign * score[:-few] for score in scores]
        parts += [-strength(said).mean(), STEEP * torch.stack(steep).mean()]
    return torch.stack(parts).sum()
