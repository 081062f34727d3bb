"""Models are found by name, checked, and never run what their files say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from animate.diffusion import digests, models
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
