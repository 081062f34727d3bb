"""What the tests of this room share: one tiny model of every family, built once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from animate.diffusion import models
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt, Sampling
from tests.diffusion.tiny import FAMILIES, tiny_depth, tiny_embedded, tiny_inpaint

OTHERS = {"depth": tiny_depth, "embedded": tiny_embedded, "inpaint": tiny_inpaint}


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny model."""
    root = tmp_path_factory.mktemp("tiny")

    def folder(family: str) -> Path:
        path = root / family
        if not path.exists():
            OTHERS.get(family, FAMILIES.get(family))(path)  # type: ignore[misc]
        return path

    return folder


@pytest.fixture(scope="session")
def painters(tiny_models: Callable[[str], Path]) -> Callable[[str], Painter]:
    """A family's painter, kept for the session."""
    kept: dict[str, Painter] = {}

    def painter(family: str) -> Painter:
        if family not in kept:
            kept[family] = models.load(str(tiny_models(family)), device="cpu")
        return kept[family]

    return painter


@pytest.fixture(scope="session")
def picture() -> torch.Tensor:
    """(1, 3, 64, 64): soft blots of colour."""
    rough = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.avg_pool2d(rough, 9, 1, 4)


def sampling(**changes: object) -> Sampling:
    """An ordinary guided sampling, changed where asked."""
    usual: dict[str, object] = {
        "prompts": (Prompt("a red fox", "dull"),),
        "seed": 7,
        "sampler": "DDIM",
        "steps": 5,
        "cfg_scale": 4.0,
    }
    return Sampling(**{**usual, **changes})  # type: ignore[arg-type]
