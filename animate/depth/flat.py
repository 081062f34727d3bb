"""No depth at all: the picture is a plane."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Flat:
    """A plane at distance 1, facing the camera."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        del device  # a plane is where the picture is

    def __call__(self, pictures: Tensor, frames: Sequence[int]) -> Tensor:
        return torch.ones_like(pictures[:, :1])
