"""Planets, moons, rings, nebulae and stars: scenes without ground. Spheres are met by rays, so depth is exact too."""

from typing import NamedTuple

import cv2
import numpy as np
from numba import njit

from .camera import Camera, ray
from .light import of_hue, tone
from .noise import lattice, smooth, tap, textures
from .view import SKY_DEPTH, View

GAS, EARTH, ROCK, ICE, LAVA = range(5)
WORDS = ("a gas giant", "a blue planet", "a barren moon", "an icy planet", "a lava planet")
"""What captions may call each kind of body."""
BX, BY, BZ, RADIUS, KIND, SEED, RED, GREEN, BLUE, TILT, RING = range(11)
"""Columns of the table of bodies; RING is the outer radius in planet radii, 0 without."""


class Space(NamedTuple):
    """A view without ground."""

    seed: int
    bodies: np.ndarray
    """float64 (n, 11), columns above; positions in the camera's frame at the start."""
    sun: np.ndarray
    """Unit direction to the star that lights it all."""
    sun_size: float
    """Angular radius of its disc; 0: not shown."""
    sun_colour: np.ndarray
    nebula: np.ndarray
    """Linear RGB (2, 3) of two clouds of gas."""
    gas: float
    """How much of it, 0–1."""
    stars: float


@njit(fastmath=True, cache=True)
def _void(space, tx, rx, ry, rz):
    """Linear RGB behind everything."""
    az = np.arctan2(rx, rz)
    el = np.arcsin(min(max(ry, -1.0), 1.0))
    seed = space.seed
    r, g, b = 0.002, 0.003, 0.008
    if space.gas > 0:
        w = tap(tx.fbm, az * 60 + seed % 500, el * 60 + 90)
        a = tap(tx.fbm, az * 70 + 50 * w + 31, el * 70 + 50 * w + seed % 400)
        c = tap(tx.billow, az * 160 + 40 * a, el * 160 + seed % 300)
        d = tap(tx.ridge, az * 120 + 60 * w, el * 120 + 60 * a)
        p = smooth(0.46, 0.85, a + 0.25 * (c - 0.5)) * space.gas
        q = smooth(0.50, 0.95, 0.7 * w + 0.5 * d) * space.gas
        dark = 1 - 0.75 * smooth(0.5, 0.8, tap(tx.ridge, az * 90 + 200, el * 90 + 70 * w))
        p *= dark * (0.5 + c)
        q *= dark * (0.4 + d)
        r += p * space.nebula[0, 0] + q * space.nebula[1, 0]
        g += p * space.nebula[0, 1] + q * space.nebula[1, 1]
        b += p * space.nebula[0, 2] + q * space.nebula[1, 2]
    for layer in range(3):
        grid = 55.0 + 60 * layer
        u = az * grid + 300
        v = el * grid + 300
        iu = int(np.floor(u))
        iv = int(np.floor(v))
        h = lattice(iu, iv, seed + layer)
        if h > 0.955:
            fu = u - iu - 0.3 - 0.4 * lattice(iu, iv, seed + 13)
            fv = v - iv - 0.3 - 0.4 * lattice(iu, iv, seed + 14)
            bright = ((h - 0.955) / 0.045) ** 5
            w = space.stars * (0.12 + 2.2 * bright) * np.exp(-(fu * fu + fv * fv) * (34 - 24 * bright))
            warm = lattice(iu, iv, seed + 15)
            r += w * (0.75 + 0.5 * warm)
            g += w * 0.95
            b += w * (1.3 - 0.6 * warm)
    if space.sun_size > 0:
        d = max(rx * space.sun[0] + ry * space.sun[1] + rz * space.sun[2], 0.0)
        gap = np.sqrt(max(2 - 2 * d, 0.0)) / space.sun_size
        w = 6 * (1 - smooth(0.9, 1.1, gap)) + 0.9 * np.exp(-gap * 0.8) + 0.12 * np.exp(-gap * 0.16)
        r += w * space.sun_colour[0]
        g += w * space.sun_colour[1]
        b += w * space.sun_colour[2]
    return r, g, b


