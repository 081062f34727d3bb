"""A group norm that is quick on a CPU: what torch's own gives, forward and back."""

import pytest
import torch
from torch import nn

from training.norm import Norm, quicken


@pytest.mark.parametrize(("channels", "groups", "side"), [(96, 16, 16), (48, 8, 5), (8, 1, 1)])
def test_norms_are_torchs_own(channels: int, groups: int, side: int) -> None:
    torch.manual_seed(0)
    theirs = nn.GroupNorm(groups, channels)
    nn.init.normal_(theirs.weight, 1.0, 0.3)
    nn.init.normal_(theirs.bias)
    ours = nn.Sequential(nn.GroupNorm(groups, channels))
    ours[0].load_state_dict(theirs.state_dict())
    quicken(ours)
    given = (2 * torch.randn(3, channels, side, side) + torch.randn(channels)[:, None, None]).bfloat16()
    pull = torch.randn(3, channels, side, side)
    found = []
    for layer, kind in ((theirs, torch.float32), (ours, torch.bfloat16)):
        x = given.to(kind).contiguous(memory_format=torch.channels_last).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=kind is torch.bfloat16):
            said = layer(x)
        said.backward(pull.to(kind))
        found.append([said, x.grad, *(value.grad for value in layer.parameters())])
    assert isinstance(ours[0], Norm)
    assert found[1][0].dtype is torch.bfloat16
    for exact, quick in zip(*found):
        assert (quick.float() - exact).norm() < 0.02 * exact.norm() + 1e-3


def test_whatever_else_is_given_goes_to_torch() -> None:
    layer, theirs = nn.Sequential(nn.GroupNorm(2, 8)), nn.GroupNorm(2, 8)
    quicken(layer)
    for given in (torch.randn(2, 8, 4, 4), torch.randn(2, 8, 6), torch.randn(2, 8, 4, 4).bfloat16()):
        assert torch.equal(layer(given), theirs(given))
