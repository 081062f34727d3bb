"""Cameras: from a picture and its depth to points in space, and back to another picture.

Coordinates are x right, y down, z forwards, in units of the depth. A pose is a (4, 4) matrix named by its frames:
`new_from_old` takes a point as the old camera sees it to the same point as the new one sees it; poses compose with `@`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from animate.motion.matrix import Values

UNIT = 1 / 200
"""Deforum's scale: a translation of 200 moves the camera by one unit of depth."""


BEHIND = 1e-9
"""Depth, as a share of what it was, at and below which a point counts as behind the camera."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera without lens faults, its axis through the middle of the picture."""

    height: int
    width: int
    focal: float
    """Focal length, pixels."""
    aspect: float = 1.0
    """Width of a pixel against its height; Deforum's `aspect_ratio`."""

    @classmethod
    def of(cls, fov: float, size: tuple[int, int], aspect: float = 1.0) -> Camera:
        """The camera whose vertical field of view is `fov` degrees, for pictures of `size` (height, width).

        Raises:
            ValueError: a field of view outside (0, 180).
        """
        if not 0 < fov < 180:
            raise ValueError(f"a field of view lies between 0 and 180 degrees, not {fov}")
        height, width = size
        return cls(height=height, width=width, focal=height / 2 / np.tan(np.radians(fov) / 2), aspect=aspect)

    def matrix(self) -> np.ndarray:
        """(3, 3) point → pixel, homogeneous."""
        middle = (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[self.focal / self.aspect, 0, middle[0]], [0, self.focal, middle[1]], [0, 0, 1]])

    def rays(self, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """(1, W) and (H, 1): x and y of the point that each pixel sees at depth 1."""
        x = torch.arange(self.width, device=device, dtype=torch.float32) - (self.width - 1) / 2
        y = torch.arange(self.height, device=device, dtype=torch.float32) - (self.height - 1) / 2
        return x[None] * (self.aspect / self.focal), y[:, None] / self.focal

    def unproject(self, depth: Tensor) -> Tensor:
        """Depth (1, H, W) along the axis → points (3, H, W)."""
        x, y = self.rays(depth.device)
        return torch.cat([x * depth, y * depth, depth])

    def project(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Points (3, …) → x and y in pixels (0 is the middle of the first) and depth; meaningless where depth ≤ 0."""
        z = points[2]
        x = points[0] / z * (self.focal / self.aspect) + (self.width - 1) / 2
        y = points[1] / z * self.focal + (self.height - 1) / 2
        return x, y, z


def rotation(x: float, y: float, z: float) -> np.ndarray:
    """(3, 3) Rx·Ry·Rz of angles in degrees, for points as *rows*: how Deforum turns its camera.

    Positive x moves what is seen down, positive y to the left, positive z counter-clockwise.
    """
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians([x, y, z])), np.sin(np.radians([x, y, z]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def pose_of_frame(values: Values) -> np.ndarray:
    """(4, 4) `new_from_old` of one frame's translation and rotation.

    Reads translation_x/y/z (1/200 units: right, upwards, forwards for the camera, so that a positive translation_y
    moves what is seen down, as everywhere) and rotation_3d_x/y/z (degrees).
    """
    pose = np.eye(4)
    pose[:3, :3] = rotation(*(values[f"rotation_3d_{axis}"] for axis in "xyz")).T
    pose[:3, 3] = np.array([-values["translation_x"], values["translation_y"], -values["translation_z"]]) * UNIT
    return pose


def moved(points: Tensor, new_from_old: np.ndarray) -> Tensor:
    """Points (3, …) as the new camera sees them."""
    pose = torch.as_tensor(new_from_old, dtype=points.dtype, device=points.device)
    return torch.tensordot(pose[:3, :3], points, dims=1) + pose[:3, 3].view(3, *[1] * (points.ndim - 1))


def reprojected(depth: Tensor, new_from_old: np.ndarray, old: Camera, new: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """Where `new` sees what each pixel of `old` shows: (H, W) column, row and depth.

    The same as `new.project(moved(old.unproject(depth), new_from_old))` in fewer passes, as a homography and what
    inverse depth adds to it. Points at or behind the camera land far outside the picture, and their depth is ≤ 0.

    Args:
        depth: (1, H, W), positive, as `old` sees it.
        new_from_old: (4, 4) pose.
    """
    far = new.matrix() @ new_from_old[:3, :3] @ np.linalg.inv(old.matrix())  # what is endlessly far away goes by this
    near = (new.matrix() @ new_from_old[:3, 3]).tolist()
    column = torch.arange(old.width, device=depth.device, dtype=torch.float32)
    row = torch.arange(old.height, device=depth.device, dtype=torch.float32)[:, None]
    inverse = depth[0].reciprocal()
    x, y, scale = (
        (column * by_column + (row * by_row + offset)).add_(inverse, alpha=by_inverse)
        for (by_column, by_row, offset), by_inverse in zip(far.tolist(), near)
    )
    z = torch.mul(scale, depth[0], out=inverse)
    scale.clamp_min_(BEHIND).reciprocal_()
    return x.mul_(scale), y.mul_(scale), z
