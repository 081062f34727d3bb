"""FILM: frame interpolation for large motion (Reda et al., ECCV 2022).

Two pictures are read by one extractor at seven scales; the features of level i mean the same at every scale, so the
coarse levels share one flow predictor, and large motion at a fine level looks like small motion at a coarse one. Flow
is refined from coarse to fine as residuals, both ways. A decoder fuses the five finest levels of both pictures, each
carried to the time between. 34,436,667 parameters in the published size.

The published weights were trained for t = 0.5 alone. Other times scale both flows (`between`), or are reached by
halving (`animate.interp.halving`).

Flows and sampling grids are float32 whatever the weights are: half precision loses sub-pixels above 2,000 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from animate.errors import BadInput
from animate.interp import store
from animate.interp.halving import Halving
from animate.interp.tiles import Tile, cover, feather, reflect
from animate.interp.weights import PREFIXES, fit, read
from animate.motion.flow import lookup

SLOPE = 0.2
"""Of every leaky rectifier in the network."""

_EXTRACTOR_SEES = 32
"""Pixels around a pixel that its features may depend on: two 3×3 convolutions at strides 1, 2, 4, 8 see 30."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Sizes of a FILM network; the defaults are those of all three published ones (L1, VGG, Style)."""

    levels: int = 7
    """Of the image, feature and flow pyramids; sides are padded to multiples of 2^(levels − 1)."""
    fused: int = 5
    """Finest levels that the decoder sees."""
    stages: int = 4
    """Depth of the extractor that is run from every level."""
    width: int = 64
    """Channels of the extractor's first stage; each further stage has twice as many."""
    flow_widths: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of the flow predictors of levels 0, 1, …; the last one serves all coarser levels."""

    @property
    def multiple(self) -> int:
        """Sides of a padded picture divide by this."""
        return 2 ** (self.levels - 1)

    def features(self, level: int) -> int:
        """Channels of the features of a level: 64, 192, 448, 960, 960, …"""
        return sum(self.width << stage for stage in range(min(level + 1, self.stages)))

    def aligned(self, level: int) -> int:
        """Channels that reach the decoder at a level: both pictures, both features, both flows."""
        return 2 * (3 + self.features(level) + 2)


@dataclass(frozen=True)
class Seen:
    """One picture as the network sees it: what is computed once, however many times are asked for."""

    images: list[Tensor]
    """(1, 3, H / 2^i, W / 2^i) for every level."""
    features: dict[int, Tensor]
    """By level: (1, C_i, H / 2^i, W / 2^i)."""


class Extractor(nn.Module):
    """The sub-network run from every level of the image pyramid: pairs of 3×3 convolutions, halved between."""

    def __init__(self, anatomy: Anatomy) -> None:
        super().__init__()
        widths = [3, *(anatomy.width << stage for stage in range(anatomy.stages))]
        self.stages = nn.ModuleList(
            nn.ModuleList([nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)])
            for before, after in pairwise(widths)
        )

    def forward(self, image: Tensor, depth: int) -> list[Tensor]:
        """(N, 3, H, W) → the outputs of the first `depth` stages, each half the size of the one before."""
        outputs: list[Tensor] = []
        for stage in list(self.stages)[:depth]:
            net = functional.avg_pool2d(outputs[-1], 2) if outputs else image
            for convolution in stage:  # type: ignore[attr-defined]
                net = functional.leaky_relu(convolution(net), SLOPE)
            outputs.append(net)
        return outputs


class Predictor(nn.Module):
    """Residual flow of one level: three 3×3 convolutions, two 1×1."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(inputs, width, 3, padding=1),
                nn.Conv2d(width, width, 3, padding=1),
                nn.Conv2d(width, width, 3, padding=1),
                nn.Conv2d(width, width // 2, 1),
                nn.Conv2d(width // 2, 2, 1),
            ]
        )

    def forward(self, here: Tensor, there: Tensor) -> Tensor:
        """Features of both pictures, (N, C, H, W) each → (N, 2, H, W) float32, (x, y) in pixels of this level."""
        *hidden, last = self.layers
        net = torch.cat([here, there], 1)
        for layer in hidden:
            net = functional.leaky_relu(layer(net), SLOPE)
        return last(net).float()


