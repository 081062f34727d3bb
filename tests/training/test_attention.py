"""Attention that is quick to train: what torch's own says, forward and back."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(("width", "head", "size"), [(96, 32, (7, 7)), (144, 48, (5, 8))])
def test_attention_is_torchs_own(width: int, head: int, size: tuple[int, int]) -> None:
    from animate.depth.embedded import Glance
    from training.attention import Quick, quicken

    torch.manual_seed(0)
    theirs, ours = Glance(width, head), torch.nn.Sequential(Glance(width, head))
    for values in theirs.parameters():  # at first a Glance changes nothing
        torch.nn.init.normal_(values, 0.0, 0.2)
    ours[0].load_state_dict(theirs.state_dict())
    quicken(ours)
    assert isinstance(ours[0], Quick)
    given, pull = torch.randn(2, width, *size), torch.randn(2, width, *size)
    found = []
    for layer in (theirs, ours):
        x = given.clone().requires_grad_()
        said = layer(x)
        said.backward(pull)
        found.append([said, x.grad, *(values.grad for values in layer.parameters())])
    for exact, quick in zip(*found):
        torch.testing.assert_close(quick, exact, rtol=1e-4, atol=1e-4)
