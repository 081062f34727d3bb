"""Autoguidance, learned: what the painter says, and as far again from what it said when it knew less.

    git worktree add ../younger 8b69dc0       # the embedded painter's weights of 484,000 samples
    git worktree add ../older e180d13         # and its last ones before it learned this
    M=animate/models/painter; python -m training.painter --from embedded --younger ../younger/$M --older ../older/$M

A painter errs as it did when it was younger, only less: its mean of all that might be there is a little less soft. So
what changed since points at what would still change (Karras et al. 2024, 2406.02507, section 3, who guide each step of
a sampler so, at the price of a second network). Here the painter learns once to say by itself what would be said so.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from training.latents import EMBEDDED

FARTHER = 2.0
"""How far to go from what was said before; at 1 nothing would change."""
FROM = (600, 750)
"""Time steps from which on anything changes, and from which on all does. What is learned at all times a loop of the
usual strength, which begins at 580, adds to itself with every frame, until there are patterns of 16 px."""


class Autoguidance(nn.Module):
    """What a painter is to say instead of what the world shows; frozen."""

    def __init__(self, younger: Path, older: Path = EMBEDDED) -> None:
        """Load two painters, diffusers folders, of one size and with one tokenizer.

        Raises:
            OSError: there is none.
        """
        from diffusers import UNet2DConditionModel
        from transformers import CLIPTextModel

        super().__init__()
        unets = [UNet2DConditionModel.from_pretrained(str(folder), subfolder="unet") for folder in (older, younger)]
        self.older, self.younger = (unet.float().to(memory_format=torch.channels_last) for unet in unets)
        reader = CLIPTextModel.from_pretrained(str(younger), subfolder="text_encoder", attn_implementation="eager")
        self.reader = reader.float()
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, noisy: Tensor, times: Tensor, tokens: Tensor, said: Tensor) -> Tensor:
        """v (N, 32, h, w) of what UNets take (N, 33, h, w) at times (N,); the older one has read tokens (N, 48) as the
        painter does, which is ``said`` (N, 48, 192)."""
        before = self.younger(noisy, times, self.reader(input_ids=tokens).last_hidden_state).sample.float()
        first, last = FROM
        farther = 1 + (FARTHER - 1) * ((times - first) / (last - first)).clamp(0, 1)[:, None, None, None]
        return before + farther * (self.older(noisy, times, said).sample.float() - before)
