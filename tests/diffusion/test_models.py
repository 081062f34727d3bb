"""Models are found by name, checked, and never run what their files say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from animate.diffusion import digests, models
from animate.diffusion.painter import Painter
from animate.errors import MissingModel


@pytest.mark.parametrize("name", ["./nothing", "nothing.safetensors", "no-such-thing", "/nowhere/at/all"])
def test_unknown_model_says_what_can_be_given(name: str) -> None:
    with pytest.raises(MissingModel, match="there is no model"):
        models.load(name)


def test_model_is_found_in_the_folder_of_models(
    tiny_models: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_models("sd")
    monkeypatch.setenv("ANIMATE_MODELS", str(folder.parent))
    assert models.load("sd", device="cpu").digest == digests.of_folder(folder)
    assert "sd" in [found.name for found in models.find()]


def test_names_are_known_without_torch() -> None:
    code = "import sys; import animate.diffusion.sampler_names; assert not {'torch', 'diffusers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_controlnet_that_cannot_be_worn_is_told(
    tiny_models: Callable[[str], Path], painters: Callable[[str], Painter], tmp_path: Path
) -> None:
    import diffusers

    net = diffusers.ControlNetModel.from_unet(
        painters("sdxl")._parts.unet, conditioning_embedding_out_channels=(4, 4, 8, 8)
    )
    net.save_pretrained(tmp_path / "net")
    with pytest.raises(MissingModel, match="of another family"):
        models.load(str(tiny_models("sd")), device="cpu", controlnet=str(tmp_path / "net"))
    file = tmp_path / "net" / "diffusion_pytorch_model.safetensors"
    with pytest.raises(MissingModel, match="a ControlNet is a folder"):
        models.load(str(tiny_models("sd")), device="cpu", controlnet=str(file))
