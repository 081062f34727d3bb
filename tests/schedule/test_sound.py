"""Sounds on the frames of a schedule: exact means whatever the rates, silence outside, beats where they fall."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animate.schedule.clock import Clock
from animate.schedule.sound import Sound, by_frame, grid


def sound(values, rate=50.0, beats=()):
    values = np.asarray(values, dtype=np.float64)
    return Sound(
        seconds=len(values) / rate,
        tempo=120.0,
        beats=np.asarray(beats, dtype=np.float64),
        onsets=np.empty(0),
        rate=rate,
        series={"percussive": values},
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=24),
    st.floats(5, 120),
    st.sampled_from([Fraction(12), Fraction(24000, 1001), Fraction(60)]),
)
def test_the_mean_over_all_frames_is_the_mean_of_the_sound(values, rate, fps):
    heard = sound(values, rate)
    frames = int(np.ceil(heard.seconds * float(fps))) + 3  # past the end: silence
    found = by_frame(heard, "audio", Clock(fps=fps, max_frames=frames), 0.0)["audio_percussive"]
    assert found.sum() / float(fps) == pytest.approx(sum(values) / rate, abs=1e-6)
    assert found.min() >= 0
    assert found.max() <= 1
    assert found[-1] == 0


def test_an_offset_moves_the_sound():
    heard = sound([0, 0, 1, 1, 0, 0], rate=2.0)
    clock = Clock(fps=Fraction(2), max_frames=4)
    assert by_frame(heard, "a", clock, 0.0)["a_percussive"].tolist() == [0, 0, 1, 1]
    assert by_frame(heard, "a", clock, 1.0)["a_percussive"].tolist() == [1, 1, 0, 0]
    assert by_frame(heard, "a", clock, -1.0)["a_percussive"].tolist() == [0, 0, 0, 0]


def test_a_beat_is_on_the_frame_that_holds_it():
    found = by_frame(sound([0.0], beats=[0.0, 0.49, 0.5, 2.0]), "a", Clock(fps=Fraction(10), max_frames=10), 0.0)
    assert np.flatnonzero(found["a_beat"]).tolist() == [0, 4, 5]


def test_travel_starts_at_0_ends_at_1_and_rests_in_silence():
    found = by_frame(sound([0, 1, 0, 0, 1, 1], rate=10.0), "a", Clock(fps=Fraction(10), max_frames=6), 0.0)["a_travel"]
    assert found.tolist() == [0, 0, 0.5, 0.5, 0.5, 1]


def test_beats_between_and_beyond_the_heard_ones():
    clock = Clock(fps=Fraction(100), max_frames=500, bpm=60, beats=grid(sound([0.0], beats=[0.5, 1.4, 2.6]), 0.5))
    assert clock.beats == pytest.approx((0, 0.9, 2.1))
    assert [clock.frame(f"{beat}b") for beat in (0, 1, 1.5, 2, 3, -1)] == [0, 90, 150, 210, 310, -100]
    assert clock.beats_at(np.array([0, 0.9, 1.5, 2.1, 3.1])).tolist() == pytest.approx([0, 1, 1.5, 2, 3])
