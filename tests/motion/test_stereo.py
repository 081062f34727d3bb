"""Two eyes: the shift between them is what two cameras would see."""

import numpy as np
import pytest
import torch

from animate.motion.camera import UNIT, Camera
from animate.motion.stereo import anaglyph, eyes, side_by_side

SIZE = (96, 128)


def wave() -> torch.Tensor:
    """(3, H, W) smooth stripes."""
    x = torch.arange(SIZE[1])
    return (0.5 + 0.4 * torch.sin(x / 7)).expand(3, *SIZE).contiguous()


def shift(a: torch.Tensor, b: torch.Tensor) -> float:
    """Pixels by which stripes of b stand to the right of a's: the shift under which they differ least."""
    x = np.arange(SIZE[1])
    inside = slice(24, -24)
    tried = np.arange(-8, 8, 0.02)
    errors = [np.abs(np.interp(x - s, x, a[0, 48].numpy()) - b[0, 48].numpy())[inside].mean() for s in tried]
    return float(tried[int(np.argmin(errors))])


@pytest.mark.parametrize("depth", [1.0, 2.5])
@pytest.mark.parametrize("ipd", [5.0, 12.0])
def test_a_plane_lies_apart_by_focal_length_times_distance_over_depth(depth: float, ipd: float) -> None:
    camera = Camera.of(60, SIZE)
    left, right = eyes(wave(), torch.full((1, *SIZE), depth), camera, ipd, 0.0)
    assert shift(right, left) == pytest.approx(camera.focal * ipd * UNIT / depth, abs=0.1)


def test_eyes_that_turn_inwards_meet_nearer() -> None:
    camera, depth = Camera.of(60, SIZE), torch.full((1, *SIZE), 2.0)
    straight = shift(*reversed(eyes(wave(), depth, camera, 5.0, 0.0)))
    turned = shift(*reversed(eyes(wave(), depth, camera, 5.0, 0.5)))
    assert turned < straight - 1


def test_layouts() -> None:
    left, right = torch.zeros(3, 4, 6), torch.ones(3, 4, 6)
    both = side_by_side(left, right)
    assert both.shape == (3, 4, 12)
    assert float(both[..., :6].max()) == 0
    glasses = anaglyph(left, right)
    assert glasses.shape == (3, 4, 6)
    assert float(glasses[0].max()) < 0.1  # the right eye is not seen through red
    assert float(glasses[1:].min()) > 0.9
    same = anaglyph(right, right)
    assert float((same - 1).abs().max()) < 0.1  # white stays white
