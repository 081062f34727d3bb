"""Motion as matrices: signs, order, Deforum's perspective flip, inverses."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.motion import matrix
from animate.schedule.importers.deforum_flip import shrink

FLIPS = json.loads((Path(__file__).parent.parent / "data" / "flip_matrices.json").read_text(encoding="utf-8"))
STILL = {
    "angle": 0.0,
    "zoom": 1.0,
    "translation_x": 0.0,
    "translation_y": 0.0,
    "transform_center_x": 0.5,
    "transform_center_y": 0.5,
    "perspective_flip_theta": 0.0,
    "perspective_flip_phi": 0.0,
    "perspective_flip_gamma": 0.0,
    "perspective_flip_fv": 53.0,
}
SIZE = (320, 512)


def at(motion, x, y):
    projected = motion @ (x, y, 1)
    return projected[:2] / projected[2]


def test_stillness_is_exactly_the_identity():
    np.testing.assert_array_equal(matrix.of_frame(STILL, SIZE), np.eye(3))


def test_positive_translations_move_right_and_down():
    np.testing.assert_allclose(
        at(matrix.of_frame(STILL | {"translation_x": 5, "translation_y": 3}, SIZE), 0, 0), (5, 3)
    )


def test_a_positive_angle_turns_counter_clockwise():
    turned = at(matrix.of_frame(STILL | {"angle": 90}, SIZE), 256 + 10, 160)  # right of the centre
    np.testing.assert_allclose(turned, (256, 150), atol=1e-9)  # now above it


def test_zoom_enlarges_about_the_chosen_centre():
    motion = matrix.of_frame(STILL | {"zoom": 2, "transform_center_x": 0.25, "transform_center_y": 0.75}, SIZE)
    np.testing.assert_allclose(at(motion, 128, 240), (128, 240))
    np.testing.assert_allclose(at(motion, 129, 241), (130, 242))


def test_translation_comes_before_rotation_and_zoom():
    """Deforum, run: zoom 1.5 with translation 10 moves 15 px; a turn by 90° with translation 10 moves 10 px up."""
    zoomed = at(matrix.of_frame(STILL | {"zoom": 1.5, "translation_x": 10}, SIZE), 256, 160)
    turned = at(matrix.of_frame(STILL | {"angle": 90, "translation_x": 10}, SIZE), 256, 160)
    np.testing.assert_allclose(zoomed, (271, 160))
    np.testing.assert_allclose(turned, (256, 150), atol=1e-9)


@pytest.mark.parametrize("case", FLIPS, ids=lambda case: f"{case['theta']},{case['phi']},{case['gamma']},{case['fv']}")
def test_flips_equal_deforums(case):
    wanted = np.array(case["matrix"])
    flip = matrix.flip(*(case[name] for name in ("theta", "phi", "gamma", "fv")), (case["H"], case["W"]), shrink=True)
    np.testing.assert_allclose(flip, wanted / wanted[2, 2], rtol=1e-6, atol=3e-5)  # theirs is computed in float32


@pytest.mark.parametrize("case", FLIPS, ids=lambda case: f"{case['theta']},{case['phi']},{case['gamma']},{case['fv']}")
def test_the_shrink_as_a_zoom_comes_within_a_pixel_of_deforums_flip(case):
    """What the importer does: no shrink in the flip, its factor in the zoom."""
    height, width = size = (case["H"], case["W"])
    angles = {f"perspective_flip_{name}": case[name] for name in ("theta", "phi", "gamma", "fv")}
    ours = matrix.of_frame(STILL | angles | {"zoom": shrink(size[1], size[0], case["fv"])}, size)
    theirs = matrix.flip(*(case[name] for name in ("theta", "phi", "gamma", "fv")), size, shrink=True)
    for x in (0, width):
        for y in (0, height):
            if any(case[name] for name in ("theta", "phi", "gamma")):
                assert np.abs(at(ours, x, y) - at(theirs, x, y)).max() < 1


def test_the_zero_flip_without_shrink_moves_nothing():
    np.testing.assert_allclose(matrix.flip(0, 0, 0, 53, SIZE), np.eye(3), atol=1e-12)


def test_the_shrink_of_the_zero_flip_is_deforums():
    assert shrink(512, 512, 53) == pytest.approx(0.998769, abs=1e-6)
    assert shrink(1024, 576, 53) == pytest.approx(0.999241, abs=1e-6)
    assert matrix.flip(0, 0, 0, 53, (512, 512), shrink=True)[0, 0] == pytest.approx(0.998769, abs=1e-6)


def test_translation_survives_under_a_flip():
    """Deforum loses it (np.matmul's third operand is the output)."""
    tilted = STILL | {"perspective_flip_phi": 10}
    moved = matrix.of_frame(tilted | {"translation_x": 20}, SIZE)
    np.testing.assert_allclose(moved, matrix.of_frame(tilted, SIZE) @ matrix.translate(20, 0))


def test_a_flip_needs_a_field_of_view():
    with pytest.raises(ValueError, match="between 0 and 180"):
        matrix.flip(1, 0, 0, 180, SIZE)


@given(
    angle=st.floats(-360, 360),
    zoom=st.floats(0.1, 10),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
    center=st.tuples(st.floats(-1, 2), st.floats(-1, 2)),
)
def test_the_inverse_undoes_every_motion(angle, zoom, x, y, center):
    motion = matrix.rotate_zoom_translate(angle, zoom, (x, y), center, SIZE)
    np.testing.assert_allclose(np.linalg.inv(motion) @ motion, np.eye(3), atol=1e-8)


@given(angle=st.floats(-90, 90), zoom=st.floats(0.5, 2))
def test_motions_about_one_centre_compose(angle, zoom):
    once = matrix.rotate_zoom(angle, zoom, (100, 50))
    twice = matrix.rotate_zoom(2 * angle, zoom**2, (100, 50))
    np.testing.assert_allclose(once @ once, twice, atol=1e-9)
