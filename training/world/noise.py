"""Noise: lattice noise with its slope for the terrain, and tiled textures for everything that is only looked at.

Terrain needs the slope at each octave (erosion damps what is steep), so it uses lattice noise. Clouds, rock, grass
and waves only need something that looks right, so they read textures made once a process: one bilinear tap replaces
six octaves.
"""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

SIZE = 512
"""Side of each texture in texels; a power of two, so that wrapping is a mask."""


class Textures(NamedTuple):
    """Tiled float32 fields (SIZE, SIZE), mean 0.5; most of each lies in [0, 1]."""

    fbm: np.ndarray
    """Isotropic 1/f noise."""
    billow: np.ndarray
    """Round lumps with sharp creases between them: cumulus, crowns of trees."""
    ridge: np.ndarray
    """Thin bright crests: rock, waves, cirrus."""
    grain: np.ndarray
    """Nearly white noise: sand, grass, foam."""


@njit(fastmath=True, cache=True, inline="always")
def lattice(ix: int, iz: int, seed: int) -> float:
    """A number in [0, 1) that depends on the lattice point and the seed only."""
    n = (ix * 374761393 + iz * 668265263 + seed * 974711) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    n = n ^ (n >> 16)
    return (n & 0xFFFFFF) / 16777216.0


@njit(fastmath=True, cache=True)
def slope_noise(x, z, seed):
    """Value noise in [0, 1] and its derivatives along x and z (quintic interpolation)."""
    ix = int(np.floor(x))
    iz = int(np.floor(z))
    fx = x - ix
    fz = z - iz
    u = fx * fx * fx * (fx * (fx * 6 - 15) + 10)
    v = fz * fz * fz * (fz * (fz * 6 - 15) + 10)
    du = 30 * fx * fx * (fx * (fx - 2) + 1)
    dv = 30 * fz * fz * (fz * (fz - 2) + 1)
    a = lattice(ix, iz, seed)
    b = lattice(ix + 1, iz, seed)
    c = lattice(ix, iz + 1, seed)
    d = lattice(ix + 1, iz + 1, seed)
    twist = a - b - c + d
    return a + (b - a) * u + (c - a) * v + twist * u * v, du * ((b - a) + twist * v), dv * ((c - a) + twist * u)


@njit(fastmath=True, cache=True)
def tap(texture, x, y):
    """Bilinear read of a tiled texture at texel coordinates (x, y)."""
    x0 = np.floor(x)
    y0 = np.floor(y)
    fx = x - x0
    fy = y - y0
    i = int(x0) & (SIZE - 1)
    j = int(y0) & (SIZE - 1)
    i1 = (i + 1) & (SIZE - 1)
    j1 = (j + 1) & (SIZE - 1)
    top = texture[j, i] + (texture[j, i1] - texture[j, i]) * fx
    low = texture[j1, i] + (texture[j1, i1] - texture[j1, i]) * fx
    return top + (low - top) * fy


@njit(fastmath=True, cache=True, inline="always")
def smooth(low, high, value):
    """Hermite step from 0 at `low` to 1 at `high`."""
    k = min(max((value - low) / (high - low), 0.0), 1.0)
    return k * k * (3 - 2 * k)


def _band(rng: np.random.Generator, low: float, high: float, power: float) -> np.ndarray:
    """Tiled Gaussian noise of unit deviation with frequencies low..high (cycles a tile) falling as 1/f^power."""
    fy = np.fft.fftfreq(SIZE)[:, None] * SIZE
    fx = np.fft.rfftfreq(SIZE)[None] * SIZE
    f = np.hypot(fx, fy)
    f[0, 0] = 1
    shape = f ** -(power + 1) * ((f >= low) & (f <= high))
    field = np.fft.irfft2(shape * np.exp(2j * np.pi * rng.random(f.shape)), s=(SIZE, SIZE))
    return np.asarray(field / field.std())


def _levelled(field: np.ndarray, spread: float = 0.18) -> np.ndarray:
    return np.ascontiguousarray(0.5 + spread * (field - field.mean()) / field.std(), dtype=np.float32)


@cache
def textures() -> Textures:
    """The four textures; the same in every process."""
    rng = np.random.default_rng(20)
    octaves = [(0.62**k, _band(rng, 2.6 * 2**k, 6.5 * 2**k, 0.0)) for k in range(6)]
    billow = sum(a * np.minimum(np.abs(b), 2.2) for a, b in octaves)
    ridge = sum(a * (1 - np.minimum(np.abs(b), 1.6)) ** 2 for a, b in octaves)
    grain = _band(rng, 40, 256, 0.2)
    return Textures(
        _levelled(_band(rng, 2, 200, 1.0)),
        _levelled(np.asarray(billow)),
        _levelled(np.asarray(ridge)),
        _levelled(cv2.GaussianBlur(np.tile(grain, (1, 1)), (0, 0), 0.6), 0.2),
    )
