"""A picture seen through a matrix, in one resampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animate.motion.matrix import Matrix
from animate.motion.resample import resample
from animate.picture.blur import heat, separable

REACH = {"bicubic": 1.0, "lanczos": 1.0, "bilinear": 2.0, "nearest": np.inf}
"""Pixels of the source that one read already averages over, so how far a picture may shrink unfiltered: bilinear's
triangle is two wide and covers a halving (Deforum's zoom-outs stay as they were); nearest takes pixels as they are."""

WIDEST = 256.0
"""Largest variance of the blur before shrinking, px²: a 1:32 reduction; what is smaller still is a speck."""


@dataclass(frozen=True)
class Warped:
    """A moved picture and what is known of it."""

    picture: Tensor
    """(C, H, W) in [0, 1]."""
    coverage: Tensor
    """(1, H, W) in [0, 1]: 1 where the source was inside the picture, 0 from one pixel beyond its edge on."""


def warp(picture: Tensor, matrix: Matrix, border: str = "replicate", sampling: str = "bicubic") -> Warped:
    """Move `picture` by `matrix`, and tell what of the new picture was inside the old one; arguments as `move`."""
    old_from_new = _inverse(matrix, picture)
    if old_from_new is None:
        return Warped(picture, torch.ones_like(picture[:1]))
    height, width = picture.shape[-2:]
    x, y, seen = _positions(old_from_new, height, width, picture.device)
    coverage = seen * _inside(x, width) * _inside(y, height)
    return Warped(_read(picture, x, y, old_from_new, border, sampling), coverage[None])


def move(picture: Tensor, matrix: Matrix, border: str = "replicate", sampling: str = "bicubic") -> Tensor:
    """Move `picture` by `matrix`.

    Args:
        picture: (C, H, W) in [0, 1].
        matrix: (3, 3) old pixel → new pixel; compose several moves with `@` instead of moving twice.
        border: what is seen beyond the edge: `replicate`, `wrap`, `reflect`.
        sampling: `bicubic`, `bilinear`, `nearest`, `lanczos`; where the picture shrinks it is low-passed first.

    Returns:
        (C, H, W) in [0, 1]; the picture itself, not a copy, for the identity.

    Raises:
        ValueError: a matrix that cannot be inverted (a zoom of 0), an unknown border or sampling.
    """
    old_from_new = _inverse(matrix, picture)
    if old_from_new is None:
        return picture
    height, width = picture.shape[-2:]
    x, y, _ = _positions(old_from_new, height, width, picture.device)
    return _read(picture, x, y, old_from_new, border, sampling)


def _inverse(matrix: Matrix, picture: Tensor) -> Matrix | None:
    """(3, 3) new pixel → old pixel, with the middle of the picture before the camera; None for the identity."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-12:
        raise ValueError(f"a picture cannot be moved by this matrix, it has no inverse: {matrix.tolist()}")
    if np.array_equal(matrix, np.eye(3)):
        return None
    height, width = picture.shape[-2:]
    if matrix[2] @ ((width - 1) / 2, (height - 1) / 2, 1) < 0:
        matrix = -matrix  # the same map
    return np.linalg.inv(matrix)


def _read(picture: Tensor, x: Tensor, y: Tensor, old_from_new: Matrix, border: str, sampling: str) -> Tensor:
    """`picture` at the positions (x, y), low-passed where it shrinks; clamped."""
    (share, source), *blurrier = _low_passed(picture, old_from_new, border, REACH.get(sampling, 1.0))
    moved = resample(source, x, y, border, sampling)
    if blurrier:
        moved.mul_(share)
    for share, source in blurrier:
        moved.addcmul_(resample(source, x, y, border, sampling), share)
    return moved.clamp_(0, 1)


def _positions(old_from_new: Matrix, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """(h, w) each: column and row in the old picture of every new pixel; 1 where it lies before the camera."""
    across, down = np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)[:, None]

    def plane(row: np.ndarray) -> Tensor:  # rounded to float32 only where row and column meet: 3e-5 px at 512
        by_column = torch.from_numpy(row[0] * across + row[2]).to(device, torch.float32)
        by_row = torch.from_numpy(row[1] * down).to(device, torch.float32)
        return by_column + by_row

    x, y = plane(old_from_new[0]), plane(old_from_new[1])
    if np.array_equal(old_from_new[2], (0, 0, 1)):
        return x, y, torch.ones((), device=device)
    depth = plane(old_from_new[2])
    seen = depth > 1e-6
    nearness = 1 / torch.where(seen, depth, 1e-6)
    reach = 1e6  # positions at the horizon stay finite; float32 is exact enough up to there
    return (x * nearness).clamp_(-reach, reach), (y * nearness).clamp_(-reach, reach), seen.float()


def _inside(position: Tensor, size: int) -> Tensor:
    """1 inside the picture, falling to 0 over one pixel beyond its outermost pixels' centres."""
    middle = (size - 1) / 2
    return (middle + 1 - (position - middle).abs()).clamp_(0, 1)


def _low_passed(picture: Tensor, old_from_new: Matrix, border: str, reach: float) -> list[tuple[Tensor, Tensor]]:
    """The picture at as many sharpnesses as its shrinking needs, each with the (h, w) share it has where.

    Where n source pixels fall into one new pixel, the source is blurred to a pixel of that width: a variance of
    ¼ (n² − reach²). Under perspective that differs from place to place, so levels a factor of four apart are mixed,
    which gives every place the variance it needs.
    """
    one = torch.ones((), device=picture.device)
    height, width = picture.shape[-2:]
    variances = _shrinking(old_from_new, height, width, reach)
    down, across = variances.max(axis=(1, 2))
    if max(down, across) < 1e-3:
        return [(one, picture)]
    if np.ptp(variances, axis=(1, 2)).max() < 0.05:
        return [(one, separable(picture, heat(down), heat(across), border))]
    wanted = variances.mean(axis=0)
    levels = [0.0, *(4.0**power for power in range(-1, 5) if 4.0**power < wanted.max()), wanted.max()]
    sources = [separable(picture, heat(level), heat(level), border) if level else picture for level in levels]
    return [
        (_spread(np.interp(wanted, levels, place), height, width).to(picture.device), source)
        for place, source in zip(np.eye(len(levels)), sources)
    ]


def _shrinking(old_from_new: Matrix, height: int, width: int, reach: float) -> np.ndarray:
    """(2, 9, 9) variance of the blur needed down and across, px², on a grid over the new picture; affine: (2, 1, 1)."""
    if np.isinf(reach):
        return np.zeros((2, 1, 1))
    if np.array_equal(old_from_new[2], (0, 0, 1)):
        spacing = (old_from_new[[1, 0], :2] ** 2).sum(axis=1)  # px², from a step right and a step down
        return np.clip(spacing / 4 - reach**2 / 4, 0, WIDEST)[:, None, None]
    x, y = np.meshgrid(np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 9))
    projected = np.einsum("ij,jhw->ihw", old_from_new, np.stack([x, y, np.ones_like(x)]))
    depth = projected[2]
    old = projected[:2] / depth
    # d(old)/d(new), one column each for a step right and a step down
    steps = [(old_from_new[:2, axis, None, None] - old * old_from_new[2, axis]) / depth for axis in (0, 1)]
    across, down = (steps[0] ** 2 + steps[1] ** 2) / 4
    return np.clip(np.stack([down, across]) - reach**2 / 4, 0, WIDEST)


def _spread(values: np.ndarray, height: int, width: int) -> Tensor:
    """A 9 × 9 grid of values drawn out over the picture."""
    grid = torch.from_numpy(values).float()[None, None]
    return F.interpolate(grid, (height, width), mode="bilinear", align_corners=True)[0, 0]
