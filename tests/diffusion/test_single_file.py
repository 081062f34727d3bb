"""Models in one file: told apart, read, and refused where they are anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from animate.diffusion import digests, models, single_file, vocabulary
from animate.diffusion.painter import Painter
from animate.errors import MissingModel
from tests.diffusion import original
from tests.diffusion.conftest import sampling

MILLIONS = {
    ("sd1", "unet"): 859.5,
    ("sd2", "unet"): 865.9,
    ("sd2-depth", "unet"): 865.9,
    ("sdxl", "unet"): 2567.5,
    ("sd1", "text_encoder"): 123.1,
    ("sd2", "text_encoder"): 340.4,
    ("sdxl", "text_encoder_2"): 694.7,
    ("sd1", "vae"): 83.7,
}
"""Weights of the published models, in millions."""


@pytest.fixture
def spelled(tiny_models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny vocabulary in CLIP's place."""
    monkeypatch.setenv(vocabulary.VARIABLE, str(tiny_models("sd") / "tokenizer"))


def test_single_file_of_an_inpainting_model_reads_its_channels(
    tiny_models: Callable[[str], Path],
    painters: Callable[[str], Painter],
    picture: torch.Tensor,
    tmp_path: Path,
    spelled: None,
) -> None:
    path = tmp_path / "inpainting.safetensors"
    save_file(original.checkpoint(tiny_models("inpaint")), path)
    parts = models.from_file(path, families=original.family(tiny_models("sd"), tmp_path / "families"))
    assert parts.unet.config.in_channels == 9
    within = torch.zeros(1, 1, 64, 64)
    within[..., 20:50] = 1
    ours = Painter(parts, name="tiny").redraw(picture, 0.4, [sampling()], within=within)
    assert torch.equal(ours, painters("inpaint").redraw(picture, 0.4, [sampling()], within=within))


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt"])
def test_single_file_paints_what_the_folder_paints(
    suffix: str,
    tiny_models: Callable[[str], Path],
    painters: Callable[[str], Painter],
    picture: torch.Tensor,
    tmp_path: Path,
    spelled: None,
) -> None:
    folder = tiny_models("sd")
    tensors = original.checkpoint(folder)
    path = tmp_path / f"tiny{suffix}"
    if suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save({"state_dict": tensors, "global_step": 7}, path)
    parts = models.from_file(path, families=original.family(folder, tmp_path / "families"))
    painter = Painter(parts, name="tiny")
    ours = painter.redraw(picture, 0.4, [sampling()])
    assert torch.equal(ours, painters("sd").redraw(picture, 0.4, [sampling()]))
    assert painter.digest == digests.of_file(path)


def test_a_file_for_few_steps_begins_at_full_noise(
    tiny_models: Callable[[str], Path], tmp_path: Path, spelled: None
) -> None:
    folder = tiny_models("sd")
    families = original.family(folder, tmp_path / "families")
    for name, spacing in (("tiny", "leading"), ("tiny_Turbo_1.0", "trailing"), ("tiny-Lightning_4step", "trailing")):
        path = tmp_path / f"{name}.safetensors"
        save_file(original.checkpoint(folder), path)
        scheduler = models.from_file(path, families=families).scheduler
        assert (scheduler.config.timestep_spacing == "trailing") == (spacing == "trailing"), name


