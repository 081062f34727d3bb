"""What looks at latents and says what they show: the judge of finished pictures, the critic of noisy ones.

Places are few, and each is 16 × 16 pixels: what stands behind what is seen near by, what kind of land it is by all of
them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from training.attention import Quick
from training.norm import Norm

CROP = 14
"""Places of a latent's side that are looked at at a time: the same picture never twice."""
WIDTHS = (64, 96, 160)
HEAD = 32
"""Numbers by which a place asks others, a head."""


def square(latents: Tensor, side: int, random: torch.Generator) -> Tensor:
    """(N, channels, side, side): a random square of the latents; all of smaller ones."""
    most = 1 + latents.shape[-1] - min(side, latents.shape[-1])
    top, left = torch.randint(most, (2,), generator=random, device=latents.device).tolist()
    return latents[..., top : top + side, left : left + side]


class Looks(nn.Module):
    """Latents (N, channels, h, w) to the scores of each question's answers; 0.9 M parameters with one block a size."""

    def __init__(
        self, channels: int, questions: Mapping[str, Sequence[str]], blocks: int = 1, glances: int = 0
    ) -> None:
        """``blocks`` at each of three sizes; at the ``glances`` smallest each place sees all others after each."""
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, WIDTHS[0], 3, padding=1)]
        for place, width in enumerate(WIDTHS):
            sees = place >= len(WIDTHS) - glances
            for _ in range(blocks):
                layers += [Block(width), Quick(width, HEAD)] if sees else [Block(width)]
            if place + 1 < len(WIDTHS):
                layers += [nn.Conv2d(width, WIDTHS[place + 1], 3, stride=2, padding=1)]
        self.body = nn.Sequential(*layers, Norm(8, WIDTHS[-1]), nn.SiLU())
        self.heads = nn.ModuleDict({name: nn.Linear(3 * WIDTHS[-1], len(all)) for name, all in questions.items()})

    def forward(self, latents: Tensor) -> dict[str, Tensor]:
        """Scores (N, answers) by question."""
        seen = self.body(latents)
        upper, lower = seen.chunk(2, dim=2)
        told = torch.cat([upper.mean(dim=(2, 3)), lower.mean(dim=(2, 3)), seen.amax(dim=(2, 3))], dim=1)
        told = nn.functional.dropout(told, 0.3, self.training)
        return {name: head(told) for name, head in self.heads.items()}


class Block(nn.Module):
    """Two convolutions beside the straight way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            Norm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            Norm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inside(x)
