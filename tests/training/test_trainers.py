"""The trainers: killed and resumed they end with the same weights; mirrors are known without encoding."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

LENGTH = 48


@pytest.fixture(scope="module")
def parts():
    """A painter of a few thousand parameters and a table of eight rows."""
    from training.latents import Table
    from training.painter import Painter
    from training.questions import THINGS

    def build():
        torch.manual_seed(0)
        small = {"block_out_channels": (16, 16, 16), "norm_num_groups": 4, "attention_head_dim": 2}
        text = {"num_hidden_layers": 1, "intermediate_size": 32}
        return Painter(torch.randn(40, 50, generator=torch.Generator().manual_seed(1)), small, text)

    random = np.random.default_rng(0)
    table = Table(
        torch.from_numpy(random.standard_normal((8, 32, 16, 16))).half(),
        torch.from_numpy(random.uniform(-1, 1, (8, 16, 16))).half(),
        torch.from_numpy(random.integers(4, 40, (8, 2, 6, LENGTH)).astype(np.int16)),
        torch.arange(8) < 5,
        torch.tensor([[2, -1, -1, 0]] * 4 + [[1, 0, 0, 0]] * 4).to(torch.int8),
        torch.tensor([[1, 0, -1] + [0] * (len(THINGS) - 3)] * 8).to(torch.int8),
        torch.tensor([True] + [False] * (len(THINGS) - 1)).expand(8, 2, 6, -1),
    )
    return build, table, torch.ones(32)


def sitting(parts, folder, steps, table=None, dare=0.0):
    from training.discriminator import Discriminator
    from training.latents import EMBEDDED, PatchAutoencoder
    from training.loss import Teachers
    from training.painter import train

    build, whole, signs = parts
    painter = build()
    vae = PatchAutoencoder.from_pretrained(str(EMBEDDED / "vae"))
    torch.manual_seed(2)
    discriminator = Discriminator(vae, painter.unet.time_embedding.linear_2.out_features)
    teachers = Teachers(discriminator=discriminator if dare else None, dare=dare)
    train(painter, table or whole, signs, folder, minutes=10, steps=steps, batch=4, rate=1e-3, teachers=teachers)
    return painter


@pytest.mark.parametrize("dare", [0.0, 0.5])
def test_killed_and_resumed_training_ends_with_the_same_weights(parts, tmp_path, dare):
    straight = sitting(parts, tmp_path / "straight", 4, dare=dare)
    sitting(parts, tmp_path / "resumed", 2, dare=dare)
    resumed = sitting(parts, tmp_path / "resumed", 4, dare=dare)
    for (name, a), (_, b) in zip(straight.named_parameters(), resumed.named_parameters()):
        assert torch.equal(a, b), name
    states = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True) for run in ("straight", "resumed")]
    assert states[0]["step"] == states[1]["step"] == 4
    assert all(torch.equal(a, b) for a, b in zip(states[0]["average"].values(), states[1]["average"].values()))


def test_every_layer_of_the_painter_learns(parts, tmp_path):
    begun, ended = sitting(parts, tmp_path / "none", 0), sitting(parts, tmp_path / "some", 3)
    still = [name for (name, a), b in zip(begun.named_parameters(), ended.parameters()) if torch.equal(a, b)]
    assert not still


def test_a_kill_while_saving_leaves_the_last_checkpoint(tmp_path):
    from training import checkpoint

    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"step": 1})

    def die(temporary):
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoint.write_whole(path, die)
    assert checkpoint.load(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_random_numbers_depend_on_seed_step_and_purpose_only():
    from training.checkpoint import generator

    draw = [torch.rand(3, generator=generator(*key)) for key in ((1, 2, "a"), (1, 2, "a"), (1, 3, "a"), (1, 2, "b"))]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    assert not torch.equal(draw[0], draw[3])


def test_half_of_a_batch_is_mirrored_and_some_is_left_unsaid(parts):
    from training.batch import draw

    _, table, _ = parts
    signs = torch.tensor([1.0, -1.0] * 16)
    batch = draw(table, signs, 400, np.random.default_rng(0))
    latents, depth, tokens = batch.latents, batch.depth, batch.tokens
    rows = table.latents.float()
    plain = sum(any(torch.equal(one, row) for row in rows) for one in latents)
    turned = sum(any(torch.equal(one, row.flip(-1) * signs[:, None, None]) for row in rows) for one in latents)
    assert plain + turned == 400
    assert 150 < plain < 250
    assert 20 < int((tokens[:, 2:] == 0).all(1).sum()) < 70
    assert 220 < int((depth == 0).flatten(1).all(1).sum()) < 300
    unsaid = (tokens[:, 2:] == 0).all(1)
    assert torch.equal(batch.kind == -1, unsaid)
    assert torch.equal(batch.told.any(1), ~unsaid)


def test_photographs_and_slow_kinds_are_drawn_more_often(parts):
    from training.batch import chances

    _, table, _ = parts  # coasts are rows 0 to 3, photographs 0 to 4
    share = chances(table)
    assert float(share.sum()) == pytest.approx(1)
    assert float(share[0] / share[4]) == pytest.approx(2)
    assert float(share[4] / share[5]) == pytest.approx((1 / 8 + 1 / 5) / (1 / 8))


def test_the_schedule_ends_in_pure_noise():
    from training.noise import signal

    alphas = signal()
    assert alphas[-1] == 0
    assert (alphas.diff() < 0).all()
    assert alphas[0] > 0.999


@pytest.mark.parametrize("noisy", [450, 600])
def test_times_are_spread_evenly_and_more_of_them_late(noisy):
    from training.noise import NOISY_SHARE, times_of

    times = times_of(4000, torch.Generator().manual_seed(0), torch.device("cpu"), noisy)
    assert (times.min(), times.max()) == (0, 999)
    assert float((times >= noisy).double().mean()) == pytest.approx(NOISY_SHARE, abs=0.002)
    late = times[times >= noisy].double()
    assert float(late.mean()) == pytest.approx((noisy + 999) / 2, abs=2)
    assert (times.diff() < 0).any()


def test_latents_of_a_mirror_are_known_without_encoding():
    from training import autoencoder

    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (4, 64, 64, 3)).astype(np.uint8)
    pictures = np.concatenate([pictures, np.repeat(np.repeat(pictures[:, ::16, ::16], 16, 1), 16, 2)])
    model = autoencoder.fit([pictures])
    batch = autoencoder.tensor(pictures)
    with torch.no_grad():
        latents, mirrored = model.encoder(batch), model.encoder(batch.flip(-1))
    signs = autoencoder.mirror_signs(model)
    torch.testing.assert_close(mirrored, latents.flip(-1) * signs[:, None, None], atol=1e-4, rtol=1e-4)


def test_depth_is_relative_and_nothing_where_there_is_none():
    from training.latents import relative_depth

    found = relative_depth(np.linspace(0, 4, 64 * 64, dtype=np.float32).reshape(64, 64), 16, 16)
    assert found.shape == (16, 16)
    assert found.min() == -1
    assert found.max() == 1
    assert not relative_depth(np.ones((64, 64), np.float32), 16, 16).any()


def test_reading_learns_what_captions_tell(parts, tmp_path):
    from training.checkpoint import load
    from training.painter import read

    build, table, signs = parts
    by_words = table.tokens[:, 0, 0, :32, None, None] / 10
    told = replace(table, latents=(table.latents * 0.1 + by_words).half())
    painter = build()
    explained = read(painter, told, signs, tmp_path, minutes=10, steps=80, batch=8)
    assert explained > 0.05
    state = load(tmp_path / "checkpoint.pt")
    for name, value in painter.named_parameters():
        assert torch.equal(state["painter"][name], value)


def double(workers, folder):
    """Each worker's gradient is its rank; both must see the mean, and the sum of what was told."""
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = torch.full((3,), float(workers.rank))
    told = workers.together([weight], torch.tensor([1.0, workers.rank], dtype=torch.float64))
    (folder / f"{workers.rank}").write_text(f"{weight.grad.tolist()} {told.tolist()}")


def draw_once(workers, folder):
    """What the first worker draws, in a while, the other finds."""
    file = folder / "drawn"

    def drawn():
        if not file.exists():
            time.sleep(1)
            file.write_text(f"by {workers.rank}")
        return file.read_text()

    (folder / f"{workers.rank}").write_text(workers.after_the_first(drawn))


def test_what_one_worker_draws_the_others_find(tmp_path):
    from training.workers import ALONE, run

    run(2, draw_once, tmp_path)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"by 0"}
    assert ALONE.after_the_first(lambda: 3) == 3


def test_workers_share_their_gradients(tmp_path):
    from training.workers import run

    run(2, double, tmp_path)
    assert {path.read_text() for path in tmp_path.iterdir()} == {"[0.5, 0.5, 0.5] [2.0, 1.0]"}