class Decoder(nn.Module):
    """From the aligned pyramid to the picture: a level doubled, a 2×2 convolution, the next level joined, two 3×3."""

    def __init__(self, anatomy: Anatomy) -> None:
        super().__init__()
        self.top = anatomy.fused - 1
        self.levels = nn.ModuleList()
        for level in range(self.top):
            width = anatomy.width << min(level, anatomy.stages - 1)
            below = (
                anatomy.aligned(self.top)
                if level == self.top - 1
                else anatomy.width << min(level + 1, anatomy.stages - 1)
            )
            self.levels.append(
                nn.ModuleList(
                    [
                        nn.Conv2d(below, width, 2),
                        nn.Conv2d(width + anatomy.aligned(level), width, 3, padding=1),
                        nn.Conv2d(width, width, 3, padding=1),
                    ]
                )
            )
        self.color = nn.Conv2d(anatomy.width, 3, 1)

    def forward(self, aligned: Callable[[int], Tensor]) -> Tensor:
        """`aligned(level)` is asked from coarse to fine, one level in memory at a time → (N, 3, H, W)."""
        net = aligned(self.top)
        for level in reversed(range(self.top)):
            up, join, smooth = list(self.levels)[level].children()
            net = functional.interpolate(net, scale_factor=2.0, mode="nearest")
            net = up(functional.pad(net, (0, 1, 0, 1)))  # an even kernel is padded right and below, as in the original
            net = functional.leaky_relu(join(torch.cat([aligned(level), net], 1)), SLOPE)
            net = functional.leaky_relu(smooth(net), SLOPE)
        return self.color(net)


class Network(nn.Module):
    """FILM on padded batches; `Film` is what callers want."""

    def __init__(self, anatomy: Anatomy | None = None) -> None:
        super().__init__()
        self.anatomy = anatomy or Anatomy()
        self.extractor = Extractor(self.anatomy)
        self.predictors = nn.ModuleList(
            Predictor(2 * self.anatomy.features(level), width) for level, width in enumerate(self.anatomy.flow_widths)
        )
        self.decoder = Decoder(self.anatomy)

    @property
    def dtype(self) -> torch.dtype:
        return self.decoder.color.weight.dtype

    @property
    def shared(self) -> int:
        """The finest level whose flow predictor is shared: from here on a level is coarse."""
        return len(self.predictors) - 1

    def see(self, image: Tensor, levels: range | None = None, block: int = 0) -> Seen:
        """(N, 3, H, W), H and W divisible by `anatomy.multiple` → its pyramids, features of `levels` only (or all).

        With `block`, the extractor runs on blocks of so many pixels a side with a margin as wide as it can see: the
        same values, in a fraction of the memory.
        """
        images = [image]
        for _ in range(self.anatomy.levels - 1):
            images.append(functional.avg_pool2d(images[-1], 2))
        levels = levels or range(self.anatomy.levels)
        depth = self.anatomy.stages
        parts: dict[int, list[Tensor]] = {level: [] for level in levels}
        for level, picture in reversed(list(enumerate(images))):  # joined in the order S[L][0], S[L-1][1], …
            stages = [stage for stage in range(min(depth, self.anatomy.levels - level)) if level + stage in parts]
            if stages:
                for stage, features in zip(stages, self._extracted(picture, stages, block)):
                    parts[level + stage].append(features)
        return Seen(images, {level: torch.cat(joined, 1) for level, joined in parts.items()})

    def _extracted(self, image: Tensor, stages: Sequence[int], block: int) -> list[Tensor]:
        """The outputs of the wanted stages of the extractor."""
        height, width = image.shape[-2:]
        if not block or max(height, width) <= block:
            outputs = self.extractor(image, stages[-1] + 1)
            return [outputs[stage] for stage in stages]
        whole: list[Tensor] = []
        for tile in cover(height, width, block, overlap=0):
            outer = tile.grown(_EXTRACTOR_SEES, height, width)
            outputs = self.extractor(outer.of(image), stages[-1] + 1)
            if not whole:
                whole = [
                    image.new_empty((image.shape[0], outputs[stage].shape[1], height >> stage, width >> stage))
                    for stage in stages
                ]
            for result, stage in zip(whole, stages):
                tile.of(result, 2**stage).copy_(tile.within(outer).of(outputs[stage], 2**stage))
        return whole

    def flows(self, here: Seen, there: Seen, coarse: Mapping[int, Tensor] | None = None) -> dict[int, Tensor]:
        """Flow here → there by level: (N, 2, H / 2^i, W / 2^i), (x, y) in pixels of that level.

        Computed for all levels of the features, from coarse to fine; on top of `coarse` where it is given.
        """
        flows = dict(coarse or {})
        flow = flows[min(flows)] if flows else None
        for level in sorted(set(here.features) - set(flows), reverse=True):
            ours, theirs = here.features[level], there.features[level]
            predict = self.predictors[min(level, self.shared)]
            if flow is None:
                flow = predict(ours, theirs)
            else:
                flow = 2 * functional.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)
                flow = flow + predict(ours, lookup(theirs, flow))
            flows[level] = flow
        return flows

    def between(
        self, a: Seen, b: Seen, forward: Mapping[int, Tensor], backward: Mapping[int, Tensor], time: float
    ) -> Tensor:
        """The picture at `time`: (N, 3, H, W), not clamped. `forward` is the flow a → b.

        Both flows are read at the target pixel, which takes motion to be straight and locally constant (§3.3).
        """

        def aligned(level: int) -> Tensor:
            to_a, to_b = time * backward[level], (1 - time) * forward[level]
            return torch.cat(
                [
                    lookup(a.images[level], to_a),
                    lookup(a.features[level], to_a),
                    lookup(b.images[level], to_b),
                    lookup(b.features[level], to_b),
                    to_a.to(self.dtype),
                    to_b.to(self.dtype),
                ],
                1,
            )

        return self.decoder(aligned).float()


