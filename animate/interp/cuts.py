"""What two neighbouring frames have to do with each other: a cut between them, the same picture twice, or motion.

Judged on thumbnails, pair by pair, so that a stream can be judged as it comes. Measured on five real clips: where
frames of one meet frames of another, and at the eight cuts within them, structure agrees by 0.22 at most, and colours
differ by 0.84 of the contrast at least, after the best shift. Within a scene, twelve frames apart, they do by 0.5 at
least and 0.42 at most; on the fastest pan, from frame to frame, structure by 0.42 at least.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

SIDE = 32
"""Of the thumbnail that cuts are seen on."""
FINE = 64
"""Of the one that repeated frames are seen on."""
SHIFT = 6
"""How far the thumbnails are shifted against each other, so that a fast pan is no cut: a fifth of the picture."""
STRUCTURE = 0.3
"""At a cut the structure of both agrees by less; a flash or a fade of one scene leaves it high."""
DIFFERENCE = 0.5
"""At a cut colours differ by more than this share of the pictures' own contrast …"""
FLAT = 25.0
"""… and, where there is no structure that could disagree, by more than so many levels of 255: 75 in lightness alone, so
that a fade of a flat picture has no cuts if it takes four frames, and the light may change by a third. Of what is in
between, as much less is asked as there is more structure."""
STEADY = (0.03 * 255) ** 2
"""Variance of structure that counts half: what lies below is noise."""
SAME_MEAN, SAME_MOST = 0.25, 9.0
"""A repeated frame, encoded again at crf 28, differs by at most 0.22 levels in the mean and 8 in one cell; the
slowest moving clip by 0.34 and 12."""


@dataclass(frozen=True)
class Glance:
    """A frame seen from afar."""

    color: np.ndarray
    """float32 (32, 32, 3), CIELAB in OpenCV's 8-bit scale."""
    light: np.ndarray
    """float32 (64, 64), grey levels."""


def glance(picture: Tensor) -> Glance:
    """(3, H, W) in [0, 1] → what the judgements below are made from."""
    frame = np.ascontiguousarray(picture.detach().float().cpu().numpy().transpose(1, 2, 0), dtype=np.float32)
    fine = cv2.resize(frame, (FINE, FINE), interpolation=cv2.INTER_AREA)
    small = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)  # L in [0, 100], a and b in [−127, 127]
    lab = lab * np.array([2.55, 1, 1], np.float32)
    return Glance(lab, 255 * cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY))


def is_cut(a: Glance, b: Glance) -> bool:
    """Whether a new shot begins with `b`."""
    agreement, spread = structure(a.color[..., 0], b.color[..., 0])
    if agreement >= STRUCTURE:
        return False
    contrast = (a.color.std(axis=(0, 1)).mean() + b.color.std(axis=(0, 1)).mean()) / 2
    least = FLAT * STEADY / (STEADY + spread)
    return shifted_difference(a.color, b.color) > max(least, DIFFERENCE * contrast)


def is_same(a: Glance, b: Glance) -> bool:
    """Whether `b` shows `a` once more, up to what an encoder does to it."""
    gap = np.abs(a.light - b.light)
    return bool(gap.mean() < SAME_MEAN and gap.max() < SAME_MOST)


def structure(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """How far two (n, n) of 255 levels agree in structure, in [−1, 1], and how much of it they have: its variance.

    The structural part of SSIM (Wang et al. 2004, eq. 10), in which brightness and contrast do not count. Its constant
    makes flat places agree, whatever they are: so it is taken out again, and each place counts by what it has.
    """

    def around(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (7, 7), 1.5)

    mean_a, mean_b = around(a), around(b)
    spread_a, spread_b = (np.maximum(around(x * x) - mean**2, 0) for x, mean in ((a, mean_a), (b, mean_b)))
    both = np.sqrt(spread_a * spread_b)
    common = around(a * b) - mean_a * mean_b
    weight = (both / (both + STEADY / 2)).mean()
    agreement = (common / (both + STEADY / 2)).mean() / weight if weight > 1e-3 else 0.0
    return float(agreement), float((spread_a + spread_b).mean())


def shifted_difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two (n, n, 3) at the shift where it is least."""
    least = np.inf
    for down in range(-SHIFT, SHIFT + 1, 2):
        for right in range(-SHIFT, SHIFT + 1, 2):
            ours = a[max(down, 0) : SIDE + min(down, 0), max(right, 0) : SIDE + min(right, 0)]
            theirs = b[max(-down, 0) : SIDE + min(-down, 0), max(-right, 0) : SIDE + min(-right, 0)]
            least = min(least, float(np.abs(ours - theirs).mean()))
    return least
