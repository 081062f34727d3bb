"""Where the strength falls on a whole step, our loop is diffusers' own img2img pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from animate.diffusion import samplers
from animate.diffusion.painter import Painter
from animate.diffusion.sampler_names import MODEL_OWN, SAMPLERS, draws_noise
from animate.diffusion.sampling import Prompt
from tests.diffusion.conftest import sampling
from tests.diffusion.tiny import FAMILIES

Pipelines = Callable[[str], Any]

GRIDLESS = [name for name in SAMPLERS if not name.endswith(("Karras", "Exponential", "Beta", "Scheduler"))]
"""Every sampler once: spacings only change numbers in a table, and are tested on one family, as are class names."""


@pytest.fixture(scope="module")
def pipelines(tiny_models: Callable[[str], Path]) -> Pipelines:
    """diffusers' img2img pipeline of a family."""
    import diffusers

    diffusers.utils.logging.set_verbosity_error()
    kept: dict[str, Any] = {}

    def pipeline(family: str) -> Any:
        if family not in kept:
            if family == "sdxl":
                loaded = diffusers.StableDiffusionXLImg2ImgPipeline.from_pretrained(tiny_models(family))
            else:
                loaded = diffusers.StableDiffusionImg2ImgPipeline.from_pretrained(
                    tiny_models(family), safety_checker=None
                )
            loaded.set_progress_bar_config(disable=True)
            loaded.own = loaded.scheduler
            kept[family] = loaded
        return kept[family]

    return pipeline


@pytest.mark.parametrize("eta", [0.0, 0.5])
@pytest.mark.parametrize("name", [name for name in SAMPLERS if not name.endswith(("Karras", "Exponential", "Beta"))])
def test_which_samplers_draw_noise_on_the_way(name: str, eta: float, painters: Callable[[str], Painter]) -> None:
    own = painters("sd")._parts.scheduler
    ended = []
    for seed in (1, 2):
        scheduler = samplers.prepare(name, own, 6)
        taken = samplers.parameters(scheduler.step)
        given: dict[str, Any] = {"generator": torch.Generator().manual_seed(seed)} if "generator" in taken else {}
        given |= {"eta": eta} if "eta" in taken else {}
        x = torch.ones(1, 4, 2, 2)
        for time in scheduler.timesteps:
            output = scheduler.scale_model_input(x, time) / 2
            x = scheduler.step(output, time, x, return_dict=False, **given)[0]
        ended.append(x)
    assert draws_noise(name, eta) is not torch.equal(*ended)


def test_of_the_models_own_sampler_nothing_is_said() -> None:
    assert not draws_noise(MODEL_OWN, 1.0)


def reference(pipe: Any, sampler: str, picture: torch.Tensor, denoise: float, steps: int, **more: Any) -> torch.Tensor:
    """What diffusers paints with the ordinary sampling of these tests."""
    pipe.scheduler = samplers.make(sampler, pipe.own)
    options = {"guidance_scale": 4.0, "negative_prompt": "dull", "prompt": "a red fox", **more}
    generator = torch.Generator().manual_seed(7)
    painted: torch.Tensor = pipe(
        image=picture, strength=denoise, num_inference_steps=steps, generator=generator, output_type="pt", **options
    ).images
    return painted


def assert_same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert torch.isfinite(theirs).all()
    assert theirs.std() > 0.01  # a flat picture would equal anything
    assert (ours - theirs).abs().max() <= 1e-5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sampler", ["default", *GRIDLESS])
def test_equals_diffusers_on_a_whole_step(
    family: str, sampler: str, painters: Callable[[str], Painter], pipelines: Pipelines, picture: torch.Tensor
) -> None:
    theirs = reference(pipelines(family), sampler, picture, 0.6, 5)
    ours = painters(family).redraw(picture, 1 - 0.6, [sampling(sampler=sampler)])
    assert_same(ours, theirs)


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - set(GRIDLESS)))
def test_equals_diffusers_under_every_other_name(
    sampler: str, painters: Callable[[str], Painter], pipelines: Pipelines, picture: torch.Tensor
) -> None:
    theirs = reference(pipelines("sd"), sampler, picture, 0.6, 5)
    assert_same(painters("sd").redraw(picture, 0.4, [sampling(sampler=sampler)]), theirs)


@pytest.mark.parametrize(("steps", "run"), [(1, 1), (4, 4), (10, 7), (20, 3)])
@pytest.mark.parametrize("sampler", ["DDIM", "Euler a", "DPM++ 2M Karras", "Heun", "UniPC", "PLMS", "LCM"])
def test_equals_diffusers_at_other_lengths(
    sampler: str, steps: int, run: int, painters: Callable[[str], Painter], pipelines: Pipelines, picture: torch.Tensor
) -> None:
    if run == steps and sampler == "PLMS" and steps == 1:
        pytest.skip("diffusers' PLMS needs two steps")
    strength = 1e-12 if run == steps else 1 - run / steps  # exactly 0 would ignore the picture
    theirs = reference(pipelines("sd2"), sampler, picture, run / steps + 1e-9 * (run < steps), steps)
    assert_same(painters("sd2").redraw(picture, strength, [sampling(sampler=sampler, steps=steps)]), theirs)


