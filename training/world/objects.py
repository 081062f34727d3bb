"""Things that stand, float and fly: drawn from far to near with exact depth, soft edges and the scene's light.

A thing is one row of a float64 table (columns below). Flat things (trees, boats, balloons, birds) are planes that
face the eye and carry a procedural shape; houses are solids met by rays; bridges are upright planes with a direction.
"""

import numpy as np
from numba import njit

from .camera import ray, to_view
from .noise import lattice, smooth, tap
from .sky import through_air
from .terrain import read

KIND, X, Y, Z, HEIGHT, WIDTH, SEED, RED, GREEN, BLUE, YAW, EXTRA, GLOW = range(13)
"""Columns of a table of things; (X, Y, Z) is the foot, GLOW 0–1 lights windows, EXTRA depends on the kind."""
COLUMNS = 13

CONIFER, TREE, PALM, CACTUS, ROCK, BUSH, FLOWER, GRASS, LIGHTHOUSE, TOWER, WINDMILL, SAILBOAT, BALLOON, BIRD, SHIP = (
    range(15)
)
BUILDING, HOUSE = 20, 21
BRIDGE = 30


@njit(fastmath=True, cache=True, inline="always")
def _edge(inside, soft):
    """Coverage 0–1 of a point `inside` a shape by that much, for a pixel of size `soft`."""
    return min(max(inside / soft + 0.5, 0.0), 1.0)


