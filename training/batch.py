"""What a step of the painter's training learns from, drawn at random from the world's rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training import words
from training.latents import Table
from training.questions import QUESTIONS

NO_DEPTH = 0.0
LONGEST = 0.5
"""Share of the samples that are read with the longest of their captions: a colour or a kind that a caption leaves out
cannot be learned from it."""
PHOTO = 0.5
"""Share of the samples drawn from scenes in no style: what is painted where no style is asked for."""
SLOW = ("coast", "islands", "road")
"""Kinds that are drawn twice as often: what tells them is small in a picture, and they are learned last."""
DROP = 0.1
DEPTH_SHARE = 0.35


@dataclass(frozen=True)
class Batch:
    """What a step learns from."""

    latents: Tensor
    """(N, 32, h, w)"""
    depth: Tensor
    """(N, 1, h, w), relative inverse depth, 0 where it is not told."""
    tokens: Tensor
    """(N, 48)"""
    kind: Tensor
    """(N,) number of the kind of picture that the caption tells; -1 for none."""
    told: Tensor
    """(N, things) which things in sight the caption names."""


def unsaid_tokens() -> Tensor:
    """(48,): no caption."""
    tokens = torch.full((words.LENGTH,), words.PAD)
    tokens[:2] = torch.tensor([words.BEGIN, words.END])
    return tokens


def chances(table: Table) -> Tensor:
    """(n,) float64: how often each row is drawn, in all 1."""
    photos = table.photo.double()
    share = (1 - PHOTO) / len(table) + PHOTO * photos / photos.sum().clamp(min=1)
    slow = torch.tensor([QUESTIONS["kind"].index(kind) for kind in SLOW], device=table.answers.device)
    share = share * (1 + torch.isin(table.answers[:, 0].long(), slow).double())
    return share / share.sum()


def draw(table: Table, signs: Tensor, count: int, random: np.random.Generator) -> Batch:
    """A batch: half are mirrored with their mirrored captions; a tenth lose their caption, two thirds their depth."""
    device = table.latents.device
    captions = torch.from_numpy(random.integers(table.tokens.shape[2], size=count)).to(device)
    luck = torch.from_numpy(random.random((5, count))).to(device)
    sums = chances(table).cumsum(0)
    rows = torch.searchsorted(sums, luck[4] * sums[-1], right=True).clamp(max=len(table) - 1)
    mirrored, longest, unsaid = luck[0] < 0.5, luck[1] < LONGEST, luck[2] < DROP
    said = table.tokens[rows, mirrored.long()]
    captions = torch.where(longest, (said != words.PAD).sum(-1).argmax(-1), captions)
    tokens = said[torch.arange(count, device=device), captions].long()
    turn = mirrored[:, None, None, None]
    latents, depth = table.latents[rows].float(), table.depth[rows].float()[:, None]
    latents = torch.where(turn, latents.flip(-1) * signs[:, None, None], latents)
    depth = torch.where(turn, depth.flip(-1), depth)
    return Batch(
        latents=latents,
        depth=torch.where(luck[3, :, None, None, None] < DEPTH_SHARE, depth, NO_DEPTH),
        tokens=torch.where(unsaid[:, None], unsaid_tokens().to(device), tokens),
        kind=torch.where(unsaid, -1, table.answers[rows, 0].long()),
        told=table.told[rows, mirrored.long(), captions] & ~unsaid[:, None],
    )
