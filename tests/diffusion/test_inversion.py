"""A picture's own noise, found by inversion; and a latent that leans to another picture."""

from collections.abc import Callable

import pytest
import torch

from animate.diffusion import models
from animate.diffusion.noise import Noise
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt
from tests.diffusion.conftest import sampling


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
