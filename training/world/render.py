"""A scene seen by a camera: land, water and sky by rays, things drawn into the depth, water as a planar mirror.

Steps of `render`: 1 depth of land and water at pixel centres; 2 what the water mirrors (land, sky and things seen
from below the water plane); 3 colours; 4 three more rays where depth jumps, against stairs; 5 things from far to
near; 6 rain, snow, tone.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

from . import objects
from .camera import Camera, ray
from .light import Light, tone
from .noise import smooth, tap, textures
from .sky import sky, through_air
from .space import Space, render_space
from .terrain import Ground, Relief, march, path_at, read
from .view import SKY_DEPTH, View

REACH = 90.0


class Matter(NamedTuple):
    """What the land and the water are made of. Colours are linear RGB (3,)."""

    rock: np.ndarray
    grass: np.ndarray
    shore: np.ndarray
    forest: np.ndarray
    flower: np.ndarray
    path: np.ndarray
    deep: np.ndarray
    """The water's own colour."""
    water: float = -1e3
    """Its level."""
    beach: float = 0.07
    """How high above it the shore lies bare."""
    wave: float = 0.05
    """How steep its waves are."""
    foam: float = 0.0
    wave_rate: float = 1.0
    """Waves a unit; larger for lakes seen from afar."""
    snow: float = 9.0
    """Height above which snow lies."""
    wooded: float = 0.0
    """Share of the land under distant forest."""
    bloom: float = 0.0
    strata: float = 0.0
    """Strength of rock layers by height."""
    ripple: float = 0.0
    """Sand ripples."""
    steep: float = 0.62
    """Below this cosine of the slope the rock shows."""
    fields: float = 0.0
    """Strength of a patchwork of fields."""
    grain: float = 1.0
    """How speckled the ground is; sand is smooth."""
    line: float = 0.0
    """Brightness of a road's middle line."""


@njit(fastmath=True, cache=True)
def wooded_at(textures_, x, z, share):
    """0–1: how densely wooded the place (x, z) of the endless land is."""
    m = 0.7 * tap(textures_.fbm, x * 9 + 31, z * 9 + 77) + 0.3 * tap(textures_.fbm, x * 40, z * 40)
    edge = 0.78 - 0.56 * share
    return smooth(edge, edge + 0.06, m)


