"""What the camera of a 3D animation sees of the frame before: the plan's camera fields put to work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from animate import depth as estimators
from animate.depth.align import align
from animate.motion import matrix
from animate.motion.camera import UNIT, Camera, moved, pose_of_frame
from animate.motion.space import Sight, deforum_sight, deforum_z, pinhole_sight
from animate.motion.warp import Warped, warp
from animate.schedule.plan import Frame, Plan


@dataclass(frozen=True, kw_only=True)
class Flight:
    """One frame's move of the camera over a known depth."""

    depth: Tensor
    """(1, H, W) of the frame before, in units of the pose; Deforum's z under its projection."""
    pose: np.ndarray
    """(4, 4) `new_from_old`."""
    old: Camera
    new: Camera
    flip: np.ndarray
    """(3, 3) perspective flip, which comes before the camera."""
    projection: str
    fov: float
    padding: str
    sampling: str

    def see(self, picture: Tensor) -> Warped:
        """The old picture (C, H, W) from the new place."""
        if not np.array_equal(self.flip, np.eye(3)):
            picture = warp(picture, self.flip, sampling=self.sampling).picture
        return self._sight.of(picture, self.padding, self.sampling)

    def depth_after(self) -> Tensor:
        """(1, H, W) the depth as it must look from the new place, 0 where nothing is known of it."""
        if self.projection == "deforum":
            return self.depth.new_empty(0)
        after = moved(self.old.unproject(self.depth), self.pose)[2:]
        nearest = after.amin().clamp_min(1e-6)
        view = self._sight.of((nearest / after).clamp(0, 1), self.padding, self.sampling)  # as a picture: in [0, 1]
        return torch.where(view.coverage > 0.99, nearest / view.picture.clamp_min(1e-6), torch.zeros_like(after))

    @cached_property
    def _sight(self) -> Sight:
        """Found once for all that is looked at."""
        if self.projection == "deforum":
            return deforum_sight(self.depth, self.pose, self.fov, self.new.aspect)
        return pinhole_sight(self.depth, self.pose, self.old, self.new)


def of_frame(plan: Plan, frame: Frame, depth: Tensor, known: Tensor) -> Flight:
    """The flight to `frame`.

    Args:
        plan: for the settings, and the field of view of the frame before.
        frame: where the camera goes.
        depth: (1, H, W) an estimate of the frame before, larger = farther, between `depth.NEAR` and `depth.FAR`.
        known: (1, H, W) the same as the earlier flight left it, 0 where unknown; empty if there was none. Scale and
            shift of the estimate are drawn to it, so that depth does not pump.
    """
    projection = str(plan.settings["projection"])
    if projection == "deforum":
        flat = float(depth.amax() - depth.amin()) < 1e-9
        depth = torch.ones_like(depth) if flat else deforum_z(1 / depth, nearer_is_larger=True)
    else:
        depth = placed(depth, frame)
        if known.numel():
            depth = align(depth, known, (known > 0).to(depth))
    before = plan[frame.index - 1]
    theta, phi, gamma = (frame[f"perspective_flip_{name}"] for name in ("theta", "phi", "gamma"))
    flipped = theta or phi or gamma
    return Flight(
        depth=depth,
        pose=pose_of_frame(frame),
        old=Camera.of(before["fov"], plan.size, before["aspect_ratio"]),
        new=Camera.of(frame["fov"], plan.size, frame["aspect_ratio"]),
        flip=matrix.flip(theta, phi, gamma, frame["perspective_flip_fv"], plan.size) if flipped else np.eye(3),
        projection=projection,
        fov=frame["fov"],
        padding="reflection" if plan.settings["holes"] == "reflect" else str(plan.settings["padding_mode"]),
        sampling=str(plan.settings["sampling_mode"]),
    )


def placed(depth: Tensor, frame: Frame) -> Tensor:
    """Relative depth put between the frame's `near` and `far`, in units of the pose: a line in inverse depth."""
    near, far = frame["near"] * UNIT, frame["far"] * UNIT
    low, high = 1 / estimators.FAR, 1 / estimators.NEAR
    share = ((1 / depth - low) / (high - low)).clamp_min(0)
    return 1 / (1 / far + share * (1 / near - 1 / far))
