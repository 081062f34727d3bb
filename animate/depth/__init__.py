"""How far away everything in a picture is.

One protocol, one file a model. A `DepthEstimator` takes pictures (N, 3, H, W) in [0, 1] and the frames they stand for,
and gives depth (N, 1, H, W): positive, finite, **larger = farther**, of the same size. Networks speak of disparity, of
metres or of their own scale; sign and scale are the business of the model's own file and of nobody else.

Relative depth is put between `NEAR` and `FAR`: a scene whose farthest point is twenty times as far away as its nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from animate.errors import BadInput

NEAR, FAR = 1.0, 20.0
"""Distances of the nearest and the farthest point where a model knows only their order (set by eye: a moved camera
keeps foreground and sky apart without tearing the middle ground)."""


class DepthEstimator(Protocol):
    """Depth of pictures. To join: one file, one class, one line in `ESTIMATORS`; `tests/depth` runs over the table."""

    def __call__(self, pictures: Tensor, frames: Sequence[int]) -> Tensor:
        """Depth (N, 1, H, W), positive, larger = farther, of `pictures` (N, 3, H, W) at these frame numbers."""
        ...


ESTIMATORS: dict[str, str] = {
    "embedded": "animate.depth.embedded:Embedded",
    "flat": "animate.depth.flat:Flat",
    "file": "animate.depth.file:FromFile",
}
"""By name; any other name is a model of transformers, by folder or hub id."""


def load(
    name: str, *, device: str | torch.device = "cpu", file: str = "", film: Callable[[], Iterator[Any]] | None = None
) -> DepthEstimator:
    """The estimator called `name`; `file` is what `file` reads, and `film` plays it from its start if it is a video:
    uint8 (H, W, 3), a frame for each that is shown.

    Raises:
        BadInput: `file` without a file, or with one that holds no depth.
        MissingModel: the model is not there or is no depth model.
    """
    if name == "file" and not file:
        raise BadInput("depth_algorithm: file needs depth_file (a 16-bit PNG, a .npy, a folder or a video of depth)")
    path = ESTIMATORS.get(name, "animate.depth.transformers:FromTransformers")
    module, _, attribute = path.partition(":")
    make = getattr(import_module(module), attribute)
    if name == "file":
        return make(file, film)  # type: ignore[no-any-return]
    return make(device=device) if name in ESTIMATORS else make(name, device=device)  # type: ignore[no-any-return]


def mended(depth: Tensor, size: tuple[int, int]) -> tuple[Tensor, str]:
    """What an estimator said of one picture made fit to be flown through, and what was wrong with it.

    Args:
        depth: (1, h, w).
        size: (height, width) of the picture.

    Returns:
        (1, H, W), positive and finite. Of another size it is stretched; places that are not finite or not positive
        take the median of the others; with no others the scene is flat. The text is "" where nothing was wrong, and
        also tells of a depth that is the same everywhere, which is left as it is.
    """
    told = []
    if depth.shape != (1, *size):
        if depth.ndim != 3 or depth.shape[0] != 1:
            raise BadInput(f"depth of shape {tuple(depth.shape)}, expected (1, {size[0]}, {size[1]})")
        told.append(f"depth is {depth.shape[2]} × {depth.shape[1]}, the picture {size[1]} × {size[0]}; it is stretched")
        depth = interpolate(depth[None], size, mode="bilinear", align_corners=False)[0]
    good = torch.isfinite(depth) & (depth > 0)
    bad = int((~good).sum())
    if bad == depth.numel():
        return torch.ones_like(depth), "; ".join([*told, "depth is not a number anywhere; the scene is taken as flat"])
    if bad:
        middle = depth[good].median()
        told.append(f"depth is not a positive number at {bad} of {depth.numel()} places; they take {float(middle):.3g}")
        depth = torch.where(good, depth, middle)
    nearest, farthest = (float(value) for value in torch.aminmax(depth))
    if farthest - nearest < 1e-6 * farthest and not bad:
        told.append(f"depth is {nearest:.3g} everywhere; the scene is a plane")
    return depth, "; ".join(told)


def from_disparity(disparity: Tensor) -> Tensor:
    """Relative disparity (N, 1, H, W), larger = nearer, of any scale → depth between `NEAR` and `FAR`.

    Depth is the inverse of disparity, so the order between is hyperbolic as in a real perspective. A constant disparity
    has no order and gives `FAR` everywhere. What is not a number stays so.
    """
    finite = torch.isfinite(disparity)
    low = disparity.where(finite, torch.inf).amin(dim=(1, 2, 3), keepdim=True)
    span = disparity.where(finite, -torch.inf).amax(dim=(1, 2, 3), keepdim=True) - low
    share = torch.where(span > 1e-12, (disparity - low) / span.clamp_min(1e-12), torch.zeros_like(disparity))
    return (1 / (1 / FAR + share * (1 / NEAR - 1 / FAR))).where(finite, torch.nan)


def nearness(depth: Tensor) -> Tensor:
    """Relative depth of any shape → [0, 1]: 0 at `FAR` and beyond, 1 at `NEAR` and before; linear in disparity."""
    far, near = 1 / FAR, 1 / NEAR
    return ((1 / depth - far) / (near - far)).clamp(0, 1)


def to_disparity(depth: Tensor) -> Tensor:
    """Depth (N, 1, H, W) → disparity in [0, 1], 1 at the nearest point of each picture, 0 at the farthest."""
    inverse = 1 / depth
    low = inverse.amin(dim=(1, 2, 3), keepdim=True)
    span = inverse.amax(dim=(1, 2, 3), keepdim=True) - low
    return torch.where(span > 1e-12, (inverse - low) / span.clamp_min(1e-12), torch.zeros_like(inverse))
