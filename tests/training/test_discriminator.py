"""The discriminator learns to tell paintings from the world, and dares the painter without being moved by it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

POOLED = 24


@pytest.fixture
def discriminator():
    from training.discriminator import Discriminator

    torch.manual_seed(0)
    return Discriminator(POOLED)


def lots(count, seed):
    """The world's latents, whose places differ, and blurred ones; with little noise, under no caption."""
    random = torch.Generator().manual_seed(seed)
    true = torch.randn(count, 32, 16, 16, generator=random)
    false = torch.nn.functional.avg_pool2d(true, 3, 1, 1)
    level = torch.full((count,), 0.95), torch.zeros(count, POOLED)
    return (true, *level), (false, *level)


def test_it_learns_to_tell_blurred_latents(discriminator):
    from training.discriminator import caught, strength

    optimizer = torch.optim.AdamW(discriminator.parameters(), lr=1e-3, betas=(0.0, 0.99))
    for step in range(30):
        optimizer.zero_grad()
        caught(discriminator, *lots(8, step), torch.Generator().manual_seed(step)).backward()
        optimizer.step()
    true, false = (strength(discriminator(*some)) for some in lots(8, 1000))
    assert true.min() > false.max()


def test_it_knows_the_caption(discriminator):
    """Of the patches, the largest are held against the caption."""
    (latents, power, caption), _ = lots(2, 0)
    one, other = discriminator(latents, power, caption), discriminator(latents, power, caption + torch.arange(POOLED))
    assert torch.equal(one[0], other[0])
    assert not torch.equal(one[-1], other[-1])


@pytest.fixture
def dared():
    """What a small painter is told of eight pictures under the eyes of a discriminator, and both."""
    from training.batch import Batch
    from training.discriminator import Discriminator
    from training.loss import Teachers, losses
    from training.noise import signal
    from training.painter import Painter

    torch.manual_seed(0)
    small = {"block_out_channels": (16, 16, 16), "norm_num_groups": 4, "attention_head_dim": 2}
    painter = Painter(torch.randn(40, 50), small, {"num_hidden_layers": 1, "intermediate_size": 32})
    teachers = Teachers(
        discriminator=Discriminator(painter.unet.time_embedding.linear_2.out_features),
        dare=0.5,
    )
    random = torch.Generator().manual_seed(0)
    batch = Batch(
        torch.randn(8, 32, 16, 16, generator=random),
        torch.zeros(8, 1, 16, 16),
        torch.full((8, 48), 5),
        torch.zeros(8, dtype=torch.long),
        torch.zeros(8, 21, dtype=torch.bool),
    )
    parts = losses(painter, painter.unet, signal(), torch.ones(1, 32, 1, 1), batch, random, teachers)
    return painter, teachers.discriminator, parts


def test_each_learns_from_its_own_loss(dared):
    painter, discriminator, parts = dared
    parts["clumsy"].backward(retain_graph=True)
    assert all(value.grad is None for value in discriminator.parameters())
    assert any(value.grad.abs().max() > 0 for value in painter.unet.parameters() if value.grad is not None)
    painter.zero_grad()
    parts["fooled"].backward()
    assert all(value.grad is not None for value in discriminator.parameters())
    assert all(value.grad is None for value in painter.parameters())


def test_it_pulls_a_share_as_hard_as_the_error():
    from training.loss import louder

    found = torch.zeros(5, requires_grad=True)
    error, clumsy = (3 * found).sum(), (found * 7).sum()
    torch.testing.assert_close(louder(error, clumsy, found), torch.tensor(3 / 7))
