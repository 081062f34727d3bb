"""Rooms: what is drawn lies where the depth says."""

import numpy as np

from training import checkpoint, rooms


def test_a_room_is_seen_with_its_depth() -> None:
    table = np.random.default_rng(0).integers(0, 256, (4, 256, 256, 3), dtype=np.uint8)
    for number in range(4):
        picture, near = rooms.drawn(table, checkpoint.numpy_generator(2, number, "room"))
        assert picture.shape == (256, 256, 3)
        assert near.shape == (64, 64)
        assert np.isfinite(near).all()
        assert near.min() >= -np.log(rooms.FAR) - 1e-6
        assert near[-4:].mean() > near[:4].mean()  # the floor comes nearer downwards
        again, _ = rooms.drawn(table, checkpoint.numpy_generator(2, number, "room"))
        assert np.array_equal(picture, again)


def test_a_floor_alone_is_a_plane() -> None:
    """Inverse depth of a plane is linear in the picture (Hartley & Zisserman, §8.1)."""
    random = np.random.default_rng(1)
    rays, eye = rooms._camera(random)
    where = -eye[1] / rays[..., 1]
    inverse = np.where(where > 0, 1 / np.maximum(where, 1e-9), 0)
    y, x = np.nonzero(inverse[128:] > 0.05)
    values = inverse[128:][y, x]
    columns = np.stack([x, y, np.ones_like(x)], 1)
    assert np.abs(columns @ np.linalg.lstsq(columns, values, rcond=None)[0] - values).max() < 1e-6


def test_what_a_part_of_the_view_is_enough_for_is_seen_whole(monkeypatch) -> None:
    table = np.random.default_rng(0).integers(0, 256, (4, 256, 256, 3), dtype=np.uint8)

    def drawn() -> list[np.ndarray]:
        numbers = range(6)
        return [part for n in numbers for part in rooms.drawn(table, checkpoint.numpy_generator(4, n, "room"))]

    some = drawn()
    monkeypatch.setattr(rooms.View, "around", lambda view, points: view)
    assert all(np.array_equal(a, b) for a, b in zip(some, drawn()))
