"""Styles: filters over a finished picture; depth and the things' outlines help the lines. All have one signature:

`style(picture uint8 (H, W, 3) RGB, depth float32 (H, W), seen int32 (H, W), rng) -> uint8 (H, W, 3)`.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numba import njit

from .noise import textures

Style = Callable[[np.ndarray, np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _texture(name: str, height: int, width: int, scale: float, rng: np.random.Generator) -> np.ndarray:
    """A cut of a noise texture, mean 0, in (H, W) with `scale` texels a pixel."""
    field = getattr(textures(), name)
    shift = rng.integers(0, 512, 2)
    rolled = np.roll(field, tuple(shift), (0, 1))
    h, w = max(2, int(height * scale)), max(2, int(width * scale))
    tiled = np.tile(rolled, (h // 512 + 1, w // 512 + 1))[:h, :w]
    return np.asarray(cv2.resize(tiled, (width, height), interpolation=cv2.INTER_CUBIC)) - 0.5


def _outlines(picture: np.ndarray, depth: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Strength of lines (H, W) 0–1: where depth jumps, where things end, where the picture changes."""
    near = np.log(np.clip(depth, 0.05, 90))
    gx, gy = cv2.Sobel(near, cv2.CV_32F, 1, 0), cv2.Sobel(near, cv2.CV_32F, 0, 1)
    relief = np.clip(np.hypot(gx, gy) * 0.45 - 0.25, 0, 1)
    soft = cv2.bilateralFilter(picture, 5, 40, 3)
    grey = cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    small = cv2.GaussianBlur(grey, (0, 0), 0.9)
    large = cv2.GaussianBlur(grey, (0, 0), 1.9)
    tone = np.clip((large - small) * 14 - 0.12, 0, 1)
    bodies = (cv2.morphologyEx((seen > 0).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))).astype(
        np.float32
    )
    return np.maximum(np.maximum(relief, tone), 0.55 * bodies).astype(np.float32)