@njit(fastmath=True, cache=True)
def _surface(body, tx, lon, lat, nz):
    """Colour of a body's ground, and of its clouds' cover and gloss."""
    kind = int(body[KIND])
    o = body[SEED] % 500
    cr, cg, cb = body[RED], body[GREEN], body[BLUE]
    x = lon * 48 + o
    y = lat * 48 + 1.7 * o
    w = tap(tx.fbm, x, y)
    f = tap(tx.fbm, x * 3 + 60 * w, y * 3)
    gloss = 0.0
    if kind == GAS:
        turb = tap(tx.fbm, x * 1.2, y * 3)
        band = tap(tx.fbm, 40.0 + o, lat * 90 + 22 * (turb - 0.5) + 9 * (f - 0.5))
        fine = tap(tx.fbm, 90.0 + o + x * 0.15, lat * 320 + 26 * (turb - 0.5))
        k = 0.35 + 1.1 * band + 0.35 * (fine - 0.5)
        t = smooth(0.35, 0.65, fine * 0.5 + band * 0.5)
        return cr * k * (0.8 + 0.4 * t), cg * k, cb * k * (1.25 - 0.45 * t), gloss
    if kind == EARTH:
        land = smooth(0.50, 0.54, 0.75 * w + 0.25 * f)
        ice = smooth(1.05, 1.3, abs(lat) + 0.4 * (f - 0.5))
        dry = smooth(0.35, 0.65, f)
        r = 0.02 + land * (0.06 + 0.28 * dry)
        g = 0.09 + land * (0.10 + 0.10 * dry)
        b = 0.30 - land * 0.22
        gloss = 0.6 * (1 - land)
        c1 = tap(tx.fbm, x * 1.6 + 50 * f + 99, y * 1.9 + 40 * w)
        cloud = smooth(0.50, 0.72, c1 + 0.3 * (f - 0.5))
        k = max(cloud, ice)
        return r + (0.85 - r) * k, g + (0.87 - g) * k, b + (0.92 - b) * k, gloss * (1 - k)
    rough = tap(tx.ridge, x * 4, y * 4)
    pits = tap(tx.billow, x * 6 + 30, y * 6)
    k = 0.45 + 0.8 * w + 0.35 * (pits - 0.5) + 0.2 * (rough - 0.5)
    if kind == LAVA:
        crack = smooth(0.62, 0.85, rough)
        return 0.06 * k + crack * 1.6, 0.045 * k + crack * 0.42, 0.04 * k + crack * 0.06, -crack
    if kind == ICE:
        return cr * k * 0.9 + 0.12, cg * k * 0.95 + 0.15, cb * k + 0.2, 0.3
    return cr * k, cg * k, cb * k, gloss


