"""The ground: a height field on two grids (wide and coarse, small and fine around the eye), its shadows and hollows.

Heights are computed once a scene; rays then only read. Shadows come from one sweep over the grid along the sun's
direction: each cell holds the height below which a point is in shadow, so any object can ask too.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

from .noise import slope_noise, smooth


class Relief(NamedTuple):
    """What shapes the land; lengths in world units. The eye stands near the origin and looks along z."""

    seed: int
    x: float
    """Where in the endless noise this land lies."""
    z: float
    mountain: float = 0.0
    """Height of eroded mountains."""
    rough: float = 0.23
    """Their frequency: peaks a unit."""
    front: float = 0.15
    """Share of the mountains that stands at the eye already; they grow to full height …"""
    near: float = 2.0
    """… from this distance …"""
    far: float = 14.0
    """… to this one."""
    hills: float = 0.2
    hill_rate: float = 0.2
    dunes: float = 0.0
    mesa: float = 0.0
    """Height of table mountains."""
    floor: float = 0.0
    """Added everywhere: below the water level it makes a sea."""
    basin_x: float = 0.0
    basin_z: float = 6.0
    basin_w: float = 1.0
    basin_l: float = 1.0
    basin: float = 0.0
    """Depth of a round hollow (a lake) at (basin_x, basin_z) with half axes basin_w, basin_l."""
    path: float = 0.0
    """Half width of a winding strip from the eye into the land: a road (level) or, with `cut`, a river."""
    path_x: float = 0.0
    path_bend: float = 0.6
    cut: float = 0.0
    """How deep the strip is cut."""


@njit(fastmath=True, cache=True, inline="always")
def path_at(relief, z):
    """Where the winding strip is at distance z."""
    k = relief.path_bend
    return (
        relief.path_x
        + k * np.sin(z * 0.55 + relief.seed % 7)
        + 0.45 * k * np.sin(z * 0.23 + relief.seed % 11) * z * 0.3
    )


@njit(fastmath=True, cache=True)
def _eroded(x, z, seed, octaves):
    """Value noise whose octaves are damped by the slope gathered so far; 0 … about 1.4."""
    total = 0.0
    gain = 1.0
    dx = 0.0
    dz = 0.0
    for k in range(octaves):
        n, nx, nz = slope_noise(x, z, seed + k)
        dx += nx
        dz += nz
        total += gain * n / (1 + dx * dx + dz * dz)
        gain *= 0.5
        x, z = 2 * (0.8 * x - 0.6 * z), 2 * (0.6 * x + 0.8 * z)
    return total


@njit(fastmath=True, cache=True)
def _fbm(x, z, seed, octaves):
    total = 0.0
    gain = 0.5
    for k in range(octaves):
        total += gain * slope_noise(x, z, seed + k)[0]
        gain *= 0.5
        x, z = 2 * (0.8 * x - 0.6 * z), 2 * (0.6 * x + 0.8 * z)
    return total


@njit(fastmath=True, cache=True)
def height(x, z, relief, octaves):
    """Height of the land at (x, z)."""
    px = x + relief.x
    pz = z + relief.z
    h = relief.floor
    if relief.hills > 0:
        h += relief.hills * (
            _fbm(px * relief.hill_rate, pz * relief.hill_rate, relief.seed + 40, min(octaves, 6)) - 0.42
        )
    if relief.mountain > 0:
        grow = relief.front + (1 - relief.front) * smooth(relief.near, relief.far, z + 0.15 * abs(x))
        if grow > 0.01:
            h += (
                relief.mountain
                * grow
                * (_eroded(px * relief.rough, pz * relief.rough, relief.seed, octaves) - 0.3 * grow)
            )
    if relief.dunes > 0:
        w = _fbm(px * 0.22, pz * 0.22, relief.seed + 60, 3)
        crest = abs(np.sin(px * 0.5 + pz * 0.34 + 6 * w))
        h += relief.dunes * ((1 - crest) ** 1.4 * (0.3 + w) + 1.1 * _fbm(px * 0.15, pz * 0.15, relief.seed + 64, 2))
    if relief.mesa > 0:
        m = _fbm(px * 0.16, pz * 0.16, relief.seed + 70, 5)
        c = _fbm(px * 0.9, pz * 0.9, relief.seed + 76, min(octaves, 5)) - 0.45
        grow = smooth(relief.near, relief.far, z + 0.3 * abs(x))
        m += 0.07 * c
        h += (
            relief.mesa
            * grow
            * (0.55 * smooth(0.50, 0.545, m) + 0.3 * smooth(0.58, 0.60, m) + 0.15 * m + 0.12 * smooth(0.4, 0.5, m))
        )
    if relief.basin > 0:
        bx = (x - relief.basin_x) / relief.basin_w
        bz = (z - relief.basin_z) / relief.basin_l
        wob = 0.55 * (_fbm(px * 0.5, pz * 0.5, relief.seed + 80, 4) - 0.45)
        h -= relief.basin * (1 - smooth(0.55, 1.15, np.sqrt(bx * bx + bz * bz) + wob))
    if relief.path > 0:
        off = abs(x - path_at(relief, z))
        k = 1 - smooth(relief.path, relief.path * 3 + 0.1, off)
        if relief.cut > 0:
            h = h * (1 - 0.6 * k) - relief.cut * k
        elif k > 0:
            level = relief.floor + relief.hills * (
                _fbm((path_at(relief, z) + relief.x) * relief.hill_rate, pz * relief.hill_rate, relief.seed + 40, 2)
                * 1.25
                - 0.42
            )
            h += (level - h) * k * (1 - smooth(14.0, 22.0, z))
    return h


@njit(fastmath=True, cache=True)
def _fill(relief, size, x0, z0, cell, octaves):
    out = np.empty((size, size), np.float32)
    for j in range(size):
        for i in range(size):
            out[j, i] = height(x0 + i * cell, z0 + j * cell, relief, octaves)
    return out


@njit(fastmath=True, cache=True)
def _sweep(land, cell, sx, sy, sz, outer, ox, oz, ocell, x0, z0):
    """Height of the shadow's upper edge in each cell, for a light in direction (sx, sy, sz)."""
    n = land.shape[0]
    shade = np.full((n, n), np.float32(-1e3))
    flat = max(np.sqrt(sx * sx + sz * sz), 1e-4)
    along_x = abs(sx) > abs(sz)
    major = sx if along_x else sz
    ratio = (sz if along_x else sx) / (major if abs(major) > 1e-6 else 1e-6)
    drop = max(sy, 0.02) / flat * cell * np.sqrt(1 + ratio * ratio)
    step = 1 if major > 0 else -1
    first = n - 1 if step > 0 else 0
    for a in range(n):
        i = first - step * a
        for j in range(n):
            src = j + ratio * step
            b = int(np.floor(src))
            f = src - b
            if a == 0 or b < 0 or b + 1 >= n:
                if outer.shape[0] > 1:
                    x = x0 + (i if along_x else j) * cell
                    z = z0 + (j if along_x else i) * cell
                    m = outer.shape[0]
                    oi = min(max(int((x - ox) / ocell + 0.5), 0), m - 1)
                    oj = min(max(int((z - oz) / ocell + 0.5), 0), m - 1)
                    shade[(j, i) if along_x else (i, j)] = outer[oj, oi]
                continue
            k = i + step
            if along_x:
                p = max(land[b, k], shade[b, k])
                q = max(land[b + 1, k], shade[b + 1, k])
                shade[j, i] = p + (q - p) * f - drop
            else:
                p = max(land[k, b], shade[k, b])
                q = max(land[k, b + 1], shade[k, b + 1])
                shade[i, j] = p + (q - p) * f - drop
    return shade


