"""Near things: floors, walls, boxes, balls, rods and rings under photographs, seen by a camera, with exact depth.

The world is made of landscapes, and a depth eye that has only seen landscapes takes a garage for one. Here the same
cues speak without skies and ridges: a ground that rises to a line, things that stand on it and hide each other, faces
in different light, textures that grow finer with distance. What the pictures show makes no sense; how it lies in space
does.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training import checkpoint, photographs

SIDE, CELL = 256, 4
COUNT = 4000
FAR = 30.0
"""Distance of what is open, in metres."""

CORNERS = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), axis=-1).reshape(8, 3)
"""Of a cube of side 2 about the origin, (8, 3)."""

Floats = NDArray[Any]
Texture = NDArray[np.uint8]
"""(h, w, 3)."""


@dataclass
class View:
    """What a camera sees of a room that is being furnished; y is up, z ahead, lengths are metres."""

    random: np.random.Generator
    table: NDArray[np.uint8]
    """(n, h, w, 3) photographs to cover things with."""
    rays: Floats
    """(S, S, 3), 1 long along the view, so what is met at such a length is as deep."""
    eye: Floats
    """(3,)"""
    sun: Floats
    """(3,) whence light comes, 1 long; or where a lamp hangs."""
    lamp: float
    """How far the lamp's light reaches, in metres; 0 if it is the sun's."""
    shade: float
    """How bright it is where it does not come."""
    distance: Floats
    """(S, S) along the ray, in lengths of it."""
    picture: Floats
    """(S, S, 3) in [0, 1]."""

    def texture(self) -> Texture:
        """A photograph; or, as most of a real room is, what is left of one under a coat of paint."""
        random = self.random
        picture = self.table[int(random.integers(len(self.table)))]
        if random.random() < 0.6:
            paint = _soft(picture, float(random.uniform(8, 60)))
            left = float(random.choice([0, 0.1, 0.25]))
            picture = cv2.addWeighted(paint, 1 - left, picture, left, 0)
        return np.ascontiguousarray(picture)

    def around(self, points: Floats) -> View:
        """The part of this whole view, in the same memory, that what lies between points (n, 3) can be seen in.

        Rays go on evenly from pixel to pixel, so (ray at the corner, step down, step right) · (s, s·row, s·column) is
        the way from the eye to a point; all of the view where one lies beside or behind the eye.
        """
        first, down, right = self.rays[0, 0], self.rays[1, 0] - self.rays[0, 0], self.rays[0, 1] - self.rays[0, 0]
        ways = np.linalg.solve(np.stack([first, down, right], axis=1).astype(np.float64), (points - self.eye).T)
        if ways[0].min() < 0.05:
            return self
        places = ways[1:] / ways[0]
        low = np.clip(np.floor(places.min(axis=1)) - 1, 0, SIDE).astype(int)
        high = np.clip(np.ceil(places.max(axis=1)) + 2, 0, SIDE).astype(int)
        part = slice(low[0], high[0]), slice(low[1], high[1])
        return replace(self, rays=self.rays[part], distance=self.distance[part], picture=self.picture[part])

    def reached(self, where: Floats) -> Floats:
        """(S, S, 3) the points at distances (S, S) from the eye, itself where that is not finite."""
        return self.eye + np.where(np.isfinite(where), where, 0)[..., None] * self.rays

    def meet(self, where: Floats, u: Floats, v: Floats, normal: Floats, texture: Texture) -> None:
        """A surface at distance `where` (inf where it is missed), its texture at (u, v) px, with these normals."""
        nearer = where < self.distance
        if not nearer.any():
            return  # also where no part of the thing can be in sight
        light = self.shade + (1 - self.shade) * self._facing(where, normal)
        height, width = texture.shape[:2]
        x, y = (np.where(nearer, axis, 0).astype(np.float32) for axis in (u, v))
        look = cv2.remap(texture, x % (width - 1), y % (height - 1), cv2.INTER_LINEAR).astype(np.float32) / 255
        lit = look * light.astype(np.float32)[..., None]
        np.copyto(self.picture, lit, where=nearer[..., None])
        np.copyto(self.distance, where, where=nearer)

    def _facing(self, where: Floats, normal: Floats) -> Floats:
        """(S, S) or one number: how much of the light what has these normals receives."""
        if not self.lamp:
            return np.clip(normal @ self.sun, 0, 1)
        way = self.sun - self.reached(where)
        away = np.linalg.norm(way, axis=-1)
        return np.clip((normal * way).sum(-1) / away, 0, 1) * 2 / (1 + (away / self.lamp) ** 2)


def drawn(table: NDArray[np.uint8], random: np.random.Generator) -> tuple[NDArray[np.uint8], Floats]:
    """A picture (S, S, 3) and its log inverse depth (S / 4, S / 4)."""
    view = _empty(table, random)
    _surround(view)
    for furnish, share in THINGS.items():
        for _ in range(random.poisson(share)):
            furnish(view)
    depth = np.minimum(view.distance, FAR)
    near = -np.log(cv2.resize(depth, (SIDE // CELL, SIDE // CELL), interpolation=cv2.INTER_AREA))
    exposure = random.uniform(0.8, 1.4)
    return (np.clip(view.picture * exposure, 0, 1) * 255).astype(np.uint8), near.astype(np.float32)


def _empty(table: NDArray[np.uint8], random: np.random.Generator) -> View:
    rays, eye = _camera(random)
    sun = random.normal(size=3)
    sun[1] = abs(sun[1]) + 0.5
    lamp = float(random.uniform(1.5, 5)) if random.random() < 0.5 else 0.0
    sun = random.uniform((-2, 1.8, 0), (2, 3, 5)) if lamp else sun / np.linalg.norm(sun)
    view = View(
        random=random,
        table=table,
        rays=rays,
        eye=eye,
        sun=sun.astype(np.float32),
        lamp=lamp,
        shade=float(random.uniform(0.2, 0.7)),
        distance=np.full((SIDE, SIDE), np.inf, np.float32),
        picture=np.zeros((SIDE, SIDE, 3), np.float32),
    )
    view.picture += _soft(view.texture(), 20).astype(np.float32) / 255  # a sky
    return view


def _surround(view: View) -> None:
    """A floor, and mostly walls and a ceiling, some of them missing."""
    random = view.random
    planes = [(1, 0.0, 1.0)]  # axis, place, which way its normal looks
    if random.random() < 0.75:
        planes += [(2, float(random.uniform(2.5, 12)), -1.0), (0, float(random.uniform(-6, -1.5)), 1.0)]
        planes += [(0, float(random.uniform(1.5, 6)), -1.0), (1, float(random.uniform(2.2, 5)), -1.0)]
        planes = [plane for place, plane in enumerate(planes) if place < 2 or random.random() < 0.7]
    for axis, place, way in planes:
        with np.errstate(divide="ignore", invalid="ignore"):
            where = (place - view.eye[axis]) / view.rays[..., axis]
        where = _ahead(where, True)
        u, v = np.delete(view.reached(where), axis, axis=-1).transpose(2, 0, 1)
        view.meet(
            where, u * random.uniform(60, 250), v * random.uniform(60, 250), way * np.eye(3)[axis], view.texture()
        )


def _soft(picture: Texture, sigma: float) -> Texture:
    """Blurred by so many pixels, at an eighth of its size."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // 8, height // 8), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 8), (width, height)).astype(np.uint8)


