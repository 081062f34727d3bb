"""A picture seen by a camera that has moved: by depth, in two projections.

`pinhole` is true perspective. Every old pixel is taken to where the new camera sees it; where several arrive the
nearest stays; then each new pixel reads the old picture once, at the place the surface it shows came from. Where
nothing arrives the new view was hidden before: `coverage` says so, and the picture is stretched from what lies behind.

`deforum` is the formula that old settings files were made with: x and y both span [−1, 1] whatever the shape of the
picture, the offset is taken at the *target* pixel, nothing is ever hidden, and edges smear.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from animate.motion.camera import Camera, moved
from animate.motion.resample import resample
from animate.motion.warp import Warped

BORDERS = {"border": "replicate", "reflection": "reflect", "zeros": "replicate"}
"""`padding_mode` → how `resample` reads outside; zeros are put in afterwards."""

CREST = 1.02
"""Two opposite neighbours whose depths differ by less are of one surface; a pixel between them that is empty, or
farther by more, is a crack between the pixels of a surface that came nearer."""

BINS, FINE = 1024, 64
"""Bins of Deforum's equalised depth, and how many steps are told apart within each."""

ROUNDS = 2
"""Newton's steps from whole old pixels to exact positions (one leaves 0.05 px on slanted ground, two 0.002)."""


def pinhole(
    picture: Tensor,
    depth: Tensor,
    new_from_old: np.ndarray,
    old: Camera,
    new: Camera | None = None,
    padding: str = "border",
    sampling: str = "bicubic",
) -> Warped:
    """`picture` as the moved camera sees it.

    Args:
        picture: (C, H, W) in [0, 1].
        depth: (1, H, W), positive, in the units of the pose's translation, larger = farther.
        new_from_old: (4, 4) pose.
        old: the camera that saw `picture`.
        new: the camera that looks now, of the same size; the same one if None.
        padding: `border`, `reflection`, `zeros`: what is read outside the old picture.
        sampling: as for `warp`.

    Returns:
        The view and its coverage: 1 where a surface is seen that the old view showed, 0 where it was hidden or outside.
    """
    _check(picture, depth, padding)
    height, width = depth.shape[-2:]
    x, y, z = (new or old).project(moved(old.unproject(depth), new_from_old))  # (H, W) where old pixels go
    ahead = z > 1e-6
    x, y = torch.where(ahead, x, torch.full_like(x, -9.0)), torch.where(ahead, y, torch.full_like(y, -9.0))
    source, hit = _frontmost(x, y, z, ahead)
    from_x, from_y = _refined(x, y, source)
    grid_x, grid_y = _grid(height, width, picture.device)
    hidden = ~hit
    if bool(hidden.any()):  # what lies behind is stretched: the offset taken at the target, as nothing better is known
        from_x = torch.where(hidden, 2 * grid_x - x.clamp(-width, 2 * width), from_x)
        from_y = torch.where(hidden, 2 * grid_y - y.clamp(-height, 2 * height), from_y)
    return _read(picture, from_x, from_y, hit.to(picture.dtype), padding, sampling)


def deforum(
    picture: Tensor,
    z: Tensor,
    new_from_old: np.ndarray,
    fov: float,
    aspect: float = 1.0,
    padding: str = "border",
    sampling: str = "bicubic",
) -> Warped:
    """`picture` moved by Deforum's formula.

    Args:
        picture: (C, H, W) in [0, 1].
        z: (1, H, W) its depth, from `deforum_z`.
        new_from_old: (4, 4) pose, of `pose_of_frame`.
        fov: field of view, degrees, in (0, 180).
        aspect: Deforum's `aspect_ratio`.
        padding: `border`, `reflection`, `zeros`.
        sampling: as for `warp`.
    """
    _check(picture, z, padding)
    height, width = z.shape[-2:]
    focal = 1 / float(np.tan(np.radians(fov) / 2))
    x = torch.linspace(-1, 1, width, device=picture.device)[None]
    y = torch.linspace(-1, 1, height, device=picture.device)[:, None]
    depth = z[0]
    turn, shift = new_from_old[:3, :3].tolist(), new_from_old[:3, 3].tolist()
    new_x, new_y, new_z = (
        torch.add(x * row[0] + (y * row[1] + offset), depth, alpha=row[2]) for row, offset in zip(turn, shift)
    )
    nearness = new_z.reciprocal_()
    was = depth.reciprocal()
    offset_x = new_x.mul_(nearness).sub_(x * was)  # in units of half the picture, but for the focal length
    offset_y = new_y.mul_(nearness).sub_(y * was)
    grid_x, grid_y = _grid(height, width, picture.device)
    from_x = torch.add(grid_x, offset_x, alpha=-focal / aspect * width / 2)
    from_y = torch.add(grid_y, offset_y, alpha=-focal * height / 2)
    ones = torch.ones_like(depth)
    return _read(picture, from_x.nan_to_num_(-9.0), from_y.nan_to_num_(-9.0), ones, padding, sampling)