class Ground(NamedTuple):
    """Two nested grids, [z, x]. `*_shade`: height below which there is shadow; `*_open`: how open the sky is, 0–1."""

    far: np.ndarray
    far_x: float
    far_z: float
    far_cell: float
    near: np.ndarray
    near_x: float
    near_z: float
    near_cell: float
    far_shade: np.ndarray
    near_shade: np.ndarray
    far_open: np.ndarray
    near_open: np.ndarray
    top: float
    """No land is higher."""


FAR, FAR_EXTENT = 448, 44.0
NEAR, NEAR_EXTENT = 288, 5.5


def lay(
    relief: Relief, x: float = 0.0, z: float = 0.0, yaw: float = 0.0, far: int = FAR, near: int = NEAR, octaves: int = 9
) -> Ground:
    """Compute both grids for an eye near (x, z) that looks along `yaw`; not lit yet."""
    cell = FAR_EXTENT / (far - 1)
    x0, z0 = x - FAR_EXTENT / 2 + np.sin(yaw) * FAR_EXTENT * 0.3, z - FAR_EXTENT * 0.06
    wide = _fill(relief, far, x0, z0, cell, octaves - 3)
    fine = NEAR_EXTENT / (near - 1)
    u0, w0 = x - NEAR_EXTENT / 2 + np.sin(yaw) * NEAR_EXTENT * 0.4, z - NEAR_EXTENT * 0.1
    small = _fill(relief, near, u0, w0, fine, octaves + 1)
    none = np.zeros((1, 1), np.float32)
    return Ground(wide, x0, z0, cell, small, u0, w0, fine, none, none, none, none, float(max(wide.max(), small.max())))


