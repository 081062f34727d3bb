"""What lies outside the picture: positions led back inside."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import torch
from torch import Tensor


def fold(position: Tensor, size: int, border: str) -> Tensor:
    """Lead positions along one axis back into the picture.

    Args:
        position: any shape, in pixels, 0 the centre of the first.
        size: pixels along that axis.
        border: a name in `FOLDS`.

    Returns:
        The same shape, in [0, size − 1], for `wrap` in [0, size] (past the last pixel's centre comes the first).
    """
    return _known(border)(position, size)


def pad(picture: Tensor, margin: int, border: str) -> Tensor:
    """(C, H, W) → (C, H + 2·margin, W + 2·margin), the margin filled as `border`, a name in `FOLDS`, says."""
    _known(border)
    height, width = picture.shape[-2:]
    if picture.device.type == "cpu":  # eight times as fast as torch's indexing
        padded = picture.new_empty(picture.shape[0], height + 2 * margin, width + 2 * margin)
        for plane, out in zip(picture.numpy(), padded.numpy()):
            cv2.copyMakeBorder(plane, margin, margin, margin, margin, _opencv(border), dst=out)
        return padded
    rows, columns = (indices(size, margin, margin, border).to(picture.device) for size in (height, width))
    return picture.index_select(-2, rows).index_select(-1, columns)


def indices(size: int, before: int, after: int, border: str) -> Tensor:
    """(before + size + after,) which pixel is at each place of an axis with so many more at its ends."""
    position = torch.arange(-before, size + after, dtype=torch.float32)
    return fold(position, size, border).long() % size


def _known(border: str) -> Callable[[Tensor, int], Tensor]:
    if border not in FOLDS:
        raise ValueError(f"unknown border {border!r}; known are {', '.join(FOLDS)}")
    return FOLDS[border]


def _opencv(border: str) -> int:
    return {"replicate": cv2.BORDER_REPLICATE, "wrap": cv2.BORDER_WRAP, "reflect": cv2.BORDER_REFLECT}[border]


def _replicate(position: Tensor, size: int) -> Tensor:
    return position.clamp(0, size - 1)


def _wrap(position: Tensor, size: int) -> Tensor:
    return position.remainder(size)


def _reflect(position: Tensor, size: int) -> Tensor:
    """Mirrored at the outer edge of the last pixel, which so appears twice (OpenCV's BORDER_REFLECT)."""
    from_edge = (position + 0.5).remainder(2 * size)
    return (size - 0.5 - (size - from_edge).abs()).clamp(0, size - 1)


FOLDS: dict[str, Callable[[Tensor, int], Tensor]] = {"replicate": _replicate, "wrap": _wrap, "reflect": _reflect}
