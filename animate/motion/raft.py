"""Optical flow by RAFT (Teed & Deng, ECCV 2020), as torchvision has it; a network, and a package of its own."""

from __future__ import annotations

from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor
from torch.nn import functional

from animate.errors import MissingExtra, MissingModel

WEIGHTS = {
    "raft_large": "Raft_Large_Weights",
    "raft_small": "Raft_Small_Weights",
}
MULTIPLE, SMALLEST = 8, 128
"""What sides must divide by, and their least: the coarsest of its four levels of correlation is a 64th."""
STEPS = 12
"""Refinements, torchvision's own number."""


class Raft:
    """A network behind our convention: two pictures (3, H, W) in [0, 1] → flow (2, H, W), (x, y) in pixels."""

    def __init__(self, name: str, device: str | torch.device = "cpu") -> None:
        """`name` is one of `WEIGHTS`.

        Raises:
            MissingExtra: torchvision is not installed.
            MissingModel: the weights are not there and could not be fetched.
        """
        try:
            from torchvision.models import optical_flow
        except ImportError as error:
            raise MissingExtra(
                "flow_method RAFT needs torchvision: pip install animate[flow]; DIS and Farneback need nothing"
            ) from error
        try:
            weights = getattr(optical_flow, WEIGHTS[name]).DEFAULT
            self._network: Any = getattr(optical_flow, name)(weights=weights, progress=False).to(device).eval()
        except (URLError, OSError, RuntimeError) as error:
            folder = f"{torch.hub.get_dir()}/checkpoints"
            raise MissingModel(
                f"the weights of {name} are not in {folder} and could not be fetched ({error}); "
                "flow_method: DIS needs none"
            ) from error
        self._device = torch.device(device)

    @torch.inference_mode()
    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        height, width = a.shape[-2:]
        scale = max(1.0, SMALLEST / min(height, width))
        rows, columns = (-(-round(side * scale) // MULTIPLE) * MULTIPLE for side in (height, width))
        pair = torch.stack([a, b]).to(self._device, torch.float32)
        pair = functional.interpolate(pair, size=(rows, columns), mode="bilinear", align_corners=False) * 2 - 1
        found = self._network(pair[:1], pair[1:], num_flow_updates=STEPS)[-1].float()
        found = functional.interpolate(found, size=(height, width), mode="bilinear", align_corners=False)[0]
        return (found * found.new_tensor([width / columns, height / rows])[:, None, None]).clone().to(a.device)
