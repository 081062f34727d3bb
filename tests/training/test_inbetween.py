"""The trainer of the in-between network: what it draws, that it resumes, what it exports."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from animate.interp.embedded import Network, load  # noqa: E402
from training import inbetween, moving  # noqa: E402


@pytest.fixture(scope="module")
def table():
    return np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(moving, "SIDE", 32)


def sitting(table, folder, steps):
    torch.manual_seed(0)
    network = Network((8, 8, 8, 8))
    inbetween.train(network, table, folder, minutes=10, steps=steps, batch=2)
    return network


def test_pairs_are_pictures_with_a_moment_between(table):
    a, b, truth, time = moving.pairs(table, 3, np.random.default_rng(1))
    assert a.shape == b.shape == truth.shape == (3, 3, 32, 32)
    assert float(truth.min()) >= 0
    assert float(truth.max()) <= 1
    assert bool(((time > 0) & (time < 1)).all())


def test_layers_move_evenly_along_straight_lines():
    """A bright column moving right by 8 px: half-way at t = 0.5, by 2 px at 0.25."""
    picture = np.zeros((48, 48, 4), np.uint8)
    picture[:, 22:26] = picture[..., 3] = 255
    layer = moving.Layer(picture=picture, velocity=np.array([[0, 0, 8.0], [0, 0, 0]]))
    weights = [moving.drawn([layer], time)[..., 0].sum(0) for time in (0.0, 0.25, 0.5, 1.0)]
    centers = [float((weight * np.arange(32)).sum() / weight.sum()) for weight in weights]
    assert np.diff(centers).tolist() == pytest.approx([2, 2, 4], abs=0.1)


def test_killed_and_resumed_training_ends_with_the_same_weights(table, tmp_path):
    straight = sitting(table, tmp_path / "straight", 3)
    sitting(table, tmp_path / "resumed", 1)
    resumed = sitting(table, tmp_path / "resumed", 3)
    for (name, a), (_, b) in zip(straight.state_dict().items(), resumed.state_dict().items()):
        assert torch.equal(a, b), name


def test_exported_weights_load_and_the_card_says_what_they_are(table, tmp_path):
    torch.manual_seed(0)
    network = Network()
    inbetween.train(network, table, tmp_path / "run", minutes=10, steps=1, batch=1)
    inbetween.export(tmp_path / "run", tmp_path / "model")
    card = json.loads((tmp_path / "model" / "card.json").read_text("utf-8"))
    assert card["parameters"] == sum(value.numel() for value in network.parameters()) <= 2_000_000
    assert card["passed_gate"] is False
    assert card["distilled_from"] == ""
    engine = load(tmp_path / "model" / "network.safetensors", torch.device("cpu"), torch.float32)
    for (_, ours), (_, theirs) in zip(network.state_dict().items(), engine.network.state_dict().items()):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)
