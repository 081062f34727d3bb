import sys
import types

import pytest
import torch

from animate.errors import MissingExtra
from animate.motion import flow
from animate.motion.warp import warp as by_matrix
from tests.interp.scenes import psnr, texture

INNER = (..., slice(16, -16), slice(16, -16))


def moved(x: float, y: float, size: tuple[int, int] = (96, 128)) -> tuple[torch.Tensor, torch.Tensor]:
    """A texture, and the same shifted right by x and down by y pixels."""
    picture = texture(*size, seed=3)
    matrix = torch.eye(3, dtype=torch.float64).numpy().copy()
    matrix[0, 2], matrix[1, 2] = x, y
    return picture, by_matrix(picture, matrix).picture


@pytest.mark.parametrize("method", flow.METHODS)
@pytest.mark.parametrize("shift", [(3.0, 0.0), (0.0, -2.5), (4.0, 5.0)])
def test_a_shift_is_found_in_pixels_x_first(method: str, shift: tuple[float, float]) -> None:
    a, b = moved(*shift)
    found = flow.estimate(a, b, method)
    assert found.shape == (2, 96, 128)
    assert found[INNER].flatten(1).median(1).values.tolist() == pytest.approx(shift, abs=0.25)


@pytest.mark.parametrize("method", flow.METHODS)
def test_both_ways_are_the_two_estimates(method: str) -> None:
    a, b = moved(2, 1)
    forward, backward = flow.both_ways(a, b, method)
    assert torch.equal(forward, flow.estimate(a, b, method))
    assert torch.equal(backward, flow.estimate(b, a, method))


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (9, 9), (33, 17)])
def test_pictures_of_any_size_have_a_flow(size: tuple[int, int]) -> None:
    a, b = texture(*size), texture(*size, seed=1)
    assert flow.estimate(a, b).shape == (2, *size)


def test_warping_the_second_gives_the_first() -> None:
    a, b = moved(4.5, -3)
    back = flow.warp(b, flow.estimate(a, b))
    assert psnr(back.picture[INNER], a[INNER]) > 33
    assert float(back.coverage[INNER].min()) == 1


def test_a_flow_and_a_matrix_agree() -> None:
    picture = texture(40, 60)
    matrix = torch.eye(3, dtype=torch.float64).numpy().copy()
    matrix[0, 2] = 2.25
    ours = flow.warp(picture, torch.tensor([-2.25, 0])[:, None, None].expand(2, 40, 60))
    theirs = by_matrix(picture, matrix)
    torch.testing.assert_close(ours.picture, theirs.picture, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.coverage, theirs.coverage, atol=1e-5, rtol=0)


def test_coverage_ends_with_the_picture() -> None:
    away = flow.warp(texture(8, 8), torch.tensor([20.0, 0.0])[:, None, None].expand(2, 8, 8))
    assert float(away.coverage.max()) == 0


def test_lookup_reads_like_a_plain_loop() -> None:
    """Against bilinear by hand, far outside too, in half precision with a float32 grid."""
    torch.manual_seed(0)
    picture, field = torch.rand(1, 2, 7, 9), 12 * torch.randn(1, 2, 7, 9)
    ours = flow.lookup(picture, field)
    for row in range(7):
        for column in range(9):
            x = min(max(column + float(field[0, 0, row, column]), 0), 8)
            y = min(max(row + float(field[0, 1, row, column]), 0), 6)
            left, top = min(int(x), 7), min(int(y), 5)
            cell = picture[0, :, top : top + 2, left : left + 2]
            across = torch.tensor([1 - (x - left), x - left], dtype=torch.float32)
            down = torch.tensor([1 - (y - top), y - top], dtype=torch.float32)
            torch.testing.assert_close(ours[0, :, row, column], down @ (cell @ across).mT, atol=1e-5, rtol=0)
    half = flow.lookup(picture.half(), field)
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), ours, atol=2e-3, rtol=0)


def test_what_is_hidden_is_found() -> None:
    """A square moves right by 10: the strip before it will be hidden, the strip behind it was."""
    ground = texture(96, 128, seed=5)
    square = texture(40, 40, seed=9)
    a, b = ground.clone(), ground.clone()
    a[:, 28:68, 40:80] = square
    b[:, 28:68, 50:90] = square
    forward, backward = flow.both_ways(a, b)
    going, coming = flow.occluded(forward, backward), flow.occluded(backward, forward)
    assert going.shape == (1, 96, 128)
    assert float(going[0, 32:64, 81:89].float().mean()) > 0.6
    assert float(coming[0, 32:64, 41:49].float().mean()) > 0.6
    assert float(going[0, 80:].float().mean()) < 0.05
    assert flow.trust(going, coming) > 0.9


def test_a_consistent_flow_hides_nothing() -> None:
    field = torch.tensor([3.0, -1.0])[:, None, None].expand(2, 30, 40).contiguous()
    hidden = flow.occluded(field, -field)
    assert not hidden.any()
    assert flow.trust(hidden, hidden) == 1


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="one size"):
        flow.estimate(texture(8, 8), texture(8, 9))
    with pytest.raises(ValueError, match="flow of its size"):
        flow.warp(texture(8, 8), torch.zeros(2, 8, 9))


# --- networks ---------------------------------------------------------------------------------------------------------


class FakeNetwork:
    """As torchvision's RAFT is called: tells four pixels to the right and two down, of its own size."""

    def __init__(self, weights: object, progress: bool) -> None:
        assert weights == "the weights"

    def to(self, device: object) -> "FakeNetwork":
        return self

    def eval(self) -> "FakeNetwork":
        return self

    def __call__(self, a: torch.Tensor, b: torch.Tensor, num_flow_updates: int) -> list[torch.Tensor]:
        assert a.shape == b.shape == (1, 3, 128, 176)
        assert float(a.min()) >= -1
        assert min(a.shape[-2:]) >= 128
        found = torch.tensor([4.0, 2.0])[None, :, None, None].expand(1, 2, *a.shape[-2:])
        return [torch.zeros_like(found), found]


def test_raft_is_asked_in_its_own_size_and_told_in_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    optical_flow = types.ModuleType("optical_flow")
    optical_flow.Raft_Small_Weights = types.SimpleNamespace(DEFAULT="the weights")  # type: ignore[attr-defined]
    optical_flow.raft_small = FakeNetwork  # type: ignore[attr-defined]
    models = types.ModuleType("torchvision.models")
    models.optical_flow = optical_flow  # type: ignore[attr-defined]
    for name, module in {"torchvision": types.ModuleType("torchvision"), "torchvision.models": models}.items():
        monkeypatch.setitem(sys.modules, name, module)
    found = flow.load("RAFT small")(torch.rand(3, 64, 85), torch.rand(3, 64, 85))
    assert found.shape == (2, 64, 85)
    assert float(found[0, 0, 0]) == pytest.approx(4 * 85 / 176)
    assert float(found[1, 0, 0]) == pytest.approx(1)


def test_raft_without_torchvision_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingExtra, match="needs torchvision"):
        flow.load("RAFT")
    with pytest.raises(ValueError, match="no flow method"):
        flow.load("RAPT")