@njit(fastmath=True, cache=True)
def _land(relief, matter, light, ground, tx, x, y, z, t, pixel):
    """Linear RGB of the land at (x, y, z), distance t from the eye; `pixel` is a pixel's width there."""
    e = max(0.7 * pixel, 0.5 * ground.near_cell if t < 3.5 else 0.55 * ground.far_cell)
    hx = read(ground.far, ground.near, ground, x + e, z) - read(ground.far, ground.near, ground, x - e, z)
    hz = read(ground.far, ground.near, ground, x, z + e) - read(ground.far, ground.near, ground, x, z - e)
    nx = -hx / (2 * e)
    nz = -hz / (2 * e)
    px = x + relief.x
    pz = z + relief.z
    fine = 1 - smooth(0.004, 0.03, pixel)
    mid = 1 - smooth(0.03, 0.16, pixel)
    n1 = tap(tx.fbm, px * 42, pz * 42) - 0.5
    n2 = (tap(tx.grain, px * 260, pz * 260) - 0.5) * mid
    n3 = (tap(tx.billow, px * 900, pz * 900) - 0.5) * fine
    slope = 1.0 / np.sqrt(nx * nx + nz * nz + 1)
    rocky = 1 - smooth(matter.steep - 0.12, matter.steep + 0.1, slope + 0.25 * n1)
    bump = (0.25 + 0.75 * rocky) * matter.grain
    b1 = tap(tx.ridge, px * 120 + 1.5, pz * 120) - tap(tx.ridge, px * 120 - 1.5, pz * 120)
    b2 = tap(tx.ridge, px * 120, pz * 120 + 1.5) - tap(tx.ridge, px * 120, pz * 120 - 1.5)
    nx += bump * mid * b1 * 0.9
    nz += bump * mid * b2 * 0.9
    if matter.ripple > 0:
        w = tap(tx.fbm, px * 22, pz * 22) * 26
        k = matter.ripple * (1 - smooth(0.006, 0.028, pixel)) * np.cos(px * 62 + pz * 44 + w)
        nx += k * 0.26
        nz += k * 0.18
    n = 1.0 / np.sqrt(nx * nx + nz * nz + 1)
    nx *= n
    nz *= n
    ny = n
    k = 0.86 + (1.1 * n1 + 0.55 * n2 + 0.55 * n3) * matter.grain
    dry = smooth(0.40, 0.66, tap(tx.fbm, px * 14 + 200, pz * 14 + 100))
    r = matter.grass[0] * (0.85 + 0.5 * dry)
    g = matter.grass[1] * (0.95 + 0.10 * dry)
    b = matter.grass[2] * (1.0 - 0.2 * dry)
    if matter.fields > 0:
        w = 1.6
        fx = int(np.floor((px * 0.9 + pz * 0.35) * w))
        fz = int(np.floor((pz * 0.9 - px * 0.35) * w * 0.7))
        c = ((fx * 7919 + fz * 104729) % 97) / 97.0
        s = matter.fields * (1 - rocky)
        if c < 0.25:
            r, g, b = r + (0.55 - r) * s, g + (0.42 - g) * s, b + (0.10 - b) * s
        elif c < 0.4:
            r, g, b = r + (0.28 - r) * s, g + (0.16 - g) * s, b + (0.08 - b) * s
        elif c < 0.6:
            r, g, b = r * (1 - 0.4 * s), g * (1 - 0.15 * s), b * (1 - 0.3 * s)
        rowing = np.sin((px * 0.9 + pz * 0.35) * 90.0 * (1 if c < 0.5 else 0.6)) * (1 - smooth(0.006, 0.025, pixel))
        k += 0.22 * rowing * s
    if matter.bloom > 0 and rocky < 0.5:
        patch = smooth(0.48, 0.62, tap(tx.fbm, px * 30 + 77, pz * 30 + 11))
        dots = smooth(0.55, 0.75, tap(tx.grain, px * 330, pz * 330))
        near = 1 - smooth(0.008, 0.03, pixel)
        s = matter.bloom * patch * (near * dots + (1 - near) * 0.42)
        r += (matter.flower[0] - r) * s
        g += (matter.flower[1] - g) * s
        b += (matter.flower[2] - b) * s
    rr, rg, rb = matter.rock[0], matter.rock[1], matter.rock[2]
    if matter.strata > 0:
        band = tap(tx.ridge, 17.0 + 4 * n1, y * 190 + 9 * n1)
        band2 = tap(tx.fbm, 71.0, y * 60 + 3 * n1)
        s = matter.strata * (band - 0.5) * 1.3
        rr *= 1 + s + 0.9 * matter.strata * (band2 - 0.5)
        rg *= 1 + s
        rb *= 1 + s - 0.5 * matter.strata * (band2 - 0.5)
    r += (rr - r) * rocky
    g += (rg - g) * rocky
    b += (rb - b) * rocky
    if matter.wooded > 0:
        w = (
            wooded_at(tx, px, pz, matter.wooded)
            * (1 - smooth(0.55, 0.8, 1 - slope))
            * smooth(matter.water, matter.water + 0.05, y)
        )
        if matter.snow < 8:
            w *= 1 - smooth(matter.snow - 0.35, matter.snow - 0.05, y + 0.4 * n1)
        crown = tap(tx.billow, px * 240, pz * 240)
        shade = 0.55 + 0.8 * crown * mid + 0.4 * (1 - mid)
        r += (matter.forest[0] * shade - r) * w
        g += (matter.forest[1] * shade - g) * w
        b += (matter.forest[2] * shade - b) * w
    if matter.water > -99:
        s = 1 - smooth(matter.water + 0.2 * matter.beach, matter.water + matter.beach, y + 0.06 * n1)
        r += (matter.shore[0] - r) * s
        g += (matter.shore[1] - g) * s
        b += (matter.shore[2] - b) * s
        wet = 1 - 0.45 * (1 - smooth(matter.water, matter.water + 0.012, y))
        k *= wet
    r *= k
    g *= k
    b *= k
    if matter.snow < 8:
        s = smooth(matter.snow - 0.16, matter.snow + 0.16, y + 0.8 * n1 + 0.06 * n2) * smooth(
            0.40, 0.58, slope + 0.35 * n1 + 0.06 * n2 + 0.10 * min(max(y - matter.snow, 0.0), 1.6)
        )
        drift = 0.74 + 0.25 * (tap(tx.fbm, px * 20, pz * 34) - 0.2) + 0.10 * n2
        r += (drift - r) * s
        g += (drift * 1.04 - g) * s
        b += (drift * 1.12 - b) * s
    if relief.path > 0 and relief.cut <= 0 and z > -2:
        off = abs(x - path_at(relief, z))
        s = 1 - smooth(relief.path * 0.92, relief.path * 1.02 + pixel, off + 0.03 * relief.path * n1 * 8)
        worn = 0.9 + 0.5 * n2 + 0.3 * n1
        r += (matter.path[0] * worn - r) * s
        g += (matter.path[1] * worn - g) * s
        b += (matter.path[2] * worn - b) * s
        if matter.line > 0:
            dash = smooth(0.42, 0.46, abs((z * 3.2 - np.floor(z * 3.2)) - 0.5) * 2)
            s = (1 - smooth(relief.path * 0.05, relief.path * 0.05 + pixel, off)) * dash
            s = max(s, 1 - smooth(relief.path * 0.04, relief.path * 0.04 + pixel, abs(off - relief.path * 0.88)))
            s *= matter.line * (1 - smooth(0.3, 1.0, pixel / relief.path))
            r += (0.8 - r) * s
            g += (0.75 - g) * s
            b += (0.6 - b) * s
    dif = max(nx * light.direction[0] + ny * light.direction[1] + nz * light.direction[2], 0.0)
    edge = read(ground.far_shade, ground.near_shade, ground, x, z)
    soft = 0.012 + 0.012 * t
    dif *= 1 - smooth(-soft, soft * 0.6, edge - y - soft * 0.3)
    open_ = min(max(read(ground.far_open, ground.near_open, ground, x, z), 0.2), 1.1)
    amb = (0.35 + 0.65 * ny) * open_
    bounce = max(-0.6 * nx * light.direction[0] - 0.6 * nz * light.direction[2] + 0.1, 0.0) * 0.10
    r *= dif * light.sun[0] + amb * light.ambient[0] + bounce * light.sun[0]
    g *= dif * light.sun[1] + amb * light.ambient[1] + bounce * light.sun[1]
    b *= dif * light.sun[2] + amb * light.ambient[2] + bounce * light.sun[2]
    return r, g, b


