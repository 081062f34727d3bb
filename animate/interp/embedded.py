"""The embedded in-between network: flow tweening, corrected by a small network.

It begins where `tween` ends: dense inverse search both ways, and the flow from the time between made of it. A first
U-Net sees both pictures carried there and corrects the flow and which picture is shown where; a second one, with
features of both pictures carried along, adds what no flow can bring. Both end in layers that start at zero, so an
untrained network *is* flow tweening, and training can only be worth its while above that floor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from animate.errors import MissingModel
from animate.interp import store
from animate.interp.tiles import reflect
from animate.interp.tween import HIDDEN, SOFT
from animate.interp.weights import fit, read
from animate.motion import flow
from animate.motion.flow import lookup
from animate.picture.blur import separable

MULTIPLE = 16
"""Sides are padded to this: half size, halved three times."""
REACH = 8.0
"""Pixels of flow that the first U-Net is handed as 1."""
LOUDNESS = 0.1
"""Of what the second U-Net adds. One step of training moves an output of many inputs by nearly a tenth, which is much
for a colour or for 8 px; with such outputs 2,500 steps stayed at flow tweening and were worse at times."""
CONTEXT = (16, 24, 32)
"""Channels of the carried features, at 1/2, 1/4, 1/8."""


def rectified(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3×3 convolution and a rectifier with a slope for each channel."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.PReLU(outputs))


class Pyramid(nn.Module):
    """A U-Net on four scales, each half the one before; further input may join at each."""

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int], joined: Sequence[int] = (0, 0, 0)) -> None:
        super().__init__()
        self.enter = rectified(inputs + joined[0], widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(rectified(before + more, after, 2), rectified(after, after))
            for (before, after), more in zip(pairwise(widths), (0, *joined[1:]))
        )
        self.up = nn.ModuleList(rectified(below + here, here) for here, below in pairwise(widths))
        self.leave = nn.Conv2d(widths[0], outputs, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, given: Tensor, joined: Sequence[Tensor] = ()) -> Tensor:
        """(N, inputs, H, W) → (N, outputs, H, W); `joined[i]` is (N, …, H / 2^i, W / 2^i)."""
        net = self.enter(torch.cat([given, *joined[:1]], 1))
        skips = []
        for level, down in enumerate(self.down):
            skips.append(net)
            more = joined[level : level + 1] if level else ()
            net = down(torch.cat([net, *more], 1))
        for up, skip in zip(reversed(self.up), reversed(skips)):
            grown = functional.interpolate(net, scale_factor=2.0, mode="bilinear", align_corners=False)
            net = up(torch.cat([grown, skip], 1))
        return self.leave(net).float()  # flows, weights and colours, whatever the layers were computed in


class Network(nn.Module):
    """On padded batches; `Embedded` is what callers want."""

    def __init__(self, widths: Sequence[int] = (32, 48, 80, 128)) -> None:
        super().__init__()
        # Both pictures, both carried, the flow to each, what is hidden: 3 · 4 + 4 + 2 channels at four places; time.
        self.motion = Pyramid(4 * 18 + 1, 5, widths)
        self.context = nn.ModuleList(
            nn.Sequential(rectified(before, after, 2), rectified(after, after))
            for before, after in zip((3, *CONTEXT[:-1]), CONTEXT)
        )
        # The picture so far, both carried, the weight of each at four places; features of both.
        self.repair = Pyramid(4 * 10, 12, widths, [2 * width for width in CONTEXT])

    def see(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) → features at 1/2, 1/4, 1/8: once, however many times are asked for."""
        features = []
        for halve in self.context:
            image = halve(image)
            features.append(image)
        return features

    def between(
        self, a: Tensor, b: Tensor, flows: Tensor, hidden: Tensor, seen: tuple[list[Tensor], list[Tensor]], time: Tensor
    ) -> Tensor:
        """The picture at `time`: (N, 3, H, W), not clamped.

        Args:
            a, b: (N, 3, H, W), sides divisible by `MULTIPLE`.
            flows: (N, 4, H, W) float32, a → b and b → a in pixels.
            hidden: (N, 2, H, W) how much of a the other does not show, and of b, in [0, 1].
            seen: `see` of both.
            time: (N, 1, 1, 1) float32.
        """
        forward, backward = flows[:, :2], flows[:, 2:]
        to_a = torch.lerp(-time * forward, time * backward, time)
        to_b = torch.lerp((1 - time) * forward, (time - 1) * backward, time)
        from_a, from_b = lookup(a, to_a), lookup(b, to_b)
        lost = torch.cat([lookup(hidden[:, :1], to_a), lookup(hidden[:, 1:], to_b)], 1)
        stacked = torch.cat([a, b, from_a, from_b, to_a / REACH, to_b / REACH, lost], 1)
        when = time.expand(-1, 1, a.shape[2] // 2, a.shape[3] // 2)
        correction = self.motion(torch.cat([functional.pixel_unshuffle(stacked, 2), when], 1))
        correction = functional.interpolate(correction, scale_factor=2.0, mode="bilinear", align_corners=False)
        to_a, to_b = to_a + correction[:, :2], to_b + correction[:, 2:4]
        weight_a, weight_b = (1 - time) * (1 - lost[:, 1:]), time * (1 - lost[:, :1])
        share = torch.sigmoid(torch.log(weight_b / weight_a) + correction[:, 4:])
        from_a, from_b = sharp(a, to_a), sharp(b, to_b)
        picture = torch.lerp(from_a, from_b, share)
        carried = []
        small = torch.cat([to_a, to_b], 1)
        for ours, theirs in zip(*seen):
            small = 0.5 * functional.avg_pool2d(small, 2)
            carried.append(torch.cat([lookup(ours, small[:, :2]), lookup(theirs, small[:, 2:])], 1))
        stacked = functional.pixel_unshuffle(torch.cat([picture, from_a, from_b, share], 1), 2)
        return picture + LOUDNESS * functional.pixel_shuffle(self.repair(stacked, carried), 2)


def sharp(pictures: Tensor, field: Tensor) -> Tensor:
    """(N, C, H, W) read at p + field(p) by Keys' cubic with a = −½, as `motion.resample` has it, but differentiable.

    keys(s) = linear(f, s) + ½ s (1 − s) · linear(−δ²f, s) along each axis (Keys 1981, eq. 15).
    """
    padded = functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    middle = padded[..., 1:-1]
    across = middle - (padded[..., :-2] + padded[..., 2:]) / 2  # (N, C, H + 2, W)
    bends = [
        pictures,
        across[..., 1:-1, :],
        middle[..., 1:-1, :] - (middle[..., :-2, :] + middle[..., 2:, :]) / 2,
        across[..., 1:-1, :] - (across[..., :-2, :] + across[..., 2:, :]) / 2,
    ]
    flat, over, down, both = lookup(torch.cat(bends, 1), field).chunk(4, 1)
    height, width = pictures.shape[-2:]
    x = (field[:, :1] + torch.arange(width, device=field.device)).clamp(0, width - 1).frac()
    y = (field[:, 1:] + torch.arange(height, device=field.device)[:, None]).clamp(0, height - 1).frac()
    weight_x, weight_y = x * (1 - x), y * (1 - y)
    return flat + weight_x * over + weight_y * (down + weight_x * both)


def measured(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """What the network is told of a pair (3, H, W) by the classical method: (1, 4, H, W) flows, (1, 2, H, W) hidden."""
    forward, backward = flow.both_ways(a, b)
    only = torch.cat([flow.occluded(forward, backward), flow.occluded(backward, forward)]).to(a.dtype)
    hidden = separable(only, SOFT, SOFT, "replicate") * HIDDEN
    return torch.cat([forward, backward])[None].contiguous(), hidden[None]


class Embedded:
    """The engine."""

    def __init__(self, network: Network) -> None:
        self.network = network.eval()
        self._kept: tuple[Tensor, list[Tensor]] | None = None

    @torch.no_grad()
    def __call__(self, a: Tensor, b: Tensor, times: Sequence[float]) -> Iterator[Tensor]:
        (first, inner), (second, _) = reflect(a, MULTIPLE), reflect(b, MULTIPLE)
        flows, hidden = measured(first, second)
        seen = self._seen(first), self.network.see(second[None])
        self._kept = (second, seen[1])
        for time in times:
            when = torch.full((1, 1, 1, 1), time, device=a.device)
            yield inner.of(self.network.between(first[None], second[None], flows, hidden, seen, when))[0]

    def _seen(self, padded: Tensor) -> list[Tensor]:
        if self._kept is not None and torch.equal(self._kept[0], padded):
            return self._kept[1]
        return self.network.see(padded[None])


def load(weights: Path | None, device: torch.device, dtype: torch.dtype) -> Embedded:
    """The engine with the package's weights, or those of a file; always float32, it is small.

    Raises:
        MissingModel: this installation has no such network, or the file does not fit.
    """
    path = weights or store.EMBEDDED / "network.safetensors"
    if weights is None and not path.is_file():
        raise MissingModel(f"this installation has no embedded in-between network ({path} is not there); use flow")
    network = Network()
    fit(network, read(path), lambda _: (), str(path))
    return Embedded(network.float().to(device))
