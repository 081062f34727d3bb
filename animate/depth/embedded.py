"""The embedded depth eye: a small network that says how near each place of a picture is, offline.

A U-Net on squares of 4 × 4 pixels, with attention where places are few, trained on rendered scenes whose depth is exact
(`training/depth.py`). It looks at the picture at about its training size, whatever the picture's own, and speaks of the
logarithm of inverse depth at a quarter of that. A larger picture is looked at from farther off and from nearer by as
well: whole, a room is understood, close up, the rods of a chair are seen. What it says is then drawn to the picture's
own edges by a guided filter (He et al., ECCV 2010).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from animate.depth import from_disparity
from animate.errors import MissingModel

FOLDER = Path(__file__).parent.parent / "models" / "depth"
"""`network.safetensors`, `config.json`, `digests.json` and a card."""
SIDE = 256
"""Pixels of the shorter side as the network sees it, and saw it in training."""
AROUND = (192, 384)
"""Sides at which it sees a larger picture besides; the mean of what it says is taken. Of 40 rooms of another seed, 512²
large, δ₁ after least squares is 0.667 with one look, 0.677 with 192 and 256, 0.688 with all three."""
CELL = 4
"""Pixels along a side of what the network gives one value for."""
MULTIPLE = CELL * 8
"""Sides of what the network sees are multiples of this: cells, halved three times."""
REACH, TOLERANCE = 1, 1e-3
"""Radius in cells and smoothness of the guided filter: contrasts below √TOLERANCE count as flat. Chosen by landscapes
that nothing was trained on: δ₁, by least relative errors, of 48 at 256² and 24 at 512² is 0.802 and 0.793; without the
filter 0.798 and 0.788; with a radius of 6, which draws ridges into one another, 0.761 and 0.750."""


class Block(nn.Module):
    """x + two 3 × 3 convolutions of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)]
        self.inside = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inside(x)


