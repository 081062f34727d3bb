"""Paintings to train a decoder on: painted once, from the world's captions, and kept."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")  # training is an extra


@pytest.fixture
def cache(tmp_path, monkeypatch):
    from training import checkpoint, painted

    monkeypatch.setattr(checkpoint, "CACHE", tmp_path)
    monkeypatch.setattr(checkpoint, "WORLD", tmp_path / "world")
    monkeypatch.setattr(painted, "COUNT", 4)
    monkeypatch.setattr(painted, "STEPS", 2)
    (tmp_path / "world").mkdir()
    return tmp_path


def test_without_a_world_there_is_nothing_to_paint(cache):
    from training import painted

    assert painted.latents() is None


def test_paintings_are_kept(cache, monkeypatch):
    from training import painted
    from training.world.dataset import write_shard

    for number in range(2):
        assert write_shard(cache / "world" / f"shard_{number:05d}.npz", first=77 + 4 * number, count=4)
    found = painted.latents()
    assert found.shape == (4, 32, 16, 16)
    assert found.isfinite().all()
    assert found.std() > 0.1
    assert not torch.equal(found[:2], found[2:])  # another sampler
    monkeypatch.setattr(painted, "_painted", None)  # the second time nothing is painted
    assert torch.equal(painted.latents(), found)
