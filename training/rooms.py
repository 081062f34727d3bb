"""Near things: floors, walls, boxes, balls, rods and rings under photographs, seen by a camera, with exact depth.

The world is made of landscapes, and a depth eye that has only seen landscapes takes a garage for one. Here the same
cues speak without skies and ridges: a ground that rises to a line, things that stand on it and hide each other, faces
in different light, textures that grow finer with distance. What the pictures show makes no sense; how it lies in space
does.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training import checkpoint, photographs

SIDE, CELL = 256, 4
COUNT = 2000
FAR = 30.0
"""Distance of what is open, in metres."""

Floats = NDArray[Any]
Light = Callable[[Floats], Floats]
"""Normals (…, 3) → how bright (…)."""


@dataclass
class Seen:
    """What the rays have met so far."""

    distance: Floats
    """(S, S) along the ray, in lengths of it."""
    picture: Floats
    """(S, S, 3) in [0, 1]."""

    def meet(self, where: Floats, u: Floats, v: Floats, light: Floats, texture: NDArray[np.uint8]) -> None:
        """A surface at distance `where` (inf where it is missed), its texture at (u, v) px, in that light."""
        nearer = where < self.distance
        if not nearer.any():
            return
        height, width = texture.shape[:2]
        x, y = (np.where(nearer, axis, 0).astype(np.float32) for axis in (u, v))
        look = cv2.remap(texture, x % (width - 1), y % (height - 1), cv2.INTER_LINEAR).astype(np.float32) / 255
        self.picture = np.where(nearer[..., None], look * light[..., None], self.picture)
        self.distance = np.where(nearer, where, self.distance)


def drawn(table: NDArray[np.uint8], random: np.random.Generator) -> tuple[NDArray[np.uint8], Floats]:
    """A picture (S, S, 3) and its log inverse depth (S / 4, S / 4)."""
    rays, eye = _camera(random)
    sun = random.normal(size=3)
    sun[1] = abs(sun[1]) + 0.5
    sun /= np.linalg.norm(sun)
    shade = random.uniform(0.2, 0.7)

    def lit(normal: Floats) -> Floats:
        """Light on surfaces with this normal (…, 3)."""
        return (shade + (1 - shade) * np.clip(normal @ sun, 0, 1)).astype(np.float32)

    def texture() -> NDArray[np.uint8]:
        picture = table[int(random.integers(len(table)))]
        if random.random() < 0.3:  # a plain coat of paint
            picture = cv2.GaussianBlur(picture, (0, 0), float(random.uniform(8, 60)))
        return np.ascontiguousarray(picture)

    sky = cv2.GaussianBlur(texture(), (0, 0), 20)
    seen = Seen(np.full((SIDE, SIDE), np.inf, np.float32), sky.astype(np.float32) / 255)
    room = random.random() < 0.75
    planes = [(1, 0.0, 1.0)]  # axis, place, which way its normal looks
    if room:
        planes += [(2, float(random.uniform(2.5, 12)), -1.0), (0, float(random.uniform(-6, -1.5)), 1.0)]
        planes += [(0, float(random.uniform(1.5, 6)), -1.0), (1, float(random.uniform(2.2, 5)), -1.0)]
        planes = [plane for place, plane in enumerate(planes) if place < 2 or random.random() < 0.7]
    for axis, place, way in planes:
        with np.errstate(divide="ignore", invalid="ignore"):
            where = (place - eye[axis]) / rays[..., axis]
        where = np.where(where > 1e-3, where, np.inf).astype(np.float32)
        u, v = (
            (eye[other] + np.where(np.isfinite(where), where, 0) * rays[..., other]) * random.uniform(60, 250)
            for other in range(3)
            if other != axis
        )
        normal = np.zeros(3)
        normal[axis] = way
        seen.meet(where, u, v, np.full((SIDE, SIDE), lit(normal), np.float32), texture())
    for make, share in THINGS.items():
        for _ in range(random.poisson(share)):
            spot = _standing(random)
            _shade(seen, rays, eye, spot, random)
            make(seen, rays, eye, lit, texture(), spot, random)
    for _ in range(random.poisson(1.2)):
        _shelf(seen, rays, eye, lit, texture, random)
    depth = np.minimum(seen.distance, FAR)  # rays have length 1 along the view, so their lengths are depths
    near = -np.log(cv2.resize(depth, (SIDE // CELL, SIDE // CELL), interpolation=cv2.INTER_AREA))
    exposure = random.uniform(0.8, 1.4)
    return (np.clip(seen.picture * exposure, 0, 1) * 255).astype(np.uint8), near.astype(np.float32)


def _camera(random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rays (S, S, 3), 1 long along the view, and where the eye is; y is up, z ahead."""
    reach = np.tan(np.radians(random.uniform(35, 75)) / 2)
    x, y = np.meshgrid(np.linspace(-reach, reach, SIDE), np.linspace(reach, -reach, SIDE))
    tilt, roll = np.radians(random.uniform(-28, 8)), np.radians(random.normal(0, 2))
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    up, ahead = y * np.cos(tilt) + np.sin(tilt), np.cos(tilt) - y * np.sin(tilt)
    return np.stack([x, up, ahead], axis=-1), np.array([0, random.uniform(0.5, 1.9), 0])