def _warped(picture: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    h, w = picture.shape[:2]
    yy, xx = np.mgrid[:h, :w].astype(np.float32)
    return np.asarray(
        cv2.remap(
            picture,
            xx + dx.astype(np.float32),
            yy + dy.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
    )


def watercolour(picture: np.ndarray, depth: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flat washes with dark rims where paint dried, granulation, paper, an irregular white border."""
    h, w = depth.shape
    flat = picture
    for _ in range(3):
        flat = cv2.bilateralFilter(flat, 7, 42, 5)
    flat = cv2.medianBlur(flat, 5)
    wob = h / 256
    flat = _warped(flat, _texture("fbm", h, w, 1.2, rng) * 14 * wob, _texture("fbm", h, w, 1.2, rng) * 14 * wob)
    x = flat.astype(np.float32) / 255
    grey = x.mean(-1)
    gx, gy = (
        cv2.Sobel(cv2.GaussianBlur(grey, (0, 0), 1.2), cv2.CV_32F, 1, 0),
        cv2.Sobel(cv2.GaussianBlur(grey, (0, 0), 1.2), cv2.CV_32F, 0, 1),
    )
    rim = np.clip(np.hypot(gx, gy) * 1.3, 0, 0.35)
    pool = _texture("fbm", h, w, 0.9, rng) * 0.65 + _texture("grain", h, w, 1.1, rng) * 0.10
    thick = np.clip(1 + pool * 0.8 + rim * 1.5, 0.35, 2.0)
    light = 0.16 + 0.84 * x
    mean = light.mean(-1, keepdims=True)
    light = np.clip(mean + (light - mean) * 1.35, 0.02, 1)
    paint = light ** (thick[..., None] * 0.82)
    yy, xx = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    edge = (
        np.maximum(np.abs(xx), np.abs(yy))
        + 0.16 * _texture("fbm", h, w, 1.6, rng)
        + 0.04 * _texture("grain", h, w, 0.8, rng)
    )
    bare = np.clip((edge - 0.93) / 0.035, 0, 1)[..., None]
    paper = np.array([0.985, 0.97, 0.94])
    out = paper * paint * (1 - bare) + paper * bare
    out *= 1 + 0.045 * _texture("grain", h, w, 1.3, rng)[..., None]
    return (np.clip(out, 0, 1) * 255).astype(np.uint8)


def ink(picture: np.ndarray, depth: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black lines, grey washes and hatching on warm paper."""
    h, w = depth.shape
    line = _outlines(picture, depth, seen)
    grey = cv2.cvtColor(cv2.bilateralFilter(picture, 7, 50, 5), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    low, high = np.percentile(grey, (3, 97))
    grey = np.clip((grey - low) / max(high - low, 0.15), 0, 1)
    wash = cv2.GaussianBlur(grey, (0, 0), 2.0 * h / 256)
    wash = _warped(wash, _texture("fbm", h, w, 1.0, rng) * 10, _texture("fbm", h, w, 1.0, rng) * 10)
    tone = 0.30 + 0.70 * np.clip(wash * 1.25 + 0.12 * _texture("fbm", h, w, 1.0, rng), 0, 1) ** 0.8
    yy, xx = np.mgrid[:h, :w] * (256 / h)
    wave = 2.2 * _texture("fbm", h, w, 1.0, rng) * 8
    for angle, below in ((0.7, 0.42), (-0.75, 0.22)):
        phase = (xx * np.cos(angle) + yy * np.sin(angle)) * 1.35 + wave
        stroke = np.clip(0.5 + 1.6 * np.sin(phase), 0, 1) * np.clip((below - grey) / 0.16, 0, 1)
        tone *= 1 - 0.62 * stroke
    tone *= 1 - np.clip(line * 1.7, 0, 0.97)
    paper = np.array([0.965, 0.945, 0.895]) * (1 + 0.03 * _texture("grain", h, w, 1.2, rng))[..., None]
    black = np.array([0.07, 0.07, 0.10])
    return (np.clip(black + (paper - black) * tone[..., None], 0, 1) * 255).astype(np.uint8)


@njit(cache=True, fastmath=True)
def _strokes(out, bump, source, angle, order_y, order_x, length, breadth, strength, jitter, hair):
    """Lay brush strokes: each a rotated soft bar of its centre's colour, following the angle field as it goes."""
    h, w = angle.shape
    for k in range(order_y.shape[0]):
        y = order_y[k]
        x = order_x[k]
        a = angle[int(y), int(x)]
        c = np.cos(a)
        s = np.sin(a)
        r0 = source[int(y), int(x), 0] * jitter[k, 0]
        g0 = source[int(y), int(x), 1] * jitter[k, 1]
        b0 = source[int(y), int(x), 2] * jitter[k, 2]
        n = int(length + 2)
        for j in range(max(int(y) - n, 0), min(int(y) + n + 1, h)):
            for i in range(max(int(x) - n, 0), min(int(x) + n + 1, w)):
                u = (i - x) * c + (j - y) * s
                v = -(i - x) * s + (j - y) * c
                v += 0.03 * u * u / length
                q = (u / length) ** 2
                if q >= 1:
                    continue
                wide = breadth * np.sqrt(1 - q * q)
                m = abs(v) / wide
                if m >= 1:
                    continue
                hairs = hair[int(v * 3 + k * 7) & 511]
                alpha = min((1 - m) * wide * 1.2, 1.0) * strength
                shade = 0.93 + 0.14 * hairs
                out[j, i, 0] += (r0 * shade - out[j, i, 0]) * alpha
                out[j, i, 1] += (g0 * shade - out[j, i, 1]) * alpha
                out[j, i, 2] += (b0 * shade - out[j, i, 2]) * alpha
                bump[j, i] += ((1 - m * m) * (0.6 + 0.5 * hairs) - bump[j, i]) * alpha


def oil(picture: np.ndarray, depth: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brush strokes along the forms, broad first and fine where there is detail, lit as raised paint."""
    h, w = depth.shape
    x = picture.astype(np.float32) / 255
    mean = x.mean(-1, keepdims=True)
    x = np.clip(mean + (x - mean) * 1.25, 0, 1)
    grey = cv2.GaussianBlur(x.mean(-1), (0, 0), 1.5)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=5), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=5)
    sigma = 4.0 * h / 256
    xx, yy, xy = (cv2.GaussianBlur(f, (0, 0), sigma) for f in (gx * gx, gy * gy, gx * gy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    flat = np.exp(-(xx + yy) * 30)
    angle = (angle + flat * 1.2 * _texture("fbm", h, w, 0.7, rng) * 3).astype(np.float32)
    out = cv2.GaussianBlur(x, (0, 0), 4.0)
    bump = np.zeros((h, w), np.float32)
    detail = np.hypot(gx, gy)
    hair = rng.random(512).astype(np.float32)
    k = h / 256
    for length, breadth, count, fine in (
        (13 * k, 4.6 * k, 900, 0.0),
        (8 * k, 2.7 * k, 1900, 0.35),
        (4.8 * k, 1.35 * k, 3600, 1.0),
    ):
        source = cv2.GaussianBlur(x, (0, 0), breadth * 0.42)
        want = (
            np.ones_like(detail)
            if fine == 0
            else np.clip((1 - fine) * 0.5 + detail * (2.5 if fine > 0.9 else 1.6), 0.02 if fine > 0.9 else 0.2, 1)
        )
        p = (want / want.sum()).ravel()
        spots = rng.choice(h * w, count, p=p)
        jitter = (1 + rng.normal(0, 0.045, (count, 1)) + rng.normal(0, 0.025, (count, 3))).astype(np.float32)
        _strokes(
            out,
            bump,
            source,
            angle,
            (spots // w).astype(np.float32),
            (spots % w).astype(np.float32),
            length,
            breadth,
            0.92,
            jitter,
            hair,
        )
    relief = cv2.Sobel(bump, cv2.CV_32F, 1, 0) + cv2.Sobel(bump, cv2.CV_32F, 0, 1)
    out = out + 0.045 * np.clip(relief, -2, 2)[..., None]
    return (np.clip(out, 0, 1) * 255).astype(np.uint8)


def pixel_art(picture: np.ndarray, depth: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Large pixels, few colours, ordered dither."""
    h, w = depth.shape
    side = int(rng.choice([4, 4, 4, 5.333]))
    small = cv2.resize(picture, (w // side, h // side), interpolation=cv2.INTER_AREA).astype(np.float32)
    blurred = cv2.GaussianBlur(small, (0, 0), 1.0)
    small = np.clip(small + 0.7 * (small - blurred), 0, 255)
    mean = small.mean(-1, keepdims=True)
    small = np.clip(mean + (small - mean) * 1.25, 0, 255).astype(np.float32)
    lab = cv2.cvtColor(small / 255, cv2.COLOR_RGB2LAB)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    count = int(rng.choice([12, 16, 24]))
    _e, _l, centres = cv2.kmeans(
        lab.reshape(-1, 3), count, np.empty(0, np.int32), (cv2.TERM_CRITERIA_MAX_ITER, 8, 1.0), 1, cv2.KMEANS_PP_CENTERS
    )  # type: ignore[call-overload]
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.47
    dither = np.tile(bayer, (h // side // 4 + 1, w // side // 4 + 1))[: h // side, : w // side]
    lab = lab + (dither * 7.0)[..., None] * np.array([1.0, 0.25, 0.25])
    near = ((lab.reshape(-1, 1, 3) - centres[None]) ** 2).sum(-1).argmin(1)
    rgb = cv2.cvtColor(centres[near].reshape(h // side, w // side, 3).astype(np.float32), cv2.COLOR_LAB2RGB)
    return cv2.resize((np.clip(rgb, 0, 1) * 255).astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST)


def neon(picture: np.ndarray, depth: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Glowing lines on a dark ground, in the picture's own hues made bright."""
    h, w = depth.shape
    line = _outlines(picture, depth, seen)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    near = np.log(np.clip(depth, 0.05, 60))
    contour = near * 5.0
    land = depth < 900
    gap = np.abs(contour - np.round(contour))
    slope = np.hypot(cv2.Sobel(contour, cv2.CV_32F, 1, 0), cv2.Sobel(contour, cv2.CV_32F, 0, 1)) / 8 + 1e-3
    rings = np.clip(1.1 - gap / slope, 0, 1) * land * (slope < 0.5)
    line = np.clip(np.maximum(line * 1.5, 0.5 * rings), 0, 1).astype(np.float32)
    hsv = cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), 3), cv2.COLOR_RGB2HSV).astype(np.float32)
    hue = hsv[..., 0] * 2 + 40 * _texture("fbm", h, w, 0.6, rng) * 3
    hue = np.where(hsv[..., 1] < 40, 185 + 130 * np.clip(near / 4, 0, 1), hue)
    bright = cv2.cvtColor(
        np.dstack([hue % 360, np.full((h, w), 0.82), np.ones((h, w))]).astype(np.float32), cv2.COLOR_HSV2RGB
    )
    glow = line[..., None] * bright
    wide = sum(k * cv2.GaussianBlur(glow, (0, 0), s * h / 256) for s, k in ((1.6, 0.8), (5.0, 0.9), (14.0, 0.8)))
    dark = cv2.cvtColor(
        np.dstack([hue % 360, np.full((h, w), 0.75), 0.03 + 0.16 * grey**1.3]).astype(np.float32), cv2.COLOR_HSV2RGB
    )
    disc = np.clip((grey - 0.93) / 0.05, 0, 1)[..., None] * (depth > 900)[..., None]
    out = dark + glow * 1.1 + np.asarray(wide) + 0.35 * line[..., None] ** 2 + disc * bright * 0.6
    return (np.clip(1 - np.exp(-1.35 * out), 0, 1) * 255).astype(np.uint8)


def woodcut(picture: np.ndarray, depth: np.ndarray, seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Carved lines that swell with the shade, black on cream, with one or two flat inks."""
    h, w = depth.shape
    k = 256 / h
    smooth = cv2.bilateralFilter(cv2.bilateralFilter(picture, 7, 50, 5), 7, 50, 5)
    lab = cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    grey = lab[..., 0] / 100
    low, high = np.percentile(grey, (2, 98))
    grey = np.clip((grey - low) / max(high - low, 0.2), 0, 1)
    grey = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.8)
    yy, xx = np.mgrid[:h, :w] * k
    land = depth < 900
    wave = _texture("fbm", h, w, 0.5, rng)
    slope = np.log(np.clip(depth, 0.05, 60))
    phase = np.where(land, (yy + 22 * wave + 9 * slope) * 1.15, (yy + 14 * wave) * 1.0)
    stripe = 0.5 + 0.5 * np.sin(phase + 0.3 * np.sin(xx * 0.21))
    cut = np.clip(((grey * 1.16 - 0.04) - stripe * 0.86) * 5 + 0.5, 0, 1)
    line = np.clip(_outlines(picture, depth, seen) * 2.2 - 0.25, 0, 1)
    cut *= 1 - line
    paper = np.array([0.955, 0.915, 0.82])
    black = np.array([0.075, 0.065, 0.08])
    tint = np.ones((h, w, 3)) * paper
    if rng.random() < 0.75:
        sky, ground = cv2.mean(smooth, (~land).astype(np.uint8))[:3], cv2.mean(smooth, land.astype(np.uint8))[:3]
        for mean, mask in ((sky, ~land), (ground, land)):
            c = np.array(mean) / 255
            c = np.clip(c.mean() + (c - c.mean()) * 1.8, 0, 1)
            c = 0.30 + 0.70 * c / max(c.max(), 0.2) * 0.95
            tint[mask] = c
    tint = cv2.GaussianBlur(tint, (0, 0), 0.7)
    tint *= (1 + 0.05 * _texture("grain", h, w, 1.0, rng))[..., None]
    out = black + (tint - black) * np.clip(cut, 0, 1)[..., None]
    return (np.clip(out, 0, 1) * 255).astype(np.uint8)


STYLES: dict[str, Style] = {
    "watercolour": watercolour,
    "ink": ink,
    "oil painting": oil,
    "pixel art": pixel_art,
    "neon": neon,
    "woodcut": woodcut,
}
"""Filters by the word that captions and labels use."""
