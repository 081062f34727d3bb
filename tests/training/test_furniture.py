"""Furniture: a catalogue's model comes out of its archive as large as the catalogue says, under its own colours."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from training import furniture

ENTRIES = """
id#1=chair
name#1=Chair
model#1=/made/chair/chair.obj
width#1=40
depth#1=50
height#1=90
dropOnTopElevation#1=45
modelRotation#1=1 0 0 0 0 -1 0 1 0
doorOrWindow#1=false

id#2=door
name#2=Door
model#2=/made/chair/chair.obj
width#2=90
depth#2=10
height#2=200
doorOrWindow#2=true
"""
BOX = """mtllib chair.mtl
v 0 0 0
v 1 0 0
v 1 2 0
v 0 2 0
v 0 0 3
vt 0 0
vt 1 0
vt 1 1
usemtl red
f 1/1 2/2 3/3
f 1/1 3/2 4/3
usemtl blue
f 1/1 2/2 5/3
"""
COLOURS = "newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n"


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    with zipfile.ZipFile(tmp_path / "Made.sh3f", "w") as file:
        file.writestr("PluginFurnitureCatalog.properties", ENTRIES)
        file.writestr("made/chair/chair.obj", BOX)
        file.writestr("made/chair/chair.mtl", COLOURS)
    monkeypatch.setattr(furniture, "FOLDER", tmp_path)
    furniture.catalogue.cache_clear()
    yield tmp_path
    furniture.catalogue.cache_clear()


def test_a_model_is_as_large_as_its_catalogue_says(folder) -> None:
    (chair,) = furniture.catalogue()  # and a door is none
    assert (chair.name, chair.size, chair.elevation, chair.top) == ("Chair", (0.4, 0.9, 0.5), 0.0, 0.45)
    mesh = furniture.mesh(chair)
    assert np.allclose(mesh.size(), chair.size)
    assert np.isclose(mesh.corners[..., 1].min(), 0)
    assert np.allclose(mesh.corners.reshape(-1, 3).max(0)[[0, 2]], (0.2, 0.25))


def test_it_is_turned_as_its_catalogue_says(folder) -> None:
    """Its z, three long, becomes the upright: the corner that was farthest there is alone at one end of it."""
    (chair,) = furniture.catalogue()
    upright = np.unique(np.round(furniture.mesh(chair).corners.reshape(-1, 3), 4), axis=0)[:, 1]
    assert sorted(np.round(upright, 2)) in ([0, 0.9, 0.9, 0.9, 0.9], [0, 0, 0, 0, 0.9])


def test_it_has_its_colours(folder) -> None:
    mesh = furniture.mesh(furniture.catalogue()[0])
    assert len(mesh.corners) == len(mesh.looks) == 3
    colours = [tuple(mesh.textures[look][0, 0]) for look in mesh.looks]
    assert colours.count((255, 0, 0)) == 2
    assert colours.count((0, 0, 255)) == 1


def test_without_the_package_there_is_none(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(furniture, "FOLDER", tmp_path / "nowhere")
    furniture.catalogue.cache_clear()
    assert furniture.catalogue() == ()
    furniture.catalogue.cache_clear()
