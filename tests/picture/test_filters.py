"""Borders, blurs, the unsharp mask, masks."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.picture import mask
from animate.picture.blur import _by_torch, gaussian, heat, separable
from animate.picture.border import FOLDS, fold, pad
from animate.picture.sharpen import match_sharpness, sharpness, unsharp

NUMPYS = {"replicate": "edge", "wrap": "wrap", "reflect": "symmetric"}


@pytest.mark.parametrize("border", FOLDS)
def test_padding_is_numpys(border):
    picture = torch.rand(2, 5, 4)
    wanted = np.pad(picture.numpy(), ((0, 0), (3, 3), (3, 3)), mode=NUMPYS[border])
    np.testing.assert_array_equal(pad(picture, 3, border), wanted)


@given(border=st.sampled_from(list(FOLDS)), size=st.integers(1, 50), position=st.floats(-1000, 1000))
def test_folded_positions_lie_inside(border, size, position):
    folded = float(fold(torch.tensor([position]), size, border))
    assert 0 <= folded <= (size if border == "wrap" else size - 1)


@pytest.mark.parametrize("border", FOLDS)
@pytest.mark.parametrize("sizes", [(3, 3), (1, 5), (7, 1)])
def test_a_separable_filter_is_the_plain_sum(border, sizes):
    random = np.random.default_rng(0)
    picture = torch.from_numpy(random.random((2, 9, 8), dtype=np.float32))
    down, across = (random.random(size) for size in sizes)
    padded = np.pad(picture.numpy(), ((0, 0), (3, 3), (3, 3)), mode=NUMPYS[border])
    wanted = sum(
        a * b * padded[:, 3 + y : 12 + y, 3 + x : 11 + x]
        for y, a in enumerate(down, -(len(down) // 2))
        for x, b in enumerate(across, -(len(across) // 2))
    )
    np.testing.assert_allclose(separable(picture, down, across, border), wanted, atol=1e-5)
    margin = max(sizes) // 2
    np.testing.assert_allclose(_by_torch(pad(picture, margin, border), down, across, margin), wanted, atol=1e-5)


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match="odd"):
        separable(torch.zeros(1, 4, 4), np.ones(2), np.ones(3))


@given(variance=st.floats(0, 300))
def test_the_heat_kernel_has_exactly_its_variance(variance):
    kernel = heat(variance)
    offset = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.min() >= -1e-12
    assert kernel.sum() == pytest.approx(1)
    assert (kernel * offset**2).sum() == pytest.approx(variance, rel=0.01, abs=1e-9)


@pytest.mark.parametrize(
    ("kernel", "sigma", "amount", "threshold"), [(5, 1.0, 0.1, 0), (3, 0.5, 1.5, 4), (9, 0, 0.3, 0)]
)
def test_unsharp_is_deforums_formula(photographs, kernel, sigma, amount, threshold):
    """On 8 bits: (1 + a) · picture − a · GaussianBlur, kept where both differ by less than the threshold."""
    levels = (255 * photographs[0].permute(1, 2, 0).numpy()).astype(np.float64)
    blurred = cv2.GaussianBlur(levels, (kernel, kernel), sigma)
    wanted = np.clip((1 + amount) * levels - amount * blurred, 0, 255)
    wanted = np.where(np.abs(levels - blurred) < threshold, levels, wanted)
    ours = 255 * unsharp(photographs[0], kernel, sigma, amount, threshold).permute(1, 2, 0).numpy()
    edge = kernel // 2 + 1  # theirs mirrors without the edge pixel
    np.testing.assert_allclose(ours[edge:-edge, edge:-edge], wanted[edge:-edge, edge:-edge], atol=0.01)


def test_unsharp_without_amount_returns_the_picture(photographs):
    assert unsharp(photographs[0], 5, 1, 0) is photographs[0]


def test_an_even_kernel_means_the_next_odd_one(photographs):
    """An interpolated `kernel` passes through even numbers, which stop Deforum."""
    assert torch.equal(unsharp(photographs[0], 4, 1, 0.5), unsharp(photographs[0], 5, 1, 0.5))


def test_the_blur_of_unsharp_keeps_the_mean(photographs):
    sharp = unsharp(photographs[0], 5, 1, 0.2)
    assert (sharp.mean((1, 2)) - photographs[0].mean((1, 2))).abs().max() < 0.5 / 255


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize(
    "change", [lambda p: blurred(p), lambda p: unsharp(p, 5, 1, 0.6), lambda p: 0.5 + 0.7 * (p - 0.5)]
)
def test_a_picture_is_made_as_sharp_as_another(photographs, change, share):
    other = change(photographs[0])
    before, wanted = sharpness(other), sharpness(photographs[0])
    found = sharpness(match_sharpness(other, photographs[0], share))
    assert found == pytest.approx(before ** (1 - share) * wanted**share, rel=0.03)  # what is clipped is missing


def blurred(picture):
    weights = gaussian(3, 0.5)
    return separable(picture, weights, weights)


def test_sharpness_is_opencvs_laplacian(photographs):
    grey = cv2.cvtColor(photographs[0].permute(1, 2, 0).numpy(), cv2.COLOR_RGB2GRAY)
    wanted = np.square(cv2.Laplacian(grey, cv2.CV_32F)[1:-1, 1:-1]).mean()
    assert sharpness(photographs[0]) == pytest.approx(wanted, rel=1e-4)


def test_what_cannot_be_as_sharp_is_left_in_one_piece(photographs):
    plain, grain = torch.full((3, 32, 32), 0.4), torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(match_sharpness(plain, grain), plain)
    softened = match_sharpness(grain, plain)
    assert 0 < sharpness(softened) < 0.2 * sharpness(grain)
    assert match_sharpness(grain, plain, 0) is grain
    tiny = torch.rand(3, 2, 5)
    torch.testing.assert_close(match_sharpness(tiny, grain), tiny)


def test_the_gaussian_is_opencvs():
    np.testing.assert_allclose(gaussian(5, 0), cv2.getGaussianKernel(5, 0)[:, 0])
    assert gaussian(7, 1.5).sum() == pytest.approx(1)


@settings(deadline=None, max_examples=20)
@given(radius=st.integers(1, 9))
def test_growing_reaches_as_far_as_its_radius(radius):
    dot = torch.zeros(1, 31, 31)
    dot[0, 15, 15] = 1
    grown = mask.grow(dot, radius)
    assert grown[0, 15, 15 + radius] == 1
    assert grown[0, 15, 16 + radius] == 0
    assert torch.equal(mask.grow(1 - grown, -0.0), 1 - grown)
    assert torch.equal(mask.grow(grown, -radius), dot)


def test_feathering_softens_within_about_its_radius():
    edge = torch.zeros(1, 40, 40)
    edge[..., 20:] = 1
    soft = mask.feather(edge, 4)
    assert 0.4 < soft[0, 20, 19] < 0.5 < soft[0, 20, 20] < 0.6
    assert soft[0, 20, 12] < 0.01
    assert soft[0, 20, 27] > 0.99
    assert mask.feather(edge, 0) is edge


def test_blending_follows_the_mask():
    below, above = torch.zeros(3, 2, 2), torch.ones(3, 2, 2)
    share = torch.tensor([[[0.0, 1.0], [0.25, 0.5]]])
    np.testing.assert_allclose(mask.blend(below, above, share), share.expand(3, 2, 2))