def names(ours: str) -> list[str]:
    """Spellings of one of our names: the public PyTorch port, ComfyUI's, and TensorFlow's variables.

    The port counts flow predictors and decoder levels from coarse to fine; TensorFlow numbers the decoder's layers as
    they were made, from fine to coarse.
    """
    part, *where, kind = ours.split(".")
    numbers = [int(word) for word in where if word.isdigit()]
    tensorflow_kind = {"weight": "kernel", "bias": "bias"}[kind]
    if part == "extractor":
        stage, layer = numbers
        port = f"extract.extract_sublevels.convs.{stage}.{layer}"
        tensorflow = f"feat_net/sub_extractor/cfeat_conv_{2 * stage + layer}"
    elif part == "predictors":
        level, layer = numbers
        own = len(Anatomy().flow_widths) - 1
        port = f"predict_flow._predictor{'' if level == own else f's.{own - 1 - level}'}._convs.{layer}"
        tensorflow = f"predict_flow/flow_predictor_{'shared' if level == own else level}/conv_{layer}"
    elif where[0] == "color":
        return [f"fuse.output_conv.{kind}", f"fusion/conv2d_12/{tensorflow_kind}"]
    else:
        level, layer = numbers
        port = f"fuse.convs.{Anatomy().fused - 2 - level}.{layer}"
        number = 3 * level + layer
        tensorflow = f"fusion/conv2d{f'_{number}' if number else ''}"
    return [f"{port}.0.{kind}", f"{port}.conv.{kind}", f"{tensorflow}/{tensorflow_kind}"]


def load(weights: Path | None, device: torch.device, dtype: torch.dtype, tile: int = 0) -> Film:
    """The engine with the weights of a file; half precision is undone on a CPU, which is slow at it.

    Raises:
        MissingModel: no such file, or one whose tensors are not FILM's.
    """
    path = store.needed("film", weights, "give a published file (film_net_fp32.pt) by its path, or put it there")
    tensors = read(path)
    with torch.device("meta"):
        network = Network(_anatomy(tensors))
    network = network.to_empty(device="cpu")
    fit(network, tensors, names, str(path))
    return Film(network.to(device=device, dtype=torch.float32 if device.type == "cpu" else dtype), tile)


def load_halving(weights: Path | None, device: torch.device, dtype: torch.dtype) -> Halving:
    """As `load`, but asked for the middle of a gap only, again and again: what the weights were trained for."""
    return Halving(load(weights, device, dtype))


def _anatomy(tensors: Mapping[str, Tensor]) -> Anatomy:
    """Widths as the file has them, so that narrower networks of the same build load as well."""
    given = {PREFIXES.sub("", name): tensor for name, tensor in tensors.items()}

    def width(ours: str, standard: int) -> int:
        spelling = next((name for name in (ours, *names(ours)) if name in given), None)
        return len(given[spelling]) if spelling else standard

    standard = Anatomy()
    return Anatomy(
        width=width("extractor.stages.0.0.bias", standard.width),
        flow_widths=tuple(
            width(f"predictors.{level}.layers.0.bias", usual) for level, usual in enumerate(standard.flow_widths)
        ),
    )


