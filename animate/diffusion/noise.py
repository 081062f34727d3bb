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


def draw(sources: Sequence[Noise], shape: Sequence[int]) -> Tensor:
    """The next draw of every picture, (N, *shape), float32 on the CPU."""
    return torch.stack([source.draw(shape) for source in sources])


def _generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed % 2**64)