@njit(fastmath=True, cache=True)
def _hit(matter, ground, camera, rx, ry, rz, start):
    """Distance along the eye's ray and what is there: 0 sky, 1 land, 2 water. See `march` for `start`."""
    w = -1.0
    if matter.water > -99 and ry < 0:
        w = (matter.water - camera.y) / ry
    t = march(ground, camera.x, camera.y, camera.z, rx, ry, rz, start, min(REACH, w) if w > 0 else REACH)
    if w > 0 and (t < 0 or w < t):
        return w, 2
    if t < 0:
        return SKY_DEPTH, 0
    return t, 1


@njit(fastmath=True, cache=True)
def _waves(matter, tx, x, z, t, pixel, seed):
    """Slope of the water's surface (x, z) and the height of its crest."""
    k = matter.wave_rate
    fine = 1 - smooth(0.01, 0.08, pixel * k)
    mid = 1 - smooth(0.04, 0.5, pixel * k)
    a = tap(tx.fbm, x * 40 * k + seed % 511, z * 70 * k) - 0.5
    b = tap(tx.ridge, x * 80 * k + 40, z * 150 * k + 60 * a) - 0.5
    c = (tap(tx.billow, x * 260 * k, z * 420 * k) - 0.5) * fine
    d = tap(tx.fbm, x * 34 * k + 90, z * 60 * k + seed % 311) - 0.5
    e = (tap(tx.billow, x * 240 * k + 99, z * 400 * k) - 0.5) * fine
    sx = matter.wave * (1.2 * a + 0.6 * b * mid + 0.8 * c)
    sz = matter.wave * (1.2 * d + 0.8 * b * mid + 0.9 * e)
    return sx, sz, a + 0.7 * b + 0.3 * c


