"""Models as folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from animate.diffusion import models
from animate.diffusion.painter import Painter
from animate.errors import MissingModel
from tests.diffusion.conftest import sampling


def test_folder_that_lacks_a_part_names_it(tiny_models: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(tiny_models("sd"), tmp_path / "m")
    shutil.rmtree(tmp_path / "m" / "vae")
    with pytest.raises(MissingModel, match=r"vae.*config\.json is missing"):
        models.load(str(tmp_path / "m"))


def test_parts_of_unknown_classes_are_not_imported(tiny_models: Callable[[str], Path], tmp_path: Path) -> None:
    shutil.copytree(tiny_models("sd"), tmp_path / "m")
    config = json.loads((tmp_path / "m" / "unet" / "config.json").read_text())
    (tmp_path / "m" / "unet" / "config.json").write_text(json.dumps(config | {"_class_name": "os.system"}))
    with pytest.raises(MissingModel, match=r"os\.system"):
        models.load(str(tmp_path / "m"))


def test_folder_that_lacks_a_weight_names_it(tiny_models: Callable[[str], Path], tmp_path: Path) -> None:
    """It would be whatever lay in memory, and paint nothing but NaN."""
    shutil.copytree(tiny_models("sd"), tmp_path / "m")
    file = tmp_path / "m" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: value for name, value in load_file(file).items() if name != "conv_out.weight"}, file)
    with pytest.raises(MissingModel, match=r"unet is not complete: conv_out\.weight is not in its files"):
        models.load(str(tmp_path / "m"))


OTHERS = ["EDMEulerScheduler", "FlowMatchEulerDiscreteScheduler", "UNet2DModel"]
if find_spec("torchsde") is None:
    OTHERS.append("DPMSolverSDEScheduler")


@pytest.mark.parametrize("name", OTHERS)
def test_schedulers_of_another_kind_are_named(tiny_models: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    shutil.copytree(tiny_models("sd"), tmp_path / "m")
    (tmp_path / "m" / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": name}))
    with pytest.raises(MissingModel, match=name):
        models.load(str(tmp_path / "m"))


@pytest.mark.parametrize(("text", "said"), [("[]", "no names and values"), ("{", "is damaged")])
def test_damaged_index_is_told(tiny_models: Callable[[str], Path], tmp_path: Path, text: str, said: str) -> None:
    shutil.copytree(tiny_models("sd"), tmp_path / "m")
    (tmp_path / "m" / "model_index.json").write_text(text)
    with pytest.raises(MissingModel, match=said):
        models.load(str(tmp_path / "m"))


def single(folder: Path, safe: bool) -> None:
    """Half precision alone, each part one file."""
    for part, safely, unsafely in (
        ("unet", "diffusion_pytorch_model", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model", "diffusion_pytorch_model"),
        ("text_encoder", "model", "pytorch_model"),
    ):
        plain = folder / part / f"{safely}.safetensors"
        tensors = {name: value.half() for name, value in load_file(plain).items()}
        plain.unlink()
        if safe:
            save_file(tensors, folder / part / f"{safely}.fp16.safetensors", metadata={"format": "pt"})
        else:
            torch.save(tensors, folder / part / f"{unsafely}.fp16.bin")


def raw(folder: Path) -> None:
    """The network as a training left it, without the average of its steps."""
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    unet.rename(unet.with_suffix(".non_ema.safetensors"))


def pieces(folder: Path, before: bool) -> None:
    """Half precision alone, the network in pieces; the precision's place in the names as it is, and as it was once."""
    import diffusers

    network = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet").half()
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    network.save_pretrained(folder / "unet", max_shard_size="100KB", variant="fp16")
    index = folder / "unet" / "diffusion_pytorch_model.safetensors.index.fp16.json"
    files = sorted((folder / "unet").glob("*-of-*"))
    assert len(files) > 1
    if before:
        return
    for file in files:
        late = file.name.replace(".fp16-", "-").replace(".safetensors", ".fp16.safetensors")
        file.rename(file.with_name(late))
        index.write_text(index.read_text().replace(file.name, late))


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(raw, id="non_ema"),
        pytest.param(lambda folder: single(folder, safe=True), id="safetensors"),
        pytest.param(lambda folder: single(folder, safe=False), id="bin"),
        pytest.param(lambda folder: pieces(folder, before=True), id="pieces"),
        pytest.param(lambda folder: pieces(folder, before=False), id="pieces as they were named once"),
    ],
)
def test_weights_of_another_kind_alone_are_found(
    tiny_models: Callable[[str], Path],
    painters: Callable[[str], Painter],
    picture: torch.Tensor,
    tmp_path: Path,
    rewrite: Callable[[Path], None],
) -> None:
    shutil.copytree(tiny_models("sd"), tmp_path / "m")
    rewrite(tmp_path / "m")
    ours = models.load(str(tmp_path / "m"), device="cpu").redraw(picture, 0.4, [sampling()])
    assert (ours - painters("sd").redraw(picture, 0.4, [sampling()])).abs().max() < 0.01


def test_a_model_without_an_autoencoder_takes_the_one_that_is_given(
    tiny_models: Callable[[str], Path], painters: Callable[[str], Painter], picture: torch.Tensor, tmp_path: Path
) -> None:
    shutil.copytree(tiny_models("sd"), tmp_path / "m")
    shutil.rmtree(tmp_path / "m" / "vae")
    ours = models.load(str(tmp_path / "m"), device="cpu", vae=str(tiny_models("sd") / "vae"))
    assert torch.equal(ours.redraw(picture, 0.4, [sampling()]), painters("sd").redraw(picture, 0.4, [sampling()]))


def test_an_autoencoder_of_another_kind_is_told(tiny_models: Callable[[str], Path]) -> None:
    with pytest.raises(MissingModel, match="paints 4 channels, the autoencoder has 8"):
        models.load(str(tiny_models("sd")), device="cpu", vae=str(tiny_models("embedded") / "vae"))
