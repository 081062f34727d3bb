"""Pictures of any size for networks that want certain sizes: mirrored margins, and tiles that overlap and fade over."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A rectangle of a picture in pixels; bottom and right are outside."""

    top: int
    left: int
    bottom: int
    right: int

    def of(self, pictures: Tensor, shrink: int = 1) -> Tensor:
        """The part of (…, H, W) under the tile; `pictures` may be smaller than the tile's picture by `shrink`."""
        rows = slice(self.top // shrink, self.bottom // shrink)
        return pictures[..., rows, self.left // shrink : self.right // shrink]

    def grown(self, by: int, height: int, width: int) -> Tile:
        """The tile with a margin, as far as the picture goes."""
        return Tile(
            top=max(self.top - by, 0),
            left=max(self.left - by, 0),
            bottom=min(self.bottom + by, height),
            right=min(self.right + by, width),
        )

    def within(self, outer: Tile) -> Tile:
        """The same rectangle in the coordinates of `outer`."""
        return Tile(
            top=self.top - outer.top,
            left=self.left - outer.left,
            bottom=self.bottom - outer.top,
            right=self.right - outer.left,
        )


def reflect(picture: Tensor, multiple: int) -> tuple[Tensor, Tile]:
    """(…, H, W) mirrored at its borders until both sides divide by `multiple`, and where the picture lies in it.

    Mirrored, because zeros bleed dark edges inwards. Works for any size: where the margin is larger than the picture it
    is mirrored again.
    """
    height, width = picture.shape[-2:]
    (top, rows), (left, columns) = _mirrored(height, multiple), _mirrored(width, multiple)
    inner = Tile(top=top, left=left, bottom=top + height, right=left + width)
    if len(rows) == height and len(columns) == width:
        return picture, inner
    return picture[..., rows[:, None].to(picture.device), columns[None, :].to(picture.device)], inner


def _mirrored(length: int, multiple: int) -> tuple[int, Tensor]:
    """Margin before, and for every padded position the position it shows."""
    padded = -(-length // multiple) * multiple
    before = (padded - length) // 2
    position = torch.arange(padded) - before
    if length == 1:
        return before, torch.zeros_like(position)
    period = 2 * (length - 1)  # the border itself is not repeated
    position = position.remainder(period)
    return before, torch.minimum(position, period - position)


def cover(height: int, width: int, side: int, overlap: int) -> list[Tile]:
    """Tiles of `side` (or less, in a smaller picture) that cover it; neighbours share at least `overlap` pixels."""
    if not 0 <= overlap < side:
        raise ValueError(f"tiles of {side} px cannot overlap by {overlap} px")
    return [
        Tile(top=top, left=left, bottom=bottom, right=right)
        for top, bottom in _spans(height, side, overlap)
        for left, right in _spans(width, side, overlap)
    ]


def _spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    if length <= side:
        return [(0, length)]
    step = side - overlap
    starts = [*range(0, length - side, step), length - side]
    return [(start, start + side) for start in starts]


def feather(tile: Tile, height: int, width: int, ramp: int, hidden: int) -> Tensor:
    """(1, h, w) weights of a tile: 0 over `hidden` pixels at each side that has a neighbour, then rising over `ramp`.

    What lies close to a cut differs most from the whole picture, so it is not shown at all. Sides on the border of the
    picture keep weight 1. Weights of all tiles are to be divided by their sum.
    """
    rows = _ramped(tile.bottom - tile.top, tile.top > 0, tile.bottom < height, ramp, hidden)
    columns = _ramped(tile.right - tile.left, tile.left > 0, tile.right < width, ramp, hidden)
    return (rows[:, None] * columns[None, :])[None]


def _ramped(length: int, before: bool, after: bool, ramp: int, hidden: int) -> Tensor:
    rising = ((torch.arange(length) - hidden + 0.5) / ramp).clamp(0, 1)
    weights = torch.ones(length)
    if before:
        weights = weights * rising
    if after:
        weights = weights * rising.flip(0)
    return weights
