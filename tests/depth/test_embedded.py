"""The depth eye's network: any size, and each place sees all."""

import pytest
import torch

from animate.depth.embedded import MULTIPLE, Glance, Network


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (256, 32)])
def test_a_quarter_as_large(size) -> None:
    network = Network((8, 16, 48, 48)).eval()
    assert network(torch.rand(2, 3, *size)).shape == (2, 1, size[0] // 4, size[1] // 4)
    assert all(side % MULTIPLE == 0 for side in size)


def test_an_untaught_glance_changes_nothing() -> None:
    x = torch.randn(2, 48, 5, 7)
    assert torch.equal(Glance(48)(x), x)


def test_each_place_sees_all_others_and_knows_where_it_is() -> None:
    torch.manual_seed(0)
    glance = Glance(48).double()
    torch.nn.init.normal_(glance.told.weight)
    x = torch.randn(1, 48, 4, 6, dtype=torch.float64).requires_grad_()
    glance(x)[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    assert bool((x.grad.abs().sum(1) > 0).all())
    turned = glance(x.flip(-1)).flip(-1)
    assert not torch.allclose(turned, glance(x))  # left is not right, or down would not be down
