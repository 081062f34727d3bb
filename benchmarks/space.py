"""The 3D warps at 512² on one core: ours against each other, and against Deforum's stages rebuilt from what they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from animate.motion.camera import Camera, pose_of_frame
from animate.motion.space import deforum, deforum_z, pinhole
from animate.picture.threads import at_most, torch_threads
from benchmarks.picture import SIZE, pictures
from benchmarks.rows import Row, compare

FOV = 70.0
STILL = {f"{kind}_{axis}": 0.0 for kind in ("translation", "rotation_3d") for axis in "xyz"}
POSE = pose_of_frame(STILL | {"translation_x": 3, "translation_z": 8, "rotation_3d_y": 0.5})


@contextmanager
def one_core() -> Iterator[None]:
    """OpenCV and torch on a single thread each, so that neither side is helped."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    with at_most(1), torch_threads(1):
        yield
    cv2.setNumThreads(before)


def field() -> Tensor:
    """(1, S, S) nearness as a depth network says it: ground, two hills, a wall."""
    y, x = torch.meshgrid(torch.linspace(0, 1, SIZE), torch.linspace(0, 1, SIZE), indexing="ij")
    hills = 0.3 * torch.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) * 40) + 0.2 * torch.exp(-((x - 0.8) ** 2) * 90)
    return (y + hills + 0.5 * ((x > 0.45) & (x < 0.55) & (y > 0.3)))[None]


def stages(picture: NDArray[np.uint8], nearness: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Deforum's way: depth looked over for what is not a number or constant, then equalised in numpy; two cameras that
    project every pixel in homogeneous coordinates as pytorch3d's do (one matrix each, all three coordinates divided);
    torch's bicubic; 8 bits in and out."""
    depth = torch.from_numpy(nearness)
    if torch.isnan(depth).any() or torch.isinf(depth).any() or depth.min() == depth.max():
        raise ValueError("taken as flat there")
    share = ((depth - depth.min()) / (depth.max() - depth.min())).numpy()
    counts, edges = np.histogram(share.flatten(), 1024, (0, 1), density=True)
    heights = counts.cumsum() / counts.sum()
    equal = np.interp(share.flatten(), edges[:-1], heights).reshape(share.shape).astype(np.float32)
    y, x = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    points = torch.stack([x.flatten(), y.flatten(), (2 - torch.from_numpy(equal)).flatten()], dim=1)
    focal = 1 / np.tan(np.radians(FOV) / 2)
    near, far = 200.0, 10000.0
    projection = np.array([[focal, 0, 0, 0], [0, focal, 0, 0], [0, 0, far / (far - near), 1], [0, 0, 0, 0]])
    projection[3, 2] = -far * near / (far - near)
    seen = []
    for pose in (np.eye(4), POSE):
        whole = torch.from_numpy(pose.T @ projection).float()
        moved = torch.cat([points, torch.ones(len(points), 1)], dim=1)[None].bmm(whole[None])[0]
        seen.append((moved[:, :3] / moved[:, 3:])[:, :2])
    offset = (seen[1] - seen[0]).view(1, SIZE, SIZE, 2)
    identity = functional.affine_grid(torch.eye(2, 3)[None], [1, 1, SIZE, SIZE], align_corners=False)
    image = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    view = functional.grid_sample(image, identity - offset, mode="bicubic", padding_mode="border", align_corners=False)
    return view[0].clamp(0, 255).permute(1, 2, 0).numpy().astype(np.uint8)


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
    with one_core():
        return compare(f"3D warp by Deforum's formula, {SIZE}²", ours, reference, goal=3.0, better="higher", note=note)


def true_perspective() -> Row:
    """Within 15 ms, or within 1.5 × Deforum's formula, whichever is more."""
    picture, nearness = pictures()[0], field()
    camera, depth = Camera.of(FOV, (SIZE, SIZE)), 1 / (0.05 + nearness)
    ours, formula = partial(pinhole, picture, depth, POSE, camera), partial(by_formula, picture, nearness)
    with one_core():
        row = compare("", ours, formula, goal=1.5, better="lower")
    budget = max(15.0, 1.5 * row.reference_ms)
    return replace(
        row,
        name=f"3D warp with visibility, {SIZE}²",
        reference_ms=budget,
        ratio=row.ours_ms / budget,
        goal=1.0,
        spread=None,
        note=f"{row.ratio:.2f} × Deforum's formula",
    )


ROWS = {"warp-3d": against_stages, "warp-3d-pinhole": true_perspective}
