"""What is done to a frame on its way out, and to nothing that follows from it: focus, stereo, a map of its depth."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from animate import depth as depths
from animate.depth.align import steadied
from animate.motion.camera import Camera
from animate.motion.stereo import LAYOUTS, eyes
from animate.picture import focus
from animate.render import view
from animate.render.requests import EstimateDepth, Request
from animate.schedule.plan import Frame, Plan


def wants_depth(plan: Plan) -> bool:
    """Whether any frame of the plan is finished by its depth."""
    settings = plan.settings
    return bool(settings["save_depth_maps"] or settings["stereo"] != "None" or (plan["aperture"] > 0).any())


def size(plan: Plan) -> tuple[int, int]:
    """(height, width) of a finished frame."""
    height, width = plan.size
    return height, 2 * width if plan.settings["stereo"] == "side_by_side" else width


def finished(
    plan: Plan, frame: Frame, picture: Tensor, before: Tensor
) -> Generator[Request, Any, tuple[Tensor, Tensor | None, Tensor]]:
    """`picture` (3, H, W) as it is written, and the depth that did it.

    Args:
        plan: for what is asked for.
        frame: the frame.
        picture: what it shows.
        before: (1, H, W) the depth that the frame before it was finished by, empty at the start of a shot. Scale and
            shift of the new estimate are drawn to it, so that focus and eyes do not pump.

    Returns:
        The picture; its nearness (1, H, W) in [0, 1] where a map of it is kept; its depth, empty where nobody asked.
    """
    if not wants_depth(plan):
        return picture, None, before[:0]
    depth = yield EstimateDepth(index=frame.index, picture=picture)
    if before.numel():
        depth = steadied(depth, before, torch.ones_like(depth))
    nearness = depths.nearness(depth)
    result = focus.blur(picture, nearness, frame["focus"], frame["aperture"])
    if plan.settings["stereo"] != "None":
        camera = Camera.of(frame["fov"], plan.size, frame["aspect_ratio"])
        placed = view.placed(depth, frame)
        left, right = eyes(result, placed, camera, frame["stereo_ipd"], frame["stereo_angle"])
        result = LAYOUTS[str(plan.settings["stereo"])](left, right)
    return result, nearness if plan.settings["save_depth_maps"] else None, depth
