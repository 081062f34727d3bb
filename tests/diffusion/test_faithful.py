"""What holds a redrawn picture to another: noise that moves, noise of the picture's own, a latent to lean to."""

from collections.abc import Callable

import pytest
import torch

from animate.diffusion import models
from animate.diffusion.noise import Drifting, Noise, carried
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt
from tests.diffusion.conftest import sampling

SHAPE = 4, 32, 40
SIZE = 256, 320
"""Eight pixels a latent position."""


def drifted(x: float, y: float = 0.0, seed: int = 7) -> torch.Tensor:
    drift = torch.zeros(2, *SIZE)
    drift[0], drift[1] = x, y
    return Drifting(Noise(seed), drift, seed).draw(SHAPE)


def test_noise_that_stands_still_is_the_noise_itself() -> None:
    assert torch.equal(drifted(0), Noise(7).draw(SHAPE))


@pytest.mark.parametrize(("x", "y"), [(8, 0), (-16, 24), (320, 0)])
def test_whole_positions_are_moved_whole(x: int, y: int) -> None:
    wanted = Noise(7).draw(SHAPE).roll((-y // 8, -x // 8), (1, 2))
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
    values = carried(torch.randn(SHAPE, generator=torch.Generator().manual_seed(1)), drift, torch.Generator())
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


@pytest.mark.parametrize("family", ["sd", "sd2", "sdxl", "inpaint", "depth", "zero_snr", "embedded"])
@pytest.mark.parametrize("sampler", ["DDIM", "Euler"])
def test_from_its_own_noise_a_picture_is_painted_as_it_was(
    family: str, sampler: str, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    """Backwards and forwards under the same words, many small steps: what comes out is what the autoencoder keeps."""
    painter = painters(family)
    words = {"prompts": (Prompt("a red fox"),), "source": "a red fox", "cfg_scale": 1.0, "sampler": sampler}
    with torch.inference_mode():
        kept = painter._latents.decoded(painter._latents.encoded(picture, [Noise(7)]))
    apart = [
        float((painter.redraw(picture, 0.5, [sampling(steps=40, inversion=share, **words)]) - kept).abs().mean())
        for share in (0.0, 0.5, 1.0)
    ]
    assert apart[2] < 0.45 * apart[0]
    assert apart[2] < apart[1] < apart[0]


def test_rows_do_not_depend_on_their_companions(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("sd")
    how = [sampling(inversion=0.7, source="a fox"), sampling(seed=9), sampling(inversion=0.7, seed=4)]
    drift = torch.stack([torch.full((2, 64, 64), value) for value in (0.0, 5.0, -9.0)])
    together = painter.redraw(picture.repeat(3, 1, 1, 1), 0.4, how, drift=drift)
    for row, one in enumerate(how):
        alone = painter.redraw(picture, 0.4, [one], drift=drift[row : row + 1])
        assert torch.allclose(together[row], alone[0], atol=2e-5)


def test_a_latent_leans_to_another_picture(picture: torch.Tensor) -> None:
    """By the embedded painter, whose latents tell pictures apart."""
    painter, other = models.load("embedded", device="cpu"), 1 - picture
    assert isinstance(painter, Painter)
    how = [sampling(steps=4, prompts=(Prompt("a lake"),))]
    plain = painter.redraw(picture, 0.5, how)

    def leaning(share: torch.Tensor) -> torch.Tensor:
        return painter.redraw(picture, 0.5, how, towards=other, share=share)

    one = torch.ones(1, 1, 64, 64)
    assert torch.equal(leaning(0 * one), plain)
    apart = [float((leaning(share * one) - other).abs().mean()) for share in (0, 0.5, 0.9, 1)]
    assert apart[0] > apart[1] > apart[2] > apart[3]
    half = one.clone()
    half[..., 32:] = 0
    assert (leaning(half) - plain)[..., :24].abs().mean() > (leaning(half) - plain)[..., 40:].abs().mean()