@pytest.mark.parametrize("family", FAMILIES)
def test_equals_diffusers_without_guidance_and_with_eta(
    family: str, painters: Callable[[str], Painter], pipelines: Pipelines, picture: torch.Tensor
) -> None:
    pipe = pipelines(family)
    theirs = reference(pipe, "DDIM", picture, 0.6, 5, guidance_scale=1.0, eta=0.7, negative_prompt=None)
    ours = painters(family).redraw(picture, 0.4, [sampling(cfg_scale=1.0, eta=0.7, prompts=(Prompt("a red fox"),))])
    assert_same(ours, theirs)


@pytest.mark.parametrize("family", ["sd", "sd2", "sdxl"])
def test_txt2img_equals_diffusers(family: str, painters: Callable[[str], Painter], pipelines: Pipelines) -> None:
    import diffusers

    kind = diffusers.StableDiffusionXLPipeline if family == "sdxl" else diffusers.StableDiffusionPipeline
    pipe = kind(**{name: part for name, part in pipelines(family).components.items() if name != "image_encoder"})
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = samplers.make("Euler a", pipelines(family).own)
    theirs = pipe(
        prompt="a red fox",
        height=64,
        width=96,
        num_inference_steps=4,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).images
    how = sampling(sampler="Euler a", steps=4, cfg_scale=3.0, prompts=(Prompt("a red fox"),))
    assert_same(painters(family).imagine((64, 96), [how]), theirs)


def test_depth_plane_equals_diffusers_depth2img(
    tiny_models: Callable[[str], Path], painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    """Their depth is nearness, at the picture's size; ours is distance."""
    import diffusers

    painter = painters("depth")
    parts = painter._parts
    pipe = diffusers.StableDiffusionDepth2ImgPipeline(
        vae=parts.vae,
        text_encoder=parts.encoders[0].model,
        tokenizer=parts.encoders[0].tokenizer,
        unet=parts.unet,
        scheduler=samplers.make("DDIM", parts.scheduler),
        depth_estimator=None,
        feature_extractor=None,
    )
    pipe.set_progress_bar_config(disable=True)
    distance = 1 + 9 * picture.mean(dim=1, keepdim=True)
    theirs = pipe(
        prompt="a red fox",
        negative_prompt="dull",
        image=picture,
        depth_map=(1 / distance)[:, 0],
        strength=0.6,
        num_inference_steps=5,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).images
    ours = painter.redraw(picture, 0.4, [sampling()], depth=distance)
    assert_same(ours, theirs)
    assert (painter.redraw(picture, 0.4, [sampling()]) - ours).abs().max() > 1e-3


def test_inpainting_model_equals_diffusers(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    """Inside the hole: what lies around is given back untouched here, and went through the autoencoder there."""
    import diffusers

    painter = painters("inpaint")
    parts = painter._parts
    pipe = diffusers.StableDiffusionInpaintPipeline(
        vae=parts.vae,
        text_encoder=parts.encoders[0].model,
        tokenizer=parts.encoders[0].tokenizer,
        unet=parts.unet,
        scheduler=samplers.make("DDIM", parts.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    hole = torch.zeros(1, 1, 64, 64)
    hole[..., 16:48, 24:56] = 1
    theirs = pipe(
        prompt="a red fox",
        negative_prompt="dull",
        image=2 * picture - 1,
        mask_image=hole,
        height=64,
        width=64,
        strength=0.6,
        num_inference_steps=5,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).images
    inside = hole.expand_as(picture) > 0
    ours = painter.redraw(picture, 0.4, [sampling()], within=hole)
    assert_same(ours[inside], theirs[inside])
    assert torch.equal(ours[~inside], picture[~inside])
    assert painter.imagine((64, 64), [sampling()]).std() > 0.01


@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_a_controlnet_for_depth_equals_diffusers(
    painters: Callable[[str], Painter], picture: torch.Tensor, weight: float
) -> None:
    import diffusers

    parts = painters("sd")._parts
    torch.manual_seed(3)
    net = diffusers.ControlNetModel.from_unet(parts.unet, conditioning_embedding_out_channels=(4, 4, 8, 8)).eval()
    for layer in (*net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out):
        torch.nn.init.normal_(layer.weight, std=0.2)  # fresh ones begin silent
    pipe = diffusers.StableDiffusionControlNetImg2ImgPipeline(
        vae=parts.vae,
        text_encoder=parts.encoders[0].model,
        tokenizer=parts.encoders[0].tokenizer,
        unet=parts.unet,
        controlnet=net,
        scheduler=samplers.make("DDIM", parts.scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    distance = 1 + 9 * picture.mean(dim=1, keepdim=True)
    near = 1 / distance
    near = (near - near.min()) / (near.max() - near.min())
    theirs = pipe(
        prompt="a red fox",
        negative_prompt="dull",
        image=picture,
        control_image=near.expand(-1, 3, -1, -1),
        strength=0.6,
        num_inference_steps=5,
        guidance_scale=4.0,
        controlnet_conditioning_scale=weight,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).images
    painter = Painter(replace(parts, controlnet=net), name="sd with a ControlNet")
    ours = painter.redraw(picture, 0.4, [sampling(controlnet_scale=weight)], depth=distance)
    assert_same(ours, theirs)
    assert (painter.redraw(picture, 0.4, [sampling()]) - ours).abs().max() > 1e-3
