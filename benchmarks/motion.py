"""The 2D warp, and all that a 2D frame does outside the networks, at 512²."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.motion import matrix
from animate.motion.warp import move
from animate.picture import color, noise, sharpen
from animate.picture.convert import to_uint8
from benchmarks.picture import SIZE, pictures
from benchmarks.rows import Row, compare, within

MOTION = matrix.rotate_zoom(0.5, 1.01, (SIZE / 2, SIZE / 2))


def by_opencv(picture: Tensor, flag: int) -> Tensor:
    """OpenCV's own warp of a picture in our layout; its bicubic (a = −¾) explodes in a feedback loop."""
    rows = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
    moved = cv2.warpPerspective(rows, MOTION, (SIZE, SIZE), flags=flag, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(moved).permute(2, 0, 1).contiguous()


def warp_row(sampling: str, flag: int, goal: float, tolerance: float) -> Row:
    picture = pictures()[0]
    ours, reference = partial(move, picture, MOTION, sampling=sampling), partial(by_opencv, picture, flag)
    apart = (ours() - reference()).abs().mean().item() * 255
    assert apart < tolerance, apart
    note = f"mean difference {apart:.2f} grey levels"
    return compare(f"warp {sampling} ÷ OpenCV's, {SIZE}²", ours, reference, goal=goal, better="lower", note=note)


def frame() -> Row:
    """Warp, match, sharpen, noise, match what was redrawn, make it 8 bits for the encoder."""
    picture, sample = pictures()

    def work() -> np.ndarray:
        start = color.match_lab(move(picture, MOTION), sample)
        start = sharpen.unsharp(start, 5, 1, 0.1)
        start = noise.add_noise(start, 0.04, noise.perlin(noise.rng(1, 0, "noise"), SIZE, SIZE))
        return to_uint8(color.match_lab(start, sample))

    return within(f"a frame outside the networks, {SIZE}²", work, budget_ms=15)


ROWS = {
    "warp-bicubic": partial(warp_row, "bicubic", cv2.INTER_CUBIC, 2.5, 1.0),
    "warp-bilinear": partial(warp_row, "bilinear", cv2.INTER_LINEAR, 1.5, 0.1),
    "frame-2d": frame,
}
