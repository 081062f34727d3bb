"""The discriminator learns to tell paintings from the world, and dares the painter without being moved by it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

POOLED = 24


@pytest.fixture(scope="module")
def vae():
    from training.latents import EMBEDDED, PatchAutoencoder

    return PatchAutoencoder.from_pretrained(str(EMBEDDED / "vae")).float().eval()


@pytest.fixture
def discriminator(vae):
    from training.discriminator import Discriminator

    torch.manual_seed(0)
    return Discriminator(vae, POOLED)


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


def dared(vae, dare):
    """A small painter under the eyes of a discriminator: both, what is to be made small, and v as it was found."""
    from training.batch import Batch
    from training.discriminator import Discriminator
    from training.loss import Teachers, losses
    from training.noise import signal
    from training.painter import Painter

    torch.manual_seed(0)
    small = {"block_out_channels": (16, 16, 16), "norm_num_groups": 4, "attention_head_dim": 2}
    painter = Painter(torch.randn(40, 50), small, {"num_hidden_layers": 1, "intermediate_size": 32})
    teachers = Teachers(discriminator=Discriminator(vae, painter.unet.time_embedding.linear_2.out_features), dare=dare)
    random = torch.Generator().manual_seed(0)
    batch = Batch(
        torch.randn(8, 32, 16, 16, generator=random),
        torch.zeros(8, 1, 16, 16),
        torch.full((8, 48), 5),
        torch.zeros(8, dtype=torch.long),
        torch.zeros(8, 21, dtype=torch.bool),
    )
    found = []

    def unet(seen, times, said):
        found.append(painter.unet(seen, times, said))
        return found[-1]

    parts = losses(painter, unet, signal(), torch.ones(1, 32, 1, 1), batch, random, teachers)
    return painter, teachers.discriminator, parts, found[-1].sample


def test_each_learns_from_its_own_loss(vae):
    painter, discriminator, parts, _ = dared(vae, 0.5)
    parts["clumsy"].backward(retain_graph=True)
    assert all(value.grad is None for value in discriminator.parameters())
    assert any(value.grad.abs().max() > 0 for value in painter.unet.parameters() if value.grad is not None)
    painter.zero_grad()
    parts["fooled"].backward()
    assert all(value.grad is not None for value in discriminator.parameters())
    assert all(value.grad is None for value in painter.parameters())


def test_it_pulls_a_share_as_hard_as_the_error(vae):
    """At what the painter says of v, however sure the discriminator is of itself."""
    pulls = {}
    for dare in (0.5, 2.0):
        *_, parts, found = dared(vae, dare)
        error, clumsy = (torch.autograd.grad(parts[name], found, retain_graph=True)[0] for name in ("error", "clumsy"))
        torch.testing.assert_close(clumsy.norm(), dare * error.norm())
        pulls[dare] = clumsy
    torch.testing.assert_close(pulls[2.0], 4 * pulls[0.5])


def test_squares_in_a_smooth_sky_are_plain():
    """An edge of a hundredth of the colours' range is heard against its surroundings, the slope of the sky is not."""
    from training.discriminator import CELL, contrast

    sky = torch.linspace(0.2, 0.25, 64).expand(1, 3, 64, 64).clone()
    sky[..., 16:32, 16:32] += 0.02
    cells = torch.nn.functional.pixel_unshuffle(sky, CELL)
    seen = contrast(cells, cells.unflatten(1, (3, CELL**2)).mean(2))
    edge = seen[..., 4, 4:8].abs().mean()
    assert edge > 0.2
    assert edge > 2 * seen[..., 12:, 12:].abs().mean()
