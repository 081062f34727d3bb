"""The procedural world: the same scene from the same seed, exact depth, true captions."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("numba")

from training.world import dataset
from training.world.camera import Camera, flow, project, world_points
from training.world.captions import captions, labels, mirrored, sky_colour
from training.world.dataset import LACKING, STYLED, read_shard, rows, write_shard
from training.world.pairs import triplet
from training.world.render import render
from training.world.scene import KINDS, draw
from training.world.sight import SIGHTS, lacking, shares
from training.world.styles import STYLES

SMALL = 96


@pytest.fixture(scope="module")
def lake():
    scene = draw(11, kind="lake", time="noon", weather="clear", tint=None)
    return scene, render(scene.world, scene.camera, SMALL, SMALL)


def test_same_seed_same_picture(lake):
    scene = draw(11, kind="lake", time="noon", weather="clear", tint=None)
    again = render(scene.world, scene.camera, SMALL, SMALL)
    assert np.array_equal(again.picture, lake[1].picture)
    assert np.array_equal(again.depth, lake[1].depth)


def test_points_project_back(lake):
    scene, view = lake
    place, ahead = project(scene.camera, world_points(scene.camera, view.depth), SMALL, SMALL)
    rows, columns = np.mgrid[:SMALL, :SMALL]
    assert np.allclose(place[..., 0], columns, atol=1e-2)
    assert np.allclose(place[..., 1], rows, atol=1e-2)
    assert np.allclose(ahead, view.depth, rtol=1e-5)


def test_water_lies_in_its_plane(lake):
    scene, view = lake
    points = world_points(scene.camera, view.depth.astype(np.float64))
    water = (view.what == 2) & (view.depth < 50)
    assert water.sum() > 50
    assert np.abs(points[..., 1][water] - scene.world.matter.water).max() < 1e-2


def test_flow_of_a_turn_does_not_depend_on_depth():
    camera = Camera(0.0, 1.0, 0.0, 0.0, 0.0, 1.6)
    near, _ = flow(camera, np.full((32, 32), 2.0), camera._replace(yaw=0.02))
    far, _ = flow(camera, np.full((32, 32), 90.0), camera._replace(yaw=0.02))
    assert np.allclose(near, far, atol=1e-3)
    assert near[16, 16, 0] < 0  # the camera turns right, the picture moves left


@pytest.mark.parametrize("seed", [4, 41])
def test_moved_view_agrees_where_both_see(seed):
    t = triplet(seed, 128)
    rows, columns = np.mgrid[:128, :128].astype(np.float32)
    for side, step, seen in ((t.a, t.flow_a, t.seen_a), (t.b, t.flow_b, t.seen_b)):
        warped = cv2.remap(side, columns + step[..., 0], rows + step[..., 1], cv2.INTER_LINEAR)
        away = np.abs(warped.astype(float) - t.mid).mean(-1)
        still = np.abs(side.astype(float) - t.mid).mean(-1)
        land = seen & (t.depth < 900)
        assert seen.mean() > 0.6
        assert np.median(away[land]) < 8
        assert away[land].mean() < 0.75 * still[land].mean() + 1


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_renders_and_is_described(kind):
    scene = draw(5, kind=kind)
    view = render(scene.world, scene.camera, 48, 48)
    truth = labels(scene, view)
    texts = captions(scene.seed, truth)
    assert view.picture.shape == (48, 48, 3)
    assert view.picture.std() > 4
    assert np.isfinite(view.depth).all()
    assert len(texts) == 5
    assert not any("a a" in t.split("|") or " a a " in f" {t} " or "None" in t for t in texts)


def test_sides_are_where_the_caption_says():
    """Things named left lie left, and the mirrored caption says right."""
    told = 0
    for seed in range(60, 72):
        scene = draw(seed, kind="sea", weather="clear", time="sunset")
        view = render(scene.world, scene.camera, SMALL, SMALL)
        truth = labels(scene, view)
        for thing in truth["objects"]:
            if thing["name"] not in scene.names or thing["side"] not in ("left", "right"):
                continue
            mine = np.isin(view.seen, [k + 1 for k, n in enumerate(scene.names) if n == thing["name"]])
            middle = np.nonzero(mine)[1].mean() / SMALL
            assert (middle < 0.5) == (thing["side"] == "left")
            told += 1
    assert told >= 3


def test_mirrored_captions_swap_sides():
    assert mirrored("a ship on the left, the sun to the right") == "a ship on the right, the sun to the left"
    assert mirrored("bright leftover") == "bright leftover"


@pytest.mark.parametrize(
    ("colour", "word"),
    [((90, 150, 220), "blue"), ((20, 30, 70), "dark blue"), ((240, 150, 80), "orange"), ((150, 152, 150), "grey")],
)
def test_sky_colour_words(colour, word):
    assert sky_colour(np.array([colour], np.uint8)) == word


@pytest.mark.parametrize("style", sorted(STYLES))
def test_styles_keep_the_size_and_repeat(lake, style):
    _scene, view = lake
    one, two = (STYLES[style](view.picture, view.depth, view.seen, np.random.default_rng(3)) for _ in range(2))
    assert one.shape == view.picture.shape
    assert one.dtype == np.uint8
    assert np.array_equal(one, two)
    assert np.abs(one.astype(int) - view.picture).mean() > 3


def test_shard_round_trip(tmp_path: Path):
    count = write_shard(tmp_path / "shard_00000.npz", 900, 2)
    shard = read_shard(tmp_path / "shard_00000.npz")
    assert shard.pictures.shape == (count, 256, 256, 3)
    assert shard.depth.shape == (count, 64, 64)
    assert shard.rows[0]["seed"] == 900
    assert all(len(r["captions"]) == len(r["mirrored"]) for r in shard.rows)
    assert json.dumps(shard.rows[0]["labels"])
    assert [p.name for p in tmp_path.iterdir()] == ["shard_00000.npz"]


def test_a_shard_whose_scenes_show_nothing_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dataset, "rows", lambda seed: iter(()))
    assert write_shard(tmp_path / "shard_00000.npz", 900, 2) == 0
    assert not list(tmp_path.iterdir())


def test_second_run_has_nothing_to_do(tmp_path: Path):
    (tmp_path / "shard_00000.npz").touch()
    command = [sys.executable, "-m", "training.world.dataset", "--out", str(tmp_path), "--count", "2", "--workers", "1"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == ""


def test_shares_tell_land_by_water():
    what = np.zeros((48, 48), np.uint8)
    what[24:] = 2
    open_sea = shares(what)
    assert open_sea == {"land": 0.0, "water": 0.5, "horizon": 1.0, "ground": 0.0}
    assert lacking("sea", open_sea) == 0 < lacking("lake", open_sea)
    what[18:24] = 1  # land behind the water
    assert shares(what)["horizon"] == 0
    assert lacking("lake", shares(what) | {"land": 0.2}) == 0
    what[18:24, :30] = 0  # and only on one side
    assert shares(what)["horizon"] == pytest.approx(30 / 48)
    assert lacking("islands", shares(what) | {"land": 0.1}) == 0
    what[40:, :] = 1  # seen from a beach
    assert lacking("coast", shares(what) | {"land": 0.25}) == 0 < lacking("islands", shares(what))
    assert lacking("hills", shares(what)) == 0


@pytest.mark.parametrize("kind", sorted(SIGHTS))
def test_most_scenes_show_their_kind(kind):
    scenes = [draw(seed, kind=kind) for seed in range(500, 512)]
    lacks = [lacking(kind, shares(render(s.world, s.camera, 64, 64).what)) for s in scenes]
    assert sum(each <= LACKING for each in lacks) >= 8


def test_a_scene_that_hides_its_kind_gives_no_rows(monkeypatch):
    assert next(row.text["style"] for row in rows(900)) == "photo"
    assert len({row.text["style"] for row in rows(900)}) == 1 + STYLED
    monkeypatch.setattr("training.world.dataset.LACKING", -1.0)
    assert list(rows(900)) == []
