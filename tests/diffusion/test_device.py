"""Precision."""

from __future__ import annotations

import pytest
import torch

from animate.diffusion import models
from animate.errors import BadInput


def test_precision() -> None:
    assert models.pick_dtype("auto", torch.device("cpu")) == torch.float32
    assert models.pick_dtype("auto", torch.device("cuda")) == torch.float16
    with pytest.raises(BadInput, match="float8"):
        models.pick_dtype("float8", torch.device("cpu"))