class Glance(nn.Module):
    """x + what each place sees of all others, then of itself: attention and a small network (Vaswani et al. 2017).

    Where a place lies is told by its share of the way down and across, so any size will do.
    """

    def __init__(self, width: int, head: int = 48) -> None:
        super().__init__()
        self._heads = width // head
        self.where = nn.Linear(6, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.ask = nn.Linear(width, 3 * width)
        self.told = nn.Linear(width, width)
        last = nn.Linear(2 * width, width)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), last)
        for values in (*self.told.parameters(), *last.parameters()):
            nn.init.zeros_(values)  # at first it changes nothing

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        net = x.flatten(2).mT
        asked = self.ask(self.norms[0](net) + self.where(_places(height, width).to(net)))
        queries, keys, values = asked.unflatten(-1, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        net = net + self.told(self.heard(queries, keys, values).transpose(1, 2).flatten(2))
        net = net + self.think(self.norms[1](net))
        return net.mT.unflatten(2, (height, width))

    def heard(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attention, (N, heads, places, head) each; training has a quicker way back through it."""
        return functional.scaled_dot_product_attention(queries, keys, values)


def _places(height: int, width: int) -> Tensor:
    """(H·W, 6): how far down and across each place is, from -1 to 1, and the waves of half and of a whole turn."""
    down, across = ((torch.arange(size) + 0.5) * 2 / size - 1 for size in (height, width))
    place = torch.stack(torch.meshgrid(down, across, indexing="ij"), -1).flatten(0, 1)
    return torch.cat([place, torch.sin(torch.pi * place), torch.cos(torch.pi * place)], -1)


def _stage(width: int, level: int) -> nn.Module:
    """What is done at one size; where places are few, each sees all."""
    return nn.Sequential(Block(width), Glance(width)) if level >= 2 else Block(width)


class Network(nn.Module):
    """Pictures (N, 3, H, W) in [0, 1], sides multiples of `MULTIPLE` → log inverse depth (N, 1, H/4, W/4)."""

    def __init__(self, widths: Sequence[int] = (48, 96, 144, 192)) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3 * CELL * CELL, widths[0], 3, padding=1)
        self.seen = nn.ModuleList(_stage(width, level) for level, width in enumerate(widths))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.deep = _stage(widths[-1], len(widths) - 1)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.drawn = nn.ModuleList(_stage(width, level) for level, width in enumerate(widths[:-1]))
        self.leave = nn.Sequential(nn.GroupNorm(8, widths[0]), nn.SiLU(), nn.Conv2d(widths[0], 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        net = self.enter(functional.pixel_unshuffle(4 * pictures - 2, CELL))
        kept = []
        for seen, down in zip(self.seen, self.down):
            net = seen(net)
            kept.append(net)
            net = down(net)
        net = self.deep(self.seen[-1](net))
        for up, drawn, skip in zip(reversed(self.up), reversed(self.drawn), reversed(kept)):
            net = drawn(skip + functional.interpolate(up(net), scale_factor=2.0, mode="nearest"))
        return self.leave(net)


class Embedded:
    """The network behind our protocol."""

    def __init__(self, device: str | torch.device = "cpu", folder: Path = FOLDER) -> None:
        """Load the weights of `folder`.

        Raises:
            MissingModel: this installation has none, or they do not fit.
        """
        from safetensors.torch import load_file

        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            network = Network(config["widths"])
            weights = load_file(folder / "network.safetensors")
            network.load_state_dict({name: value.float() for name, value in weights.items()})
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise MissingModel(f"the embedded depth model in {folder} cannot be used: {error}") from error
        self._network = network.to(device).eval()
        self._device = torch.device(device)

    @torch.inference_mode()
    def __call__(self, pictures: Tensor, frames: Sequence[int]) -> Tensor:
        here = pictures.to(self._device, torch.float32)
        return from_disparity(guided(self.nearness(here), _seen(here, _looks(here)[-1]), here).to(pictures))

    @torch.inference_mode()
    def nearness(self, pictures: Tensor) -> Tensor:
        """(N, 1, h, w) inverse depth of an unknown scale as the network says it, a quarter as large as it sees."""
        here = pictures.to(self._device)
        said = [self._network(_seen(here, side)) for side in _looks(here)]
        finest = said[-1].shape[-2:]
        return torch.stack([functional.interpolate(one, finest, mode="bilinear") for one in said]).mean(0).exp()


def _looks(pictures: Tensor) -> Sequence[int]:
    """The sides at which pictures (N, 3, H, W) are seen, the finest last."""
    return sorted((SIDE, *AROUND)) if min(pictures.shape[-2:]) > SIDE else (SIDE,)


def _seen(pictures: Tensor, side: int) -> Tensor:
    """Pictures (N, 3, H, W) as the network looks at them, their shorter side made `side` pixels long."""
    scale = side / min(pictures.shape[-2:])
    size = [max(MULTIPLE, round(length * scale / MULTIPLE) * MULTIPLE) for length in pictures.shape[-2:]]
    return functional.interpolate(
        pictures.float().clamp(0, 1), size=size, mode="bilinear", antialias=True, align_corners=False
    )


def guided(field: Tensor, seen: Tensor, pictures: Tensor) -> Tensor:
    """(N, 1, H, W): `field` (N, 1, h, w) made as large as `pictures`, its edges moved onto those of their brightness.

    In windows of `REACH` cells the field is a line in the brightness of `seen`, which is the picture as the network saw
    it; the lines, averaged, are drawn over the large picture (fast guided filter, 1505.00996).
    """
    guide = functional.adaptive_avg_pool2d(seen.mean(1, keepdim=True), (field.shape[-2], field.shape[-1]))

    def mean(values: Tensor) -> Tensor:
        return functional.avg_pool2d(values, 2 * REACH + 1, 1, REACH, count_include_pad=False)

    about, level = mean(guide), mean(field)
    slope = (mean(guide * field) - about * level) / (mean(guide * guide) - about * about + TOLERANCE)
    lines = torch.cat([mean(slope), mean(level - slope * about)], 1)
    slope, offset = functional.interpolate(lines, pictures.shape[-2:], mode="bilinear", align_corners=False).chunk(2, 1)
    drawn = slope * pictures.mean(1, keepdim=True) + offset
    return drawn.clamp(field.amin(dim=(1, 2, 3), keepdim=True), field.amax(dim=(1, 2, 3), keepdim=True))
