"""Near things: rooms, streets and table tops with furniture, vehicles, people and plain bodies, and their exact depth.

The world is made of landscapes, and a depth eye that has only seen landscapes takes a garage for one. Here the same
cues speak without skies and ridges: a ground that rises to a line, things that stand on it, hide each other and throw
shadows, faces in different light, textures that grow finer with distance, and shapes that are met in photographs.
Rays are Embree's (Wald et al. 2014).
"""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from torch import Tensor

from training import checkpoint, furniture, photographs
from training.furniture import Floats, Mesh, Texture

SIDE, CELL = 256, 4
FINE = 384
"""Rays a side: 1.5 x 1.5 of them make a pixel."""
COUNT = 4000
FAR = 30.0
"""Distance of what is open, in metres."""
SMALL = 0.3
"""What is shorter in all directions lies on other things, or is what a table top is a room for."""
COLUMNS = 16
"""Of textures side by side."""


@dataclass
class Room:
    """A room that is being furnished; y is up, z ahead, lengths are metres."""

    random: np.random.Generator
    table: NDArray[np.uint8]
    """(n, h, w, 3) photographs to cover things with."""
    walls: dict[str, float]
    """Which of left, right, back and ceiling there are, and where, before they are turned."""
    turn: float = 0.0
    """Radians by which the walls are turned about the eye."""
    scale: float = 1.0
    """By how much models are larger than life: on a table top."""
    meshes: list[Mesh] = field(default_factory=list)
    taken: list[tuple[float, float, float]] = field(default_factory=list)
    """Places on the floor: x, z, radius."""

    def texture(self) -> Texture:
        """A photograph; or a motif again and again, as of cloth and wallpaper; or, as most of a real room is, what is
        left of either under a coat of paint; seldom garish."""
        random = self.random
        times = int(random.choice([1, 2, 4, 8], p=[0.75, 0.05, 0.1, 0.1]))
        picture = self.table[int(random.integers(len(self.table)))]
        picture = cv2.resize(picture, (furniture.SIDE // times,) * 2, interpolation=cv2.INTER_AREA)
        picture = np.tile(picture, (times, times, 1))
        if random.random() < 0.6:
            few = int(random.integers(2, 9))
            paint = cv2.resize(cv2.resize(picture, (few, few), interpolation=cv2.INTER_AREA), picture.shape[:2])
            left = float(random.choice([0, 0.1, 0.25]))
            picture = cv2.addWeighted(paint, 1 - left, picture, left, 0)
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        garish = float(random.uniform(0.1, 1))
        return cv2.addWeighted(picture, garish, grey, 1 - garish, 0)

    def place(self, radius: float) -> tuple[float, float] | None:
        """A free place (x, z) on the floor, in sight; near ones are as frequent as far ones, and so larger."""
        for _ in range(8):
            near = max(0.9, 1.5 * radius)
            away = near * np.exp(self.random.uniform(0, np.log(max(9 / near, 1.5))))
            x, z = float(self.random.uniform(-0.55, 0.55) * away), float(away)
            free = all((x - a) ** 2 + (z - b) ** 2 > (0.8 * (radius + r)) ** 2 for a, b, r in self.taken)
            across, ahead = np.array([x, z]) @ _about(self.turn)[::2, ::2].T
            inside = ahead + radius < self.walls.get("back", np.inf)
            inside &= self.walls.get("left", -np.inf) < across - radius
            inside &= across + radius < self.walls.get("right", np.inf)
            if free and inside:
                self.taken.append((x, z, radius))
                return x, z
        return None

    def put(self, mesh: Mesh, turn: float, x: float, y: float, z: float) -> None:
        """Turned about the upright by radians, its base at a place."""
        by = _about(turn)
        moved = (mesh.corners @ by + np.array([x, y, z])).astype(np.float32)
        self.meshes.append(replace(mesh, corners=moved, normals=mesh.normals @ by))

    def along(self, mesh: Mesh, turn: float, x: float, y: float, z: float) -> None:
        """The same as the walls see it: turned as they are."""
        place = np.array([x, y, z]) @ _about(self.turn)
        self.put(mesh, self.turn + turn, *place.tolist())

    def body(self, corners: Floats, scale: float) -> Mesh:
        """Triangles (n, 3, 3) under one texture, seen along the axis that each looks along most; scale in 1 / m."""
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        axes = np.array([(2, 1), (0, 2), (0, 1)])[np.abs(across).argmax(1)]
        uv = np.take_along_axis(corners, axes[:, None, :].repeat(3, 1), -1) * (scale, -scale)
        zero, none = np.zeros(len(corners), np.int64), np.zeros_like(corners, np.float32)
        return Mesh(corners.astype(np.float32), none, uv.astype(np.float32), zero, (self.texture(),))


def _about(turn: float) -> Floats:
    """(3, 3): what rows (x, y, z) are multiplied by to turn about the upright."""
    cos, sin = np.cos(turn), np.sin(turn)
    return np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)


def drawn(table: NDArray[np.uint8], random: np.random.Generator) -> tuple[NDArray[np.uint8], Floats]:
    """A picture (256, 256, 3) and its log inverse depth (64, 64)."""
    room = _surrounded(table, random)
    for _ in range(3 + random.poisson(6)):
        _model(room)
    for thing, share in THINGS.items():
        for _ in range(random.poisson(share)):
            thing(room)
    rays, eye = _camera(random)
    picture, depth = _seen(room, rays, eye)
    depth = cv2.resize(depth, (SIDE // CELL, SIDE // CELL), interpolation=cv2.INTER_AREA)
    picture = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8), -np.log(depth).astype(np.float32)


# --- what stands about ------------------------------------------------------------------------------------------------


def _surrounded(table: NDArray[np.uint8], random: np.random.Generator) -> Room:
    """A floor, and mostly walls and a ceiling, some of them missing; or all that is seen stands close before one."""
    places = {
        "back": float(random.uniform(2.5, 12)),
        "left": float(random.uniform(-6, -1.5)),
        "right": float(random.uniform(1.5, 6)),
        "ceiling": float(random.uniform(2.2, 5)),
    }
    within, close = random.random() < 0.75, random.random() < 0.3
    shares = {"back": 0.95, "left": 0.7, "right": 0.7, "ceiling": 0.7}
    if close:
        places["back"] = float(random.uniform(1.6, 4))
        shares = {"back": 1.0, "left": 0.2, "right": 0.2, "ceiling": 0.0}
    walls = {name: at for name, at in places.items() if within and random.random() < shares[name]}
    turn = float(random.choice([0, random.uniform(-0.8, 0.8)], p=[0.4, 0.6]))
    large = random.random() < (0.4 if close else 0.15)
    room = Room(random, table, walls, turn, scale=float(random.uniform(4, 9)) if large else 1.0)
    a, b = 60.0, 12.0
    sheets = {"floor": _sheet([(-a, 0, -a), (a, 0, -a), (a, 0, a), (-a, 0, a)])}
    if "back" in walls:
        z = walls["back"]
        plain = _sheet([(-a, -1, z), (a, -1, z), (a, b, z), (-a, b, z)])
        sheets["back"] = _curtain(random, z) if random.random() < 0.25 else plain
    for name in ("left", "right"):
        if name in walls:
            sheets[name] = _sheet([(x := walls[name], -1, -a), (x, -1, a), (x, b, a), (x, b, -a)])
    if "ceiling" in walls:
        sheets["ceiling"] = _sheet([(-a, y := walls["ceiling"], -a), (a, y, -a), (a, y, a), (-a, y, a)])
    for corners in sheets.values():
        room.along(room.body(corners, float(random.uniform(0.25, 1.2))), 0.0, 0.0, 0.0, 0.0)
    return room


def _sheet(corners: list[tuple[float, float, float]]) -> Floats:
    """Four corners in turn → two triangles (2, 3, 3)."""
    return np.array(corners, np.float64)[[[0, 1, 2], [0, 2, 3]]]


def _curtain(random: np.random.Generator, z: float) -> Floats:
    """(n, 3, 3): a wall of folds before z."""
    x = np.arange(-15, 15, 0.03)
    length, steep = float(np.exp(random.uniform(np.log(0.15), np.log(0.8)))), float(random.uniform(0.1, 0.8))
    wave = np.sin(2 * np.pi * (x / length + 0.3 * np.sin(x / float(random.uniform(0.3, 2)))))
    fold = z - steep * length / (2 * np.pi) * (1 + wave)
    foot, head = (np.stack([x, np.full_like(x, y), fold], -1) for y in (-1.0, 12.0))
    lower = np.stack([foot[:-1], foot[1:], head[1:]], 1)
    return np.concatenate([lower, np.stack([foot[:-1], head[1:], head[:-1]], 1)])


def _model(room: Room) -> None:
    """Something of the catalogue: on the floor, or on the wall if it hangs; with small things on it if it bears any."""
    random, models = room.random, furniture.catalogue()
    fit = [one for one in models if (max(one.size) < SMALL) == (room.scale > 1)]
    if not fit:
        return
    model = fit[int(random.integers(len(fit)))]
    mesh = _dressed(room, furniture.mesh(model), room.scale * float(np.exp(random.normal(0, 0.15))))
    width, height, depth = mesh.size()
    if model.elevation > 0.3:
        if "back" not in room.walls:
            return
        z, y = room.walls["back"] - depth / 2, min(model.elevation, room.walls.get("ceiling", 9) - height)
        room.along(mesh, np.pi, float(random.uniform(-0.5, 0.5) * z), y, z)
        return
    place = room.place(float(np.hypot(width, depth)) / 2)
    if place is None:
        return
    turn = float(random.choice([0, 0.5, 1, 1.5]) * np.pi if random.random() < 0.4 else random.uniform(0, 2 * np.pi))
    room.put(mesh, turn, place[0], 0, place[1])
    if model.top is None or room.scale > 1 or random.random() < 0.4:
        return
    small = [one for one in models if max(one.size) < 2 * SMALL and one.elevation == 0]
    for _ in range(random.poisson(2) if small else 0):
        other = small[int(random.integers(len(small)))]
        if max(other.size[0], other.size[2]) < 0.6 * min(width, depth):
            x, z = np.array(place) + random.uniform(-0.2, 0.2, 2) * min(width, depth)
            top = height * model.top / model.size[1]
            room.put(_dressed(room, furniture.mesh(other), 1.0), float(random.uniform(0, 2 * np.pi)), x, top, z)


def _dressed(room: Room, mesh: Mesh, scale: float) -> Mesh:
    """Larger or smaller, in its own colours a little changed, or some of it under other textures."""
    random = room.random
    share = float(random.choice([0, 0.3, 1], p=[0.5, 0.3, 0.2]))
    gain = np.exp(random.normal(0, 0.15, 3))
    own = [np.clip(one * gain, 0, 255).astype(np.uint8) for one in mesh.textures]
    textures = tuple(room.texture() if random.random() < share else one for one in own)
    return replace(mesh, corners=(mesh.corners * scale).astype(np.float32), textures=textures)


def _box(room: Room) -> None:
    """A box on the floor; a thin one is a board, a leg or a plate."""
    random = room.random
    sides = np.exp(random.normal(np.log(0.5), 0.6, 3))
    if random.random() < 0.3:
        sides[int(random.integers(3))] *= 0.15
    place = room.place(float(np.hypot(sides[0], sides[2])) / 2)
    if place:
        lifted = float(random.uniform(0.2, 1.5)) if random.random() < 0.2 else 0.0  # on something, or hung up
        body = room.body(trimesh.creation.box(sides).triangles, float(random.uniform(0.5, 3)))
        room.put(body, float(random.uniform(0, np.pi)), place[0], lifted + sides[1] / 2, place[1])


def _shelf(room: Room) -> None:
    """A board with a row of things on it, some way off: the clutter at the back of a room."""
    random = room.random
    away, height = float(random.uniform(2.5, 9)), float(random.uniform(0.2, 2.2))
    left, width = float(random.uniform(-0.6, 0.1)) * away, float(random.uniform(0.8, 3))
    away = min(away, room.walls.get("back", np.inf) - 0.3)
    board = room.body(trimesh.creation.box((width, 0.04, 0.4)).triangles, 1.0)
    room.along(board, 0.0, left + width / 2, height, away)
    small = [one for one in furniture.catalogue() if max(one.size) < 1.5 * SMALL and one.elevation == 0]
    at = left
    while at < left + width:
        if small and random.random() < 0.4:
            mesh = _dressed(room, furniture.mesh(small[int(random.integers(len(small)))]), 1.0)
            wide, turn, up = float(mesh.size()[0]), float(random.normal(0, 0.4)), height + 0.02
        else:
            sides = np.exp(random.normal(np.log(0.15), 0.5, 3))
            mesh = room.body(trimesh.creation.box(sides).triangles, 3.0)
            wide, turn, up = float(sides[0]), float(random.normal(0, 0.2)), height + 0.02 + float(sides[1]) / 2
        room.along(mesh, turn, at + wide / 2, up, away + float(random.uniform(-0.1, 0.1)))
        at += wide + float(random.exponential(0.06))


def _ball(room: Room) -> None:
    """An ellipsoid on the floor."""
    random = room.random
    half = np.exp(random.normal(np.log(0.5), 0.5, 3)) / 2
    if place := room.place(float(max(half[0], half[2]))):
        ball = room.body(trimesh.creation.icosphere(3).triangles * half, float(random.uniform(0.5, 2)))
        ball = replace(ball, normals=(ball.corners / half**2).astype(np.float32))
        room.put(ball, float(random.uniform(0, np.pi)), place[0], half[1] * float(random.uniform(0.7, 1)), place[1])


def _rods(room: Room) -> None:
    """A frame of rods from joint to joint, as of a chair, a ladder, a bicycle."""
    random = room.random
    size = float(np.exp(random.normal(np.log(0.8), 0.4)))
    if place := room.place(size / 2):
        joints = size * random.uniform((-0.5, 0, -0.5), (0.5, 1, 0.5), (int(random.integers(4, 8)), 3))
        radius = size * float(random.uniform(0.008, 0.04))
        rods = [trimesh.creation.cylinder(radius, segment=ends, sections=10) for ends in pairwise(joints)]
        room.put(room.body(np.concatenate([rod.triangles for rod in rods]), 1.0), 0.0, place[0], 0.0, place[1])


def _ring(room: Room) -> None:
    """A flat ring or disc that stands upright or lies: wheels, hoops, table tops."""
    random = room.random
    outer = float(np.exp(random.normal(np.log(0.35), 0.4)))
    inner = outer * float(random.uniform(0.5, 0.92))
    flat = outer * float(random.uniform(0.02, 0.3))
    if random.random() < 0.6:
        made = trimesh.creation.annulus(inner, outer, flat)
    else:
        made = trimesh.creation.cylinder(outer, flat, sections=40)
    corners, lies = np.asarray(made.triangles), random.random() < 0.3
    corners = corners[..., [0, 2, 1]] if lies else corners
    if place := room.place(outer if lies else outer / 2):
        y = float(random.uniform(0.3, 1.2)) if lies else outer
        room.put(room.body(corners, 1.0), float(random.uniform(0, np.pi)), place[0], y, place[1])


THINGS = {_box: 2.0, _ball: 0.7, _rods: 0.5, _ring: 0.7, _shelf: 1.0}
"""What else stands about, and how many of each in the mean."""


# --- how it is seen ---------------------------------------------------------------------------------------------------


def _camera(random: np.random.Generator) -> tuple[Floats, Floats]:
    """Rays (384, 384, 3), 1 long along the view, and where the eye is (3,)."""
    reach = np.tan(np.radians(random.uniform(35, 75)) / 2)
    x, y = np.meshgrid(np.linspace(-reach, reach, FINE), np.linspace(reach, -reach, FINE))
    tilt, roll = np.radians(random.uniform(-28, 8)), np.radians(random.normal(0, 2))
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    up, ahead = y * np.cos(tilt) + np.sin(tilt), np.cos(tilt) - y * np.sin(tilt)
    return np.stack([x, up, ahead], axis=-1).astype(np.float32), np.array([0, random.uniform(0.5, 1.9), 0], np.float32)


@dataclass(frozen=True)
class Met:
    """What rays meet; m of them meet something."""

    rays: NDArray[np.int64]
    """(m,) which do."""
    which: NDArray[np.int64]
    """(m,) triangles."""
    depth: Floats
    """(m,) along the view."""
    point: Floats
    """(m, 3)."""
    weights: Floats
    """(m, 3, 1) of the triangle's corners there."""
    normal: Floats
    """(m, 3) towards the eye, 1 long."""


def _seen(room: Room, rays: Floats, eye: Floats) -> tuple[Floats, Floats]:
    """(384, 384, 3) light and (384, 384) depth along the view."""
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    corners = np.concatenate([mesh.corners for mesh in room.meshes])
    scene = EmbreeScene()
    TriangleMesh(scene, corners)
    rays = rays.reshape(-1, 3)
    met = _met(room, scene, corners, rays, eye)
    picture, depth = _sky(room), np.full(len(rays), FAR, np.float32)
    picture[met.rays] = _lit(room, scene, met.point, met.normal, _colours(room, met.which, met.weights), rays[met.rays])
    depth[met.rays] = np.minimum(met.depth, FAR)
    exposure = float(room.random.uniform(0.35, 1.0)) / max(float(picture.mean()), 0.02)
    return (1 - np.exp(-exposure * picture)).reshape(FINE, FINE, 3), depth.reshape(FINE, FINE)


def _met(room: Room, scene: Any, corners: Floats, rays: Floats, eye: Floats) -> Met:
    """Of rays (n, 3) from the eye, what they meet of triangles (k, 3, 3), which are those of the scene."""
    found = scene.run(np.broadcast_to(eye, rays.shape).copy(), rays)
    seen = np.flatnonzero(found >= 0)
    which, way = found[seen], rays[seen]
    first, sides = corners[:, 0], corners[:, 1:] - corners[:, :1]
    across = np.cross(sides[:, 0], sides[:, 1])
    size = np.maximum(_dot(across, across), 1e-18)[:, None, None]
    heights = np.stack([np.cross(sides[:, 1], across), np.cross(across, sides[:, 0])], axis=1) / size
    face, first = across[which], first[which]
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = _dot(first - eye, face) / _dot(way, face)
    depth = np.nan_to_num(depth, nan=FAR, posinf=FAR, neginf=FAR).clip(1e-2, 1e3)
    point = eye + depth[:, None] * way
    share = np.einsum("nij,nj->ni", heights[which], point - first)  # barycentric, of the second and third corner
    weights = np.concatenate([1 - share.sum(1, keepdims=True), share], axis=1).clip(-0.5, 1.5)[..., None]
    normal = (np.concatenate([mesh.normals for mesh in room.meshes])[which] * weights).sum(1)
    normal = np.where(_dot(normal, normal)[:, None] > 1e-6, normal, face)
    normal *= (1 - 2 * (_dot(normal, way) > 0))[:, None].astype(np.float32)
    normal /= np.sqrt(np.maximum(_dot(normal, normal), 1e-20))[:, None]
    return Met(seen, which, depth, point, weights, normal)


def _sky(room: Room) -> Floats:
    """(n, 3) behind everything: a photograph out of focus, or one."""
    sky = cv2.resize(room.table[int(room.random.integers(len(room.table)))], (FINE, FINE))
    if room.random.random() < 0.7:
        sky = cv2.GaussianBlur(sky, (0, 0), 25)
    return sky.reshape(-1, 3).astype(np.float32) / 255


def _colours(room: Room, which: NDArray[np.int64], weights: Floats) -> Floats:
    """(n, 3) in [0, 1] of what was met."""
    starts = np.cumsum([0] + [len(mesh.textures) for mesh in room.meshes])
    looks = np.concatenate([mesh.looks + start for mesh, start in zip(room.meshes, starts)])[which]
    textures = [texture for mesh in room.meshes for texture in mesh.textures]
    rows = -(-len(textures) // COLUMNS)
    textures += textures[:1] * (rows * COLUMNS - len(textures))
    side = furniture.SIDE
    sheet = np.stack(textures).reshape(rows, COLUMNS, side, side, 3).swapaxes(1, 2).reshape(rows * side, -1, 3)
    uv = (np.concatenate([mesh.uv for mesh in room.meshes])[which] * weights).sum(1)
    inside = (np.nan_to_num(uv) * side % (side - 1)).astype(np.float32)
    x, y = inside[:, 0] + looks % COLUMNS * side, inside[:, 1] + looks // COLUMNS * side
    wide = 4096
    padded = [np.pad(axis.astype(np.float32), (0, -len(axis) % wide)).reshape(-1, wide) for axis in (x, y)]
    return cv2.remap(sheet, *padded, cv2.INTER_LINEAR).reshape(-1, 3)[: len(which)].astype(np.float32) / 255


def _lit(room: Room, scene: Any, point: Floats, normal: Floats, colour: Floats, way: Floats) -> Floats:
    """(n, 3) light of what is seen: of sun or lamp with soft shadows, of all around where it is open, and gloss.

    Each sample is the same for all places, so that there is no grain.
    """
    random, start = room.random, (point + 3e-3 * normal).astype(np.float32)

    def open_to(towards: Floats, most: float) -> Floats:
        """(n,) 1 where nothing is met towards (n, 3) within `most` of its lengths."""
        met = scene.run(start, towards.astype(np.float32), np.full(len(start), most, np.float32), query="OCCLUDED")
        return (met < 0).astype(np.float32)

    if lamp := random.random() < 0.5:
        source, reach, spread = random.uniform((-2, 1.8, 0), (2, 3, 5)), float(random.uniform(1.5, 5)), 0.1
        source[1] = min(source[1], room.walls.get("ceiling", 9) - 0.1)
    else:
        source, reach, spread = random.normal(size=3), np.inf, float(random.choice([0.01, 0.05, 0.15]))
        source[1] = abs(source[1]) + 0.6
        source /= np.linalg.norm(source)
    direct = np.zeros(len(point), np.float32)
    for shift in spread * random.normal(size=(4, 3)):
        towards = np.broadcast_to(source + shift, point.shape).astype(np.float32) - (point if lamp else 0)
        away = np.sqrt(_dot(towards, towards))
        facing = np.clip(_dot(normal, towards) / away, 0, 1)
        fall = 2 / (1 + (away / reach) ** 2)
        direct += facing * (fall if lamp else 1) * open_to(towards, 1.0 if lamp else np.inf) / 4
    around, whole = np.zeros(len(point), np.float32), np.full(len(point), 1e-6, np.float32)
    near = float(random.uniform(0.3, 1.0))
    ways = random.normal(size=(4, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    for one in (*ways, *-ways):
        facing = np.clip(normal @ one.astype(np.float32), 0, 1)
        around += facing * open_to(np.broadcast_to((near * one).astype(np.float32), point.shape).copy(), 1.0)
        whole += facing
    shade = float(random.uniform(0.25, 0.7))
    tint = np.exp(random.normal(0, 0.08, 3)).astype(np.float32)
    half = source.astype(np.float32) - (point if lamp else 0)
    half = half / np.sqrt(_dot(half, half))[..., None] - way / np.sqrt(_dot(way, way))[:, None]
    glint = np.clip(_dot(normal, half) / np.sqrt(np.maximum(_dot(half, half), 1e-12)), 0, 1)
    gloss = float(random.choice([0, 0.2, 0.5])) * glint ** float(random.uniform(10, 60)) * (direct > 0.05)
    return colour * (shade * around / whole + (1 - shade) * direct)[:, None] * tint + gloss[:, None]


def _dot(one: Floats, other: Floats) -> Floats:
    """(…, 3) both → (…)."""
    return np.einsum("...i,...i->...", one, other)


def rooms(count: int = COUNT, seed: int = 14) -> tuple[Tensor, Tensor]:
    """Pictures (n, 256, 256, 3) and log inverse depth (n, 64, 64), drawn once by all cores and mapped from disk."""
    files = [checkpoint.CACHE / "depth" / f"furnished-{count}-{seed}.{kind}.npy" for kind in ("pictures", "near")]
    if not all(file.exists() for file in files):
        context = multiprocessing.get_context("spawn")
        with context.Pool(initializer=_settle, initargs=(context.Value("i", 0),)) as pool:
            made = pool.map(_drawn, [(seed, number) for number in range(count)], chunksize=8)
        for file, values in zip(files, zip(*made)):
            checkpoint.save_array(file, np.stack(values))
    pictures, near = (torch.from_numpy(np.load(file, mmap_mode="c")) for file in files)
    return pictures, near


def _settle(number: Any) -> None:
    """Each worker on a core of its own: Embree starts threads for all that it sees, and they wait for one another."""
    cv2.setNumThreads(1)
    with number.get_lock():
        number.value += 1
        mine = number.value
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[mine % len(cores)]})


def _drawn(which: tuple[int, int]) -> tuple[NDArray[np.uint8], Floats]:
    seed, number = which
    return drawn(photographs.table(), checkpoint.numpy_generator(seed, number, "room"))
