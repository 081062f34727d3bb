"""The sky as a function of direction: gradient, glow, disc, clouds, stars, aurora, planet, rainbow, lightning."""

import numpy as np
from numba import njit

from .noise import SIZE, lattice, smooth, tap


@njit(fastmath=True, cache=True)
def air(light, rx, ry, rz):
    """Colour of clear air in a direction: the gradient and the glow of the sun; also what haze fades to."""
    h = min(max(ry, 0.0), 1.0)
    k = (1 - h) ** 3.2
    k = 0.85 * k + 0.15 * (1 - h)
    d = max(rx * light.face[0] + ry * light.face[1] + rz * light.face[2], 0.0)
    glow = 0.35 * d**6 + 0.3 * d**40 + 0.35 * d**300
    r = light.zenith[0] + (light.horizon[0] - light.zenith[0]) * k + glow * light.glow[0]
    g = light.zenith[1] + (light.horizon[1] - light.zenith[1]) * k + glow * light.glow[1]
    b = light.zenith[2] + (light.horizon[2] - light.zenith[2]) * k + glow * light.glow[2]
    return r, g, b, d


@njit(fastmath=True, cache=True)
def _layer(textures, x, y):
    """Density of the cloud layer at a point of its plane."""
    w = tap(textures.fbm, x * 14 + 7, y * 14 + 3)
    a = tap(textures.fbm, x * 26 + 40 * w, y * 26 + 30 * w)
    b = tap(textures.billow, x * 52 + 24 * w, y * 52 + 11)
    c = tap(textures.billow, x * 170 + 5, y * 170 + 40 * w)
    return 0.56 * a + 0.34 * b + 0.10 * c


@njit(fastmath=True, cache=True)
def _heap(textures, az, el, height):
    """Density of the heaped clouds seen from the side at azimuth az, elevation el: lumps with a ragged skyline."""
    base = tap(textures.fbm, az * 70, 11.0)
    top = height * (0.15 + 2.6 * max(base - 0.36, 0.0))
    lump = tap(textures.billow, az * 150, el * 230) - 0.5
    small = tap(textures.billow, az * 420 + 9, el * 560) - 0.5
    return (top - el) / height + 0.75 * lump + 0.28 * small


