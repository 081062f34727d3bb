"""The depth eye's training: what it is shown, and what its figures mean."""

import numpy as np
import pytest
import torch

from training import checkpoint, depth


def near(count: int = 3, side: int = 64) -> torch.Tensor:
    """(N, S, S) log inverse depth: a ground that rises to a sky."""
    rows = torch.linspace(-1, 1, side)[:, None].expand(side, side)
    ground = torch.where(rows > 0, rows.clamp_min(0.02).log(), torch.tensor(float(np.log(depth.SKY))))
    return ground.expand(count, side, side).clone()


def test_the_size_of_the_world_is_nearly_free() -> None:
    """What is wrong by a scale alone costs little, but something, or else the scale of all pictures would stray."""
    truth = near()[:, None]
    costs = [float(depth.loss(truth + off, truth)) for off in (0.0, 1.0, -2.0)]
    assert costs[0] < 1e-6
    assert 0 < costs[1] <= depth.LEVEL
    assert costs[1] < costs[2] <= 2 * depth.LEVEL
    assert float(depth.loss(truth + torch.randn(truth.shape), truth)) > 0.4


@pytest.mark.parametrize("horizon", [0.2, 0.6])
def test_how_far_the_sky_is_is_asked_loosely(horizon: float) -> None:
    """Whatever there is more of, the sky may be twice as far or near; and if it is too near, the land does not move."""
    rows = torch.linspace(0, 1, 64)[:, None].expand(64, 64)[None, None]
    land = rows > horizon
    truth = torch.where(land, rows.log(), torch.tensor(float(np.log(depth.SKY))))
    for off in (-0.7, 0.7):
        assert float(depth.loss(torch.where(land, truth, truth + off), truth)) < 1e-6, off
    found = torch.where(land, truth, truth + 2).requires_grad_()
    depth.loss(found, truth).backward()
    assert found.grad is not None
    assert float(found.grad[land].abs().max()) < 1e-6
    assert float(found.grad[~land].min()) > 0


def test_a_shift_is_half_as_wrong() -> None:
    """Inverse depth that a scale and a shift make right: of the two errors one is nothing."""
    truth = near()[:, None]
    land = truth > np.log(depth.SKY) + 0.01
    found = torch.where(land, (0.4 * truth.exp() + 0.006).log(), truth)
    for scale in (0.0, -12.0, 5.0):  # also where the network speaks of a far smaller or larger world
        assert torch.allclose(depth.shifted(found + scale, truth, land)[land], truth[land], atol=0.02), scale
    assert float(depth.loss(found, truth)) > 0.001


def test_a_sky_of_clouds_alone_is_learned_from_too() -> None:
    truth = torch.full((1, 1, 32, 32), float(np.log(depth.SKY)))
    found = torch.randn(truth.shape).requires_grad_()
    depth.loss(found, truth).backward()
    assert found.grad is not None
    assert found.grad.isfinite().all()


def test_pictures_and_depth_are_cut_alike() -> None:
    """A picture that shows its own depth still does after crops and mirrors, other light, blur and grain."""
    ramp = torch.arange(64.0) / 63
    values = (ramp[:, None] + 2 * ramp) / 3
    picture = (values.repeat_interleave(4, 0).repeat_interleave(4, 1)[..., None].expand(256, 256, 3) * 255).byte()
    table = depth.Scenes(picture[None], values[None], torch.zeros(1, dtype=torch.int64))
    for step, side in enumerate(2 * depth.SIDES):
        random = checkpoint.numpy_generator(1, step, "cut")
        pictures, truth = depth.draw([table], 4, side, random, checkpoint.generator(1, step, "cut"))
        assert pictures.shape[-1] == 4 * truth.shape[-1] == side
        assert 0 <= pictures.min() <= pictures.max() <= 1
        for seen, told in zip(torch.nn.functional.avg_pool2d(pictures, 4).mean(1).flatten(1), truth.flatten(1)):
            assert np.corrcoef(seen, told)[0, 1] > 0.95


def test_another_camera_sees_a_part_of_the_picture() -> None:
    """Values that grow along an axis are found again by where they were: within the frame, half of them elsewhere."""
    across = ((torch.arange(64.0) + 0.5) / 32 - 1).expand(400, 1, 64, 64)
    for values in (across, across.mT):
        random = np.random.default_rng(3)
        pictures, near = depth.leaned(across.expand(-1, 3, -1, -1).clone(), values.clone(), random)
        same = (near == values).flatten(1).all(1)
        assert float(same.double().mean()) == pytest.approx(1 - depth.LEANS, abs=0.07)
        assert torch.equal((pictures == across).flatten(1).all(1), same)
        assert near.abs().max() <= 1
        corners = near[~same, 0][:, [0, 0, -1, -1], [0, -1, -1, 0]]
        sides = (corners - corners.roll(1, 1)).abs().amax(1) * 64 / 63 / 2
        assert 0.5 < float(sides.min()) < float(sides.max()) <= 1
        assert float(sides.mean()) == pytest.approx(0.8, abs=0.05)
        assert float((corners[:, 0] - corners[:, 3 if values is across else 1]).abs().mean()) > 0.05  # rolled


def test_what_disturbs_a_picture_leaves_some_alone() -> None:
    pictures = torch.rand(400, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    before = pictures.clone()
    seen = depth.disturbed(pictures, np.random.default_rng(0), torch.Generator().manual_seed(0))
    same = (seen == before).flatten(1).all(1).double().mean()
    assert float(same) == pytest.approx(0.4 * 0.85 * 0.7 * 0.7, abs=0.05)


def test_one_picture_is_disturbed_as_well_as_many() -> None:
    """By none of it, by all of it: sixteen draws."""
    for seed in range(16):
        seen = depth.disturbed(torch.rand(1, 3, 32, 32), np.random.default_rng(seed), torch.Generator().manual_seed(0))
        assert seen.shape == (1, 3, 32, 32)
        assert seen.isfinite().all()


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (3.0, 0.2), (0.2, -0.01)])
def test_scale_and_shift_are_taken_out_before_judging(scale: float, shift: float) -> None:
    truth = near().exp()
    land = truth > depth.SKY * 1.01
    found = (truth - shift) / scale
    assert depth.within(depth.aligned(found, truth)[land], truth[land]) == 1
    wrong = truth.clone()
    wrong[:, 32:40] *= 3  # eight rows of 32 of land: more than a fit can hide
    assert depth.within(depth.aligned(wrong, truth)[land], truth[land]) < 0.8


def test_the_sky_is_to_be_behind_the_land() -> None:
    truth = near().exp()
    land = truth > depth.SKY * 1.01
    assert depth.behind(truth, land) == 1
    found = truth.clone()
    found[:, :8] = 1  # a cloud of a quarter of the sky, thought near
    assert depth.behind(found, land) == pytest.approx(0.75, abs=0.03)