@njit(fastmath=True, cache=True)
def _paint(space, camera, tx, height, width):
    out = np.empty((height, width, 3))
    depth = np.full((height, width), SKY_DEPTH)
    seen = np.zeros((height, width), np.int32)
    pixel = 2.0 / (camera.focal * height)
    n = space.bodies.shape[0]
    for j in range(height):
        for i in range(width):
            rx, ry, rz, cosine = ray(camera, (i + 0.5 - width / 2) * 2 / height, (height / 2 - j - 0.5) * 2 / height)
            r, g, b = _void(space, tx, rx, ry, rz)
            for k in range(n):  # bodies are sorted from far to near
                body = space.bodies[k]
                px = body[BX] - camera.x
                py = body[BY] - camera.y
                pz = body[BZ] - camera.z
                rad = body[RADIUS]
                along = rx * px + ry * py + rz * pz
                if along <= 0:
                    continue
                dist2 = px * px + py * py + pz * pz
                miss = np.sqrt(max(dist2 - along * along, 0.0))
                st = np.sin(body[TILT])
                ct = np.cos(body[TILT])
                # the ring's plane: its normal leans to the eye
                qx, qy, qz = -st * 0.85, ct * 0.92, -0.32
                ring_t = -1.0
                ra = 0.0
                if body[RING] > 0:
                    den = rx * qx + ry * qy + rz * qz
                    ring_t = (px * qx + py * qy + pz * qz) / den if abs(den) > 1e-5 else -1.0
                    if ring_t > 0:
                        hx = rx * ring_t - px
                        hy = ry * ring_t - py
                        hz = rz * ring_t - pz
                        away = np.sqrt(hx * hx + hy * hy + hz * hz) / rad
                        if 1.25 < away < body[RING]:
                            band = tap(tx.fbm, 20.0, away * 150 + body[SEED] % 300)
                            ra = (
                                smooth(0.3, 0.6, band)
                                * 0.85
                                * smooth(1.25, 1.3, away)
                                * (1 - smooth(body[RING] - 0.05, body[RING], away))
                            )
                            # the planet's shadow on the ring
                            s = -(hx * space.sun[0] + hy * space.sun[1] + hz * space.sun[2])
                            d2 = hx * hx + hy * hy + hz * hz - s * s
                            dim = 0.12 if s > 0 and d2 < rad * rad else 1.0
                            rr = (0.25 + 0.6 * body[RED]) * dim
                            rg = (0.25 + 0.6 * body[GREEN]) * dim
                            rb = (0.25 + 0.6 * body[BLUE]) * dim
                air = rad * 0.06 if int(body[KIND]) in (EARTH, GAS, ICE) else 0.0
                hit_t = along - np.sqrt(max(rad * rad - miss * miss, 0.0))
                if ra > 0 and ring_t > hit_t:
                    r, g, b = r + (rr - r) * ra, g + (rg - g) * ra, b + (rb - b) * ra
                soft = pixel * along
                cover = min(max((rad - miss) / soft + 0.5, 0.0), 1.0)
                if cover > 0:
                    nx = (rx * hit_t - px) / rad
                    ny = (ry * hit_t - py) / rad
                    nz = (rz * hit_t - pz) / rad
                    m = 1 / np.sqrt(nx * nx + ny * ny + nz * nz)
                    nx *= m
                    ny *= m
                    nz *= m
                    ax = nx * ct + ny * st
                    ay = -nx * st + ny * ct
                    lat = np.arcsin(min(max(ay, -1.0), 1.0))
                    lon = np.arctan2(ax, -nz) + 3.2
                    cr, cg, cb, gloss = _surface(body, tx, lon, lat, nz)
                    dot = nx * space.sun[0] + ny * space.sun[1] + nz * space.sun[2]
                    lit = smooth(-0.12, 0.9, dot) * 1.25 + 0.03
                    if body[RING] > 0:
                        q = nx * qx + ny * qy + nz * qz
                        lit *= 1 - 0.5 * smooth(0.0, 0.05, 0.06 - abs(q - 0.12))
                    fr = cr * lit * 1.5
                    fg = cg * lit * 1.5
                    fb = cb * lit * 1.5
                    if gloss < 0:
                        fr += -gloss * 0.9
                        fg += -gloss * 0.25
                    elif gloss > 0:
                        hx = space.sun[0] - rx
                        hy = space.sun[1] - ry
                        hz = space.sun[2] - rz
                        m = 1 / np.sqrt(hx * hx + hy * hy + hz * hz)
                        s = max((nx * hx + ny * hy + nz * hz) * m, 0.0) ** 60 * gloss
                        fr += s
                        fg += s
                        fb += s
                    if air > 0:
                        face = max(-(nx * rx + ny * ry + nz * rz), 0.0)
                        rim = (1 - face) ** 3 * smooth(-0.25, 0.6, dot)
                        fr += rim * (0.25 + 0.5 * body[RED]) * 0.8
                        fg += rim * (0.35 + 0.5 * body[GREEN]) * 0.8
                        fb += rim * (0.6 + 0.5 * body[BLUE]) * 0.8
                    r, g, b = r + (fr - r) * cover, g + (fg - g) * cover, b + (fb - b) * cover
                    if cover > 0.5:
                        depth[j, i] = hit_t * cosine
                        seen[j, i] = k + 1
                elif air > 0 and miss < rad + 4 * air:
                    mx = (rx * along - px) / miss
                    my = (ry * along - py) / miss
                    mz = (rz * along - pz) / miss
                    dot = mx * space.sun[0] + my * space.sun[1] + mz * space.sun[2]
                    w = 0.55 * np.exp(-(miss - rad) / air * 1.6) * smooth(-0.3, 0.7, dot)
                    r += w * (0.2 + 0.5 * body[RED])
                    g += w * (0.3 + 0.5 * body[GREEN])
                    b += w * (0.6 + 0.5 * body[BLUE])
                if ra > 0 and ring_t <= hit_t:
                    r, g, b = r + (rr - r) * ra, g + (rg - g) * ra, b + (rb - b) * ra
                    if ra > 0.5:
                        depth[j, i] = ring_t * cosine
                        seen[j, i] = k + 1
            out[j, i, 0] = r
            out[j, i, 1] = g
            out[j, i, 2] = b
    return out, depth, seen