@njit(fastmath=True, cache=True)
def _water(matter, light, ground, tx, mirror, camera, x, z, t, pixel, rx, ry, rz, i, j):
    """Linear RGB of the water at (x, z): mirror picture read where waves push it, own colour, foam, glitter."""
    h, w = mirror.shape[0], mirror.shape[1]
    sx, sz, crest = _waves(matter, tx, x, z, t, pixel, light.seed)
    far = 1.0 / (1 + 0.10 * t)
    push = h * 0.9
    mi = i + sx * push * 0.55 * (0.35 + 0.65 * far)
    mj = j - abs(sz) * push * 0.9 * (0.35 + 0.65 * far) + sz * push * 0.4 * far
    mi = min(max(mi, 0.0), w - 1.001)
    mj = min(max(mj, 0.0), h - 1.001)
    i0 = int(mi)
    j0 = int(mj)
    fx = mi - i0
    fy = mj - j0
    n = 1.0 / np.sqrt(sx * sx + sz * sz + 1)
    tilt = 1 + 5 * matter.wave
    cosine = max(-(rx * sx * tilt + ry + rz * sz * tilt) * n, 0.015)
    fresnel = 0.03 + 0.97 * (1 - cosine) ** 4.2
    floor = 0.22 * (1 - smooth(0.05, 0.25, matter.wave))
    fresnel = (floor + (1 - floor) * fresnel) * (1 - 0.25 * smooth(0.05, 0.25, matter.wave))
    r = 0.0
    g = 0.0
    b = 0.0
    for p in range(4):
        k = (fx if p & 1 else 1 - fx) * (fy if p & 2 else 1 - fy)
        r += k * mirror[j0 + (p >> 1), i0 + (p & 1), 0]
        g += k * mirror[j0 + (p >> 1), i0 + (p & 1), 1]
        b += k * mirror[j0 + (p >> 1), i0 + (p & 1), 2]
    dif = max(light.direction[1], 0.0) * 0.7
    lr = light.ambient[0] + dif * light.sun[0]
    lg = light.ambient[1] + dif * light.sun[1]
    lb = light.ambient[2] + dif * light.sun[2]
    depth_ = matter.water - read(ground.far, ground.near, ground, x, z)
    shallow = np.exp(-max(depth_, 0.0) * 9) * 0.75
    own_r = matter.deep[0] * (1 + 0.7 * crest) * (1 - shallow) + shallow * (
        0.5 * matter.shore[0] + 0.5 * matter.deep[0]
    )
    own_g = matter.deep[1] * (1 + 0.8 * crest) * (1 - shallow) + shallow * (
        0.6 * matter.shore[1] + 0.6 * matter.deep[1]
    )
    own_b = matter.deep[2] * (1 + 0.8 * crest) * (1 - shallow) + shallow * (
        0.6 * matter.shore[2] + 0.7 * matter.deep[2]
    )
    r = own_r * lr * (1 - fresnel) + r * fresnel
    g = own_g * lg * (1 - fresnel) + g * fresnel
    b = own_b * lb * (1 - fresnel) + b * fresnel
    # glitter: the mirrored ray against the sun, waves steepened
    ax = sx * 2.2
    az = sz * 2.2
    n = 1.0 / np.sqrt(ax * ax + az * az + 1)
    dot = (rx * ax + ry + rz * az) * n
    qx = rx - 2 * dot * ax * n
    qy = abs(ry - 2 * dot * n)
    qz = rz - 2 * dot * az * n
    f = light.face
    d = max(qx * f[0] + qy * f[1] + qz * f[2], 0.0)
    s = (d**220 * 1.3 + d**40 * 0.16) * min(light.disc[0] + light.disc[1], 6.0) * 0.22
    r += s * light.glow[0] * 2
    g += s * light.glow[1] * 2
    b += s * light.glow[2] * 2
    foam = 0.0
    if matter.foam > 0:
        foam = matter.foam * smooth(0.20, 0.42, crest + 0.25 * (tap(tx.grain, x * 300, z * 300) - 0.5))
    lap = tap(tx.billow, x * 160, z * 160)
    foam = max(
        foam, 0.75 * (1 - smooth(0.0, 0.018 + 0.03 * lap + 0.1 * matter.wave, depth_)) * smooth(0.35, 0.6, lap + 0.15)
    )
    r += (0.75 * lr - r) * foam
    g += (0.78 * lg - g) * foam
    b += (0.80 * lb - b) * foam
    return r, g, b


