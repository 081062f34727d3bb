"""Seeded noise, drawn on the CPU so that every device sees the same.

A picture's noise depends on its own seeds alone, never on the pictures beside it in a batch. The draws are those of
diffusers' `randn_tensor` for a single picture with a CPU generator, in the same order, so that pipelines can be
compared with ours to the last bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

PARALLEL = 0.9995
"""Above this cosine two noises count as parallel and are mixed along the straight line."""


def slerp(a: Tensor, b: Tensor, amount: float) -> Tensor:
    """From `a` (amount 0) to `b` (amount 1) along the arc between them, over all elements.

    The straight line would lose a third of the noise's strength half-way (std 0.71 instead of 1), and the painter
    would answer with a blurred picture. Both ends are returned as they are.
    """
    if amount <= 0:
        return a
    if amount >= 1:
        return b
    cosine = float((a.double() * b.double()).sum() / (a.double().norm() * b.double().norm()).clamp_min(1e-30))
    if abs(cosine) > PARALLEL:
        return torch.lerp(a, b, amount)
    angle = math.acos(cosine)
    return (math.sin((1 - amount) * angle) * a + math.sin(amount * angle) * b) / math.sin(angle)


def turn(a: Tensor, b: Tensor, amount: float) -> Tensor:
    """From `a` to `b`, two independent draws: the quarter circle, which keeps the strength without measuring it."""
    if amount <= 0:
        return a
    if amount >= 1:
        return b
    angle = amount * math.pi / 2
    return math.cos(angle) * a + math.sin(angle) * b


class Noise:
    """The endless sequence of draws that belongs to one picture.

    `seed` may have a fraction: 10.25 lies a quarter of the way from seed 10 to seed 11. `subseed_strength` in [0, 1]
    then turns the noise towards that of `subseed`.
    """

    def __init__(self, seed: float, subseed: int = 0, subseed_strength: float = 0.0) -> None:
        whole = math.floor(seed)
        self._fraction = seed - whole
        self._strength = subseed_strength
        self._here = _generator(whole)
        self._next = _generator(whole + 1) if self._fraction > 0 else None
        self._other = _generator(subseed) if subseed_strength > 0 else None

    def draw(self, shape: Sequence[int]) -> Tensor:
        """The next draw, float32 on the CPU; `shape` without the batch axis."""
        shape = (1, *shape)
        noise = torch.randn(shape, generator=self._here)
        if self._next is not None:
            noise = slerp(noise, torch.randn(shape, generator=self._next), self._fraction)
        if self._other is not None:
            noise = slerp(noise, torch.randn(shape, generator=self._other), self._strength)
        return noise[0]


class Drifting:
    """Noise that goes along with what moves: the draws of another, each read where `drift` leads.

    A latent position is many pixels wide, and read at the nearest one noise would jump. So each draw is refined to
    `FINE` × `FINE` values a position that give it back when they are added up, the finer ones are read, and added up
    again: what comes out is white and of variance 1 wherever the drift does not squeeze, and moves in small steps
    (Chang et al., "How I Warped Your Noise", ICLR 2024, §3).
    """

    def __init__(self, inner: Noise, drift: Tensor, seed: float) -> None:
        """`drift` (2, H, W), (x, y) in pixels: position p reads from p + drift(p), round the edges."""
        self._inner = inner
        self._drift = drift
        self._still = not bool(drift.any())
        self._fine = _generator(int(seed) + 2**62)

    def draw(self, shape: Sequence[int]) -> Tensor:
        """The next draw, float32 on the CPU; `shape` is (C, h, w)."""
        coarse = self._inner.draw(shape)
        return coarse if self._still else carried(coarse, self._drift, self._fine)


FINE = 4
"""Values along each side of a latent position."""


def carried(coarse: Tensor, drift: Tensor, fine: torch.Generator) -> Tensor:
    """Noise (C, h, w) read where `drift` (2, H, W) leads, (C, h, w); values read twice are drawn anew."""
    channels, height, width = coarse.shape
    rows, columns = height * FINE, width * FINE
    values = torch.randn((channels, rows, columns), generator=fine)
    spare = torch.randn((channels, rows, columns), generator=fine)
    blocks = values.view(channels, height, FINE, width, FINE)
    blocks += (coarse / FINE)[:, :, None, :, None] - blocks.mean(dim=(2, 4), keepdim=True)
    lead = functional.interpolate(drift[None].float().cpu(), size=(rows, columns), mode="bilinear")[0]
    x = (torch.arange(columns) + (lead[0] * (columns / drift.shape[-1])).round().long()) % columns
    y = (torch.arange(rows)[:, None] + (lead[1] * (rows / drift.shape[-2])).round().long()) % rows
    place, own = (y * columns + x).flatten(), torch.arange(rows * columns)
    first = torch.full_like(own, rows * columns).scatter_reduce(0, place, own, "amin")
    read = torch.where(first[place] == own, values.flatten(1)[:, place], spare.flatten(1))
    return read.view(channels, height, FINE, width, FINE).sum(dim=(2, 4)) / FINE


def draw(sources: Sequence[Noise | Drifting], shape: Sequence[int]) -> Tensor:
    """The next draw of every picture, (N, *shape), float32 on the CPU."""
    return torch.stack([source.draw(shape) for source in sources])


def _generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed % 2**64)
