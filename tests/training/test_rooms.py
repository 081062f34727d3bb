"""Rooms: what is drawn lies where the depth says."""

import numpy as np
import pytest

from training import checkpoint, furniture, rooms

pytest.importorskip("embreex")

TABLE = np.random.default_rng(0).integers(0, 256, (4, 256, 256, 3), dtype=np.uint8)
FLOOR = rooms._sheet([(-99, 0, -99), (99, 0, -99), (99, 0, 99), (-99, 0, 99)])


@pytest.fixture(autouse=True)
def bare(monkeypatch) -> None:
    """Without models, as where the package of furniture is not unpacked."""
    monkeypatch.setattr(furniture, "catalogue", lambda: ())


def room(**more) -> rooms.Room:
    return rooms.Room(np.random.default_rng(5), TABLE, {}, **more)


def test_a_room_is_seen_with_its_depth() -> None:
    for number in range(3):
        picture, near = rooms.drawn(TABLE, checkpoint.numpy_generator(2, number, "room"))
        assert picture.shape == (256, 256, 3)
        assert picture.std() > 10
        assert near.shape == (64, 64)
        assert np.isfinite(near).all()
        assert near.min() >= -np.log(rooms.FAR) - 1e-6
        assert near[-4:].mean() > near[:4].mean()  # the floor comes nearer downwards
        again, _ = rooms.drawn(TABLE, checkpoint.numpy_generator(2, number, "room"))
        assert np.array_equal(picture, again)


def test_a_floor_alone_is_a_plane() -> None:
    """Inverse depth of a plane is linear in the picture (Hartley & Zisserman, §8.1)."""
    one = room()
    one.meshes.append(one.body(FLOOR, 1.0))
    _, depth = rooms._seen(one, *rooms._camera(np.random.default_rng(1)))
    y, x = np.nonzero(depth < 20)
    columns = np.stack([x, y, np.ones_like(x)], 1)
    values = 1 / depth[y, x]
    assert len(values) > 10_000
    assert np.abs(columns @ np.linalg.lstsq(columns, values, rcond=None)[0] - values).max() < 1e-4


def test_a_ball_throws_its_shadow() -> None:
    """What the lamp does not reach is darker than without the ball."""
    pictures = []
    for things in (False, True):
        one = room()
        one.meshes.append(one.body(FLOOR, 1.0))
        if things:
            rooms._ball(one)
        one.random = np.random.default_rng(8)  # the same light
        point = np.stack([*np.meshgrid(np.linspace(-3, 3, 90), np.linspace(0.5, 9, 90)), np.zeros((90, 90))], -1)
        point = point[..., [0, 2, 1]].reshape(-1, 3).astype(np.float32)
        up = np.broadcast_to(np.array([0, 1, 0], np.float32), point.shape)
        white = np.ones_like(point)
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        scene = EmbreeScene()
        TriangleMesh(scene, np.concatenate([mesh.corners for mesh in one.meshes]))
        pictures.append(rooms._lit(one, scene, point, up, white, point - (0, 1.5, 0)))
    bare, shaded = pictures
    assert (shaded <= bare + 1e-5).all()
    assert (shaded < 0.8 * bare).any()


def test_what_stands_about_does_not_stand_in_each_other() -> None:
    one = room()
    for _ in range(9):
        one.place(0.5)
    assert len(one.taken) > 3
    for n, (x, z, r) in enumerate(one.taken):
        assert all(np.hypot(x - a, z - b) >= 0.8 * (r + s) for a, b, s in one.taken[:n])


def test_what_stands_in_a_turned_room_stands_before_its_walls() -> None:
    walls = {"left": -1.0, "right": 1.0, "back": 4.0}
    one = rooms.Room(np.random.default_rng(5), TABLE, walls, turn=0.7)
    for _ in range(20):
        one.place(0.2)
    places = np.array([(x, 0, z) for x, z, _ in one.taken]) @ rooms._about(one.turn).T
    assert len(places) > 5
    assert np.abs(places[:, 0]).max() < 0.8
    assert places[:, 2].max() < 3.8
    straight = np.array([(x, z) for x, z, _ in one.taken])
    assert np.abs(straight[:, 0]).max() > 0.8  # as the eye sees them they lie askew


def test_a_turned_wall_is_as_far_away_as_before() -> None:
    one = rooms.Room(np.random.default_rng(5), TABLE, {}, turn=0.5)
    one.along(one.body(rooms._sheet([(-60, -1, 3), (60, -1, 3), (60, 9, 3), (-60, 9, 3)]), 1.0), 0.0, 0.0, 0.0, 0.0)
    corners = one.meshes[0].corners.reshape(-1, 3)
    normal = np.array([0, 0, 1]) @ rooms._about(0.5)
    assert np.allclose(corners @ normal, 3, atol=1e-4)
    assert np.ptp(corners[:, 2]) > 10


def test_a_curtain_hangs_before_its_wall() -> None:
    for seed in range(9):
        folds = rooms._curtain(np.random.default_rng(seed), 2.0)
        assert folds[..., 2].max() <= 2.0
        assert 1.7 < folds[..., 2].min() < 2.0
