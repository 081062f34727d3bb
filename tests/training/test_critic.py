"""The critic learns to see through noise, and what it misses moves the painter towards it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")


@pytest.fixture(scope="module")
def table():
    """Rows of two kinds that differ by the sign of their first channel; the second has a thing in sight."""
    from training.latents import CAPTIONS, Table
    from training.questions import QUESTIONS, THINGS

    random = torch.Generator().manual_seed(0)
    count = 1400
    second = torch.arange(count) % 2 == 1
    latents = 0.3 * torch.randn(count, 32, 16, 16, generator=random)
    latents[:, 0] += torch.where(second, 2.0, -2.0)[:, None, None]
    answers = torch.full((count, len(QUESTIONS)), -1)
    answers[:, 0] = second.int()
    things = torch.zeros(count, len(THINGS))
    things[:, 0] = second
    return Table(
        latents.half(),
        torch.zeros(count, 16, 16).half(),
        torch.full((count, 2, CAPTIONS, 48), 5).to(torch.int16),
        torch.ones(count, dtype=torch.bool),
        answers.to(torch.int8),
        things.to(torch.int8),
        (things > 0)[:, None, None].expand(-1, 2, CAPTIONS, -1),
    )


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    from training.critic import train

    folder = tmp_path_factory.mktemp("critic")
    train(table, torch.ones(32), folder, minutes=10, steps=80, batch=32)
    return folder


def test_it_tells_kinds_through_noise(table, folder):
    from training.critic import load, right
    from training.noise import signal

    assert min(right(load(folder), table, signal().float())) > 0.9


def test_no_critic_is_told(tmp_path):
    from training.critic import load

    with pytest.raises(FileNotFoundError, match="train it first"):
        load(tmp_path)


def test_only_what_captions_tell_is_missed(table, folder):
    from training.critic import glimpsed, load, unheard

    power = torch.full((4,), 0.9)
    scores = load(folder)(glimpsed(table.latents[:4].float(), power, torch.Generator().manual_seed(1)), power)
    nothing = torch.zeros(4, table.told.shape[-1], dtype=torch.bool)
    assert not unheard(scores, torch.full((4,), -1), nothing).any()
    kind = table.answers[:4, 0].long()
    true, false = unheard(scores, kind, nothing), unheard(scores, 1 - kind, nothing)
    assert (true < false).all()
    thing = unheard(scores, kind, table.told[:4, 0, 0]) - true
    assert (thing[1::2] > 0).all()
    assert not thing[::2].any()


@pytest.fixture
def painter():
    from training.painter import Painter

    torch.manual_seed(0)
    small = {"block_out_channels": (16, 16, 16), "norm_num_groups": 4, "attention_head_dim": 2}
    return Painter(torch.randn(40, 50), small, {"num_hidden_layers": 1, "intermediate_size": 32})


def wrong(table):
    """Sixteen pictures under captions of the other kind: only the critic speaks for the captions."""
    from training.batch import Batch

    kind = torch.ones(16, dtype=torch.long)
    told = table.told[1:2, 0, 0].expand(16, -1)
    return Batch(table.latents[:32:2].float(), torch.zeros(16, 1, 16, 16), table.tokens[:16, 0, 0].long(), kind, told)


def test_a_painter_that_heeds_it_paints_what_it_asks_for(table, folder, painter):
    from training.critic import load
    from training.loss import Teachers, channel_weights, losses
    from training.noise import signal

    critic, alphas, weights, batch = load(folder), signal(), channel_weights(table), wrong(table)
    optimizer = torch.optim.AdamW(painter.parameters(), lr=3e-3)
    asked = []
    for step in range(40):
        random = torch.Generator().manual_seed(step % 4)
        parts = losses(painter, painter.unet, alphas, weights, batch, random, Teachers(critic, 1.0))
        asked.append(float(parts["missed"].detach()))
        optimizer.zero_grad()
        (parts["error"] + parts["missed"]).backward()
        optimizer.step()
    assert np.mean(asked[-8:]) < 0.7 * np.mean(asked[:8])
    assert all(value.grad is None for value in critic.parameters())
