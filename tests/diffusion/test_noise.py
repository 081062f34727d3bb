"""Noise of one strength, whatever the seeds; drawn as diffusers draws it; moved with the picture and still white."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from animate.diffusion.noise import Drifting, Noise, carried, draw, slerp, turn
from animate.diffusion.painter import Painter
from tests.diffusion.conftest import sampling

SHAPE = (4, 64, 64)
WIDE = 4, 32, 40
SIZE = 256, 320
"""Of the picture of such a latent: eight pixels a position."""


def test_draws_are_those_of_diffusers() -> None:
    from diffusers.utils.torch_utils import randn_tensor

    generator = torch.Generator().manual_seed(42)
    noise = Noise(42)
    for _ in range(3):
        assert torch.equal(noise.draw(SHAPE), randn_tensor((1, *SHAPE), generator=generator)[0])


def test_rows_are_independent() -> None:
    both = draw([Noise(1), Noise(2)], SHAPE)
    assert torch.equal(both[1], Noise(2).draw(SHAPE))


@pytest.mark.parametrize("amount", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_mixed_noise_keeps_its_strength(amount: float) -> None:
    """The straight line has 0.79, 0.71, 0.79 there."""
    assert Noise(1, 2, amount).draw(SHAPE).std() == pytest.approx(1, abs=0.02)
    assert Noise(1 + amount).draw(SHAPE).std() == pytest.approx(1, abs=0.02)
    a, b = Noise(1).draw(SHAPE), Noise(2).draw(SHAPE)
    assert turn(a, b, amount).std() == pytest.approx(1, abs=0.02)


def test_ends_are_exact() -> None:
    a, b = Noise(1).draw(SHAPE), Noise(2).draw(SHAPE)
    assert slerp(a, b, 0) is a
    assert slerp(a, b, 1) is b
    assert torch.equal(slerp(a, a, 0.5), a)


def test_large_and_negative_seeds() -> None:
    for seed in (2**63 - 1, 2**64 + 5, -1):
        assert torch.isfinite(Noise(seed).draw((2, 2))).all()


def drifted(x: float, y: float = 0.0, seed: int = 7) -> torch.Tensor:
    drift = torch.zeros(2, *SIZE)
    drift[0], drift[1] = x, y
    return Drifting(Noise(seed), drift, seed).draw(WIDE)


def test_noise_that_stands_still_is_the_noise_itself() -> None:
    assert torch.equal(drifted(0), Noise(7).draw(WIDE))


@pytest.mark.parametrize(("x", "y"), [(8, 0), (-16, 24), (320, 0)])
def test_whole_positions_are_moved_whole(x: int, y: int) -> None:
    wanted = Noise(7).draw(WIDE).roll((-y // 8, -x // 8), (1, 2))
    assert torch.allclose(drifted(x, y), wanted, atol=1e-5)


@pytest.mark.parametrize("x", [2, 3.7, 4, 6, 11])
def test_noise_stays_white_between_positions(x: float) -> None:
    values = torch.stack([drifted(x, seed=seed) for seed in range(8)])
    assert float(values.mean()) == pytest.approx(0, abs=0.02)
    assert float(values.std()) == pytest.approx(1, abs=0.02)
    neighbours = (values[..., 1:] * values[..., :-1]).mean()
    assert float(neighbours) == pytest.approx(0, abs=0.03)


def test_noise_moves_in_small_steps() -> None:
    still, near, far = drifted(0), drifted(2), drifted(6)
    alike = [float((still * other).mean()) for other in (near, drifted(4), far)]
    assert 0.9 > alike[0] > alike[1] > alike[2] > 0.1


def test_what_is_squeezed_is_filled_with_fresh_noise() -> None:
    """All places read from one column: they would be stripes."""
    drift = torch.zeros(2, *SIZE)
    drift[0] = 100 - torch.arange(320.0)
    values = carried(torch.randn(WIDE, generator=torch.Generator().manual_seed(1)), drift, torch.Generator())
    assert float(values.std()) == pytest.approx(1, abs=0.05)
    assert float((values[..., 1:] * values[..., :-1]).mean()) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("sampler", ["DDIM", "Euler a", "DPM++ 2M"])
def test_a_painter_takes_noise_that_moves(
    sampler: str, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    painter, how = painters("sd"), [sampling(sampler=sampler)]
    still = torch.zeros(1, 2, 64, 64)
    plain = painter.redraw(picture, 0.4, how)
    assert torch.equal(painter.redraw(picture, 0.4, how, drift=still), plain)
    moved = painter.redraw(picture, 0.4, how, drift=still + 3)
    assert (moved - plain).abs().mean() > 1e-3
    assert torch.equal(painter.imagine((64, 64), how, drift=still), painter.imagine((64, 64), how))
    assert not torch.equal(painter.imagine((64, 64), how, drift=still + 3), painter.imagine((64, 64), how))