@njit(fastmath=True, cache=True)
def _shape(kind, u, v, su, sv, seed, extra, glow, tx, cr, cg, cb):
    """Coverage, normal (right, up), colour and own light of a flat thing at (u −1…1, v 0…1); su, sv: a pixel there."""
    a = 0.0
    nx = u
    ny = 0.3
    r, g, b = cr, cg, cb
    e = 0.0
    o = seed * 37.0
    if kind == CONIFER:
        tiers = 5.0 + seed % 4
        saw = (1 - v) * tiers
        saw = saw - np.floor(saw)
        rag = tap(tx.billow, u * 44 + o, v * 120 + o) - 0.5
        w = (1 - v) ** 0.9 * (0.70 + 0.28 * saw) * (0.88 + 1.15 * rag) * 0.92
        a = _edge(w - abs(u), su) * (1 - smooth(0.97, 1.0, v))
        if v < 0.07:
            k = _edge(0.09 - abs(u), su)
            a = k
            r, g, b = 0.10, 0.06, 0.035
        else:
            nx = u / max(w, 0.05) * 0.9
            ny = 0.35 + 0.35 * (1 - saw)
            k = 0.85 + 0.25 * (1 - saw) + 1.3 * rag
            r *= k
            g *= k
            b *= k
            if extra > 0:
                q = smooth(0.50 - 0.45 * extra, 0.80 - 0.2 * extra, (1 - saw) * 0.75 + 1.2 * rag + 0.05) * extra
                r += (0.80 - r) * q
                g += (0.84 - g) * q
                b += (0.92 - b) * q
    elif kind == TREE:
        trunk = 0.075 * (1.35 - v)
        bend = 0.10 * np.sin(v * 4 + seed)
        if v < 0.55:
            a = _edge(trunk - abs(u - bend), su)
            r, g, b = 0.13, 0.09, 0.06
            nx = (u - bend) / max(trunk, 0.01)
        x = u
        y = (v - 0.64) / 0.37
        d = np.sqrt(x * x * 0.98 + y * y)
        n1 = tap(tx.billow, u * 34 + o, v * 48 + o) - 0.5
        n2 = tap(tx.billow, u * 110 + o, v * 150 + 9) - 0.5
        rim = 0.86 + 0.55 * n1 + 0.25 * n2
        c = _edge(rim - d, su) * (0.94 if n2 > -0.12 else 0.65)
        if c > 0:
            k = 0.74 + 1.1 * n1 + 0.9 * n2
            lump = 2.6 * (tap(tx.billow, u * 34 + o + 2.5, v * 48 + o) - 0.5 - n1)
            cx = x - lump
            cy = y + 0.5 * (tap(tx.billow, u * 34 + o, v * 48 + o + 2.5) - 0.5 - n1) * 4
            nr = cr * k
            ng = cg * k
            nb = cb * k
            if extra > 0:
                q = smooth(0.0, 0.5, n1 + 0.6 * y + 0.2) * extra
                nr += (0.8 - nr) * q
                ng += (0.84 - ng) * q
                nb += (0.92 - nb) * q
            r = r + (nr - r) * c if a > 0 else nr
            g = g + (ng - g) * c if a > 0 else ng
            b = b + (nb - b) * c if a > 0 else nb
            nx = cx * 0.95
            ny = cy * 0.9 + 0.15
            a = max(a, c)
    elif kind == PALM:
        lean = 0.35 * (1 if seed % 2 else -1)
        bend = lean * v * v
        if v < 0.78:
            a = _edge(0.035 + 0.02 * (1 - v) - abs(u - bend), su)
            r, g, b = 0.22, 0.16, 0.10
            nx = (u - bend) / 0.05
        top = lean * 0.60
        for k in range(7):
            ang = -0.35 + 3.84 * k / 6.0 + 0.2 * np.sin(seed + k * 2.1)
            dx = np.cos(ang)
            reach = 0.62 + 0.1 * np.sin(seed * 1.7 + k)
            s = (u - top) / (dx * reach + (1e-3 if dx >= 0 else -1e-3))
            if 0 < s < 1:
                mid = 0.78 + (0.30 * np.sin(ang) * s - 0.26 * s * s)
                thick = 0.034 * (1 - s) ** 0.5 + 0.028 * np.sin(3.14 * s)
                comb = 0.55 + 0.45 * np.sin(s * 70)
                q = _edge(thick * comb - abs(v - mid), sv)
                if q > a:
                    a = q
                    sh = 0.7 + 0.5 * (v - mid) / thick
                    r, g, b = cr * sh, cg * sh, cb * sh
                    nx = dx * 0.4
                    ny = 0.6
    elif kind == CACTUS:
        q = _edge(0.24 - abs(u), su) if v < 0.88 else _edge(0.24 - np.sqrt(u * u + ((v - 0.88) * 2.0) ** 2), su)
        nx = u / 0.26
        side = 1.0
        for k in range(2):
            at = 0.36 + 0.15 * ((seed + k) % 3)
            armx = side * 0.66
            if at < v < at + 0.32:
                w = _edge(0.15 - abs(u - armx), su) * (1 - smooth(0.28, 0.32, v - at))
                if w > q:
                    q = w
                    nx = (u - armx) / 0.17
            if abs(v - at) < 0.06 and 0 < u * side < 0.70:
                q = max(q, _edge(0.055 - abs(v - at), sv))
            side = -1.0
        a = q
        k2 = 0.8 + 0.3 * np.sin(u * 40)
        r, g, b = cr * k2, cg * k2, cb * k2
    elif kind == ROCK:
        n1 = tap(tx.fbm, u * 30 + o, v * 20 + o) - 0.5
        d = np.sqrt(u * u + v * v)
        a = _edge(0.85 + 0.7 * n1 - d, su)
        n2 = tap(tx.ridge, u * 60 + o, v * 50) - 0.5
        k = 0.9 + 1.2 * n2
        r, g, b = cr * k, cg * k, cb * k
        nx = u * 0.8 + 2 * n1
        ny = v * 0.9 + n2
    elif kind == BUSH:
        n1 = tap(tx.billow, u * 40 + o, v * 30 + o) - 0.5
        n2 = tap(tx.billow, u * 130 + o, v * 90 + o) - 0.5
        d = np.sqrt(u * u + v * v)
        a = _edge(0.85 + 0.7 * n1 + 0.3 * n2 - d, su)
        k = 0.75 + 1.0 * n2 + 0.4 * v
        r, g, b = cr * k, cg * k, cb * k
        nx = u * 0.8
        ny = v
    elif kind == FLOWER:
        sway = 0.25 * np.sin(seed * 1.3) * v
        d = np.sqrt((u - sway) * (u - sway) + ((v - 0.76) * 2.0 * extra) ** 2)
        ang = np.arctan2((v - 0.76) * 2.0 * extra, u - sway)
        petal = 0.40 + 0.12 * np.cos(ang * 5 + seed)
        a = _edge(petal - d, su)
        ny = 0.8
        if d < 0.15:
            r, g, b = 0.75, 0.48, 0.05
        elif a <= 0.01:
            a = _edge(0.06 - abs(u - sway), su) if v < 0.76 else 0.0
            r, g, b = 0.10, 0.24, 0.05
        else:
            k = 0.75 + 0.6 * d
            r, g, b = cr * k, cg * k, cb * k
    elif kind == GRASS:
        a = 0.0
        for k in range(5):
            x0 = -0.7 + 0.35 * k + 0.1 * np.sin(seed + k * 3.0)
            tip = 0.55 + 0.45 * lattice(k, 3, seed)
            lean = 0.6 * (lattice(k, 5, seed) - 0.5)
            q = _edge(0.10 * (1 - v / tip) - abs(u - x0 - lean * v * v), su) if v < tip else 0.0
            a = max(a, q)
        k2 = 0.55 + 0.7 * v
        r, g, b = cr * k2, cg * k2, cb * k2
        ny = 0.7
    elif kind == LIGHTHOUSE:
        w = 0.72 - 0.34 * v
        if v < 0.80:
            a = _edge(w - abs(u), su)
            nx = u / w
            band = np.floor(v * 6.25)
            if int(band) % 2 == 0:
                r, g, b = 0.82, 0.80, 0.76
        elif v < 0.83:
            a = _edge(0.60 - abs(u), su)
            r, g, b = 0.10, 0.10, 0.11
            nx = u
        elif v < 0.91:
            a = _edge(0.34 - abs(u), su)
            r, g, b = 0.75, 0.72, 0.55
            e = (0.25 + 3.5 * glow) if abs(u) < 0.28 else 0.0
            nx = u * 2
        else:
            a = _edge((1 - v) / 0.09 * 0.44 - abs(u), su)
            nx = u * 2
            r, g, b = cr * 0.6, cg * 0.6, cb * 0.6
    elif kind == TOWER:
        n1 = tap(tx.grain, u * 60 + o, v * 160)
        if v < 0.84:
            w = 0.66 - 0.06 * v
            a = _edge(w - abs(u), su)
            k = 0.75 + 0.5 * n1
            r, g, b = cr * k, cg * k, cb * k
            nx = u / w
            wy = v * 5 - np.floor(v * 5)
            if abs(u) < 0.09 and 0.35 < wy < 0.7 and v > 0.2:
                r, g, b = 0.02, 0.02, 0.025
                e = 1.6 * glow
        elif extra > 0.5:
            a = _edge(0.86 * (1 - v) / 0.16 - abs(u), su)
            r, g, b = 0.26, 0.06, 0.05
            nx = u
            ny = 0.4
        else:
            a = _edge(0.80 - abs(u), su)
            nx = u / 0.8
            if v > 0.93 and int(np.floor((u + 4) * 3.4)) % 2 == 0:
                a = 0.0
    elif kind == WINDMILL:
        if v < 0.64:
            w = 0.34 - 0.22 * v
            a = _edge(w - abs(u), su)
            nx = u / w
            r, g, b = cr, cg, cb
            if abs(u) < 0.05 and v < 0.12:
                r, g, b = 0.08, 0.05, 0.03
        elif v < 0.74:
            a = _edge(0.22 * (0.76 - v) / 0.12 - abs(u), su)
            r, g, b = 0.20, 0.09, 0.06
        px = u
        py = (v - 0.64) * extra
        rad = np.sqrt(px * px + py * py)
        ang = np.arctan2(py, px) + seed * 0.37
        q = ang / (np.pi / 2)
        q = (q - np.floor(q + 0.5)) * (np.pi / 2) * rad
        if rad < 0.95:
            k = _edge(0.018 - abs(q), su)
            if rad > 0.15 and 0 < q < 0.15:
                k = max(k, 0.9 * _edge(min(q, 0.14 - q) + 0.02, su))
            if k > a * 0.5 and k > 0:
                a = max(a, k)
                r, g, b = 0.72, 0.66, 0.55
                nx = 0.0
    elif kind == SAILBOAT:
        hull = 0.13
        if v < hull:
            k = v / hull
            a = _edge(0.42 + 0.42 * k - abs(u), su)
            r, g, b = cr * 0.5, cg * 0.3, cb * 0.3
            if k > 0.75:
                r, g, b = 0.7, 0.66, 0.6
            nx = u
        else:
            y = (v - hull) / (1 - hull)
            main = _edge(min(u + 0.02, 0.68 * (1 - y) ** 0.8 - u), su) if y > 0.06 else 0.0
            jib = _edge(min(-u - 0.05, 0.62 * (1 - y * 1.15) ** 1.0 + u), su) if 0.05 < y < 0.87 else 0.0
            mast = _edge(0.012 - abs(u), su)
            a = max(main, max(jib, mast))
            r, g, b = 0.85, 0.82, 0.76
            if extra > 0.5:
                r, g, b = cr, cg, cb
            if mast > main and mast > jib:
                r, g, b = 0.15, 0.1, 0.07
            nx = 0.5 if u < 0 else -0.35
            nx += 0.3 * u
            ny = 0.1
            e = 0.05
    elif kind == BALLOON:
        y = (v - 0.66) / 0.34
        w = np.sqrt(max(1 - y * y, 0.0))
        if y < 0:
            w = np.sqrt(max(1 - 0.62 * y * y, 0.0)) * (1 - smooth(0.1, 1.35, -y)) ** 0.5
        if v > 0.27:
            a = _edge(w * 0.98 - abs(u), su)
            nx = u
            ny = y
            gore = np.arcsin(min(max(u / max(w, 0.05), -1.0), 1.0)) * 3.2 + 20
            if int(np.floor(gore)) % 2 == 0:
                r, g, b = 0.85 - 0.5 * cb, 0.80 - 0.35 * cr, 0.70 - 0.55 * cg
                if extra > 0.5:
                    r, g, b = 0.84, 0.74, 0.45
            e = glow * 0.7 * (1 - 0.5 * (y + 1))
        elif v < 0.12:
            a = _edge(0.15 - abs(u), su)
            r, g, b = 0.20, 0.11, 0.05
        else:
            a = 0.8 * max(
                _edge(0.015 - abs(u - 0.14 - 0.15 * (v - 0.12)), su),
                _edge(0.015 - abs(u + 0.14 + 0.15 * (v - 0.12)), su),
            )
            r, g, b = 0.1, 0.08, 0.06
    elif kind == BIRD:
        flap = 0.30 + 0.5 * extra
        wing = 0.5 + flap * (abs(u) ** 0.7 - 0.8 * u * u) * 0.8
        thick = 0.17 * (1 - abs(u)) ** 0.7 + 0.015
        if abs(u) < 0.13:
            thick += 0.08
        a = _edge(thick - abs(v - wing), sv)
        nx = 0.0
        ny = -0.4
    elif kind == SHIP:
        k = v / 0.34
        if v < 0.34:
            a = _edge(0.80 + 0.16 * k - abs(u), su)
            if k > 0.55:
                r, g, b = 0.7, 0.68, 0.64
        elif v < 0.62:
            a = _edge(0.34 - abs(u + 0.22), su)
            r, g, b = 0.75, 0.73, 0.68
            wx = u * 9 - np.floor(u * 9)
            if 0.45 < v < 0.55 and wx > 0.4:
                r, g, b = 0.05, 0.06, 0.08
                e = 1.8 * glow
        elif v < 0.9:
            a = _edge(0.10 - abs(u + 0.12), su)
            r, g, b = cr, cg, cb
        nx = u * 0.4
    return a, nx, ny, r, g, b, e


