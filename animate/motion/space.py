"""A picture seen by a camera that has moved: by depth, in two projections.

`pinhole` is true perspective. Every old pixel is taken to where the new camera sees it; where several arrive the
nearest stays; then each new pixel reads the old picture once, at the place the surface it shows came from. Where
nothing arrives the new view was hidden before: `coverage` says so, and the picture is stretched from what lies behind.

`deforum` is the formula that old settings files were made with: x and y both span [−1, 1] whatever the shape of the
picture, the offset is taken at the *target* pixel, nothing is ever hidden, and edges smear.

Either finds a `Sight`, by which any number of pictures of one view are read. Masks are numbers and comparisons few: on
a CPU a comparison of floats, or a choice by one, takes as long as four sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from animate.motion.camera import Camera, reprojected
from animate.motion.resample import resample
from animate.motion.warp import Warped
from animate.picture.compiled import compiled

BORDERS = {"border": "replicate", "reflection": "reflect", "zeros": "replicate"}
"""`padding_mode` → how `resample` reads outside; zeros are put in afterwards."""

CREST = 1.02
"""Two opposite neighbours whose depths differ by less are of one surface; a pixel between them that is empty, or
farther by more, is a crack between the pixels of a surface that came nearer."""

NOTHING = 1e30
"""The depth of places where nothing is seen: beyond all depths."""

NEAREST = 1e-6
"""Depth at which a point counts as in the camera itself, and is not seen."""

FAR = 1000
"""Widths and heights beyond which a place that is read is held: one that rounds is as good as any other there."""

BINS, FINE = 1024, 6
"""Bins of Deforum's equalised depth, and how many bits of a place within one are told apart."""


@dataclass(frozen=True)
class Sight:
    """Where in the old picture each new pixel is read."""

    x: Tensor
    """(H, W) columns, 0 the centre of the first."""
    y: Tensor
    """(H, W) rows."""
    coverage: Tensor
    """(1, H, W): 1 where a surface is seen that the old picture showed, 0 where it was hidden or outside."""

    def of(self, picture: Tensor, padding: str = "border", sampling: str = "bicubic") -> Warped:
        """`picture` (C, H, W) in [0, 1] as the new camera sees it.

        Args:
            picture: of the size that the sight was found for.
            padding: `border`, `reflection`, `zeros`: what is read outside the old picture.
            sampling: as for `warp`.
        """
        if picture.shape[-2:] != self.x.shape:
            raise ValueError(
                f"depth (1, {', '.join(map(str, self.x.shape))}) does not fit the picture {tuple(picture.shape)}"
            )
        if padding not in BORDERS:
            raise ValueError(f"unknown padding_mode {padding!r}; known are {', '.join(BORDERS)}")
        view = resample(picture, self.x, self.y, BORDERS[padding], sampling, clamped=True)
        if padding == "zeros":
            view *= _positive(_inside(self.x, self.y)) if sampling == "nearest" else _faded(self.x, self.y)
        return Warped(view, self.coverage)

    def inside(self) -> Tensor:
        """(1, H, W): 1 where a place inside the old picture is read, 0 from one pixel beyond its edge on."""
        return (_inside(self.x, self.y) + 0.5).clamp_(0, 1)[None]


def pinhole(
    picture: Tensor,
    depth: Tensor,
    new_from_old: np.ndarray,
    old: Camera,
    new: Camera | None = None,
    padding: str = "border",
    sampling: str = "bicubic",
) -> Warped:
    """`picture` as the moved camera sees it: `pinhole_sight`, and one look."""
    return pinhole_sight(depth, new_from_old, old, new).of(picture, padding, sampling)


def pinhole_sight(depth: Tensor, new_from_old: np.ndarray, old: Camera, new: Camera | None = None) -> Sight:
    """What a camera sees that moves through a picture of known depth.

    Args:
        depth: (1, H, W), positive, in the units of the pose's translation, larger = farther.
        new_from_old: (4, 4) pose.
        old: the camera that saw the picture.
        new: the camera that looks now, of the same size; the same one if None.

    Raises:
        ValueError: depth and cameras of different sizes.
    """
    new = new or old
    if not depth.shape[-2:] == (old.height, old.width) == (new.height, new.width):
        raise ValueError(f"depth {tuple(depth.shape)} does not fit cameras of {old.height} × {old.width} pixels")
    height, width = depth.shape[-2:]
    column, row = _grid(height, width, depth.device)
    x, y, z = reprojected(depth, new_from_old, old, new)
    x.clamp_(-width, 2 * width)
    y.clamp_(-height, 2 * height)
    source, seen = _frontmost(x, y, z)
    ways = torch.stack([x, y])  # how far each old pixel goes, across and down
    ways[0] -= column
    ways[1] -= row

    # What is seen at a new pixel came from the place whose way ends there. One step from the whole old pixel, then one
    # by the way of the place found (one leaves 0.05 px on slanted ground, two 0.002), kept on the surface. Where
    # nothing arrived the way is that of the target itself: what lies behind is stretched, as nothing better is known.
    source = source.flatten()
    from_x, from_y = (
        torch.sub(grid, way.flatten().index_select(0, source).view(height, width))
        for grid, way in zip((column, row), ways)
    )
    most = seen * 0.5
    least = -most
    again = resample(ways, from_x, from_y, "replicate", "bilinear")
    for start, grid, way in zip((from_x, from_y), (column, row), again):
        start += torch.sub(grid, way, out=way).sub_(start).clamp_(least, most)
    return Sight(from_x.clamp_(-width, 2 * width), from_y.clamp_(-height, 2 * height), seen[None])


