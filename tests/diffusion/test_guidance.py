"""Guidance: brought back to the contrast of the unguided picture, ended early, told to models distilled on it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from animate.diffusion.guidance import rescaled
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt
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


def test_guidance_ends_and_costs_a_pass_less(painters: Callable[[str], Painter]) -> None:
    painter = painters("sd")
    rows: list[int] = []
    seen = painter._parts.unet.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    try:
        for steps, share in ((4, 0.5), (10, 0.7), (3, 0.7), (3, 0.0), (1, 0.1)):
            rows.clear()
            painter.imagine((64, 64), [sampling(steps=steps, cfg_scale=5.0, guidance_end=share)])
            guided = math.ceil(round(steps * share, 6))
            assert rows == [2] * guided + [1] * (steps - guided)
    finally:
        seen.remove()


@pytest.mark.parametrize("name", ["sd", "sdxl"])
def test_unguided_steps_follow_the_prompt_alone(painters: Callable[[str], Painter], name: str) -> None:
    painter = painters(name)
    whole, half, none, plain = (
        painter.imagine((64, 64), [sampling(cfg_scale=scale, guidance_end=end)])
        for scale, end in ((6.0, 1.0), (6.0, 0.5), (6.0, 0.0), (1.0, 1.0))
    )
    assert torch.equal(none, plain)
    assert (whole - half).abs().max() > 1e-3
    assert (half - none).abs().max() > 1e-3


def test_rows_whose_guidance_ends_elsewhere_are_painted_as_alone(painters: Callable[[str], Painter]) -> None:
    painter = painters("sd")
    orders = [
        sampling(seed=seed, cfg_scale=6.0, guidance_end=end, prompts=prompts, blend="composable")
        for seed, end, prompts in (
            (1, 0.5, (Prompt("a sea", "rain", 0.5), Prompt("a storm", "", 0.5))),
            (2, 0.5, (Prompt("a wood", "", 0.25), Prompt("a hill", "fog", 0.75))),
            (3, 1.0, (Prompt("[a sea:a storm:0.3]"),)),
        )
    ]
    together = painter.imagine((64, 64), orders)
    for row, order in zip(together, orders):
        assert torch.allclose(row, painter.imagine((64, 64), [order])[0], atol=2e-3)