@pytest.mark.parametrize(("family", "part"), MILLIONS)
def test_families_have_the_published_shapes(family: str, part: str) -> None:
    import diffusers
    import transformers

    folder = single_file.FAMILIES / family / part
    config = json.loads((folder / "config.json").read_text())
    with torch.device("meta"):
        if "_class_name" in config:
            kind = getattr(diffusers, config["_class_name"])
            model = kind.from_config(kind.load_config(folder))
        else:
            kind = getattr(transformers, config["architectures"][0])
            model = kind(kind.config_class.from_pretrained(folder))
    assert sum(weight.numel() for weight in model.parameters()) / 1e6 == pytest.approx(MILLIONS[family, part], abs=0.06)


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (["cond_stage_model.transformer.text_model.embeddings.position_ids"], "sd1"),
        (["cond_stage_model.model.token_embedding.weight"], "sd2"),
        (["conditioner.embedders.0.transformer.x", "conditioner.embedders.1.model.ln_final.weight"], "sdxl"),
        (["conditioner.embedders.0.model.ln_final.weight"], "sdxl-refiner"),
    ],
)
def test_family_is_told_from_tensors(names: list[str], family: str) -> None:
    tensors = {name: torch.zeros(1) for name in names} | {single_file.INPUT: torch.zeros(8, 4, 3, 3)}
    assert single_file.family_of(tensors, Path("x")) == family


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"lora_unet_x.lora_down.weight": 4}, "LoRA"),
        ({"emb_params": 4}, "textual inversion"),
        ({"down_blocks.0.x": 4}, "network alone"),
        ({"first_stage_model.x": 4}, "under vae"),
        ({"model.diffusion_model.double_blocks.0.x": 4}, "not supported"),
        ({"x": 4}, "no Stable Diffusion"),
        ({single_file.INPUT: 4}, "without a text encoder"),
    ],
)
def test_other_files_are_named_for_what_they_are(tensors: dict[str, int], said: str, tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    save_file({name: torch.zeros(8, channels, 3, 3) for name, channels in tensors.items()}, path)
    with pytest.raises(MissingModel, match=said):
        models.load(str(path))


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("first_stage_model.", "name one under vae"),
        ("first_stage_model.decoder.conv_out.weight", "vae is not complete"),
        ("model.diffusion_model.out.2.weight", "unet is not complete"),
        ("cond_stage_model.transformer.text_model.encoder.layers.1.self_attn.k_proj.weight", "text_encoder is not"),
    ],
)
def test_incomplete_file_names_what_it_lacks(
    tiny_models: Callable[[str], Path], tmp_path: Path, spelled: None, part: str, said: str
) -> None:
    folder = tiny_models("sd")
    tensors = original.checkpoint(folder)
    left = {name: value for name, value in tensors.items() if not name.startswith(part)}
    assert len(left) < len(tensors)
    save_file(left, tmp_path / "part.safetensors")
    with pytest.raises(MissingModel, match=said):
        models.from_file(tmp_path / "part.safetensors", families=original.family(folder, tmp_path / "families"))


def test_early_names_of_a_text_encoder_are_understood(
    tiny_models: Callable[[str], Path], tmp_path: Path, spelled: None
) -> None:
    folder = tiny_models("sd")
    tensors = {
        name.replace("cond_stage_model.transformer.text_model.", "cond_stage_model.transformer."): value
        for name, value in original.checkpoint(folder).items()
    }
    save_file(tensors, tmp_path / "nai.safetensors")
    parts = models.from_file(tmp_path / "nai.safetensors", families=original.family(folder, tmp_path / "families"))
    theirs = models.load(str(folder), device="cpu").texts.encoders[0].model.state_dict()
    ours = parts.encoders[0].model.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


@pytest.mark.parametrize("key", ["modelspec.prediction_type", "modelspec.predict_key"])
def test_metadata_tells_what_is_predicted(tmp_path: Path, key: str) -> None:
    tensors = {single_file.INPUT: torch.zeros(4, 4, 3, 3)}
    save_file(tensors, tmp_path / "some.safetensors", {key: "v"})
    assert single_file.prediction_of(tensors, tmp_path / "some.safetensors", "sdxl") == "v_prediction"


def test_a_file_without_an_autoencoder_takes_the_one_that_is_given(
    tiny_models: Callable[[str], Path], tmp_path: Path, spelled: None
) -> None:
    folder = tiny_models("sd")
    tensors = original.checkpoint(folder)
    path = tmp_path / "bare.safetensors"
    save_file({name: value for name, value in tensors.items() if not name.startswith("first_stage_model.")}, path)
    families = original.family(folder, tmp_path / "families")
    parts = models.from_file(path, families=families, with_vae=False)
    assert parts.vae is None
    theirs = models.load(str(folder), device="cpu")._parts.unet.state_dict()
    assert all(torch.equal(parts.unet.state_dict()[name], value) for name, value in theirs.items())


def test_a_file_distilled_on_guidance_is_told_its_scale(
    tiny_models: Callable[[str], Path], painters: Callable[[str], Painter], tmp_path: Path, spelled: None
) -> None:
    path = tmp_path / "lcm.safetensors"
    save_file(original.checkpoint(tiny_models("lcm")), path)
    parts = models.from_file(path, families=original.family(tiny_models("sd"), tmp_path / "families"))
    assert type(parts.scheduler).__name__ == "LCMScheduler"
    ours, theirs = (
        Painter(replace(taken, scheduler=parts.scheduler), name="tiny").imagine((64, 64), [sampling(sampler="LCM")])
        for taken in (parts, painters("lcm")._parts)
    )
    assert (ours - theirs).abs().max() < 1e-5
    assert parts.unet.config.time_cond_proj_dim == 32
