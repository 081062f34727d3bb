"""Device and precision."""

from __future__ import annotations

import pytest
import torch

from animate.diffusion import models
from animate.errors import BadInput


def test_device_and_precision() -> None:
    assert models.pick_dtype("auto", torch.device("cpu")) == torch.float32
    assert models.pick_dtype("auto", torch.device("cuda")) == torch.float16
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="not available"):
            models.pick_device("cuda")
    with pytest.raises(BadInput, match="float8"):
        models.pick_dtype("float8", torch.device("cpu"))
