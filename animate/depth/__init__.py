"""How far away everything in a picture is.

One protocol, one file a model. A `DepthEstimator` takes pictures (N, 3, H, W) in [0, 1] and the frames they stand for,
and gives depth (N, 1, H, W): positive, finite, **larger = farther**, of the same size. Networks speak of disparity, of
metres or of their own scale; sign and scale are the business of the model's own file and of nobody else.

Relative depth is put between `NEAR` and `FAR`: a scene whose farthest point is twenty times as far away as its nearest.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

import torch
from torch import Tensor

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


def load(name: str, *, device: str | torch.device = "cpu", file: str = "") -> DepthEstimator:
    """The estimator called `name`; `file` is what `file` reads.

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
        return make(file)  # type: ignore[no-any-return]
    return make(device=device) if name in ESTIMATORS else make(name, device=device)  # type: ignore[no-any-return]


def mended(depth: Tensor) -> tuple[Tensor, str]:
    """`depth` (1, H, W) made fit to be flown through, and what was wrong with it; "" where nothing was.

    Places that are not finite or not positive take the median of the others; with no others the scene is flat.
    """
    good = torch.isfinite(depth) & (depth > 0)
    bad = int((~good).sum())
    if not bad:
        return depth, ""
    if bad == depth.numel():
        return torch.ones_like(depth), "depth is not a number anywhere; the scene is taken as flat"
    middle = depth[good].median()
    text = (
        f"depth is not a positive number at {bad} of {depth.numel()} places; they take the median, {float(middle):.3g}"
    )
    return torch.where(good, depth, middle), text


def from_disparity(disparity: Tensor) -> Tensor:
    """Relative disparity (N, 1, H, W), larger = nearer, of any scale → depth between `NEAR` and `FAR`.

    Depth is the inverse of disparity, so the order between is hyperbolic as in a real perspective. A constant disparity
    has no order and gives `FAR` everywhere.
    """
    low = disparity.amin(dim=(1, 2, 3), keepdim=True)
    span = disparity.amax(dim=(1, 2, 3), keepdim=True) - low
    share = torch.where(span > 1e-12, (disparity - low) / span.clamp_min(1e-12), torch.zeros_like(disparity))
    return 1 / (1 / FAR + share * (1 / NEAR - 1 / FAR))


def to_disparity(depth: Tensor) -> Tensor:
    """Depth (N, 1, H, W) → disparity in [0, 1], 1 at the nearest point of each picture, 0 at the farthest."""
    inverse = 1 / depth
    low = inverse.amin(dim=(1, 2, 3), keepdim=True)
    span = inverse.amax(dim=(1, 2, 3), keepdim=True) - low
    return torch.where(span > 1e-12, (inverse - low) / span.clamp_min(1e-12), torch.zeros_like(inverse))