class Film:
    """The engine: pictures of any size, tiles for large ones, the features of a picture kept for the pair that follows.

    Args:
        network: with weights in it; its device and precision are where and how the work is done.
        tile: side of the tiles in pixels, a multiple of 64; 0 takes the picture whole up to `WHOLE` pixels, and tiles
            of 1024 px above.
    """

    WHOLE = 2048 * 1152
    """Pixels that are done in one piece: 8 GiB in float32, at 3.5 KiB a pixel (measured at 768 × 512)."""
    OVERLAP = 320
    """Pixels that two tiles share: flow and decoder see 85 px far, and the flow may lead as far again."""
    RAMP = 64
    AT_ONCE = 16
    """Pictures that are put together of tiles in one go; each waits whole while tile follows tile."""

    def __init__(self, network: Network, tile: int = 0) -> None:
        if tile and (tile % network.anatomy.multiple or tile <= self.OVERLAP):
            multiple = network.anatomy.multiple
            raise BadInput(f"FILM's tiles are multiples of {multiple} px above {self.OVERLAP}, not {tile}")
        self.network = network.eval()
        self.tile = tile
        self._kept: tuple[Tensor, Seen] | None = None

    @torch.no_grad()
    def __call__(self, a: Tensor, b: Tensor, times: Sequence[float]) -> Iterator[Tensor]:
        height, width = a.shape[-2:]
        tile = self.tile or (0 if height * width <= self.WHOLE else 1024)
        if tile and max(height, width) > tile:
            yield from self._tiled(a, b, times, tile)
            return
        first, second = self._seen(a, 0), self._seen(b, 0)
        self._kept = (b, second)
        there, back = self.network.flows(first, second), self.network.flows(second, first)
        _, inner = reflect(a, self.network.anatomy.multiple)
        for time in times:
            yield inner.of(self.network.between(first, second, there, back, time))[0]

    def _seen(self, picture: Tensor, block: int) -> Seen:
        """Extracted once, though a picture belongs to two pairs; with a block only the coarse levels."""
        if self._kept is not None and torch.equal(self._kept[0], picture):
            return self._kept[1]
        levels = range(self.network.shared if block else 0, self.network.anatomy.levels)
        return self.network.see(self._padded(picture), levels, block)

    def _padded(self, picture: Tensor) -> Tensor:
        return reflect(picture.to(self.network.dtype)[None], self.network.anatomy.multiple)[0]

    def _tiled(self, a: Tensor, b: Tensor, times: Sequence[float], side: int) -> Iterator[Tensor]:
        """Coarse features and flow from the whole picture, fine ones tile by tile: no seams, no lost motion."""
        first, second = self._seen(a, side), self._seen(b, side)
        self._kept = (b, second)
        there, back = self.network.flows(first, second), self.network.flows(second, first)
        _, inner = reflect(a, self.network.anatomy.multiple)
        for start in range(0, len(times), self.AT_ONCE):
            some = times[start : start + self.AT_ONCE]
            yield from map(inner.of, self._joined(first, second, there, back, some, side))

    def _joined(
        self,
        first: Seen,
        second: Seen,
        there: Mapping[int, Tensor],
        back: Mapping[int, Tensor],
        times: Sequence[float],
        side: int,
    ) -> list[Tensor]:
        """The padded pictures at `times`, put together of tiles; `there` and `back` are the coarse flows."""
        net = self.network
        height, width = first.images[0].shape[-2:]
        device = first.images[0].device
        sums = [torch.zeros(3, height, width, device=device) for _ in times]
        weights = torch.zeros(1, height, width, device=device)
        for tile in cover(height, width, side, self.OVERLAP):
            here, beyond = self._closer(first, tile), self._closer(second, tile)
            ahead = net.flows(here, beyond, {level: tile.of(flow, 2**level) for level, flow in there.items()})
            behind = net.flows(beyond, here, {level: tile.of(flow, 2**level) for level, flow in back.items()})
            hidden = (self.OVERLAP - self.RAMP) // 2
            weight = feather(tile, height, width, self.RAMP, hidden).to(device)
            tile.of(weights).add_(weight)
            for total, time in zip(sums, times):
                tile.of(total).add_(weight * net.between(here, beyond, ahead, behind, time)[0])
        return [total.div_(weights) for total in sums]

    def _closer(self, whole: Seen, tile: Tile) -> Seen:
        """One tile: fine features from its own pixels, coarse ones cut from the whole."""
        near = self.network.see(tile.of(whole.images[0]), range(self.network.shared))
        coarse = {level: tile.of(features, 2**level) for level, features in whole.features.items()}
        return Seen(near.images, near.features | coarse)