@njit(fastmath=True, cache=True)
def _facade(seed, along, up, height, face, size, glow, tx, cr, cg, cb, kind, day):
    """Colour and own light of a wall at `along` and `up`; `size`: a pixel there (far windows blur together)."""
    pitch = 0.050 + 0.02 * (seed % 3)
    floor_ = 0.055 + 0.012 * (seed % 4)
    if kind == HOUSE:
        pitch = 0.11
        floor_ = 0.12
    u = along / pitch
    v = up / floor_
    iu = int(np.floor(u))
    iv = int(np.floor(v))
    fu = u - iu
    fv = v - iv
    style = seed % 5
    wide = 0.26 + 0.08 * (seed % 3)
    if style == 3:
        wide = 0.49
    tall = 0.30 if style != 1 else 0.45
    soft = size / pitch + 0.02
    w = _edge(wide - abs(fu - 0.5), soft) * _edge(tall - abs(fv - 0.5), size / floor_ + 0.02)
    blur = smooth(0.35, 1.1, size / floor_)
    w = w + (4 * wide * tall - w) * blur
    dirt = 0.85 + 0.3 * tap(tx.fbm, along * 90 + seed, up * 60)
    q = lattice(iu + 50 * face, iv, seed)
    share = 0.12 + 0.34 * lattice(seed, 1, 9)
    on = 1.0 if q < share else 0.0
    on = on + (share - on) * blur
    if up > height - 0.03:
        w = 0.0
    glass = 0.06 + 0.22 * day * (0.4 + 0.6 * up / height)
    r = cr * dirt * (1 - w) + w * glass * 0.8
    g = cg * dirt * (1 - w) + w * glass * 0.95
    b = cb * dirt * (1 - w) + w * glass * 1.15
    e = w * on * glow * (0.35 + 0.6 * lattice(iv, iu, seed + 7))
    return r, g, b, e