def _openness(land: np.ndarray, cell: float) -> np.ndarray:
    """1 on crests, less in hollows: how far the land lies under its surroundings, at two sizes."""
    out = np.ones_like(land)
    for radius, depth in ((0.12, 0.08), (0.6, 0.45)):
        sigma = radius / cell
        small = max(1, int(sigma / 3))
        tiny = cv2.resize(land, None, fx=1 / small, fy=1 / small, interpolation=cv2.INTER_AREA) if small > 1 else land
        around = cv2.GaussianBlur(tiny, (0, 0), max(sigma / small, 0.8))
        around = cv2.resize(around, land.shape[::-1], interpolation=cv2.INTER_LINEAR) if small > 1 else around
        out *= np.clip(1 - 0.55 * (around - land) / depth, 0.35, 1.08)
    return out


def illuminate(ground: Ground, sun: tuple[float, float, float], far_top: np.ndarray, near_top: np.ndarray) -> Ground:
    """Add shadows of a light in direction `sun`, cast by the land with what stands on it (`*_top`)."""
    sx, sy, sz = sun
    none = np.zeros((1, 1), np.float32)
    far = _sweep(far_top, ground.far_cell, sx, sy, sz, none, 0.0, 0.0, 1.0, ground.far_x, ground.far_z)
    near = _sweep(
        near_top,
        ground.near_cell,
        sx,
        sy,
        sz,
        far,
        ground.far_x,
        ground.far_z,
        ground.far_cell,
        ground.near_x,
        ground.near_z,
    )
    return ground._replace(
        far_shade=far,
        near_shade=near,
        far_open=_openness(ground.far, ground.far_cell),
        near_open=_openness(ground.near, ground.near_cell),
    )


@njit(fastmath=True, cache=True, inline="always")
def _bilinear(grid, x, z):
    n = grid.shape[0]
    i = int(x)
    j = int(z)
    i = min(max(i, 0), n - 2)
    j = min(max(j, 0), n - 2)
    fx = x - i
    fz = z - j
    a = grid[j, i] + (grid[j, i + 1] - grid[j, i]) * fx
    b = grid[j + 1, i] + (grid[j + 1, i + 1] - grid[j + 1, i]) * fx
    return a + (b - a) * fz


@njit(fastmath=True, cache=True, inline="always")
def _folded(x, n):
    """Mirror a grid coordinate into the grid, so that the land goes on for ever without a seam."""
    m = 2.0 * (n - 1)
    x = abs(x) % m
    return x if x <= n - 1 else m - x


@njit(fastmath=True, cache=True)
def read(far, near, ground, x, z):
    """Read a pair of grids at the world point (x, z): the fine one inside, blended to the wide one at its rim."""
    n = near.shape[0]
    u = (x - ground.near_x) / ground.near_cell
    w = (z - ground.near_z) / ground.near_cell
    rim = min(min(u, n - 1 - u), min(w, n - 1 - w))
    if rim > 24:
        return _bilinear(near, u, w)
    m = far.shape[0]
    wide = _bilinear(
        far, _folded((x - ground.far_x) / ground.far_cell, m), _folded((z - ground.far_z) / ground.far_cell, m)
    )
    if rim <= 0:
        return wide
    return wide + (_bilinear(near, u, w) - wide) * (rim / 24)


@njit(fastmath=True, cache=True)
def march(ground, ox, oy, oz, rx, ry, rz, start, reach):
    """Distance along a ray to the land, or -1. Steps grow with distance and height above the land; the hit is bisected.

    `start` is a distance up to which the ray is known to be free (a shorter one is tried if it is not).
    """
    far = ground.far
    near = ground.near
    m = far.shape[0]
    n = near.shape[0]
    fs = 1.0 / ground.far_cell
    ns = 1.0 / ground.near_cell
    fx = (ox - ground.far_x) * fs
    fz = (oz - ground.far_z) * fs
    nx = (ox - ground.near_x) * ns
    nz = (oz - ground.near_z) * ns
    top = ground.top
    t = max(start, 0.02)
    last = 0.0
    low = 0.0
    high = -1.0
    for _ in range(400):
        y = oy + ry * t
        if high < 0 and ((y > top and ry >= 0) or t > reach):
            return -1.0
        u = nx + rx * t * ns
        w = nz + rz * t * ns
        rim = min(min(u, n - 1 - u), min(w, n - 1 - w))
        if rim > 0:
            h = _bilinear(near, u, w)
        else:
            h = 0.0
        if rim < 24:
            a = fx + rx * t * fs
            b = fz + rz * t * fs
            if a < 0 or b < 0 or a > m - 1 or b > m - 1:
                a = _folded(a, m)
                b = _folded(b, m)
            wide = _bilinear(far, a, b)
            h = wide + (h - wide) * (rim / 24) if rim > 0 else wide
        gap = y - h
        if high >= 0:
            if gap < 0:
                high = t
            else:
                low = t
            if high - low < 0.0006 * t:
                return 0.5 * (low + high)
            t = 0.5 * (low + high)
        elif gap < 0:
            if last == 0.0 and t > 0.05:
                t *= 0.4
                continue
            low = last
            high = t
            t = 0.5 * (low + high)
        else:
            last = t
            t += max(0.5 * gap, 0.006 * t + 0.004)
    return -1.0
