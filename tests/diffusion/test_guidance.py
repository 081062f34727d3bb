"""Guidance: brought back to the contrast of the unguided picture, and told to models that were distilled on it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from animate.diffusion.guidance import rescaled
from animate.diffusion.painter import Painter
from tests.diffusion.conftest import sampling


def test_rescaled_guidance_has_the_contrast_of_the_unguided_prediction() -> None:
    random = torch.Generator().manual_seed(0)
    found, plain = 4 * torch.randn(2, 4, 8, 8, generator=random), torch.randn(2, 4, 8, 8, generator=random)
    whole = rescaled(found, plain, 1.0)
    assert torch.allclose(whole.std(dim=(1, 2, 3)), plain.std(dim=(1, 2, 3)))
    half = rescaled(found, plain, 0.5)
    assert torch.allclose(half, (whole + found) / 2, atol=1e-5)
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    assert torch.allclose(rescaled(found, plain, 0.7), rescale_noise_cfg(found, plain, 0.7), atol=1e-5)


def test_rescaling_tames_a_strict_prompt(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("zero_snr")
    plain, tamed = (
        painter.redraw(picture, 0.4, [sampling(cfg_scale=12.0, guidance_rescale=share)]) for share in (0.0, 0.7)
    )
    assert (plain - tamed).abs().max() > 1e-3


def test_distilled_model_is_told_its_scale(painters: Callable[[str], Painter]) -> None:
    painter = painters("lcm")
    assert not torch.equal(
        painter.imagine((64, 64), [sampling(cfg_scale=2.0)]), painter.imagine((64, 64), [sampling(cfg_scale=8.0)])
    )