@njit(fastmath=True, cache=True)
def _lit(light, ground, wx, wy, wz, x, y, z, soft, cr, cg, cb, wrap):
    """Light that a surface of colour (cr, cg, cb) with world normal sends to the eye."""
    dot = wx * light.direction[0] + wy * light.direction[1] + wz * light.direction[2]
    dif = max((dot + wrap) / (1 + wrap), 0.0)
    edge = read(ground.far_shade, ground.near_shade, ground, x, z)
    dif *= 0.06 + 0.94 * smooth(-soft, soft, y - edge)
    amb = 0.55 + 0.45 * wy
    away = max(-dot, 0.0) * 0.08
    r = cr * (dif * light.sun[0] + amb * light.ambient[0] + away * light.horizon[0])
    g = cg * (dif * light.sun[1] + amb * light.ambient[1] + away * light.horizon[1])
    b = cb * (dif * light.sun[2] + amb * light.ambient[2] + away * light.horizon[2])
    return r, g, b


@njit(fastmath=True, cache=True)
def _flat(picture, depth, seen, number, camera, ground, light, tx, row, mirror, level, mist):
    kind = int(row[KIND])
    x = row[X]
    y = row[Y]
    z = row[Z]
    tall = row[HEIGHT]
    if mirror:
        y = 2 * level - y
    vx, vy, vz = to_view(camera, x, y, z)
    if vz < 0.05:
        return
    h, w = depth.shape
    scale = camera.focal * h / 2 / vz
    half = row[WIDTH] * 0.5 * scale
    high = tall * scale
    if high < 0.6:
        return
    cx = w / 2 + vx * scale
    foot = h / 2 - vy * scale
    left = max(int(cx - half - 1), 0)
    right = min(int(cx + half + 2), w)
    top = max(int(foot - high - 1), 0) if not mirror else max(int(foot - 1), 0)
    bottom = min(int(foot + 2), h) if not mirror else min(int(foot + high + 2), h)
    if left >= right or top >= bottom:
        return
    su = 1.0 / max(half, 0.5)
    sv = 1.0 / high
    seed = int(row[SEED])
    cy = np.cos(camera.yaw)
    sy = np.sin(camera.yaw)
    dist = np.sqrt(vx * vx + vy * vy + vz * vz)
    for j in range(top, bottom):
        v = (foot - (j + 0.5)) / high
        if mirror:
            v = -v
        if v < 0 or v > 1:
            continue
        for i in range(left, right):
            if depth[j, i] < vz:
                continue
            u = ((i + 0.5) - cx) / half
            if u < -1.05 or u > 1.05:
                continue
            a, nx, ny, r, g, b, e = _shape(
                kind, u, v, su, sv, seed, row[EXTRA], row[GLOW], tx, row[RED], row[GREEN], row[BLUE]
            )
            if a <= 0.02:
                continue
            ny = min(max(ny, -0.9), 0.95)
            nx = min(max(nx, -0.97), 0.97)
            rest = 1 - nx * nx - ny * ny
            nz = np.sqrt(rest) if rest > 0 else 0.0
            n = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
            wx = (nx * cy - nz * sy) * n
            wz = (-nx * sy - nz * cy) * n
            lr, lg, lb = _lit(light, ground, wx, ny * n, wz, x, row[Y] + v * tall, z, tall * 0.35, r, g, b, 0.35)
            if e > 0:
                lr += e * (0.35 * 1.0 + 0.65 * r)
                lg += e * (0.35 * 0.72 + 0.65 * g)
                lb += e * (0.35 * 0.35 + 0.65 * b)
            fu = ((i + 0.5) - w / 2) * 2 / h
            fv = (h / 2 - (j + 0.5)) * 2 / h
            rx, ry, rz, _c = ray(camera, fu, fv)
            if mirror:
                ry = -ry
            lr, lg, lb = through_air(light, lr, lg, lb, camera.x, camera.y, camera.z, rx, ry, rz, dist, mist)
            picture[j, i, 0] += (lr - picture[j, i, 0]) * a
            picture[j, i, 1] += (lg - picture[j, i, 1]) * a
            picture[j, i, 2] += (lb - picture[j, i, 2]) * a
            if a > 0.5:
                depth[j, i] = vz
                seen[j, i] = number


