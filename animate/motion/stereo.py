"""Two eyes: a picture and its depth seen by two cameras beside the one that saw it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from animate.motion.camera import Camera, pose_of_frame
from animate.motion.space import pinhole

STILL = {f"{kind}_{axis}": 0.0 for kind in ("translation", "rotation_3d") for axis in "xyz"}

ANAGLYPH = torch.tensor(
    [
        [[0.437, 0.449, 0.164], [-0.062, -0.062, -0.024], [-0.048, -0.050, -0.017]],
        [[-0.011, -0.032, -0.007], [0.377, 0.761, 0.009], [-0.026, -0.093, 1.234]],
    ]
)
"""(2, 3, 3) left and right eye to red-cyan, by least squares in what glasses let through (Dubois, ICASSP 2001)."""


def eyes(picture: Tensor, depth: Tensor, camera: Camera, ipd: float, angle: float) -> tuple[Tensor, Tensor]:
    """What the left and the right eye see, (3, H, W) each.

    Args:
        picture: (3, H, W) in [0, 1].
        depth: (1, H, W) in the camera's units (a translation of 200 is one of them).
        camera: the one between the eyes.
        ipd: distance of the eyes, 1/200 units (Disco's `vr_ipd`).
        angle: degrees by which each eye turns towards the middle (Disco's `vr_eye_angle`).
    """
    seen = []
    for side in (-1, 1):
        pose = pose_of_frame(STILL | {"translation_x": side * ipd / 2, "rotation_3d_y": -side * angle})
        seen.append(pinhole(picture, depth, pose, camera).picture)
    return seen[0], seen[1]


def side_by_side(left: Tensor, right: Tensor) -> Tensor:
    """(3, H, 2 W), the left eye's view on the left."""
    return torch.cat([left, right], dim=2)


def anaglyph(left: Tensor, right: Tensor) -> Tensor:
    """(3, H, W) for red-cyan glasses, the red one on the left eye."""
    both = torch.tensordot(ANAGLYPH.to(left), torch.stack([left, right]), dims=([0, 2], [0, 1]))
    return both.clamp(0, 1)


LAYOUTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"side_by_side": side_by_side, "anaglyph": anaglyph}
"""By the names of the field `stereo`."""
