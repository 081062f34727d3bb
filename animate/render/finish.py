"""What is done to a frame on its way out, and to nothing that follows from it: focus, stereo, a map of its depth."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from torch import Tensor

from animate import depth as depths
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


def finished(plan: Plan, frame: Frame, picture: Tensor) -> Generator[Request, Any, tuple[Tensor, Tensor | None]]:
    """`picture` (3, H, W) as it is written, and its nearness (1, H, W) in [0, 1] where a map of it is kept."""
    if not wants_depth(plan):
        return picture, None
    depth = yield EstimateDepth(index=frame.index, picture=picture)
    nearness = depths.to_disparity(depth[None])[0]
    result = focus.blur(picture, nearness, frame["focus"], frame["aperture"])
    if plan.settings["stereo"] != "None":
        camera = Camera.of(frame["fov"], plan.size, frame["aspect_ratio"])
        placed = view.placed(depth, frame)
        left, right = eyes(result, placed, camera, frame["stereo_ipd"], frame["stereo_angle"])
        result = LAYOUTS[str(plan.settings["stereo"])](left, right)
    return result, nearness if plan.settings["save_depth_maps"] else None
