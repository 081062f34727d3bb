"""Noise of one strength, whatever the seeds; drawn as diffusers draws it."""

from __future__ import annotations

import pytest
import torch

from animate.diffusion.noise import Noise, draw, slerp, turn

SHAPE = (4, 64, 64)


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
