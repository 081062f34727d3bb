"""Seeded noise fields and how they are blended in.

Fields are drawn on the CPU, so a seed means the same on every device; what they were drawn for is all they depend on:
a resumed run draws what the unbroken one drew. Normal numbers come from 16 random bits each through a table: three
times as fast as torch's, and the same to the last bit on every machine, since no logarithm or sine is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor

from animate.picture.compiled import compiled
from animate.picture.threads import each, strips

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)

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
    return _drawn(_bits(rng, height, width), np.ones((1, width), np.float32), np.ones((height, 1), np.float32), 0.0)


def perlin(rng: np.random.Generator, height: int, width: int, octaves: int = 4, persistence: float = 0.5) -> Tensor:
    """(3, height, width) white noise whose strength drifts over the picture: times (p + 1) / 2, p Perlin noise.

    p is the sum of all octaves of gradient noise (Perlin 2002, "Improving noise"), mostly within [−1, 1]. At a pixel,
    each of the four grid nodes around it contributes fade(dy) · fade(dx) · (gx · dx + gy · dy); that is a product of
    one factor a row and one a column, so a whole layer is two matrix products with the gradients between, and all
    layers together are one, of few numbers that are not 0.

    Args:
        rng: where the numbers come from.
        height: pixels, any.
        width: pixels, any.
        octaves: layers, each twice as fine.
        persistence: weight of each layer against the one before.
    """
    columns = _columns(rng, width, octaves, persistence)
    return _drawn(_bits(rng, height, width), columns / 2, _rows(height, octaves), 0.5)


NOISES: dict[str, Callable[..., Tensor]] = {"uniform": uniform, "perlin": perlin}
"""(rng, height, width) → (3, height, width)."""


def _columns(rng: np.random.Generator, width: int, octaves: int, persistence: float) -> np.ndarray:
    """(nodes of all layers, twice, width) what each row of nodes gives to every column; all that is random."""
    columns = []
    for octave in range(octaves):
        cells = BASE_CELLS * 2**octave
        angle = 2 * np.pi * rng.random((cells + 1, cells + 1), dtype=np.float32)
        gradient_x, gradient_y = np.cos(angle), np.sin(angle)  # (cells + 1, cells + 1), unit length
        fade, slope = (torch.from_numpy(weights.T) for weights in _node_weights(width, cells))
        weight = np.float32(np.sqrt(2) * persistence**octave)
        # by torch: numpy's library of products spins threads of its own, which waits for cores that encode the video
        columns += [torch.from_numpy(weight * gradient_x) @ slope, torch.from_numpy(weight * gradient_y) @ fade]
    return torch.cat(columns).numpy()


@lru_cache(8)
def _rows(height: int, octaves: int) -> np.ndarray:
    """(height, nodes of all layers, twice) how much each counts in a row: two nodes a layer are near one."""
    layers = [_node_weights(height, BASE_CELLS * 2**octave) for octave in range(octaves)]
    return np.concatenate([part for layer in layers for part in layer], axis=1)


def _bits(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """uint16 (3, height, width)."""
    count = 3 * height * width
    raw = rng.bit_generator.random_raw(-(-count // 4))  # a third of the time of `rng.bytes`, which are the same
    return raw.astype("<u8", copy=False).view("<u2")[:count].reshape(3, height, width)


def _drawn(bits: np.ndarray, columns: np.ndarray, rows: np.ndarray, base: float) -> Tensor:
    """(3, H, W) normal numbers, one of the table for each of `bits`, times base + rows · columns."""
    out = np.empty(bits.shape, np.float32)
    table = _normal_table()

    def draw(strip: slice) -> None:
        _draw(bits, columns, rows, np.float32(base), table, out, strip.start, strip.stop)

    each(draw, strips(*bits.shape[1:]))
    return torch.from_numpy(out)


@compiled
def _draw(bits, columns, rows, base, table, out, top, bottom):  # type: ignore[no-untyped-def]
    strength = np.empty(bits.shape[2], np.float32)
    for y in range(top, bottom):
        strength[:] = base
        for node in range(rows.shape[1]):
            weight = rows[y, node]
            if weight != 0:  # of 248 nodes 16 are near
                for x in range(len(strength)):
                    strength[x] += weight * columns[node, x]
        for channel in range(3):
            for x in range(len(strength)):
                out[channel, y, x] = table[bits[channel, y, x]] * strength[x]


def add_noise(picture: Tensor, amount: float, field: Tensor) -> Tensor:
    """Blend noise in: (1 − amount) · picture + amount · noise, as Deforum does; so it pulls towards mid-grey.

    Args:
        picture: (3, H, W) in [0, 1].
        amount: 0 keeps the picture; below 0 extrapolates away from grey.
        field: (3, H, W), where [−1, 1] becomes [0, 1] and the rest is clipped.

    Returns:
        (3, H, W) in [0, 1].
    """
    if picture.shape != field.shape:
        raise ValueError(f"noise of {tuple(field.shape)} does not fit a picture of {tuple(picture.shape)}")
    if picture.device.type != "cpu":
        grey_levels = (field / 2).add_(0.5).clamp_(0, 1)
        return torch.lerp(picture, grey_levels, amount, out=grey_levels).clamp_(0, 1)
    planes, levels = (tensor.detach().float().contiguous().numpy() for tensor in (picture, field))
    out = np.empty_like(planes)

    def blend(strip: slice) -> None:
        _blend(planes, np.float32(amount), levels, out, strip.start, strip.stop)

    each(blend, strips(*planes.shape[1:]))
    return torch.from_numpy(out)


@compiled
def _blend(picture, amount, field, out, top, bottom):  # type: ignore[no-untyped-def]
    for channel in range(picture.shape[0]):
        for y in range(top, bottom):
            for x in range(picture.shape[2]):
                level = min(max(field[channel, y, x] * HALF + HALF, ZERO), ONE)
                here = picture[channel, y, x]
                out[channel, y, x] = min(max(here + amount * (level - here), ZERO), ONE)


@cache
def _normal_table() -> np.ndarray:
    """(65536,) the normal distribution's quantiles at the middles of as many equal shares."""
    shares = (torch.arange(1 << 16, dtype=torch.float64) + 0.5) / (1 << 16)
    return torch.special.ndtri(shares).float().numpy()


@lru_cache(16)
def _node_weights(size: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """(size, cells + 1) each: how much every grid node counts at every pixel, and that times its distance."""
    position = np.arange(size, dtype=np.float32) * np.float32(cells / size)
    distance = position[:, None] - np.arange(cells + 1, dtype=np.float32)
    far = np.minimum(np.abs(distance), 1)
    fade = 1 - far**3 * (far * (far * 6 - 15) + 10)
    return fade, fade * distance
