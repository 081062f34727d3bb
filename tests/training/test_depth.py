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


def test_the_size_of_the_world_is_free() -> None:
    truth = near()[:, None]
    assert float(depth.loss(truth + torch.tensor([0.0, 1.0, -2.0]).view(3, 1, 1, 1), truth)) < 1e-6
    assert float(depth.loss(truth + torch.randn(truth.shape), truth)) > 0.4


@pytest.mark.parametrize("horizon", [0.2, 0.6])
def test_a_large_sky_does_not_say_how_large_the_land_is(horizon: float) -> None:
    """A ground rightly seen, under a sky thought twice as far or near: whatever there is more of, the ground is right,
    and to be told so costs the sky's place alone."""
    rows = torch.linspace(0, 1, 64)[:, None].expand(64, 64)[None, None]
    land = rows > horizon
    truth = torch.where(land, rows.log(), torch.tensor(float(np.log(depth.SKY))))
    found = torch.where(land, truth, truth + 0.7).requires_grad_()
    depth.loss(found, truth).backward()
    assert found.grad is not None
    inside = land & (rows > horizon + 0.26)  # away from the border, whose step is wrong
    assert float(found.grad[inside].abs().max()) == 0
    assert float(found.grad[~land].min()) > 0


def test_of_two_places_one_is_taken_not_the_middle() -> None:
    """A ridge is at 0 in three pictures of five, at 1.5 in the others, and none tells which."""
    guesses = torch.linspace(-0.2, 1.7, 96)
    paid = 0.6 * depth.forgiving(guesses) + 0.4 * depth.forgiving(guesses - 1.5)
    assert float(guesses[paid.argmin()]) == pytest.approx(0, abs=0.02)
    assert float(paid[(guesses - 0.75).abs().argmin()]) > float(depth.forgiving(torch.tensor(1.5)) * 0.6)


def test_pictures_and_depth_are_cut_alike() -> None:
    """A picture that shows its own depth still does after crops and mirrors, other light, blur and grain."""
    ramp = torch.arange(64.0) / 63
    values = (ramp[:, None] + 2 * ramp) / 3
    picture = (values.repeat_interleave(4, 0).repeat_interleave(4, 1)[..., None].expand(256, 256, 3) * 255).byte()
    table = depth.Scenes(picture[None], values[None], torch.zeros(1, dtype=torch.int64))
    for step in range(8):
        random = checkpoint.numpy_generator(1, step, "cut")
        pictures, truth = depth.draw([table], 4, random, checkpoint.generator(1, step, "cut"))
        assert pictures.shape[-1] == 4 * truth.shape[-1]
        assert 0 <= pictures.min() <= pictures.max() <= 1
        for seen, told in zip(torch.nn.functional.avg_pool2d(pictures, 4).mean(1).flatten(1), truth.flatten(1)):
            assert np.corrcoef(seen, told)[0, 1] > 0.95


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