def deforum(
    picture: Tensor,
    z: Tensor,
    new_from_old: np.ndarray,
    fov: float,
    aspect: float = 1.0,
    padding: str = "border",
    sampling: str = "bicubic",
) -> Warped:
    """`picture` moved by Deforum's formula: `deforum_sight`, and one look."""
    return deforum_sight(z, new_from_old, fov, aspect).of(picture, padding, sampling)


def deforum_sight(z: Tensor, new_from_old: np.ndarray, fov: float, aspect: float = 1.0) -> Sight:
    """Where Deforum's formula reads.

    Args:
        z: (1, H, W) the picture's depth, from `deforum_z`.
        new_from_old: (4, 4) pose, of `pose_of_frame`.
        fov: field of view, degrees, in (0, 180).
        aspect: Deforum's `aspect_ratio`.
    """
    height, width = z.shape[-2:]
    focal = 1 / float(np.tan(np.radians(fov) / 2))
    x = torch.linspace(-1, 1, width, device=z.device)[None]
    y = torch.linspace(-1, 1, height, device=z.device)[:, None]
    depth = z[0]
    turn, shift = new_from_old[:3, :3].tolist(), new_from_old[:3, 3].tolist()
    new_x, new_y, new_z = (
        (x * row[0] + (y * row[1] + offset)).add_(depth, alpha=row[2]) for row, offset in zip(turn, shift)
    )
    nearness = new_z.reciprocal_()
    was = depth.reciprocal()  # offsets are in units of half the picture, but for the focal length
    offset_x = new_x.mul_(nearness).addcmul_(x, was, value=-1)
    offset_y = new_y.mul_(nearness).addcmul_(y, was, value=-1)
    column, row = _grid(height, width, z.device)
    from_x = torch.add(column, offset_x, alpha=-focal / aspect * width / 2, out=offset_x).nan_to_num_(-9.0)
    from_y = torch.add(row, offset_y, alpha=-focal * height / 2, out=offset_y).nan_to_num_(-9.0)
    from_x.clamp_(-FAR * width, FAR * width)
    from_y.clamp_(-FAR * height, FAR * height)
    return Sight(from_x, from_y, _positive(_inside(from_x, from_y))[None])


def deforum_z(field: Tensor, nearer_is_larger: bool) -> Tensor:
    """What Deforum makes of a depth network's output (1, H, W): normalised, equalised, put between 1 and 2.

    A constant or not finite field is the plane z = 1, as there.
    """
    low, high = (float(value) for value in torch.aminmax(field))
    if not np.isfinite(high - low) or high - low < 1e-12:
        return torch.ones_like(field)
    steps = (field - low).mul_((BINS << FINE) / (high - low)).add_(0.5).int().flatten()
    counts = torch.bincount((steps >> FINE).clamp_max_(BINS - 1), minlength=BINS).cumsum(0)
    heights = (counts / counts[-1]).float()
    heights = torch.cat([heights, heights[-1:]])
    between = torch.arange(1 << FINE, device=field.device) / (1 << FINE)
    equal = torch.cat([torch.lerp(heights[:-1, None], heights[1:, None], between).flatten(), heights[-1:]])
    depth = 2 - equal if nearer_is_larger else 1 + equal
    return depth.index_select(0, steps).view_as(field)


