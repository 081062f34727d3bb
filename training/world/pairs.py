"""Moved views of one scene with exact truth, for the in-between and depth networks.

`triplet(seed)` renders a scene from three places on a camera's path; flow and occlusion follow from depth and
cameras, so they are exact for land, water surface and things (mirror pictures in the water move their own way, and
flat things turn with the eye).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera, flow
from .render import finish, linear_view, render
from .scene import Scene, draw, moved
from .space import Space
from .view import View


@dataclass(frozen=True)
class Triplet:
    """Three views, the truth seen from the middle one. Sizes (H, W)."""

    a: np.ndarray
    """uint8 (H, W, 3) RGB at the start."""
    mid: np.ndarray
    b: np.ndarray
    depth: np.ndarray
    """float32 (H, W) of the middle view, along the axis, world units."""
    flow_a: np.ndarray
    """float32 (H, W, 2): where each middle pixel is in `a`, as (column, row) steps."""
    flow_b: np.ndarray
    seen_a: np.ndarray
    """bool (H, W): the middle pixel is in the frame of `a` and not hidden there."""
    seen_b: np.ndarray


def _path(rng: np.random.Generator, camera: Camera, near: float) -> tuple[Camera, Camera, Camera]:
    """Start, middle and end of a small move; its length follows the nearest depth: motion within some 20 pixels."""
    step = min(near, 3.0) * 0.09
    move = rng.normal(0, 1, 3) * np.array([1.0, 0.35, 1.2])
    move *= step * rng.uniform(0.3, 1.0) / max(float(np.linalg.norm(move)), 1e-6)
    turn = rng.normal(0, 0.016, 2)
    half = {"right": move[0], "up": move[1], "ahead": move[2], "yaw": turn[0], "pitch": turn[1]}
    return moved(camera, **{k: -v for k, v in half.items()}), camera, moved(camera, **half)


def _truth(source: Camera, depth: np.ndarray, target: Camera, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flow from source to target and whether each source pixel is seen there (depth `other` of the target's view)."""
    step, ahead = flow(source, depth, target)
    h, w = depth.shape
    rows, columns = np.mgrid[:h, :w].astype(np.float32)
    x, y = columns + step[..., 0], rows + step[..., 1]
    # the furthest of the four neighbours: a rim between near and far counts as seen
    inverse = cv2.erode((1 / other).astype(np.float32), np.ones((2, 2), np.uint8), anchor=(0, 0))
    there = 1 / cv2.remap(inverse, np.floor(x), np.floor(y), cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    inside = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    return step, inside & (ahead < there * 1.04 + 0.01)


def cleared(scene: Scene) -> Scene:
    """The scene without rain and snow in the air, which have no depth."""
    if isinstance(scene.world, Space):
        return scene
    world = scene.world._replace(rain=0.0, snowfall=0.0)
    return Scene(**{**vars(scene), "world": world})


def triplet(seed: int, size: int = 256) -> Triplet:
    """Three views of the scene of `seed`, `size` pixels square."""
    scene = cleared(draw(seed))
    rng = np.random.default_rng([seed, 11])
    world = scene.world
    if isinstance(world, Space):
        views = [render(world, scene.camera, size, size)]
        path = _path(rng, scene.camera, 3.0)
        views = [render(world, camera, size, size) for camera in path]
    else:
        picture, depth, what, seen = linear_view(world, scene.camera, size, size)
        path = _path(rng, scene.camera, float(np.percentile(depth, 3)))
        middle = View(finish(world, picture), depth.astype(np.float32), what, seen)
        views = []
        for camera in (path[0], path[2]):
            side, away, kinds, things = linear_view(world, camera, size, size)
            views.append(View(finish(world, side, like=picture), away.astype(np.float32), kinds, things))
        views.insert(1, middle)
    a, mid, b = views
    flow_a, seen_a = _truth(path[1], mid.depth, path[0], a.depth)
    flow_b, seen_b = _truth(path[1], mid.depth, path[2], b.depth)
    return Triplet(a.picture, mid.picture, b.picture, mid.depth, flow_a, flow_b, seen_a, seen_b)
