"""Models as folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from animate.diffusion import models
from animate.errors import MissingModel


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


@pytest.mark.parametrize("name", ["EDMEulerScheduler", "FlowMatchEulerDiscreteScheduler", "UNet2DModel"])
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