@njit(fastmath=True, cache=True)
def _solid(picture, depth, seen, number, camera, ground, light, tx, row, mirror, level, mist):
    kind = int(row[KIND])
    seed = int(row[SEED])
    hw = row[WIDTH] * 0.5
    hd = row[EXTRA] * 0.5
    tall = row[HEIGHT]
    roof = 0.0
    wall = tall
    if kind == HOUSE:
        wall = tall * 0.58
        roof = tall - wall
    ca = np.cos(row[YAW])
    sa = np.sin(row[YAW])
    h, w = depth.shape
    lo_i, hi_i, lo_j, hi_j = 1e9, -1e9, 1e9, -1e9
    for c in range(8):
        bx = hw if c & 1 else -hw
        bz = hd if c & 2 else -hd
        by = row[Y] + (tall if c & 4 else 0.0)
        if mirror:
            by = 2 * level - by
        vx, vy, vz = to_view(camera, row[X] + bx * ca + bz * sa, by, row[Z] - bx * sa + bz * ca)
        if vz < 0.05:
            return
        s = camera.focal * h / 2 / vz
        lo_i = min(lo_i, w / 2 + vx * s)
        hi_i = max(hi_i, w / 2 + vx * s)
        lo_j = min(lo_j, h / 2 - vy * s)
        hi_j = max(hi_j, h / 2 - vy * s)
    left = max(int(lo_i - 1), 0)
    right = min(int(hi_i + 2), w)
    top = max(int(lo_j - 1), 0)
    bottom = min(int(hi_j + 2), h)
    eye_y = 2 * level - camera.y if mirror else camera.y
    ox = (camera.x - row[X]) * ca - (camera.z - row[Z]) * sa
    oz = (camera.x - row[X]) * sa + (camera.z - row[Z]) * ca
    oy = eye_y - row[Y]
    day = min(light.ambient[2] * 2.0, 1.0)
    for j in range(top, bottom):
        for i in range(left, right):
            hits = 0
            sr = 0.0
            sg = 0.0
            sb = 0.0
            sz_ = 0.0
            for q in range(4):
                fu = ((i + 0.25 + 0.5 * (q & 1)) - w / 2) * 2 / h
                fv = (h / 2 - (j + 0.25 + 0.5 * (q >> 1))) * 2 / h
                rx, ry, rz, cosine = ray(camera, fu, fv)
                if mirror:
                    ry = -ry
                dx = rx * ca - rz * sa
                dz = rx * sa + rz * ca
                dy = ry
                t0 = 0.0
                t1 = 1e9
                face = -1
                ok = True
                for p in range(7):
                    # planes n·x <= d
                    nx = 0.0
                    ny = 0.0
                    nz = 0.0
                    d = 0.0
                    if p == 0:
                        nx = 1.0
                        d = hw
                    elif p == 1:
                        nx = -1.0
                        d = hw
                    elif p == 2:
                        nz = 1.0
                        d = hd
                    elif p == 3:
                        nz = -1.0
                        d = hd
                    elif p == 4:
                        ny = -1.0
                        d = 0.05
                    elif kind == HOUSE:
                        nx = roof if p == 5 else -roof
                        ny = hw
                        d = hw * (wall + roof)
                    else:
                        if p == 6:
                            continue
                        ny = 1.0
                        d = tall
                    den = nx * dx + ny * dy + nz * dz
                    gap = d - (nx * ox + ny * oy + nz * oz)
                    if abs(den) < 1e-9:
                        if gap < 0:
                            ok = False
                            break
                        continue
                    t = gap / den
                    if den < 0:
                        if t > t0:
                            t0 = t
                            face = p
                    else:
                        t1 = min(t1, t)
                    if t0 > t1:
                        ok = False
                        break
                if not ok or face < 0:
                    continue
                vz = t0 * cosine
                if vz > depth[j, i]:
                    continue
                px = ox + dx * t0
                py = oy + dy * t0
                pz = oz + dz * t0
                lx = 0.0
                ly = 0.0
                lz = 0.0
                if face == 0 or face == 1:
                    lx = 1.0 if face == 0 else -1.0
                    along = pz + hd
                elif face == 2 or face == 3:
                    lz = 1.0 if face == 2 else -1.0
                    along = px + hw
                else:
                    along = px
                    if kind == HOUSE:
                        n = 1 / np.sqrt(roof * roof + hw * hw)
                        lx = (roof if face == 5 else -roof) * n
                        ly = hw * n
                    else:
                        ly = 1.0
                wx = lx * ca + lz * sa
                wz = -lx * sa + lz * ca
                size = 2.0 * t0 / (camera.focal * h)
                e = 0.0
                if face <= 3:
                    r, g, b, e = _facade(
                        seed, along, py, wall, face, size, row[GLOW], tx, row[RED], row[GREEN], row[BLUE], kind, day
                    )
                elif kind == HOUSE:
                    k = 0.8 + 0.4 * tap(tx.grain, pz * 300, px * 500)
                    pick = seed % 4
                    r = (0.36 if pick == 0 else 0.20 if pick == 1 else 0.12 if pick == 2 else 0.45) * k
                    g = (0.12 if pick == 0 else 0.13 if pick == 1 else 0.13 if pick == 2 else 0.20) * k
                    b = (0.07 if pick == 0 else 0.08 if pick == 1 else 0.16 if pick == 2 else 0.10) * k
                    if light.mist_fall < 0:
                        r, g, b = 0.8, 0.84, 0.92
                else:
                    r = row[RED] * 0.7
                    g = row[GREEN] * 0.7
                    b = row[BLUE] * 0.7
                gx = row[X] + px * ca + pz * sa
                gz = row[Z] - px * sa + pz * ca
                dark = 0.6 + 0.4 * smooth(0.0, 0.25 * tall + 0.02, py)
                lr, lg, lb = _lit(
                    light,
                    ground,
                    wx,
                    ly,
                    wz,
                    gx + wx * 0.05,
                    row[Y] + py,
                    gz + wz * 0.05,
                    0.05,
                    r * dark,
                    g * dark,
                    b * dark,
                    0.0,
                )
                warm = lattice(seed, int(py / 0.06), 3)
                lr += e * (1.25 + 0.2 * warm)
                lg += e * (0.72 + 0.25 * warm)
                lb += e * (0.22 + 0.40 * warm)
                lr, lg, lb = through_air(light, lr, lg, lb, camera.x, camera.y, camera.z, rx, ry, rz, t0, mist)
                sr += lr
                sg += lg
                sb += lb
                sz_ += vz
                hits += 1
            if hits > 0:
                a = hits * 0.25
                picture[j, i, 0] += (sr / hits - picture[j, i, 0]) * a
                picture[j, i, 1] += (sg / hits - picture[j, i, 1]) * a
                picture[j, i, 2] += (sb / hits - picture[j, i, 2]) * a
                if hits > 1:
                    depth[j, i] = sz_ / hits
                    seen[j, i] = number