def draw_space(rng: np.random.Generator, hue: float | None) -> tuple[Space, tuple[str, ...], Camera]:
    """A view of space, the names of its bodies (far to near) and its camera; `hue` (turns) colours the nebula."""
    count = int(rng.choice([1, 1, 2, 3]))
    bodies: list[list[float]] = []
    for k in range(count):
        kind = (
            int(rng.choice([GAS, EARTH, ROCK, ICE, LAVA], p=[0.34, 0.24, 0.2, 0.12, 0.1]))
            if k == 0
            else int(rng.choice([ROCK, ICE, GAS], p=[0.6, 0.2, 0.2]))
        )
        z = rng.uniform(6, 9) if k == 0 else rng.uniform(8, 22)
        size = (
            rng.choice([rng.uniform(0.10, 0.2), rng.uniform(0.2, 0.42), rng.uniform(0.5, 1.1)], p=[0.2, 0.5, 0.3])
            if k == 0
            else rng.uniform(0.03, 0.13)
        )
        x, y = rng.uniform(-0.5, 0.5), rng.uniform(-0.4, 0.4)
        if size > 0.5:
            x, y = rng.choice([-1, 0, 1]) * 0.7, rng.choice([-1, 1]) * rng.uniform(0.5, 1.0)
        tint = (
            of_hue(rng.random(), rng.uniform(0.25, 0.7), 0.85)
            if kind in (GAS, ICE)
            else np.array([0.5, 0.47, 0.43]) * rng.uniform(0.7, 1.2)
        )
        ring = rng.uniform(1.8, 2.5) if kind in (GAS, ICE) and rng.random() < 0.45 and k == 0 and size < 0.45 else 0.0
        bodies.append(
            [
                x * z * 0.62,
                y * z * 0.62,
                z,
                size * z * 0.62,
                kind,
                float(rng.integers(1, 9999)),
                *tint,
                rng.uniform(-0.5, 0.5),
                ring,
            ]
        )
    table = np.array(sorted(bodies, key=lambda b: -b[BZ]))
    names = tuple(
        "a ringed planet" if b[RING] > 0 else WORDS[int(b[KIND])] if b[RADIUS] / b[BZ] > 0.09 else "a moon"
        for b in table
    )
    az, el = rng.uniform(-2.4, 2.4), rng.uniform(-0.5, 0.6)
    ahead = rng.random() < 0.15
    if ahead:
        az, el = rng.uniform(-0.45, 0.45), rng.uniform(-0.3, 0.35)
    sun = np.array([np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)])
    if not ahead:
        sun[2] = -rng.uniform(0.1, 0.9)
        sun /= np.linalg.norm(sun)
    h = hue if hue is not None else rng.random()
    value = rng.uniform(0.5, 0.95)
    nebula = np.stack(
        [
            of_hue(h, 0.8, value),
            of_hue(h + (rng.uniform(-0.06, 0.06) if hue is not None else rng.uniform(0.1, 0.5)), 0.75, value * 0.8),
        ]
    )
    gas = rng.uniform(0.7, 1.3) if hue is not None else rng.choice([0.0, 0.4, 1.0])
    space = Space(
        int(rng.integers(1, 1 << 20)),
        table,
        sun,
        float(rng.uniform(0.02, 0.05)) if ahead else 0.0,
        of_hue(rng.uniform(0.05, 0.16), 0.25, 1.0),
        nebula,
        float(gas),
        float(rng.uniform(0.7, 1.3)),
    )
    return space, names, Camera(0.0, 0.0, 0.0, 0.0, 0.0, 1.6)


def render_space(space: Space, camera: Camera, height: int = 256, width: int = 256) -> View:
    """The view; bodies count as things, the rest as sky."""
    picture, depth, seen = _paint(space, camera, textures(), height, width)
    x = np.minimum(picture, 6).astype(np.float32)
    x = x + 0.35 * cv2.GaussianBlur(np.maximum(x - 0.8, 0), (0, 0), height / 40)
    return View(tone(x, 1.25), depth.astype(np.float32), np.where(seen > 0, 3, 0).astype(np.uint8), seen)
