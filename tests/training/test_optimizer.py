"""Muon for the inside of a network, AdamW for its ends."""

import copy

import pytest
import torch
from torch import nn

from training import checkpoint
from training.optimizer import ENDS, Floats, Optimizer


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 8, 3),
        nn.GroupNorm(2, 8),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.Conv2d(16, 8, 1),
        nn.Conv2d(8, 1, 3),
    ]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def taught(one: nn.Sequential, optimizer: Optimizer, steps: int) -> float:
    for step in range(steps):
        seen = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(step))
        error = (one(seen) - seen.mean()).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step(0.01)
    return float(error.detach())


def optimizer(one: nn.Sequential) -> Optimizer:
    return Optimizer(one, (one[0], one[-1]))


def spread(matrix: torch.Tensor) -> float:
    """How much smaller than its largest singular value the middle one is."""
    values = torch.linalg.svdvals(matrix)
    return float(values.median() / values.max())


def test_a_step_turns_every_direction_of_an_inner_matrix_alike() -> None:
    one = network()
    before = {name: value.detach().clone() for name, value in one.named_parameters()}
    taught(one, optimizer(one), 1)
    for layer in (2, 3):
        moved = (one[layer].weight.detach() - before[f"{layer}.weight"]).flatten(1)
        assert spread(moved) > 3 * spread(one[layer].weight.grad.flatten(1))
    ends = (one[0].weight.detach() - before["0.weight"]).abs()
    assert float(ends.median()) == pytest.approx(0.01 * ENDS, rel=0.1)  # what Adam's first step is
    assert not torch.equal(one[1].weight, before["1.weight"])


def test_in_floats_it_goes_where_torch_goes() -> None:
    random = torch.Generator().manual_seed(0)
    ours, torchs = ([torch.ones(12, 30), torch.ones(30, 12)] for _ in range(2))
    given = {"lr": 0.01, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}
    steppers = (Floats(ours, **given), torch.optim.Muon(torchs, **given))
    for _ in range(3):
        for mine, other in zip(ours, torchs):
            mine.grad = torch.randn(mine.shape, generator=random)
            other.grad = mine.grad.clone()
        for one in steppers:
            one.step()
    for mine, other in zip(ours, torchs):
        torch.testing.assert_close(mine - 1, other - 1, rtol=0, atol=4e-4)  # bfloat16 has three digits


def test_it_learns_and_goes_on_where_it_stopped() -> None:
    whole, parts, fresh = network(), network(), network()
    assert taught(whole, optimizer(whole), 40) < taught(fresh, optimizer(fresh), 1) / 3
    begun = optimizer(parts)
    taught(parts, begun, 7)
    again = network()
    again.load_state_dict(parts.state_dict())
    goes_on = optimizer(again)
    goes_on.load_state_dict(copy.deepcopy(begun.state_dict()))
    taught(parts, begun, 5)
    taught(again, goes_on, 5)
    assert all(torch.equal(a, b) for a, b in zip(parts.parameters(), again.parameters()))


def test_a_network_that_would_not_move_is_refused() -> None:
    other = network().to(memory_format=torch.contiguous_format)
    with pytest.raises(ValueError, match="channels-last"):
        optimizer(other)


def test_what_learns_in_bfloat16_on_a_cpu_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "halves", lambda where: True)
    assert not checkpoint.compiles(torch.device("cpu"))
    assert checkpoint.compiles(torch.device("cuda"))