@njit(fastmath=True, cache=True)
def _colour(relief, matter, light, ground, tx, mirror, camera, rx, ry, rz, t, what, i, j):
    """Colour of what a ray meets at distance t."""
    if what == 0:
        r, g, b = sky(light, tx, rx, ry, rz, 1)
        if light.mist > 0 and ry < 0.4:
            r, g, b = _misty_sky(matter, light, camera, r, g, b, rx, ry, rz)
        return r, g, b
    pixel = 2 * t / (camera.focal * mirror.shape[0])
    x = camera.x + rx * t
    z = camera.z + rz * t
    if what == 1:
        r, g, b = _land(relief, matter, light, ground, tx, x, camera.y + ry * t, z, t, pixel)
    else:
        pixel /= max(-ry, 0.06)
        r, g, b = _water(matter, light, ground, tx, mirror, camera, x, z, t, pixel, rx, ry, rz, i, j)
    return through_air(light, r, g, b, camera.x, camera.y, camera.z, rx, ry, rz, t, _level(relief, matter))


@njit(fastmath=True, cache=True)
def _misty_sky(matter, light, camera, r, g, b, rx, ry, rz):
    k = light.mist_fall
    through = light.mist * np.exp(-k * max(camera.y - max(matter.water, 0.0), -0.2)) / (k * max(ry, 0.012))
    clear = np.exp(-min(through, 5.0))
    w = 0.9 * (1 - clear)
    return r + (light.horizon[0] - r) * w, g + (light.horizon[1] - g) * w, b + (light.horizon[2] - b) * w


@njit(fastmath=True, cache=True)
def _level(relief, matter):
    return matter.water if matter.water > -99 else relief.floor


@njit(fastmath=True, cache=True)
def _geometry(matter, ground, camera, height, width):
    """Distance along the ray (H, W) and what is there.

    Each column goes upwards: land seen by a higher ray is further away, and above sky there is only sky, because land
    has no overhangs and the camera no roll.
    """
    away = np.empty((height, width))
    what = np.empty((height, width), np.uint8)
    for i in range(width):
        start = 0.02
        for j in range(height - 1, -1, -1):
            if start > REACH:
                away[j, i] = SKY_DEPTH
                what[j, i] = 0
                continue
            rx, ry, rz, _c = ray(camera, (i + 0.5 - width / 2) * 2 / height, (height / 2 - j - 0.5) * 2 / height)
            t, w = _hit(matter, ground, camera, rx, ry, rz, 0.85 * start)
            away[j, i] = t
            what[j, i] = w
            start = SKY_DEPTH if w == 0 else min(t, REACH)
    return away, what


@njit(fastmath=True, cache=True)
def _mirror(relief, matter, light, ground, tx, camera, wanted):
    """What the flat water plane shows at each wanted pixel, and its depth measured through the mirror."""
    h, w = wanted.shape
    out = np.zeros((h, w, 3))
    depth = np.full((h, w), SKY_DEPTH)
    for i in range(w):
        for j in range(h):
            if wanted[j, i] == 0:
                continue
            rx, ry, rz, c = ray(camera, (i + 0.5 - w / 2) * 2 / h, (h / 2 - j - 0.5) * 2 / h)
            ry = min(ry, -0.0015)
            t0 = (matter.water - camera.y) / ry
            x = camera.x + rx * t0
            z = camera.z + rz * t0
            t = -1.0
            t = march(ground, x, matter.water + 0.001, z, rx, -ry, rz, 0.0, 40.0)
            if t > 0:
                away = t0 + t
                r, g, b = _land(
                    relief,
                    matter,
                    light,
                    ground,
                    tx,
                    x + rx * t,
                    matter.water - ry * t,
                    z + rz * t,
                    away,
                    2 * away / (camera.focal * h),
                )
                r, g, b = through_air(light, r, g, b, camera.x, camera.y, camera.z, rx, -ry, rz, away, matter.water)
                depth[j, i] = away * c
            else:
                r, g, b = sky(light, tx, rx, -ry, rz, 0)
            out[j, i, 0] = r
            out[j, i, 1] = g
            out[j, i, 2] = b
    return out, depth


