"""Colour matching against scikit-image's, and grading."""

import gc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.picture import color
from animate.picture.color import MATCHERS
from animate.picture.convert import from_uint8, to_uint8


def skimage_match(picture, sample):
    from skimage.exposure import match_histograms

    return match_histograms(picture, sample, channel_axis=-1)


def rows(picture):
    return picture.permute(1, 2, 0).numpy()


def test_rgb_equals_scikit_image_on_8_bit_pictures(photographs):
    picture, sample = (to_uint8(each) for each in photographs)
    wanted = skimage_match(picture.astype(np.float32), sample.astype(np.float32))
    ours = color.match_rgb(from_uint8(picture), from_uint8(sample))
    assert np.abs(255 * rows(ours) - wanted).max() < 0.01
    assert np.abs(to_uint8(ours).astype(int) - skimage_match(picture, sample)).max() <= 1  # theirs truncates


def test_lab_equals_scikit_image(photographs):
    from skimage.color import lab2rgb, rgb2lab

    picture, sample = (rows(each).astype(float) for each in photographs)
    wanted = np.clip(lab2rgb(skimage_match(rgb2lab(picture), rgb2lab(sample))), 0, 1)
    difference = 255 * np.abs(rows(color.match_lab(*photographs)) - wanted)
    assert difference.mean() < 0.1
    assert np.quantile(difference, 0.99) < 1  # what differs more lies outside RGB, where both clip their own way


def test_hsv_equals_scikit_image(photographs):
    from skimage.color import hsv2rgb, rgb2hsv

    picture, sample = (rows(each).astype(float) for each in photographs)
    wanted = hsv2rgb(skimage_match(rgb2hsv(picture), rgb2hsv(sample)))
    assert 255 * np.abs(rows(color.match_hsv(*photographs)) - wanted).mean() < 0.1


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), power=st.floats(0.3, 3), levels=st.sampled_from([2, 5, 255, 1000, 10**6]))
def test_rgb_equals_scikit_image_on_floats(seed, power, levels):
    random = torch.Generator().manual_seed(seed)
    picture = torch.rand(3, 40, 40, generator=random)
    sample = torch.rand(3, 40, 40, generator=random).pow(power).mul(levels).round().div(levels)
    difference = 255 * np.abs(rows(color.match_rgb(picture, sample)) - skimage_match(rows(picture), rows(sample)))
    assert difference.mean() < 0.1
    assert np.quantile(difference, 0.98) < 1  # in pictures as small as that, of few values a bin


def test_rgb_equals_scikit_image_on_photographs(photographs):
    picture, sample = (rows(each) for each in photographs)
    difference = 255 * np.abs(rows(color.match_rgb(*photographs)) - skimage_match(picture, sample))
    assert difference.mean() < 0.1
    assert np.quantile(difference, 0.99) < 0.5


@pytest.mark.parametrize("name", MATCHERS)
def test_a_picture_matched_to_itself_is_itself(photographs, name):
    for picture in (photographs[0], torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))):
        matched = picture
        for _ in range(50):  # Deforum, run: 50 rounds leave LAB off by up to 7 levels, HSV by 13
            matched = MATCHERS[name](matched, picture)
        difference = 255 * (matched - picture)
        assert difference.abs().mean() < 0.05  # measured: 0, 0.002, 0.023
        assert difference.mean().abs() < 0.01
        assert difference.abs().flatten().quantile(0.999) < (1e-6 if name == "RGB" else 1)


@pytest.mark.parametrize("name", MATCHERS)
def test_matching_twice_changes_little(photographs, name):
    picture, sample = photographs
    once = MATCHERS[name](picture, sample)
    assert 255 * (MATCHERS[name](once, sample) - once).abs().mean() < 2
    assert 0 <= once.min() <= once.max() <= 1


@pytest.mark.parametrize("name", MATCHERS)
def test_floats_are_not_quantised(name):
    """A smooth ramp stays one: no bands, no lost levels."""
    ramp = torch.linspace(0.1, 0.9, 256 * 256).view(1, 256, 256).expand(3, -1, -1).contiguous()
    sample = (ramp**2).roll(17, -1)
    matched = MATCHERS[name](ramp, sample)
    assert len(matched[0].unique()) > 20_000  # of 65,536
    assert matched[0].flatten().diff().max() < 0.5 / 255


@pytest.mark.parametrize("name", MATCHERS)
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_plain_colours_match(photographs, name, value):
    """A single value has one quantile, the last: it becomes the sample's largest, as in scikit-image."""
    plain = torch.full((3, 16, 16), value)
    assert MATCHERS[name](plain, photographs[0]).isfinite().all()
    np.testing.assert_allclose(MATCHERS[name](photographs[0], plain), torch.full((3, 128, 128), value), atol=0.01)


def test_the_sample_may_have_another_size(photographs):
    picture, sample = photographs
    matched = color.match_rgb(picture, sample[:, ::2, ::2].contiguous())
    assert 255 * (matched - color.match_rgb(picture, sample)).abs().mean() < 2


@pytest.mark.parametrize("name", MATCHERS)
def test_what_has_no_three_channels_is_refused(name):
    grey, colour = torch.rand(1, 8, 8), torch.rand(3, 8, 8)
    for picture, sample in ((grey, colour), (colour, grey), (colour[0], colour)):
        with pytest.raises(ValueError, match="a picture in colour"):
            MATCHERS[name](picture, sample)


def test_a_sample_is_forgotten_when_it_is_gone(photographs):
    sample = photographs[1].clone()
    color.match_lab(photographs[0], sample)
    known = len(color._samples)
    del sample
    gc.collect()
    assert len(color._samples) < known


def test_grading_at_its_neutral_values_returns_the_picture(photographs):
    assert color.grade(photographs[0], 1.0, 1.0, 0.0) is photographs[0]
    assert color.contrast(photographs[0], 1.0) is photographs[0]


def test_contrast_does_not_wrap_around():
    """Deforum, run: 250 × 1.05 becomes 6."""
    np.testing.assert_allclose(color.contrast(torch.tensor([250 / 255, 0.5]), 1.05), (1.0, 0.525))


def test_hue_turns_red_towards_yellow():
    red = torch.tensor([0.5, 0.2, 0.2]).view(3, 1, 1)
    red_, green, blue = color.grade(red, hue=40).flatten()
    assert red_ > green > blue


@settings(deadline=None, max_examples=25)
@given(hue=st.floats(-180, 180), saturation=st.floats(0, 1.2))
def test_hue_and_saturation_keep_the_luma(hue, saturation):
    picture = 0.4 + 0.1 * torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    graded = color.grade(picture, saturation=saturation, hue=hue)
    np.testing.assert_allclose(color.greyscale(graded), color.greyscale(picture), atol=1e-5)


def test_a_full_turn_in_small_steps_comes_back():
    picture = 0.4 + 0.1 * torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    turned = picture
    for _ in range(120):
        turned = color.grade(turned, hue=3)
    np.testing.assert_allclose(turned, picture, atol=1e-4)


def test_without_saturation_a_picture_is_its_greyscale(photographs):
    np.testing.assert_allclose(color.grade(photographs[0], saturation=0), color.greyscale(photographs[0]), atol=1e-5)


def test_brightness_is_a_factor():
    np.testing.assert_allclose(color.grade(torch.full((3, 2, 2), 0.4), brightness=1.5), 0.6, atol=1e-6)