def _standing(random: np.random.Generator) -> NDArray[np.float64]:
    """A place on the floor, within sight: near ones are as frequent as far ones, and so larger."""
    away = float(np.exp(random.uniform(np.log(1.1), np.log(8))))
    return np.array([random.uniform(-0.6, 0.6) * away, 0.0, away])


def _shade(seen: Seen, rays: Floats, eye: Floats, place: Floats, random: np.random.Generator) -> None:
    """The floor is darker where things stand on it: what binds them to their place."""
    point = eye + seen.distance[..., None] * rays
    on_floor = np.abs(point[..., 1]) < 1e-3
    away = (point[..., 0] - place[0]) ** 2 + (point[..., 2] - place[2]) ** 2
    reach, depth = random.uniform(0.15, 0.5), random.uniform(0.2, 0.7)
    darker = 1 - depth * np.exp(-np.where(on_floor, away, np.inf) / reach**2)
    seen.picture = seen.picture * darker[..., None].astype(np.float32)


def _shelf(
    seen: Seen,
    rays: Floats,
    eye: Floats,
    lit: Light,
    texture: Callable[[], NDArray[np.uint8]],
    random: np.random.Generator,
) -> None:
    """A board with a row of boxes on it, some way off: the clutter at the back of a room."""
    away, height = float(random.uniform(2.5, 9)), float(random.uniform(0.2, 2.2))
    left, width = float(random.uniform(-0.6, 0.1)) * away, float(random.uniform(0.8, 3))
    board = np.array([width / 2, 0.02, 0.2])
    _block(seen, rays, eye, lit, texture(), board, np.array([left + width / 2, height, away]), 0.0, random)
    looks = [texture() for _ in range(3)]
    at = left
    while at < left + width:
        half = np.exp(random.normal(np.log(0.15), 0.5, 3)) / 2
        middle = np.array([at + half[0], height + 0.02 + half[1], away + random.uniform(-0.1, 0.1)])
        _block(seen, rays, eye, lit, looks[int(random.integers(3))], half, middle, random.normal(0, 0.2), random)
        at += 2 * half[0] + float(random.exponential(0.06))


def _box(
    seen: Seen,
    rays: Floats,
    eye: Floats,
    lit: Light,
    texture: NDArray[np.uint8],
    place: Floats,
    random: np.random.Generator,
) -> None:
    """A box on the floor, turned about the upright; a thin one is a board, a leg or a plate."""
    half = np.exp(random.normal(np.log(0.5), 0.6, 3)) / 2
    if random.random() < 0.3:
        half[int(random.integers(3))] *= 0.15
    lifted = random.uniform(0.2, 1.5) if random.random() < 0.2 else 0.0  # on something, or hung up
    middle = place + np.array([0, half[1] + lifted, 0])
    _block(seen, rays, eye, lit, texture, half, middle, random.uniform(0, np.pi), random)