@njit(fastmath=True, cache=True)
def _colours(relief, matter, light, ground, tx, mirror, camera, away, what):
    """Linear picture (H, W, 3) and depth along the axis (H, W)."""
    height, width = away.shape
    out = np.empty((height, width, 3))
    depth = np.empty((height, width))
    for j in range(height):
        for i in range(width):
            rx, ry, rz, c = ray(camera, (i + 0.5 - width / 2) * 2 / height, (height / 2 - j - 0.5) * 2 / height)
            out[j, i, 0], out[j, i, 1], out[j, i, 2] = _colour(
                relief, matter, light, ground, tx, mirror, camera, rx, ry, rz, away[j, i], what[j, i], i, j
            )
            depth[j, i] = min(away[j, i] * c, SKY_DEPTH * 0.1) if what[j, i] > 0 else SKY_DEPTH
    return out, depth


@njit(fastmath=True, cache=True)
def _smooth_edges(out, away, relief, matter, light, ground, tx, mirror, camera):
    """Average four rays where the depth jumps."""
    h, w = away.shape
    for j in range(1, h - 1):
        for i in range(1, w - 1):
            d = 1 / away[j, i]
            jump = max(
                max(1 / away[j - 1, i] - d, 1 / away[j + 1, i] - d), max(1 / away[j, i - 1] - d, 1 / away[j, i + 1] - d)
            )
            jump = max(jump, 0.5 * (d - 1 / away[j - 1, i]))
            if jump < 0.10 * d + 0.003:
                continue
            near = min(min(away[j - 1, i], away[j + 1, i]), min(away[j, i - 1], away[j, i + 1]))
            near = min(near, min(min(away[j + 1, i - 1], away[j + 1, i + 1]), away[j, i]))
            r, g, b = 0.0, 0.0, 0.0
            for q in range(4):
                u = (i + (0.125, 0.625, 0.375, 0.875)[q] - w / 2) * 2 / h
                v = (h / 2 - j - (0.375, 0.125, 0.875, 0.625)[q]) * 2 / h
                rx, ry, rz, _c = ray(camera, u, v)
                t, what = _hit(matter, ground, camera, rx, ry, rz, 0.8 * near)
                cr, cg, cb = _colour(relief, matter, light, ground, tx, mirror, camera, rx, ry, rz, t, what, i, j)
                r += min(cr, 1.5)
                g += min(cg, 1.5)
                b += min(cb, 1.5)
            out[j, i, 0] = r * 0.25
            out[j, i, 1] = g * 0.25
            out[j, i, 2] = b * 0.25


class World(NamedTuple):
    """All that is needed to see a scene from anywhere."""

    relief: Relief
    matter: Matter
    light: Light
    ground: Ground
    things: np.ndarray
    """float64 (n, objects.COLUMNS)."""
    rain: float = 0.0
    snowfall: float = 0.0
    key: float = 0.42
    """Mean brightness (linear, after tone) the finder aims at."""


