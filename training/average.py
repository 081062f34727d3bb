"""The average of a model's weights over the last part of its training: better than the weights themselves."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """A power-function moving average of the weights: always over the last tenth or so of all steps (2312.02696)."""

    def __init__(self, model: nn.Module) -> None:
        self.names = [name for name, _ in model.named_parameters()]
        self.values = [value.detach().clone() for value in model.parameters()]

    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the weights after ``step`` steps."""
        keep = min(0.9998, (1 - 1 / (step + 1)) ** 8)
        torch._foreach_lerp_(self.values, [value.detach() for value in model.parameters()], 1 - keep)

    def into(self, model: nn.Module) -> None:
        """Overwrite ``model``'s weights with the average."""
        with torch.no_grad():
            for value, average in zip(model.parameters(), self.values):
                value.copy_(average)

    def named(self) -> dict[str, Tensor]:
        """By the parameters' names, for a checkpoint."""
        return dict(zip(self.names, self.values))

    def load(self, named: Mapping[str, Tensor]) -> None:
        """Put back what a checkpoint kept."""
        self.values = [named[name].to(value.device) for name, value in zip(self.names, self.values)]
