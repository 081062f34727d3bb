"""Two optimizers behind one face: Muon for the matrices inside a network, AdamW for its ends, biases and norms.

Muon (Jordan et al. 2024; torch's own, with the steps of 2502.16982, as large as AdamW's) goes as far in every
direction that the gradients of a matrix have. A convolution is such a matrix: outputs by everything an output sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from training import checkpoint

ENDS = 0.1
"""The rate of what AdamW takes, as a share of Muon's, where a network says one number. Nine tenths of the square of the
depth eye's gradient are its last layer's, all of whose weights push that number the same way. With another form of the
loss 75 steps of the ends alone at 2e-4 took it on unseen pictures from 0.188 to 0.183 and back to 0.190; at 2e-5, with
Muon at 2e-4 inside, to 0.183."""


class Floats(torch.optim.Muon):
    """Muon in floats: torch's makes matrices orthogonal in bfloat16, which takes a CPU without units for it 17 times as
    long, four fifths of the painter's whole step."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One step along the gradients that the matrices hold."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                held = state.setdefault("momentum_buffer", torch.zeros_like(matrix))
                held.lerp_(matrix.grad, 1 - group["momentum"])
                ahead = matrix.grad.lerp(held, group["momentum"])
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                far = group["lr"] * 0.2 * max(matrix.shape) ** 0.5  # as AdamW's steps: 2502.16982, section 2.2
                matrix.sub_(orthogonal(ahead, group["ns_coefficients"], group["ns_steps"]), alpha=far)


def orthogonal(matrix: Tensor, coefficients: tuple[float, float, float], steps: int) -> Tensor:
    """The same directions (m, n), each about as long: Newton and Schulz's iteration, on the smaller of two sides."""
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonal(matrix.T, coefficients, steps).T
    a, b, c = coefficients
    found = matrix / matrix.norm().clamp(min=1e-7)
    for _ in range(steps):
        square = found @ found.T
        found = torch.addmm(found, torch.addmm(square, square, square, beta=b, alpha=c), found, beta=a)
    return found


class Optimizer:
    """For a network whose convolutions lie in channels-last memory.

    Raises:
        ValueError: they lie otherwise; what Muon would move then is a copy.
    """

    def __init__(self, network: nn.Module, ends: Iterable[nn.Module], share: float = ENDS, decay: float = 0.02) -> None:
        """``ends`` are the layers that speak of pixels, words or time and not of features; their rate is ``share`` of
        the others'."""
        apart = {id(value) for layer in ends for value in layer.parameters()}
        inner = [value for value in network.parameters() if value.ndim in (2, 4) and id(value) not in apart]
        moved = {id(value) for value in inner}
        rest = [value for value in network.parameters() if id(value) not in moved]
        self._share = share
        self._inner = [(value, nn.Parameter(_matrix(value.detach()))) for value in inner]
        if any(value.data_ptr() != matrix.data_ptr() for value, matrix in self._inner):
            raise ValueError("the network's convolutions are not in channels-last memory: .to(memory_format=…) first")
        matrices = [matrix for _, matrix in self._inner]
        kind = torch.optim.Muon if checkpoint.halves(matrices[0].device) else Floats
        muon = kind(matrices, lr=0.0, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        self._both = (muon, torch.optim.AdamW(rest, lr=0.0, weight_decay=decay, fused=True))
        self._network = network

    def zero_grad(self) -> None:
        self._network.zero_grad(set_to_none=True)

    def step(self, rate: float) -> None:
        """One step along the gradients that the network's parameters hold."""
        for value, matrix in self._inner:
            matrix.grad = None if value.grad is None else _matrix(value.grad)
        for one, share in zip(self._both, (1.0, self._share)):
            for group in one.param_groups:
                group["lr"] = share * rate
            one.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [one.state_dict() for one in self._both]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for one, state in zip(self._both, states):
            one.load_state_dict(state)


def _matrix(weight: Tensor) -> Tensor:
    """(out, in, h, w) → (out, h · w · in), the same memory where it is channels-last; a matrix is one already."""
    return weight if weight.ndim == 2 else weight.permute(0, 2, 3, 1).flatten(1)
