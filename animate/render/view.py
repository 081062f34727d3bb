"""What is seen of the frame before: by a matrix in 2D, by the camera in 3D, as the plan's fields say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from animate import depth as estimators
from animate.depth.align import steadied
from animate.motion import matrix
from animate.motion.camera import UNIT, Camera, moved, pose_of_frame
from animate.motion.space import Sight, deforum_sight, deforum_z, pinhole_sight
from animate.motion.warp import Warped, move, warp
from animate.schedule.plan import Frame, Plan

CLOSEST = 1e-3
"""Units of depth, a fifth of the smallest `near`: nearer than this and in the camera are the same."""


def moved_by(plan: Plan, picture: Tensor, by: np.ndarray) -> Tensor:
    """`picture` (C, H, W) moved by a matrix (3, 3), old pixel → new pixel; what is uncovered is filled."""
    border = "reflect" if plan.settings["holes"] == "reflect" else str(plan.settings["border"])
    return move(picture, by, border=border, sampling=str(plan.settings["sampling_mode"]))


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
        if self._flips:
            picture = warp(picture, self.flip, sampling=self.sampling).picture
        return Warped(self._sight.of(picture, self.padding, self.sampling).picture, self._coverage)

    def uncovered(self) -> Tensor:
        """(1, H, W) in [0, 1], how much of each new pixel was not seen before; at the border in parts of a pixel."""
        return 1 - self._coverage * self._sight.inside()

    def depth_after(self) -> Tensor:
        """(1, H, W) the depth as it must look from the new place, 0 where nothing is known of it."""
        if self.projection == "deforum":
            return self.depth.new_empty(0)
        after = moved(self.old.unproject(self._flipped), self.pose)[2:]
        ahead = after > 0
        nearest = torch.where(ahead, after, torch.inf).amin().clamp(CLOSEST, 1 / CLOSEST)
        nearness = torch.where(ahead, nearest / after, torch.zeros_like(after)).clamp(0, 1)  # as a picture: in [0, 1]
        seen = self._sight.of(nearness, self.padding, self.sampling).picture
        known = (self._coverage > 0.99) & (seen > 1e-6)
        return torch.where(known, nearest / seen, torch.zeros_like(after))

    @cached_property
    def _sight(self) -> Sight:
        """Found once for all that is looked at."""
        if self.projection == "deforum":
            return deforum_sight(self.depth, self.pose, self.fov, self.new.aspect)
        return pinhole_sight(self._flipped, self.pose, self.old, self.new)

    @cached_property
    def _coverage(self) -> Tensor:
        """(1, H, W) of the flip and of the camera."""
        coverage = self._sight.coverage
        if not self._flips:
            return coverage
        flipped = warp(torch.ones_like(self.depth), self.flip, sampling=self.sampling).coverage
        return coverage * self._sight.of(flipped, "zeros", "bilinear").picture

    @cached_property
    def _flipped(self) -> Tensor:
        """(1, H, W) the depth of the picture that the flip has moved."""
        if not self._flips:
            return self.depth
        nearest = self.depth.amin()
        moved_by = warp(nearest / self.depth, self.flip, sampling="bilinear").picture  # between edges, never beyond
        return nearest / moved_by

    @property
    def _flips(self) -> bool:
        return not np.array_equal(self.flip, np.eye(3))


def of_frame(plan: Plan, frame: Frame, depth: Tensor, known: Tensor) -> Flight:
    """The flight to `frame`.

    Args:
        plan: for the settings, and the field of view of the frame before.
        frame: where the camera goes.
        depth: (1, H, W) an estimate of the frame before, larger = farther, between `depth.NEAR` and `depth.FAR`.
        known: (1, H, W) the same as the earlier flight left it, 0 where unknown; empty if there was none. Scale and
            shift of the estimate are drawn to it, so that depth does not pump. A depth that is the same everywhere is
            a plane at `near`, whatever came before.
    """
    projection = str(plan.settings["projection"])
    before = plan[frame.index - 1]
    if float(depth.amax() - depth.amin()) < 1e-6 * float(depth.amax()):
        depth = torch.ones_like(depth) if projection == "deforum" else torch.full_like(depth, frame["near"] * UNIT)
    elif projection == "deforum":
        depth = deforum_z(1 / depth, nearer_is_larger=True)
    else:
        depth = placed(depth, frame)
        if known.numel():
            known = replaced(known, before, frame)
            depth = steadied(depth, known, (known > 0).to(depth))
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


def replaced(known: Tensor, before: Frame, frame: Frame) -> Tensor:
    """Depth (1, H, W) placed by `before`, in units of the pose, as `frame` places it; 0, for unknown, stays 0."""
    ends = [[1 / (one[name] * UNIT) for name in ("far", "near")] for one in (before, frame)]
    (far, near), (new_far, new_near) = ends
    if ends[0] == ends[1]:
        return known
    inverse = new_far + (1 / known - far) * ((new_near - new_far) / (near - far))
    return torch.where(known > 0, 1 / inverse.clamp_min(new_far / 2), known)  # what lay beyond `far` stays finite