def _block(
    seen: Seen,
    rays: Floats,
    eye: Floats,
    lit: Light,
    texture: NDArray[np.uint8],
    half: Floats,
    middle: Floats,
    turn: float,
    random: np.random.Generator,
) -> None:
    by = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    way, start = rays @ by.T, by @ (eye - middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (-half - start) / way, (half - start) / way
    enter, leave = np.minimum(one, other), np.maximum(one, other)
    axis = enter.argmax(-1)
    first = enter.max(-1)
    where = np.where((first < leave.min(-1)) & (first > 1e-3), first, np.inf).astype(np.float32)
    point = start + np.where(np.isfinite(where), where, 0)[..., None] * way
    across = np.where(axis == 0, point[..., 2], point[..., 0])
    down = np.where(axis == 1, point[..., 2], point[..., 1])
    signs = -np.sign(np.take_along_axis(way, axis[..., None], -1)[..., 0])
    normals = np.eye(3)[axis] * signs[..., None]
    scale = random.uniform(80, 400)
    seen.meet(where, across * scale, -down * scale, lit(normals @ by), texture)


def _ball(
    seen: Seen,
    rays: Floats,
    eye: Floats,
    lit: Light,
    texture: NDArray[np.uint8],
    place: Floats,
    random: np.random.Generator,
) -> None:
    """An ellipsoid on the floor."""
    half = np.exp(random.normal(np.log(0.5), 0.5, 3)) / 2
    middle = place + np.array([0, half[1] * random.uniform(0.7, 1), 0])
    way, start = rays / half, (eye - middle) / half
    a, b, c = (way**2).sum(-1), way @ start, start @ start - 1
    root = b * b - a * c
    where = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
    where = np.where(where > 1e-3, where, np.inf).astype(np.float32)
    normal = start + np.where(np.isfinite(where), where, 0)[..., None] * way
    normal /= half
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    u, v = np.arctan2(normal[..., 0], -normal[..., 2]), np.arcsin(np.clip(normal[..., 1], -1, 1))
    seen.meet(where, u * 120, -v * 120, lit(normal), texture)


def _rods(
    seen: Seen,
    rays: Floats,
    eye: Floats,
    lit: Light,
    texture: NDArray[np.uint8],
    place: Floats,
    random: np.random.Generator,
) -> None:
    """A frame of rods from joint to joint, as of a chair, a ladder, a bicycle."""
    size = float(np.exp(random.normal(np.log(0.8), 0.4)))
    joints = place + size * (random.uniform((-0.5, 0, -0.5), (0.5, 1, 0.5), (int(random.integers(4, 8)), 3)))
    radius = size * float(random.uniform(0.008, 0.04))
    for start, end in pairwise(joints):
        _rod(seen, rays, eye, lit, texture, start, end, radius)


def _rod(
    seen: Seen,
    rays: Floats,
    eye: Floats,
    lit: Light,
    texture: NDArray[np.uint8],
    start: Floats,
    end: Floats,
    radius: float,
) -> None:
    """A round bar without caps."""
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    from_start = eye - start
    way, off = rays - (rays @ along)[..., None] * along, from_start - (from_start @ along) * along
    a, b, c = (way**2).sum(-1), way @ off, off @ off - radius**2
    root = b * b - a * c
    where = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / np.maximum(a, 1e-9), np.inf)
    at = from_start @ along + np.where(np.isfinite(where), where, 0) * (rays @ along)
    where = np.where((where > 1e-3) & (at > 0) & (at < length), where, np.inf).astype(np.float32)
    normal = (off + np.where(np.isfinite(where), where, 0)[..., None] * way) / radius
    seen.meet(where, at * 200, normal[..., 1] * radius * 200, lit(normal), texture)


def _ring(
    seen: Seen,
    rays: Floats,
    eye: Floats,
    lit: Light,
    texture: NDArray[np.uint8],
    place: Floats,
    random: np.random.Generator,
) -> None:
    """A flat ring or disc that stands upright or lies: wheels, hoops, table tops."""
    outer = float(np.exp(random.normal(np.log(0.35), 0.4)))
    inner = outer * (float(random.uniform(0.5, 0.92)) if random.random() < 0.6 else 0.0)
    lies = random.random() < 0.3
    turn = random.uniform(0, np.pi)
    normal = np.array([0.0, 1, 0]) if lies else np.array([np.cos(turn), 0, np.sin(turn)])
    middle = place + np.array([0, random.uniform(0.3, 1.2) if lies else outer, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        where = ((middle - eye) @ normal) / (rays @ normal)
    from_middle = eye + np.where(np.isfinite(where), where, 0)[..., None] * rays - middle
    away = np.linalg.norm(from_middle, axis=-1)
    where = np.where((where > 1e-3) & (away < outer) & (away >= inner), where, np.inf).astype(np.float32)
    faces = normal * -np.sign(rays @ normal)[..., None]
    across = from_middle @ np.cross(normal, (0, 0, 1) if lies else (0, 1, 0))
    seen.meet(where, across * 200, from_middle[..., 2 if lies else 1] * 200, lit(faces), texture)


THINGS: dict[Callable[..., None], float] = {_box: 6.0, _ball: 2.0, _rods: 1.5, _ring: 2.0}
"""What stands about, and how many of each in the mean."""


def rooms(count: int = COUNT, seed: int = 13) -> tuple[Tensor, Tensor]:
    """Pictures (n, 256, 256, 3) and log inverse depth (n, 64, 64), drawn once by all cores and mapped from disk."""
    files = [checkpoint.CACHE / "depth" / f"rooms-{count}-{seed}.{kind}.npy" for kind in ("pictures", "near")]
    if not all(file.exists() for file in files):
        with multiprocessing.get_context("spawn").Pool() as pool:
            made = pool.map(_drawn, [(seed, number) for number in range(count)], chunksize=8)
        for file, values in zip(files, zip(*made)):
            checkpoint.write_whole(file, lambda part, values=values: _write(part, np.stack(values)))  # type: ignore[misc]
    pictures, near = (torch.from_numpy(np.load(file, mmap_mode="c")) for file in files)
    return pictures, near


def _drawn(which: tuple[int, int]) -> tuple[NDArray[np.uint8], Floats]:
    cv2.setNumThreads(1)
    seed, number = which
    return drawn(photographs.table(), checkpoint.numpy_generator(seed, number, "room"))


def _write(path: Path, values: Floats) -> None:
    with path.open("wb") as file:
        np.save(file, values)
