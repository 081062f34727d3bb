"""Seeded noise fields and how they are blended in.

Fields are drawn on the CPU, so a seed means the same on every device; what they were drawn for is all they depend on:
a resumed run draws what the unbroken one drew. Normal numbers come from 16 random bits each through a table: three
times as fast as torch's, and the same to the last bit on every machine, since no logarithm or sine is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.picture.threads import each

BASE_CELLS = 8
"""Cells of the coarsest Perlin layer along each side, as in Deforum."""


def rng(seed: int, frame: int, purpose: str) -> np.random.Generator:
    """The random source for one purpose at one frame; independent of every other (seed, frame, purpose).

    Args:
        seed: any integer.
        frame: 0 or more.
        purpose: what the numbers are for, a short name.
    """
    # SeedSequence mixes non-negative integers of any size; negative seeds get the odd numbers.
    key = (abs(seed) * 2 + (seed < 0), frame, *purpose.encode())
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(key)))


def uniform(rng: np.random.Generator, height: int, width: int) -> Tensor:
    """(3, height, width) white Gaussian noise, std 1: evenly strong over the picture (Deforum's "uniform").

    Of 65,536 different values up to ±4.2.
    """
    count = 3 * height * width
    raw = rng.bit_generator.random_raw(-(-count // 4))  # a third of the time of `rng.bytes`, which are the same
    bits = raw.astype("<u8", copy=False).view("<u2")[:count]
    drawn = np.empty((3, height, width), dtype=np.float32)
    cv2.LUT(bits.reshape(3 * height, width), _normal_table(), dst=drawn.reshape(3 * height, width))
    return torch.from_numpy(drawn)


def perlin(rng: np.random.Generator, height: int, width: int, octaves: int = 4, persistence: float = 0.5) -> Tensor:
    """(3, height, width) white noise whose strength drifts over the picture: times (p + 1) / 2, p Perlin noise.

    Args:
        rng: where the numbers come from.
        height: pixels, any.
        width: pixels, any.
        octaves: layers, each twice as fine.
        persistence: weight of each layer against the one before.
    """
    columns = _columns(rng, width, octaves, persistence)
    layers, white = each(
        lambda draw: draw(), (partial(_layers, columns, height, octaves), partial(uniform, rng, height, width))
    )
    return white.mul_(layers.add_(1).div_(2))


NOISES: dict[str, Callable[..., Tensor]] = {"uniform": uniform, "perlin": perlin}
"""(rng, height, width) → (3, height, width)."""


def perlin_layers(
    rng: np.random.Generator, height: int, width: int, octaves: int = 4, persistence: float = 0.5
) -> Tensor:
    """(height, width) gradient noise, the sum of all octaves, mostly within [−1, 1].

    Perlin 2002, "Improving noise". At a pixel, each of the four grid nodes around it contributes fade(dy) · fade(dx) ·
    (gx · dx + gy · dy); that is a product of one factor a row and one a column, so a whole layer is two matrix
    products with the gradients between, and all layers together are one, of few numbers that are not 0.
    """
    return _layers(_columns(rng, width, octaves, persistence), height, octaves)


def _columns(rng: np.random.Generator, width: int, octaves: int, persistence: float) -> Tensor:
    """(nodes of all layers, twice, width) what each row of nodes gives to every column; all that is random."""
    columns = []
    for octave in range(octaves):
        cells = BASE_CELLS * 2**octave
        angle = 2 * np.pi * rng.random((cells + 1, cells + 1), dtype=np.float32)
        gradient_x, gradient_y = np.cos(angle), np.sin(angle)  # (cells + 1, cells + 1), unit length
        fade, slope = _node_weights(width, cells)
        weight = np.float32(np.sqrt(2) * persistence**octave)
        # by torch: numpy's library of products spins threads of its own, which waits for cores that encode the video
        columns += [torch.from_numpy(weight * gradient_x) @ slope.T, torch.from_numpy(weight * gradient_y) @ fade.T]
    return torch.cat(columns)


def _layers(columns: Tensor, height: int, octaves: int) -> Tensor:
    return torch.sparse.mm(_rows(height, octaves), columns)


@lru_cache(8)
def _rows(height: int, octaves: int) -> Tensor:
    """(height, nodes of all layers, twice) how much each counts in a row, sparse: two nodes a layer are near a row."""
    layers = [_node_weights(height, BASE_CELLS * 2**octave) for octave in range(octaves)]
    return torch.cat([part for layer in layers for part in layer], dim=1).to_sparse()


def add_noise(picture: Tensor, amount: float, field: Tensor) -> Tensor:
    """Blend noise in: (1 − amount) · picture + amount · noise, as Deforum does; so it pulls towards mid-grey.

    Args:
        picture: (3, H, W) in [0, 1].
        amount: 0 keeps the picture; below 0 extrapolates away from grey.
        field: (3, H, W), where [−1, 1] becomes [0, 1] and the rest is clipped.

    Returns:
        (3, H, W) in [0, 1].
    """
    grey_levels = (field / 2).add_(0.5).clamp_(0, 1)
    return torch.lerp(picture, grey_levels, amount, out=grey_levels).clamp_(0, 1)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """From noise `a` (t = 0) to noise `b` (t = 1) along the arc, so that the variance stays that of noise.

    Each tensor is one vector. Nearly parallel vectors are interpolated straight.
    """
    cosine = torch.dot(a.flatten(), b.flatten()) / (a.norm() * b.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if not 1e-4 < angle < np.pi - 1e-4:
        return torch.lerp(a, b, t)
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


@cache
def _normal_table() -> np.ndarray:
    """(1, 65536) the normal distribution's quantiles at the middles of as many equal shares."""
    shares = (torch.arange(1 << 16, dtype=torch.float64) + 0.5) / (1 << 16)
    return torch.special.ndtri(shares).float()[None].numpy()


@lru_cache(16)
def _node_weights(size: int, cells: int) -> tuple[Tensor, Tensor]:
    """(size, cells + 1) each: how much every grid node counts at every pixel, and that times its distance."""
    position = np.arange(size, dtype=np.float32) * np.float32(cells / size)
    distance = position[:, None] - np.arange(cells + 1, dtype=np.float32)
    far = np.minimum(np.abs(distance), 1)
    fade = 1 - far**3 * (far * (far * 6 - 15) + 10)
    return torch.from_numpy(fade), torch.from_numpy(fade * distance)
