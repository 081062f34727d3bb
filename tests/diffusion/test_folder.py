"""Models as folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

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