@njit(fastmath=True, cache=True)
def _span(s, y, style, soft, n):
    """Coverage and shade of a bridge at s −1…1 along and y 0…1 up. Styles: 0 on arches, 1 hung from towers."""
    deck = 0.36 if style == 1 else 0.72
    thick = 0.045 if style == 1 else 0.10
    a = _edge(thick - abs(y - deck), soft)
    shade = 1.0
    if style == 1:
        for k in range(2):
            at = 0.5 if k else -0.5
            w = _edge(0.022 - abs(s - at), soft * 0.2) * (1.0 if y < 0.97 else 0.0)
            if w > a:
                a = w
                shade = 0.8
        if y > deck:
            if abs(s) < 0.5:
                cable = deck + 0.03 + (0.93 - deck) * (s / 0.5) ** 2
            else:
                cable = deck + (0.93 - deck) * max(1 - (abs(s) - 0.5) / 0.5, 0.0) ** 1.6
            a = max(a, _edge(0.014 - abs(y - cable), soft))
            hang = s * 26 - np.floor(s * 26)
            if y < cable and abs(hang - 0.5) < 0.09:
                a = max(a, 0.6)
    else:
        x = s * n - np.floor(s * n) - 0.5
        arch = 0.60 * np.sqrt(max(1 - (x / 0.40) ** 2, 0.0))
        if y < deck:
            a = _edge(y - arch, soft) if abs(x) < 0.40 else 1.0
            shade = 0.85 if y < arch + 0.06 else 1.0
        if y > deck + thick:
            a = max(a, 0.0)
    return a, shade