def deforum_z(field: Tensor, nearer_is_larger: bool) -> Tensor:
    """What Deforum makes of a depth network's output (1, H, W): normalised, equalised, put between 1 and 2.

    A constant or not finite field is the plane z = 1, as there.
    """
    low, high = field.amin(), field.amax()
    if not bool(torch.isfinite(low + high)) or float(high - low) < 1e-12:
        return torch.ones_like(field)
    share = (field - low) / (high - low)
    counts = torch.bincount((share * BINS).int().clamp_max_(BINS - 1).flatten(), minlength=BINS).cumsum(0)
    heights = (counts / counts[-1]).float()
    places = torch.linspace(0, BINS, FINE * BINS + 1, device=field.device)  # of the finest step that is told apart
    below = places.long().clamp_max_(BINS - 1)
    equal = torch.lerp(heights[below], heights[(below + 1).clamp_max_(BINS - 1)], (places - below).clamp_(0, 1))
    depth = 2 - equal if nearer_is_larger else 1 + equal
    return depth[(share * (FINE * BINS)).add_(0.5).int()]


def _check(picture: Tensor, depth: Tensor, padding: str) -> None:
    if depth.shape != (1, *picture.shape[-2:]):
        raise ValueError(f"depth {tuple(depth.shape)} does not fit the picture {tuple(picture.shape)}")
    if padding not in BORDERS:
        raise ValueError(f"unknown padding_mode {padding!r}; known are {', '.join(BORDERS)}")


def _grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(1, W) and (H, 1) columns and rows."""
    return torch.arange(width, device=device).float()[None], torch.arange(height, device=device).float()[:, None]


def _read(picture: Tensor, x: Tensor, y: Tensor, seen: Tensor, padding: str, sampling: str) -> Warped:
    height, width = picture.shape[-2:]
    across, down = (x - (width - 1) / 2).abs_() < width / 2, (y - (height - 1) / 2).abs_() < height / 2
    inside = (across & down).to(picture.dtype)
    view = resample(picture, x.clamp(-width, 2 * width), y.clamp(-height, 2 * height), BORDERS[padding], sampling)
    if padding == "zeros":
        view = view * inside
    return Warped(view.clamp_(0, 1), inside.mul_(seen)[None])


def _frontmost(x: Tensor, y: Tensor, z: Tensor, ahead: Tensor) -> tuple[Tensor, Tensor]:
    """For each new pixel the old pixel (flat index, (H, W) int64) that is seen there, and whether there is one.

    A z-buffer by one scattered minimum over keys of depth and index; cracks of a pixel are closed from two sides.
    """
    height, width = z.shape
    size = height * width
    inside = ahead & (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    target = torch.add((x + 0.5).floor_(), (y + 0.5).floor_(), alpha=width)  # whole numbers are exact up to 2^24
    target = torch.where(inside, target, size).flatten().long()  # one place more, for what falls outside
    keys = z.clamp_min(1e-6).view(torch.int32).flatten().long() << 32  # positive floats sort as ints
    keys |= torch.arange(size, device=z.device)
    buffer = torch.full((size + 1,), torch.iinfo(torch.int64).max, device=z.device, dtype=torch.int64)
    buffer.scatter_reduce_(0, target, keys, "amin")
    front = buffer[:size].view(height, width)
    hit = front != torch.iinfo(torch.int64).max
    source = (front & 0xFFFFFFFF).int()
    depth = torch.where(hit, (front >> 32).int().view(torch.float32), torch.inf)
    _close(source, depth)
    hit = depth < torch.inf
    return torch.where(hit, source, 0).long(), hit


def _close(source: Tensor, depth: Tensor) -> None:
    """Close cracks in place: pixels empty (infinitely far), or behind, between two opposite neighbours of one surface.

    Args:
        source: (H, W) what is seen at each pixel; the nearer neighbour's is taken.
        depth: (H, W) how far away it is.
    """
    for axis in (0, 1, 0):  # once more, for where cracks cross
        length = depth.shape[axis] - 2
        before, inner, after = (depth.narrow(axis, start, length) for start in range(3))
        nearer, farther = torch.minimum(before, after), torch.maximum(before, after)
        crack = (farther < CREST * nearer) & (inner > CREST * farther)
        of_before, of_inner, of_after = (source.narrow(axis, start, length) for start in range(3))
        of_nearer = torch.where(before <= after, of_before, of_after)
        closed, shallow = torch.where(crack, of_nearer, of_inner), torch.where(crack, nearer, inner)
        of_inner.copy_(closed)
        inner.copy_(shallow)


def _refined(x: Tensor, y: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """(H, W) exact old positions whose image is the middle of each new pixel, from the nearest whole old pixel.

    The map old → new is smooth on a surface, so a few steps against the error suffice; where a step would leave the
    surface (more than a pixel) the whole pixel is kept.
    """
    height, width = x.shape
    grid_x, grid_y = _grid(height, width, x.device)
    start_x, start_y = (source % width).to(x.dtype), torch.div(source, width, rounding_mode="floor").to(x.dtype)
    at_x, at_y = start_x, start_y
    image = torch.stack([x, y])
    flat = image.flatten(1)
    reached = flat[:, source.flatten()].view(2, height, width)
    for step in range(ROUNDS):
        if step:
            reached = resample(image, at_x, at_y, "replicate", "bilinear")
        at_x = torch.clamp(at_x + grid_x - reached[0], start_x - 1, start_x + 1)
        at_y = torch.clamp(at_y + grid_y - reached[1], start_y - 1, start_y + 1)
    return at_x, at_y
