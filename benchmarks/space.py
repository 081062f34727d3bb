"""The 3D warps at 512²: ours against each other, and against Deforum's stages rebuilt from their description."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from animate.motion.camera import Camera, pose_of_frame
from animate.motion.space import deforum, deforum_z, pinhole
from benchmarks.picture import SIZE, pictures
from benchmarks.rows import Row, compare

FOV = 70.0
STILL = {f"{kind}_{axis}": 0.0 for kind in ("translation", "rotation_3d") for axis in "xyz"}
POSE = pose_of_frame(STILL | {"translation_x": 3, "translation_z": 8, "rotation_3d_y": 0.5})


def field() -> Tensor:
    """(1, S, S) nearness as a depth network says it: ground, two hills, a wall."""
    y, x = torch.meshgrid(torch.linspace(0, 1, SIZE), torch.linspace(0, 1, SIZE), indexing="ij")
    hills = 0.3 * torch.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) * 40) + 0.2 * torch.exp(-((x - 0.8) ** 2) * 90)
    return (y + hills + 0.5 * ((x > 0.45) & (x < 0.55) & (y > 0.3)))[None]


def stages(picture: NDArray[np.uint8], nearness: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Deforum's way: depth equalised in numpy, both cameras projecting four coordinates a pixel, 8 bits in and out."""
    share = (nearness - nearness.min()) / (nearness.max() - nearness.min())
    counts, edges = np.histogram(share.flatten(), 1024, (0, 1), density=True)
    heights = counts.cumsum() / counts.sum()
    equal = np.interp(share.flatten(), edges[:-1], heights).reshape(share.shape).astype(np.float32)
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    points = torch.stack([x, y, torch.from_numpy(2 - equal), torch.ones_like(x)], -1).view(-1, 4)
    focal = 1 / np.tan(np.radians(FOV) / 2)
    projection = torch.diag(torch.tensor([focal, focal, 1.0, 1.0], dtype=torch.float32))
    seen = []
    for pose in (np.eye(4), POSE):
        moved = points @ torch.from_numpy(pose).float().T @ projection
        seen.append(moved[:, :2] / moved[:, 2:3])
    offset = (seen[1] - seen[0]).view(1, SIZE, SIZE, 2)
    identity = functional.affine_grid(torch.eye(2, 3)[None], [1, 1, SIZE, SIZE], align_corners=False)
    image = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    view = functional.grid_sample(image, identity - offset, mode="bicubic", padding_mode="border", align_corners=False)
    return view[0].permute(1, 2, 0).clamp(0, 255).numpy().astype(np.uint8)


def by_formula(picture: Tensor, nearness: Tensor) -> Tensor:
    return deforum(picture, deforum_z(nearness, nearer_is_larger=True), POSE, FOV).picture


def against_stages() -> Row:
    picture, nearness = pictures()[0], field()
    levels = (picture.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    ours = partial(by_formula, picture, nearness)
    reference = partial(stages, levels, nearness[0].numpy())
    apart = np.abs(ours().permute(1, 2, 0).numpy() * 255 - reference()).mean()
    assert apart < 1.5, apart
    note = f"mean difference {apart:.2f} grey levels: its bicubic is sharper, and it cuts to 8 bits"
    return compare(f"3D warp by Deforum's formula, {SIZE}²", ours, reference, goal=3.0, better="higher", note=note)


def true_perspective() -> Row:
    picture, nearness = pictures()[0], field()
    camera, depth = Camera.of(FOV, (SIZE, SIZE)), 1 / (0.05 + nearness)
    ours = partial(pinhole, picture, depth, POSE, camera)
    reference = partial(by_formula, picture, nearness)
    return compare(f"3D warp with visibility ÷ Deforum's formula, {SIZE}²", ours, reference, goal=1.5, better="lower")


ROWS = {"warp-3d": against_stages, "warp-3d-pinhole": true_perspective}