@njit(fastmath=True, cache=True)
def sky(light, textures, rx, ry, rz, detail):
    """Linear RGB of the sky in a unit direction. `detail` 0 leaves out stars (mirrors blur them away)."""
    up = max(ry, 0.0)
    r, g, b, d = air(light, rx, up, rz)
    seed = light.seed
    az = np.arctan2(rx, rz)
    if light.stars > 0 and detail > 0 and ry > 0:
        el = np.arcsin(min(up, 1.0))
        for layer in range(2):
            grid = 70.0 + 62 * layer
            u = az * grid * 0.9 + 300
            v = el * grid + 300
            iu = int(np.floor(u))
            iv = int(np.floor(v))
            q = lattice(iu, iv, seed + 99 + layer)
            if q > 0.966:
                fu = u - iu - 0.25 - 0.5 * lattice(iu, iv, seed + 3)
                fv = v - iv - 0.25 - 0.5 * lattice(iu, iv, seed + 4)
                bright = ((q - 0.966) / 0.034) ** 4
                w = (
                    np.exp(-(fu * fu + fv * fv) * (26 - 14 * bright))
                    * light.stars
                    * (0.12 + 1.5 * bright)
                    * smooth(0.0, 0.14, ry)
                )
                warm = lattice(iu, iv, seed + 5)
                r += w * (0.8 + 0.4 * warm)
                g += w * 0.95
                b += w * (1.25 - 0.4 * warm)
        if light.stars > 1.0:
            across = 0.62 * rx + 0.7 * ry - 0.35 * rz + 0.1 * (seed % 5)
            lane = tap(textures.fbm, az * 90 + seed % 512, el * 90)
            fine = tap(textures.billow, az * 200, el * 200)
            milk = (
                np.exp(-((across * 3.6) ** 2))
                * max(0.25 + 2.2 * (lane - 0.42), 0.0)
                * (0.55 + 0.9 * fine)
                * (light.stars - 1.0)
            )
            r += milk * 0.20
            g += milk * 0.19
            b += milk * 0.27
    if light.aurora > 0 and ry > 0:
        el = np.arcsin(min(up, 1.0))
        for curtain in range(3):
            wave = tap(textures.fbm, az * 45 + 97 * curtain + seed % 512, 40.0 + 60 * curtain)
            foot = 0.16 + 0.10 * curtain + 0.9 * (wave - 0.5)
            over = el - foot
            if over > -0.05:
                ray_ = tap(textures.ridge, az * 240 + 31 * curtain + 60 * wave, el * 5 + curtain * 90)
                fall = np.exp(-max(over, 0.0) * (5.5 + 2 * curtain)) * smooth(-0.04, 0.03, over)
                w = fall * light.aurora * (0.25 + 1.35 * max(ray_ - 0.25, 0.0)) * (0.9 - 0.22 * curtain)
                mix = smooth(0.05, 0.42, over)
                hue = light.aurora_hue
                r += w * (0.10 * (1 - mix) + (0.55 + 0.3 * hue) * mix)
                g += w * (0.95 * (1 - mix) * (1 - 0.45 * hue) + 0.16 * mix)
                b += w * ((0.42 + 0.4 * hue) * (1 - mix) + 0.75 * mix)
    if light.planet > 0:
        p = light.planet_dir
        c = rx * p[0] + ry * p[1] + rz * p[2]
        if c > np.cos(light.planet):
            s = np.sin(light.planet)
            ax = p[2]
            az_ = -p[0]
            n = 1.0 / np.sqrt(ax * ax + az_ * az_)
            ax *= n
            az_ *= n
            x = (rx * ax + rz * az_) / s
            y = (ry - c * p[1]) / s / max(np.sqrt(1 - p[1] * p[1]), 0.2)
            z = np.sqrt(max(1 - x * x - y * y, 0.0))
            lit = smooth(-0.1, 0.75, 0.75 * x * (1 if seed % 2 else -1) + 0.45 * y + 0.45 * z)
            band = tap(textures.fbm, x * 25 / (z + 0.6) + seed % 512, y * 60)
            spot = tap(textures.ridge, x * 70 / (z + 0.6), y * 70 + 33)
            k = lit * (0.45 + 0.8 * band + 0.35 * (spot - 0.5))
            edge = smooth(0.0, 0.12, z)
            through = 0.30 + 0.55 * (1 - up) ** 2
            r = r * (1 - edge * (1 - through)) + edge * k * light.planet_colour[0] * (1 - 0.5 * through)
            g = g * (1 - edge * (1 - through)) + edge * k * light.planet_colour[1] * (1 - 0.5 * through)
            b = b * (1 - edge * (1 - through)) + edge * k * light.planet_colour[2] * (1 - 0.5 * through)
    if light.disc[0] + light.disc[1] + light.disc[2] > 0 and ry > -0.02:
        f = light.face
        gap = np.sqrt(max(2 - 2 * (rx * f[0] + ry * f[1] + rz * f[2]), 0.0)) / light.disc_size
        w = 1 - smooth(0.93, 1.07, gap)
        if w > 0:
            k = 1.0
            if light.moon > 0:
                sx = (rx * f[2] - rz * f[0]) / light.disc_size
                sy = (ry - f[1]) / light.disc_size
                k = 0.45 + 0.75 * smooth(0.3, 0.62, tap(textures.fbm, sx * 14 + 40, sy * 14 + 90))
                if light.moon < 1:
                    w *= smooth(-0.1, 0.1, np.sqrt((sx - 2.2 * light.moon) ** 2 + sy * sy) - 0.98)
            r += (light.disc[0] * k - r) * w
            g += (light.disc[1] * k - g) * w
            b += (light.disc[2] * k - b) * w
    if light.rainbow > 0:
        c = -(rx * light.face[0] + ry * light.face[1] + rz * light.face[2])
        t = (np.cos(0.70) - c) / 0.06
        if 0 < t < 1:
            w = light.rainbow * np.sin(np.pi * t)
            r += w * max(0.0, 1 - 2.4 * t)
            g += w * max(0.0, 1 - 3.0 * abs(t - 0.45))
            b += w * max(0.0, 2.2 * t - 1.1)
    sx = light.face[0]
    sz = light.face[2]
    if light.cirrus > 0 and ry > 0.02:
        s = 1.0 / (ry + 0.10)
        x = rx * s
        y = rz * s
        streak = tap(textures.ridge, x * 18 + y * 14 + seed % 500, y * 60 - x * 34 + 9)
        body = tap(textures.fbm, x * 26 + 40, y * 26 + seed % 300)
        w = light.cirrus * smooth(0.42, 0.95, 0.55 * streak + 0.75 * body) * smooth(0.02, 0.2, ry) * 0.75
        k = 0.9 + 0.5 * d**8
        r += (light.cloud_lit[0] * k - r) * w
        g += (light.cloud_lit[1] * k - g) * w
        b += (light.cloud_lit[2] * k - b) * w
    glow = 0.55 * d**8 + 0.35 * d**40
    if light.cover > 0 and ry > 0.012:
        s = 1.5 / (ry + 0.055)
        x = rx * s + seed % 97
        y = rz * s + seed % 89
        c = _layer(textures, x, y)
        c2 = _layer(textures, x + 0.11 * sx, y + 0.11 * sz)
        low = 0.71 - 0.42 * light.cover
        w = smooth(low, low + 0.17, c) * smooth(0.012, 0.10, ry)
        thick = max(c - low, 0.0)
        lit = min(max(0.66 + 5.5 * (c - c2) - 1.15 * thick, 0.0), 1.0)
        if light.cover > 0.8:
            lit = min(max(0.5 + 3.4 * (c2 - 0.5) + 2.2 * (c - c2), 0.0), 1.0)
        r += (
            light.cloud_dark[0] + (light.cloud_lit[0] - light.cloud_dark[0]) * lit + glow * light.glow[0] * 0.8 - r
        ) * w
        g += (
            light.cloud_dark[1] + (light.cloud_lit[1] - light.cloud_dark[1]) * lit + glow * light.glow[1] * 0.8 - g
        ) * w
        b += (
            light.cloud_dark[2] + (light.cloud_lit[2] - light.cloud_dark[2]) * lit + glow * light.glow[2] * 0.8 - b
        ) * w
    if light.cumulus > 0 and ry > 0:
        el = np.arcsin(min(up, 1.0))
        if el < 0.75:
            a = az + seed % 101
            height = 0.42 * light.cumulus
            c = _heap(textures, a, el, height)
            w = smooth(0.0, 0.10, c)
            if w > 0:
                side = np.arctan2(sx, sz) - az
                side = min(max(side, -1.0), 1.0)
                c2 = _heap(textures, a + 0.035 * side, el + 0.03, height)
                lit = min(max(0.55 + 0.85 * (c - c2) + 0.9 * (el / height - 0.35), 0.0), 1.0)
                fade = 0.35 + 0.65 * smooth(0.0, 0.2, el)
                w *= 0.95
                cr = light.cloud_dark[0] + (light.cloud_lit[0] - light.cloud_dark[0]) * lit + glow * light.glow[0] * 0.6
                cg = light.cloud_dark[1] + (light.cloud_lit[1] - light.cloud_dark[1]) * lit + glow * light.glow[1] * 0.6
                cb = light.cloud_dark[2] + (light.cloud_lit[2] - light.cloud_dark[2]) * lit + glow * light.glow[2] * 0.6
                r += ((light.horizon[0] + (cr - light.horizon[0]) * fade) - r) * w
                g += ((light.horizon[1] + (cg - light.horizon[1]) * fade) - g) * w
                b += ((light.horizon[2] + (cb - light.horizon[2]) * fade) - b) * w
    if light.bolt < 9 and ry > 0 and ry < 0.5:
        wander = 0.45 * (tap(textures.fbm, 7.0 + seed % 77, ry * 150) - 0.5) + 0.035 * (
            tap(textures.grain, 3.0 + seed % 50, ry * 190) - 0.5
        )
        off = abs(az - light.bolt - wander)
        w = 2.6 * np.exp(-((off / 0.0055) ** 2)) + 0.30 * np.exp(-off / 0.07)
        w *= 1 - smooth(0.30, 0.5, ry)
        r += w * 0.85
        g += w * 0.85
        b += w * 1.1
    return r, g, b


@njit(fastmath=True, cache=True)
def through_air(light, r, g, b, ox, oy, oz, rx, ry, rz, t, level):
    """Fade a colour at distance t along a ray into haze and into the mist that lies from `level` upwards."""
    clear = np.exp(-((light.haze * t) ** 1.25))
    if light.mist > 0:
        k = light.mist_fall
        slope = ry * k * t
        base = np.exp(-k * max(oy - level, -0.2))
        mean = (1 - np.exp(-slope)) / slope if abs(slope) > 1e-4 else 1.0
        clear *= np.exp(-min(light.mist * t * base * mean, 12.0))
    ar, ag, ab, _d = air(light, rx, 0.03 + 0.25 * max(ry, 0.0), rz)
    return ar + (r - ar) * clear, ag + (g - ag) * clear, ab + (b - ab) * clear


assert SIZE == 512, "the offsets by seed above assume the texture's period"
