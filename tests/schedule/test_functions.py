"""Oscillators, chance, shaping, easings."""

import numpy as np
import pytest

from animate.schedule import easing
from animate.schedule.easing import EASINGS
from animate.schedule.functions import FUNCTIONS, hashed

T = np.arange(20.0)


def call(name: str, *arguments: object) -> np.ndarray:
    function = FUNCTIONS[name]
    return np.asarray(function.compute(*([T] if function.timed else []), *arguments))


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [  # the first values as Parseq has them; square begins its second half in time
        ("wave", (10,), [0, 0.587785, 0.951057, 0.951057, 0.587785, 0, -0.587785]),
        ("tri", (10,), [0, 0.4, 0.8, 0.8, 0.4, 0, -0.4, -0.8, -0.8, -0.4, 0]),
        ("saw", (10,), [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0]),
        ("saw", (10, 3), [0.3, 0.4, 0.5]),
        ("square", (10,), [1, 1, 1, 1, 1, -1, -1, -1, -1, -1, 1]),
        ("pulse", (10, 3), [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("pulse", (4,), [1, 0, 0, 0, 1]),
        ("pulse", (6.4, 2), [1, 1, 0, 0, 0, 0, 0, 1, 1]),
        ("smoothstep", (4, 8, T), [0, 0, 0, 0, 0, 0.15625, 0.5, 0.84375, 1, 1]),
        ("frac", (T / 4,), [0, 0.25, 0.5, 0.75, 0]),
    ],
)
def test_values(name: str, arguments: tuple[object, ...], wanted: list[float]) -> None:
    np.testing.assert_allclose(call(name, *arguments)[: len(wanted)], wanted, atol=1e-6)


def test_pulse_of_a_beat_that_is_no_whole_number_of_frames_fires_on_every_beat() -> None:
    for fps, bpm in [(24, 124), (12, 90), (30, 128), (24000 / 1001, 120)]:
        beats = 60 * fps / bpm
        fired = FUNCTIONS["pulse"].compute(np.arange(1000.0), beats, 1)
        # one frame a beat, give or take the one at the edge
        assert abs(fired.sum() - 1000 / beats) < 2


def test_noise_is_smooth_seeded_and_bounded() -> None:
    x = np.linspace(-50, 50, 20_001)
    a, b = FUNCTIONS["noise"].compute(x, 3), FUNCTIONS["noise"].compute(x, 4)
    for values in (a, b):
        assert np.abs(values).max() <= 1
        assert np.abs(values).max() > 0.9
        assert abs(values.mean()) < 0.2
        assert np.abs(np.diff(values)).max() < 0.02  # 1/200 of a cell at a time
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.3
    np.testing.assert_array_equal(a, FUNCTIONS["noise"].compute(x, 3))


def test_rand_is_uniform_and_holds_between_whole_numbers() -> None:
    values = FUNCTIONS["rand"].compute(np.arange(20_000.0), 1)
    assert values.min() >= 0
    assert values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert np.histogram(values, 10)[0].min() > 1800
    np.testing.assert_array_equal(FUNCTIONS["rand"].compute([3.0, 3.2, 3.9]), [values_of(3)] * 3)
    assert FUNCTIONS["rand"].compute(5, 1) != FUNCTIONS["rand"].compute(5, 2)
    assert FUNCTIONS["rand"].compute(5, 1) != FUNCTIONS["rand"].compute(5, 1.5)


def values_of(x: float) -> float:
    return float(FUNCTIONS["rand"].compute(x))


def test_chance_is_the_same_everywhere() -> None:
    # computed once; a change would repaint everyone's animations
    assert [int(v) for v in hashed(np.arange(3), 7)] == GOLDEN_HASHES
    np.testing.assert_allclose(FUNCTIONS["noise"].compute(np.array([0.0, 0.5, 12.25]), 3), GOLDEN_NOISE, atol=1e-12)


GOLDEN_HASHES = [9885194393892365237, 10476334801692179515, 13003692882476011054]
GOLDEN_NOISE = [0.7291582999645705, 0.04929323103048333, 0.49849683647155546]


@pytest.mark.parametrize("name", EASINGS)
def test_easing_goes_from_zero_to_one(name: str) -> None:
    x = np.linspace(0, 1, 1001)
    eased = EASINGS[name](x)
    assert eased[0] == 0
    assert eased[-1] == 1
    assert np.isfinite(eased).all()
    np.testing.assert_array_equal(EASINGS[name](np.array([-3.0, 4.0])), [0, 1])
    assert np.abs(np.diff(eased)).max() < 0.2
    if not any(word in name for word in ("back", "elastic", "bounce")):
        assert (np.diff(eased) >= -1e-12).all()
        assert eased.min() >= 0
        assert eased.max() <= 1
    if name.startswith("in_out"):
        np.testing.assert_allclose(eased + eased[::-1], 1, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "x", "wanted"),
    [
        ("in_quad", 0.5, 0.25),
        ("out_cubic", 0.5, 0.875),
        ("in_out_sine", 0.25, 0.146447),
        ("in_expo", 0.5, 0.030303),
        ("out_circ", 0.5, 0.866025),
        ("in_back", 0.5, -0.087698),
        ("out_bounce", 0.5, 0.765625),
        ("ease", 0.5, 0.802403),  # Chromium's cubic-bezier(0.25, 0.1, 0.25, 1)
        ("in_out", 0.25, 0.129162),
    ],
)
def test_easing_values(name: str, x: float, wanted: float) -> None:
    assert float(EASINGS[name](np.array(x))) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ease_in_out_cubic", "in_out_cubic"),
        ("easeInOutCubic", "in_out_cubic"),
        ("ease-in-out", "in_out"),
        ("easeOutBounce", "out_bounce"),
        (" in_sine ", "in_sine"),
        ("ease", "ease"),
        ("cubic-bezier(0.42, 0, 0.58, 1)", "in_out"),
        ("bezier(.42,0,.58,1)", "in_out"),
    ],
)
def test_easing_names(written: str, name: str) -> None:
    x = np.linspace(0, 1, 11)
    np.testing.assert_array_equal(easing.named(written)(x), EASINGS[name](x))