def geometry(world: World, camera: Camera, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance (H, W) and kind of surface (0 sky, 1 land, 2 water) without colours or things; for composing."""
    return _geometry(world.matter, world.ground, camera, height, width)


def linear_view(
    world: World, camera: Camera, height: int = 256, width: int = 256
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Linear picture (H, W, 3), depth, kind of surface and things seen; see `View`."""
    tx = textures()
    relief, matter, light, ground = world.relief, world.matter, world.light, world.ground
    mirror = np.zeros((height, width, 3))
    nobody = np.zeros((height, width), np.int32)
    mist = matter.water if matter.water > -99 else relief.floor
    away, what = _geometry(matter, ground, camera, height, width)
    if matter.water > -99:
        wanted = cv2.dilate((what == 2).astype(np.uint8), np.ones((1, 9), np.uint8))
        mirror, behind = _mirror(relief, matter, light, ground, tx, camera, wanted)
        if len(world.things):
            objects.draw(
                mirror, behind, nobody.copy(), camera, ground, light, tx, world.things, True, matter.water, mist
            )
    picture, depth = _colours(relief, matter, light, ground, tx, mirror, camera, away, what)
    _smooth_edges(picture, away, relief, matter, light, ground, tx, mirror, camera)
    kinds = what.copy()
    seen = nobody
    if len(world.things):
        objects.draw(picture, depth, seen, camera, ground, light, tx, world.things, False, 0.0, mist)
    kinds[seen > 0] = 3
    return picture, depth, kinds, seen


def _streaks(rng: np.random.Generator, height: int, width: int, amount: float) -> np.ndarray:
    """Brightness (H, W) of rain: slanted streaks in three sizes."""
    out: np.ndarray = np.zeros((height, width), np.float32)
    slant = rng.uniform(-0.25, 0.25)
    for length, count, bright in ((height // 22, 500, 0.28), (height // 12, 260, 0.4), (height // 7, 70, 0.5)):
        layer = np.zeros_like(out)
        for _ in range(int(count * amount)):
            x, y = rng.uniform(0, width), rng.uniform(-length, height)
            n = length * rng.uniform(0.6, 1.2)
            ends = [int(16 * c) for c in (x, y, x + slant * n, y + n)]
            cv2.line(layer, (ends[0], ends[1]), (ends[2], ends[3]), bright * rng.uniform(0.5, 1), 1, cv2.LINE_AA, 4)
        out += layer
    return out


def _flakes(rng: np.random.Generator, height: int, width: int, amount: float) -> np.ndarray:
    """Coverage (H, W) of falling snow: many small flakes, few large soft ones."""
    out: np.ndarray = np.zeros((height, width), np.float32)
    for radius, count, bright in ((0.55, 520, 0.75), (0.95, 230, 0.85), (1.7, 60, 0.8), (2.8, 14, 0.55)):
        layer = np.zeros_like(out)
        for _ in range(int(count * amount)):
            x, y = rng.uniform(0, width), rng.uniform(0, height)
            cv2.circle(
                layer,
                (int(16 * x), int(16 * y)),
                int(16 * radius * rng.uniform(0.7, 1.25) * height / 256),
                bright * rng.uniform(0.6, 1),
                -1,
                cv2.LINE_AA,
                4,
            )
        if radius > 1:
            layer = cv2.GaussianBlur(layer, (0, 0), radius * 0.35)
        out = np.maximum(out, layer)
    return out


_GREY = np.array([0.25, 0.6, 0.15], np.float32)


def _lift(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Gain (H, W) that opens the shadows where the dark quarter of `like` is too dark: a gamma below the pivot."""
    grey = x @ _GREY
    dark = float(np.percentile(like[::3, ::3] @ _GREY, 25))
    pivot, wanted = 0.40, 0.042
    gamma = float(np.clip(np.log(wanted / pivot) / np.log(max(dark, 1e-4) / pivot), 0.64, 1)) if dark < wanted else 1.0
    return np.asarray((np.clip(grey, 2e-3, pivot) / pivot) ** (gamma - 1))


def finish(world: World, picture: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """Linear light to uint8: weather in front of the lens, bloom, exposure, tone, a little vignette.

    Exposure is measured on `like` (linear, H, W, 3), so that neighbouring views can share it; without, on the picture.
    """
    like = picture if like is None else like
    height, width = picture.shape[:2]
    rng = np.random.default_rng(world.light.seed + 5)
    level = np.minimum(like, 1.5)
    mean = float((level @ _GREY).mean()) + 1e-4
    gain = float(np.clip((world.key / mean) ** 0.72, 0.5, 3.2))
    x = np.minimum(picture, 6.0).astype(np.float32) * gain
    x *= _lift(x, np.minimum(like, 6.0).astype(np.float32) * gain)[..., None]
    bright = cv2.GaussianBlur(np.maximum(x - 0.9, 0), (0, 0), height / 42)
    x = x + 0.30 * bright
    if world.rain > 0:
        s = _streaks(rng, height, width, world.rain)[..., None]
        x = x + s * (0.10 + 0.5 * x.mean((0, 1)))
    if world.snowfall > 0:
        s = _flakes(rng, height, width, world.snowfall)[..., None]
        white = np.clip(0.35 + 1.1 * x.mean((0, 1)), 0.3, 1.1).astype(np.float32)
        x = x + (white - x) * s
    yy, xx = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    x *= (1 - 0.10 * (xx * xx + yy * yy))[..., None]
    grey = x.mean(-1, keepdims=True)
    return tone(grey + (x - grey) * 1.10)


def render(world: World | Space, camera: Camera, height: int = 256, width: int = 256) -> View:
    """The scene as `camera` sees it."""
    if isinstance(world, Space):
        return render_space(world, camera, height, width)
    picture, depth, kinds, seen = linear_view(world, camera, height, width)
    return View(finish(world, picture), depth.astype(np.float32), kinds, seen)
