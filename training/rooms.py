"""Near things: floors, walls, boxes and balls covered with photographs, seen by a camera, with exact depth.

The world is made of landscapes, and a depth eye that has only seen landscapes takes a garage for one. Here the same
cues speak without skies and ridges: a ground that rises to a line, things that stand on it and hide each other, faces
in different light, textures that grow finer with distance. What the pictures show makes no sense; how it lies in space
does.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training import checkpoint, photographs

SIDE, CELL = 256, 4
COUNT = 800
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
    room = random.random() < 0.6
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
    for _ in range(int(random.integers(3, 14))):
        (_ball if random.random() < 0.3 else _box)(seen, rays, eye, lit, texture(), random)
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


def _standing(height: float, random: np.random.Generator) -> NDArray[np.float64]:
    """A place for the middle of a thing, within sight: near ones are as frequent as far ones, and so larger."""
    away = float(np.exp(random.uniform(np.log(1.1), np.log(8))))
    return np.array([random.uniform(-0.6, 0.6) * away, height, away])


def _box(
    seen: Seen, rays: Floats, eye: Floats, lit: Light, texture: NDArray[np.uint8], random: np.random.Generator
) -> None:
    """A box on the floor, turned about the upright; a thin one is a board, a leg or a plate."""
    half = np.exp(random.normal(np.log(0.5), 0.6, 3)) / 2
    if random.random() < 0.3:
        half[int(random.integers(3))] *= 0.15
    middle = _standing(half[1], random)
    if random.random() < 0.2:  # on something, or hung up
        middle[1] += random.uniform(0.2, 1.5)
    turn = random.uniform(0, np.pi)
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
    seen: Seen, rays: Floats, eye: Floats, lit: Light, texture: NDArray[np.uint8], random: np.random.Generator
) -> None:
    """An ellipsoid on the floor."""
    half = np.exp(random.normal(np.log(0.5), 0.5, 3)) / 2
    middle = _standing(half[1] * random.uniform(0.7, 1), random)
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


def rooms(count: int = COUNT, seed: int = 11) -> tuple[Tensor, Tensor]:
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
