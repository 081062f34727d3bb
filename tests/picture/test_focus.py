"""A lens: what is in focus stays, what is not spreads, and light is neither made nor lost."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.picture import focus


def points(height: int = 64, width: int = 96) -> torch.Tensor:
    picture = torch.full((3, height, width), 0.02)
    picture[:, 32, 24] = picture[:, 32, 72] = 1
    return picture


def halves() -> torch.Tensor:
    """Near on the left, far on the right."""
    nearness = torch.zeros(1, 64, 96)
    nearness[..., :48] = 1
    return nearness


def test_a_closed_lens_gives_the_picture_itself() -> None:
    picture = points()
    assert focus.blur(picture, halves(), 0.5, 0.0) is picture


@pytest.mark.parametrize(("plane", "sharp", "soft"), [(1.0, 24, 72), (0.0, 72, 24)])
def test_what_is_in_focus_stays_and_the_rest_spreads(plane: float, sharp: int, soft: int) -> None:
    found = focus.blur(points(), halves(), plane, 8.0)
    assert found[0, 32, sharp] == pytest.approx(1, abs=0.02)
    assert found[0, 32, soft] < 0.5
    assert found[0, 32, soft + 3] > 0.05  # within a disc of 5 pixels
    assert found[0, 32, soft + 8] < 0.05


def test_light_is_kept() -> None:
    light = points() ** focus.GAMMA
    blurred = focus.blur(points(), torch.zeros(1, 64, 96), 1.0, 6.0) ** focus.GAMMA
    assert float(blurred.sum()) == pytest.approx(float(light.sum()), rel=0.02)


def test_a_sharp_silhouette_does_not_glow_into_what_is_blurred_behind_it() -> None:
    picture = torch.zeros(3, 64, 96)
    picture[..., :48] = 1  # bright, near, in focus
    found = focus.blur(picture, halves(), 1.0, 8.0)
    assert float(found[0, 32, 52]) < 0.25
    assert float(found[0, 32, 44]) > 0.95


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 1), st.floats(0, 20), st.integers(0, 2**31))
def test_stays_in_range(plane: float, aperture: float, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    picture, nearness = torch.rand(3, 24, 32, generator=random), torch.rand(1, 24, 32, generator=random)
    found = focus.blur(picture, nearness, plane, aperture)
    assert found.shape == picture.shape
    assert torch.isfinite(found).all()
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