@njit(fastmath=True, cache=True)
def _bridge(picture, depth, seen, number, camera, ground, light, tx, row, mirror, level, mist):
    h, w = depth.shape
    ca = np.cos(row[YAW])
    sa = np.sin(row[YAW])
    half = row[WIDTH] * 0.5
    style = int(row[EXTRA])
    eye_y = 2 * level - camera.y if mirror else camera.y
    for j in range(h):
        for i in range(w):
            fu = ((i + 0.5) - w / 2) * 2 / h
            fv = (h / 2 - (j + 0.5)) * 2 / h
            rx, ry, rz, cosine = ray(camera, fu, fv)
            if mirror:
                ry = -ry
            # the plane's normal is (-sa, 0, ca): it runs along (ca, 0, sa)
            den = -rx * sa + rz * ca
            if abs(den) < 1e-5:
                continue
            t = (-(row[X] - camera.x) * sa + (row[Z] - camera.z) * ca) / den
            vz = t * cosine
            if t < 0.05 or vz > depth[j, i]:
                continue
            s = ((camera.x + rx * t - row[X]) * ca + (camera.z + rz * t - row[Z]) * sa) / half
            y = (eye_y + ry * t - row[Y]) / row[HEIGHT]
            if abs(s) > 1 or y < -0.3 or y > 1:
                continue
            soft = 2.0 * t / (camera.focal * h) / row[HEIGHT]
            a, shade = _span(s, y, style, soft, 3.0 + int(row[SEED]) % 4)
            if a <= 0.02:
                continue
            k = shade * (0.8 + 0.4 * tap(tx.grain, s * 400, y * 90))
            face = -1.0 if den > 0 else 1.0
            lr, lg, lb = _lit(
                light,
                ground,
                -sa * face,
                0.15,
                ca * face,
                row[X],
                row[Y] + row[HEIGHT],
                row[Z],
                1.0,
                row[RED] * k,
                row[GREEN] * k,
                row[BLUE] * k,
                0.3,
            )
            deck = 0.36 if style == 1 else 0.72
            lamp = s * 16 - np.floor(s * 16)
            if (
                row[GLOW] > 0
                and abs(y - deck - 0.05) < max(soft, 0.03)
                and abs(lamp - 0.5) < max(0.06, 8 * soft * row[HEIGHT] / half)
            ):
                lr += 1.5 * row[GLOW]
                lg += 1.0 * row[GLOW]
                lb += 0.45 * row[GLOW]
            lr, lg, lb = through_air(light, lr, lg, lb, camera.x, camera.y, camera.z, rx, ry, rz, t, mist)
            picture[j, i, 0] += (lr - picture[j, i, 0]) * a
            picture[j, i, 1] += (lg - picture[j, i, 1]) * a
            picture[j, i, 2] += (lb - picture[j, i, 2]) * a
            if a > 0.5:
                depth[j, i] = vz
                seen[j, i] = number