def _grid(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(1, W) and (H, 1) columns and rows."""
    return torch.arange(width, device=device).float()[None], torch.arange(height, device=device).float()[:, None]


def _inside(x: Tensor, y: Tensor) -> Tensor:
    """(H, W) how far from the edge of the picture a place lies, pixels; negative outside."""
    height, width = x.shape
    across, down = (x - (width - 1) / 2).abs_().sub_(width / 2), (y - (height - 1) / 2).abs_().sub_(height / 2)
    return torch.maximum(across, down, out=across).neg_()


def _faded(x: Tensor, y: Tensor) -> Tensor:
    """(H, W) 1 inside the picture, falling to 0 over the first pixel beyond each edge: as interpolated with zeros."""
    height, width = x.shape
    across, down = (
        (x - (width - 1) / 2).abs_().sub_((width + 1) / 2),
        (y - (height - 1) / 2).abs_().sub_((height + 1) / 2),
    )
    return across.neg_().clamp_(0, 1).mul_(down.neg_().clamp_(0, 1))


def _positive(values: Tensor) -> Tensor:
    """1 where `values` are positive and 0 elsewhere, in place."""
    return values.mul_(1e30).clamp_(0, 1)


def _frontmost(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """For each new pixel the old pixel (flat index, (H, W) int64) that is seen there, and 1 or 0: whether there is one.

    A z-buffer, the minimum of keys of depth and index where each arrives; cracks of a pixel are closed from two sides.
    It is a pixel wider on each side, or a crack at the border had one side only, and another column wider, where
    nothing arrives: it keeps the end of a row from the beginning of the next. Where nothing arrives the index is the
    pixel's own.
    """
    height, width = z.shape
    index = torch.arange(height * width, device=z.device)
    order = z.clamp_min(NEAREST).view(torch.int32)  # positive floats sort as whole numbers
    nothing = int(np.float32(NOTHING).view(np.int32)) << 32
    front = torch.full((height + 2, width + 3), nothing, device=z.device)
    inner = front[1:-1, 1:-2]
    inner += index.view(height, width)
    if z.device.type == "cpu":
        across, down, orders = (tensor.contiguous().numpy() for tensor in (x, y, order))
        _arrive(across, down, orders, front.numpy())
    else:
        _scatter(x, y, order, front)
    depth = _close(front)
    return inner & 0xFFFFFFFF, _positive(NOTHING / 2 - depth)


def _scatter(x: Tensor, y: Tensor, order: Tensor, front: Tensor) -> None:
    """Every old pixel's key where it arrives, unless a nearer one has; what arrives beyond the margin is left out."""
    height, width = order.shape
    index = torch.arange(height * width, device=order.device)
    across, down = x.add(1.5), y.add(1.5)
    beyond = (across < 0) | (across >= width + 2) | (down < 0) | (down >= height + 2)
    across, down = across.clamp_(0, width + 1).int(), down.clamp_(0, height + 1).int()  # rounds, as it is positive
    target = down.mul_(width + 3).add_(across).flatten().long()
    keys = order.flatten().long().bitwise_left_shift_(32).bitwise_or_(index)
    keys.masked_fill_(beyond.flatten(), torch.iinfo(torch.int64).max)
    front.view(-1).scatter_reduce_(0, target, keys, "amin")


@compiled
def _arrive(x, y, order, front):  # type: ignore[no-untyped-def]
    """As `_scatter`, one by one."""
    height, width = order.shape
    right, low = np.float32(width + 2), np.float32(height + 2)
    for v in range(height):
        for u in range(width):
            across, down = x[v, u] + ROUNDED, y[v, u] + ROUNDED
            if ZERO <= across < right and ZERO <= down < low:
                key = (np.int64(order[v, u]) << 32) | (v * width + u)
                row, column = np.int64(down), np.int64(across)
                if key < front[row, column]:
                    front[row, column] = key


ZERO, ROUNDED = np.float32(0), np.float32(1.5)
"""One for the margin, a half as what follows is cut off."""


def _depth(keys: Tensor) -> Tensor:
    """The depths in keys of a z-buffer."""
    return (keys >> 32).int().view(torch.float32)


def _close(front: Tensor) -> Tensor:
    """Close cracks in place: pixels empty, or behind, between two opposite neighbours of one surface.

    Args:
        front: (H + 2, W + 3) keys of a z-buffer with a margin of a pixel, nothing in its last column.

    Returns:
        (H, W) the depths that are seen now.
    """
    depth = _depth(front)
    middle = depth[1:-1, 1:-2]
    farther = torch.maximum(depth[1:-1, :-3], depth[1:-1, 2:-1])
    behind = torch.sub(middle, farther, alpha=CREST)
    farther = torch.maximum(depth[:-2, 1:-2], depth[2:, 1:-2], out=farther)
    behind = torch.maximum(behind, torch.sub(middle, farther, alpha=CREST, out=farther), out=behind)
    stride, keys, depths = front.shape[1], front.view(-1), depth.view(-1)
    found = _indices(behind > 0)
    found += torch.div(found, stride - 3, rounding_mode="floor").mul_(3).add_(stride + 1)
    side = torch.arange(stride, len(keys) - stride, stride, device=keys.device)  # beside a corner a crack lies outside
    found = torch.cat([found, side, side + stride - 2])
    places = found
    for step, other, more in ((stride, 1, found), (1, stride, found[:0]), (stride, 1, found[:0])):
        before, after = depths.index_select(0, places - step), depths.index_select(0, places + step)
        nearer, farther = torch.minimum(before, after), torch.maximum(before, after)
        crack = (farther < CREST * nearer) & (depths.index_select(0, places) > CREST * farther)
        which = _indices(crack)
        closed, near = places.index_select(0, which), nearer.index_select(0, which)
        by = torch.minimum(keys.index_select(0, closed - step), keys.index_select(0, closed + step))
        keys.index_copy_(0, closed, by)
        depths.index_copy_(0, closed, near)
        beside = torch.cat([closed - other, closed + other])  # of these, what now lies behind may be a crack as well:
        still = _indices(depths.index_select(0, beside) > CREST * near.repeat(2))  # where cracks cross
        places = torch.cat([more, beside.index_select(0, still)]).clamp_(stride, len(keys) - stride - 1)
    return middle


def _indices(mask: Tensor) -> Tensor:
    """The flat indices, int64, of what is true."""
    if mask.device.type == "cpu":  # five times as fast as torch's
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]