def _ahead(where: Floats, hit: Floats | bool) -> Floats:
    """Distances before the eye where something is hit, else inf."""
    return np.where(hit & (where > 1e-3), where, np.inf).astype(np.float32)


def _camera(random: np.random.Generator) -> tuple[Floats, Floats]:
    """Rays (S, S, 3), 1 long along the view, and where the eye is; y is up, z ahead."""
    reach = np.tan(np.radians(random.uniform(35, 75)) / 2)
    x, y = np.meshgrid(np.linspace(-reach, reach, SIDE), np.linspace(reach, -reach, SIDE))
    tilt, roll = np.radians(random.uniform(-28, 8)), np.radians(random.normal(0, 2))
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    up, ahead = y * np.cos(tilt) + np.sin(tilt), np.cos(tilt) - y * np.sin(tilt)
    return np.stack([x, up, ahead], axis=-1).astype(np.float32), np.array([0, random.uniform(0.5, 1.9), 0], np.float32)


def _standing(view: View) -> NDArray[np.float64]:
    """A place on the floor, within sight: near ones are as frequent as far ones, and so larger.

    The floor is darker there, which binds a thing to its place.
    """
    random = view.random
    away = float(np.exp(random.uniform(np.log(1.1), np.log(8))))
    place = np.array([random.uniform(-0.6, 0.6) * away, 0.0, away])
    point = view.reached(view.distance)
    on_floor = np.isfinite(view.distance) & (np.abs(point[..., 1]) < 1e-3)
    beside = (point[..., 0] - place[0]) ** 2 + (point[..., 2] - place[2]) ** 2
    reach, depth = random.uniform(0.15, 0.5), random.uniform(0.2, 0.7)
    darker = depth * np.exp(-np.where(on_floor, beside, np.inf) / reach**2)
    view.picture *= (1 - darker).astype(np.float32)[..., None]
    return place