@njit(fastmath=True, cache=True)
def draw(picture, depth, seen, camera, ground, light, tx, things, mirror, level, mist):
    """Draw `things` (n, COLUMNS) from far to near into picture (H, W, 3), depth and `seen` (thing's number + 1).

    With `mirror` they are drawn as the water plane at height `level` shows them.
    """
    n = things.shape[0]
    away = np.empty(n)
    for k in range(n):
        away[k] = -to_view(camera, things[k, X], things[k, Y], things[k, Z])[2]
    order = np.argsort(away)
    for m in range(n):
        k = order[m]
        kind = int(things[k, KIND])
        if kind < BUILDING:
            _flat(picture, depth, seen, k + 1, camera, ground, light, tx, things[k], mirror, level, mist)
        elif kind < BRIDGE:
            _solid(picture, depth, seen, k + 1, camera, ground, light, tx, things[k], mirror, level, mist)
        else:
            _bridge(picture, depth, seen, k + 1, camera, ground, light, tx, things[k], mirror, level, mist)


@njit(fastmath=True, cache=True)
def raise_ground(land, x0, z0, cell, things):
    """The land's heights (n, n) with the things that stand on it added: what casts shadows."""
    top = land.copy()
    n = land.shape[0]
    for k in range(things.shape[0]):
        kind = int(things[k, KIND])
        if kind in (SAILBOAT, BALLOON, BIRD, SHIP, FLOWER, GRASS) or kind >= BRIDGE:
            continue
        solid = kind >= BUILDING
        hw = things[k, WIDTH] * (0.5 if solid else 0.32)
        hd = things[k, EXTRA] * 0.5 if solid else hw
        reach = max(hw, hd)
        if not solid and reach < 0.5 * cell:
            continue
        ca = np.cos(things[k, YAW])
        sa = np.sin(things[k, YAW])
        out = reach * 1.5
        i0 = max(int((things[k, X] - out - x0) / cell), 0)
        i1 = min(int((things[k, X] + out - x0) / cell) + 2, n)
        j0 = max(int((things[k, Z] - out - z0) / cell), 0)
        j1 = min(int((things[k, Z] + out - z0) / cell) + 2, n)
        for j in range(j0, j1):
            for i in range(i0, i1):
                dx = x0 + i * cell - things[k, X]
                dz = z0 + j * cell - things[k, Z]
                if solid:
                    if abs(dx * ca - dz * sa) > hw or abs(dx * sa + dz * ca) > hd:
                        continue
                    top[j, i] = max(top[j, i], things[k, Y] + things[k, HEIGHT] * 0.95)
                else:
                    d = np.sqrt(dx * dx + dz * dz) / reach
                    if d < 1:
                        top[j, i] = max(top[j, i], things[k, Y] + things[k, HEIGHT] * (1 - d * 0.6) * 0.92)
    return top
