"""Which device to compute on."""

import pytest
import torch

from animate.errors import BadInput
from animate.picture.device import pick_device


def test_auto_takes_what_is_there_and_a_name_must_be_there() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cuda", "mps", "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="not available"):
            pick_device("cuda")