def _box(view: View) -> None:
    """A box on the floor, turned about the upright; a thin one is a board, a leg or a plate."""
    random, place = view.random, _standing(view)
    half = np.exp(random.normal(np.log(0.5), 0.6, 3)) / 2
    if random.random() < 0.3:
        half[int(random.integers(3))] *= 0.15
    lifted = random.uniform(0.2, 1.5) if random.random() < 0.2 else 0.0  # on something, or hung up
    _block(view, half, place + np.array([0, half[1] + lifted, 0]), random.uniform(0, np.pi), view.texture())


def _shelf(view: View) -> None:
    """A board with a row of boxes on it, some way off: the clutter at the back of a room."""
    random = view.random
    away, height = float(random.uniform(2.5, 9)), float(random.uniform(0.2, 2.2))
    left, width = float(random.uniform(-0.6, 0.1)) * away, float(random.uniform(0.8, 3))
    board, middle = np.array([width / 2, 0.02, 0.2]), np.array([left + width / 2, height, away])
    _block(view, board, middle, 0.0, view.texture())
    looks = [view.texture() for _ in range(3)]
    at = left
    while at < left + width:
        half = np.exp(random.normal(np.log(0.15), 0.5, 3)) / 2
        middle = np.array([at + half[0], height + 0.02 + half[1], away + random.uniform(-0.1, 0.1)])
        _block(view, half, middle, random.normal(0, 0.2), looks[int(random.integers(3))])
        at += 2 * half[0] + float(random.exponential(0.06))


