"""Furniture, vehicles, people, animals, plants and tools as triangles: what stands about in a real room.

The models of Debian's ``sweethome3d-furniture`` (CC0 and CC BY; see ``README.md``), unpacked under ``cache/debian/x``.
They are training material only; none is shipped.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import trimesh
from numpy.typing import NDArray
from trimesh.resolvers import ZipResolver

from training.checkpoint import CACHE

FOLDER = CACHE / "debian" / "x" / "usr/share/sweethome3d/furniture"
MOST_BYTES = 1_000_000
"""Of a model's text; the few larger ones are left out."""
SIDE = 128
"""Of a texture, px."""

Floats = NDArray[Any]
Texture = NDArray[np.uint8]
"""(128, 128, 3), repeating."""


@dataclass(frozen=True)
class Mesh:
    """Triangles in metres, y up, its base about the origin."""

    corners: Floats
    """(n, 3, 3) float32."""
    normals: Floats
    """(n, 3, 3) float32, of the corners; 0 where the face's own is meant."""
    uv: Floats
    """(n, 3, 2) float32, in widths of a texture."""
    looks: NDArray[np.int64]
    """(n,) which of `textures`."""
    textures: tuple[Texture, ...]

    def size(self) -> Floats:
        """(3,) metres."""
        flat = self.corners.reshape(-1, 3)
        return flat.max(0) - flat.min(0)


@dataclass(frozen=True)
class Model:
    """One entry of a catalogue."""

    name: str
    file: str
    """Of the archive, and inside it."""
    archive: Path
    size: tuple[float, float, float]
    """Width, height, depth in metres."""
    elevation: float
    """Metres above the floor at which it hangs; 0 for what stands."""
    top: float | None
    """Metres above its base at which things can be put on it."""
    rotation: tuple[float, ...]
    """Nine numbers, row by row."""


@cache
def catalogue() -> tuple[Model, ...]:
    """All that can stand or hang somewhere, doors and windows left out; empty without the package."""
    found = []
    for archive in sorted(FOLDER.glob("*.sh3f")):
        with zipfile.ZipFile(archive) as file:
            text = file.read("PluginFurnitureCatalog.properties").decode("latin-1")
            sizes = {info.filename: info.file_size for info in file.infolist()}
        rows: dict[str, dict[str, str]] = {}
        for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*?)\s*$", text, re.MULTILINE):
            rows.setdefault(number, {})[key] = value
        for row in rows.values():
            name = row.get("model", "").lstrip("/")
            if row.get("doorOrWindow") == "true" or not 0 < sizes.get(name, 0) <= MOST_BYTES:
                continue
            width, height, depth = (float(row[key]) / 100 for key in ("width", "height", "depth"))
            top = float(row.get("dropOnTopElevation", -1)) / 100
            found.append(
                Model(
                    name=row["name"],
                    file=name,
                    archive=archive,
                    size=(width, height, depth),
                    elevation=float(row.get("elevation", 0)) / 100,
                    top=top if top > 0 else height if top == -0.01 else None,
                    rotation=tuple(map(float, row.get("modelRotation", "1 0 0 0 1 0 0 0 1").split())),
                )
            )
    return tuple(found)


@cache
def mesh(model: Model) -> Mesh:
    """Out of its archive, turned and sized as the catalogue says."""
    folder = str(Path(model.file).parent)
    with zipfile.ZipFile(model.archive) as file:
        held = {
            name.removeprefix(folder + "/"): trimesh.util.wrap_as_stream(file.read(name))
            for name in file.namelist()
            if name.startswith(folder + "/") and not name.endswith("/")
        }
    read = trimesh.load_scene(
        held[Path(model.file).name], file_type="obj", resolver=ZipResolver(held), process=False, maintain_order=True
    )
    corners, normals, uvs, looks, textures = [], [], [], [], []
    for part in read.geometry.values():
        faces = np.asarray(part.faces)
        corners.append(np.asarray(part.vertices)[faces])
        normals.append(np.asarray(part.vertex_normals)[faces])
        uv = getattr(part.visual, "uv", None)
        uvs.append(np.zeros((len(faces), 3, 2)) if uv is None else np.asarray(uv)[faces] * (1, -1))
        looks.append(np.full(len(faces), len(textures)))
        textures.append(_texture(getattr(part.visual, "material", None)))
    placed, up = (np.concatenate(one) @ np.reshape(model.rotation, (3, 3)).T for one in (corners, normals))
    low, high = placed.reshape(-1, 3).min(0), placed.reshape(-1, 3).max(0)
    placed = (placed - [(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]) * (
        model.size / np.maximum(high - low, 1e-9)
    )
    return Mesh(
        placed.astype(np.float32),
        up.astype(np.float32),
        np.concatenate(uvs).astype(np.float32),
        np.concatenate(looks),
        tuple(textures),
    )


def _texture(material: Any) -> Texture:
    """A material's picture, or a square of its colour."""
    image = getattr(material, "image", None)
    if image is not None:
        return cv2.resize(np.asarray(image.convert("RGB")), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    colour = getattr(material, "diffuse", None)
    colour = np.array([200, 200, 200]) if colour is None else np.asarray(colour)[:3]
    return np.broadcast_to(colour.astype(np.uint8), (SIDE, SIDE, 3)).copy()
