"""Noise: seeds, statistics, blending."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.picture import noise
from animate.picture.noise import NOISES


@pytest.mark.parametrize("name", NOISES)
def test_a_seed_means_the_same_field(name):
    one, two = (NOISES[name](noise.rng(7, 3, "noise"), 40, 56) for _ in range(2))
    assert one.shape == (3, 40, 56)
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    "other", [(8, 3, "noise"), (7, 4, "noise"), (7, 3, "grain"), (-7, 3, "noise"), (3, 7, "noise")]
)
def test_every_part_of_the_seed_counts(other):
    one, two = (noise.uniform(noise.rng(*key), 64, 64).flatten() for key in ((7, 3, "noise"), other))
    assert torch.corrcoef(torch.stack([one, two]))[0, 1].abs() < 0.05


def test_any_integer_is_a_seed():
    for seed in (0, -1, 2**63, 2**64 - 1):
        assert noise.uniform(noise.rng(seed, 0, "noise"), 4, 4).isfinite().all()


def test_the_stream_is_pinned():
    """Changing these numbers changes every video: the promise that a seed keeps its meaning."""
    drawn = noise.uniform(noise.rng(42, 5, "noise"), 8, 8)[0, 0, :4]
    np.testing.assert_allclose(drawn, PINNED, atol=1e-5)


PINNED = (2.122471, -0.993597, 1.017375, -0.584546)


def test_uniform_noise_is_normally_distributed():
    from scipy.stats import kstest

    assert kstest(noise.uniform(noise.rng(5, 0, "noise"), 128, 128).flatten(), "norm").pvalue > 0.01


def test_uniform_is_white_with_unit_variance():
    field = noise.uniform(noise.rng(1, 0, "noise"), 256, 256)
    assert field.mean().abs() < 0.01
    assert field.std() == pytest.approx(1, abs=0.01)
    neighbours = torch.stack([field[:, :, :-1].flatten(), field[:, :, 1:].flatten()])
    assert torch.corrcoef(neighbours)[0, 1].abs() < 0.01


def slow_perlin(gradients, height, width):
    """One layer, pixel by pixel: Perlin 2002, with the fade 6t⁵ − 15t⁴ + 10t³."""
    cells = len(gradients) - 1
    out = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            y, x = row * cells / height, column * cells / width
            top, left = int(y), int(x)
            corner = {}
            for down in (0, 1):
                for right in (0, 1):
                    gx, gy = gradients[top + down, left + right]
                    corner[down, right] = gx * (x - left - right) + gy * (y - top - down)
            fade = [t**3 * (t * (t * 6 - 15) + 10) for t in (y - top, x - left)]
            upper = corner[0, 0] + fade[1] * (corner[0, 1] - corner[0, 0])
            lower = corner[1, 0] + fade[1] * (corner[1, 1] - corner[1, 0])
            out[row, column] = upper + fade[0] * (lower - upper)
    return out


def layers(random, height, width, octaves=4, persistence=0.5):
    return noise._rows(height, octaves) @ noise._columns(random, width, octaves, persistence)


def test_perlin_layers_equal_the_plain_definition():
    random = noise.rng(3, 0, "noise")
    ours = layers(random, 40, 24, octaves=2, persistence=0.5)
    again, wanted = noise.rng(3, 0, "noise"), 0
    for octave in range(2):
        cells = 8 * 2**octave
        angle = 2 * np.pi * again.random((cells + 1, cells + 1), dtype=np.float32)
        wanted = wanted + np.sqrt(2) * 0.5**octave * slow_perlin(np.stack([np.cos(angle), np.sin(angle)], -1), 40, 24)
    np.testing.assert_allclose(ours, wanted, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(height=st.integers(1, 130), width=st.integers(1, 130), octaves=st.integers(1, 7), persistence=st.floats(0, 1))
def test_perlin_works_at_any_size(height, width, octaves, persistence):
    """Deforum's needs multiples of 64."""
    field = noise.perlin(noise.rng(1, 1, "noise"), height, width, octaves, persistence)
    assert field.shape == (3, height, width)
    again = noise.rng(1, 1, "noise")
    strength = (1 + layers(again, height, width, octaves, persistence)) / 2
    np.testing.assert_allclose(field, noise.uniform(again, height, width) * strength, atol=1e-5)


def test_perlin_noise_is_white_noise_of_drifting_strength():
    field = noise.perlin(noise.rng(1, 0, "noise"), 256, 256)
    assert field.mean().abs() < 0.01
    strength = torch.nn.functional.avg_pool2d(field.square()[None], 16)[0].mean(0).sqrt()
    assert strength.std() > 0.05
    assert 0.4 < field.std() < 0.7


def test_noise_of_another_size_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        noise.add_noise(torch.zeros(3, 8, 8), 0.1, noise.uniform(noise.rng(1, 0, "noise"), 4, 4))


def test_noise_pulls_towards_grey_as_deforums_does():
    """Deforum, run at 0.065: black becomes 8.3, white 246.7 on average."""
    field = noise.uniform(noise.rng(1, 0, "noise"), 256, 256)
    black = noise.add_noise(torch.zeros(3, 256, 256), 0.065, field)
    white = noise.add_noise(torch.ones(3, 256, 256), 0.065, field)
    assert 255 * black.mean() == pytest.approx(8.3, abs=0.2)
    assert 255 * white.mean() == pytest.approx(246.7, abs=0.2)


def test_no_amount_adds_nothing(photographs):
    field = noise.uniform(noise.rng(1, 0, "noise"), 128, 128)
    np.testing.assert_allclose(noise.add_noise(photographs[0], 0, field), photographs[0], atol=1e-7)