def _block(view: View, half: Floats, middle: Floats, turn: float, texture: Texture) -> None:
    """A box of these half sides, turned about the upright."""
    by = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    view = view.around(middle + CORNERS * half @ by)
    way, start = view.rays @ by.T, by @ (view.eye - middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (-half - start) / way, (half - start) / way
    enter, leave = np.minimum(one, other), np.maximum(one, other)
    axis, first = enter.argmax(-1), reduce(np.maximum, np.moveaxis(enter, -1, 0))
    where = _ahead(first, first < reduce(np.minimum, np.moveaxis(leave, -1, 0)))
    point = start + np.where(np.isfinite(where), where, 0)[..., None] * way
    across = np.where(axis == 0, point[..., 2], point[..., 0])
    down = np.where(axis == 1, point[..., 2], point[..., 1])
    signs = -np.sign(np.take_along_axis(way, axis[..., None], -1)[..., 0])
    scale = view.random.uniform(80, 400)
    view.meet(where, across * scale, -down * scale, np.eye(3)[axis] * signs[..., None] @ by, texture)


def _ball(view: View) -> None:
    """An ellipsoid on the floor."""
    random, place = view.random, _standing(view)
    half = np.exp(random.normal(np.log(0.5), 0.5, 3)) / 2
    middle = place + np.array([0, half[1] * random.uniform(0.7, 1), 0])
    texture = view.texture()
    view = view.around(middle + CORNERS * half)
    way, start = view.rays / half, (view.eye - middle) / half
    where = _round(way, start, 1.0)
    normal = (view.reached(where) - middle) / half**2
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    u, v = np.arctan2(normal[..., 0], -normal[..., 2]), np.arcsin(np.clip(normal[..., 1], -1, 1))
    view.meet(where, u * 120, -v * 120, normal, texture)


def _rods(view: View) -> None:
    """A frame of rods from joint to joint, as of a chair, a ladder, a bicycle."""
    random, place, texture = view.random, _standing(view), view.texture()
    size = float(np.exp(random.normal(np.log(0.8), 0.4)))
    joints = place + size * random.uniform((-0.5, 0, -0.5), (0.5, 1, 0.5), (int(random.integers(4, 8)), 3))
    radius = size * float(random.uniform(0.008, 0.04))
    for start, end in pairwise(joints):
        _rod(view, start, end, radius, texture)


def _rod(view: View, start: Floats, end: Floats, radius: float, texture: Texture) -> None:
    """A round bar without caps."""
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    across = np.eye(3) - np.outer(along, along)  # what of a vector is not along
    view = view.around(np.concatenate([end + CORNERS * radius for end in (start, end)]))
    where = _round(view.rays @ across, across @ (view.eye - start), radius)
    at = (view.reached(where) - start) @ along
    where = _ahead(where, (at > 0) & (at < length))
    normal = (view.reached(where) - start) @ across / radius
    view.meet(where, at * 200, normal[..., 1] * radius * 200, normal, texture)


def _round(way: Floats, start: Floats, radius: float) -> Floats:
    """(S, S) where rays start + t · way first come within `radius` of the origin."""
    a, b, c = (way**2).sum(-1), way @ start, start @ start - radius**2
    root = b * b - a * c
    return _ahead((-b - np.sqrt(np.maximum(root, 0))) / np.maximum(a, 1e-9), root > 0)


def _ring(view: View) -> None:
    """A flat ring or disc that stands upright or lies: wheels, hoops, table tops."""
    random, place = view.random, _standing(view)
    outer = float(np.exp(random.normal(np.log(0.35), 0.4)))
    inner = outer * (float(random.uniform(0.5, 0.92)) if random.random() < 0.6 else 0.0)
    lies, turn = random.random() < 0.3, random.uniform(0, np.pi)
    normal = np.array([0.0, 1, 0]) if lies else np.array([np.cos(turn), 0, np.sin(turn)])
    up = np.array([0.0, 0, 1]) if lies else np.array([0.0, 1, 0])
    middle = place + np.array([0, random.uniform(0.3, 1.2) if lies else outer, 0])
    texture = view.texture()
    view = view.around(middle + CORNERS * outer)
    facing = view.rays @ normal
    with np.errstate(divide="ignore", invalid="ignore"):
        where = _ahead((middle - view.eye) @ normal / facing, True)
    beside = view.reached(where) - middle
    away = np.linalg.norm(beside, axis=-1)
    where = _ahead(where, (away < outer) & (away >= inner))
    u, v = beside @ np.cross(normal, up), beside @ up
    view.meet(where, u * 200, v * 200, normal * -np.sign(facing)[..., None], texture)


THINGS: dict[Callable[[View], None], float] = {_box: 6.0, _ball: 2.0, _rods: 1.5, _ring: 2.0, _shelf: 1.2}
"""What stands about, and how many of each in the mean."""


def rooms(count: int = COUNT, seed: int = 14) -> tuple[Tensor, Tensor]:
    """Pictures (n, 256, 256, 3) and log inverse depth (n, 64, 64), drawn once by all cores and mapped from disk."""
    files = [checkpoint.CACHE / "depth" / f"rooms-{count}-{seed}.{kind}.npy" for kind in ("pictures", "near")]
    if not all(file.exists() for file in files):
        with multiprocessing.get_context("spawn").Pool() as pool:
            made = pool.map(_drawn, [(seed, number) for number in range(count)], chunksize=8)
        for file, values in zip(files, zip(*made)):
            checkpoint.save_array(file, np.stack(values))
    pictures, near = (torch.from_numpy(np.load(file, mmap_mode="c")) for file in files)
    return pictures, near


def _drawn(which: tuple[int, int]) -> tuple[NDArray[np.uint8], Floats]:
    cv2.setNumThreads(1)
    seed, number = which
    return drawn(photographs.table(), checkpoint.numpy_generator(seed, number, "room"))
