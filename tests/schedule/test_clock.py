"""Times in every unit, exact at every rate."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.schedule.clock import Clock, TimeError, rate

CLOCK = Clock(fps=Fraction(24), max_frames=97, bpm=120, seed=5, cues={"drop": 10, "e2": 20})


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (0, 0),
        (7, 7),
        ("12", 12),
        ("012", 12),
        ("12.0", 12),
        ("12f", 12),
        ("2s", 48),
        ("2.5s", 60),
        (".5s", 12),
        ("1e-1s", 2),
        ("2 s", 48),
        ("500ms", 12),
        ("0.5min", 720),
        ("4b", 48),
        ("0.5b", 6),
        ("50%", 48),
        ("100%", 96),
        ("0%", 0),
        ("drop", 10),
        ("max_f", 96),
        ("max_f/2", 48),
        ("max_f/5", 19),
        ("max_f - 8", 88),
        ("3*max_f/4 - 15", 57),
        ("max_f - 2s", 48),
        ("drop + 1b", 22),
        ("drop+4b+1s", 82),
        ("e2 + 1", 21),
        ("s", 5),
        ("-1", -1),
        ("min(200, max_f)", 96),
    ],
)
def test_frame(text: str | int, frame: int) -> None:
    assert CLOCK.frame(text) == frame


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2.5", "not a whole frame"),
        ("", "not a time"),
        ("foo", "no cue"),
        ("dropp", "no cue"),
        ("1:30", "not a time"),
        ("t", "cannot be used in a time"),
        ("1e300s", "too far"),
        ("1e99999999999s", "too far"),
        ("1e400", "too far away"),
        ("9" * 40, "too far"),
        ("1/0", "not a frame"),
        ("9**9**9", "too large"),
        ("__import__('os')", "not a time"),
        ("2h", "not a time"),
    ],
)
def test_what_is_no_time(text: str, said: str) -> None:
    with pytest.raises(TimeError, match=said):
        CLOCK.frame(text)


HEARD = Clock(
    fps=Fraction(24), max_frames=240, bpm=120, cues={"drop": 96}, beats=tuple(1.25 + 0.5 * beat for beat in range(16))
)
"""Beats from 1.25 s on, at 30 + 12 b frames."""


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("0b", 30),
        ("4b", 78),
        ("drop + 4b", 144),
        ("drop - 1b", 84),
        ("4b + drop", 144),
        ("drop + 2*2b - 1b", 132),
        ("max_f - 4b", 191),
        ("100% - 4b", 191),
        ("2s + 4b", 96),
        ("8b - 2", 124),
        ("8b - 0.5s", 114),
        ("2*4b", 126),
        ("8b - 4b", 78),
        ("max(drop, 8b)", 126),
        ("drop + 20b", 336),
        ("drop", 96),
        ("max_f - 8", 231),
    ],
)
def test_heard_beats_are_counted_on_from_the_time_that_an_expression_starts_from(text: str, frame: int) -> None:
    assert HEARD.frame(text) == frame


def test_what_lasts_some_beats_lasts_so_long_wherever_the_first_is_heard() -> None:
    assert HEARD.lengths.frame("1b") == 12
    assert HEARD.lengths.seconds("0.5b") == 0.25


@pytest.mark.parametrize("text", ["drop + " + "9" * 50 + "b", "drop + 1e9b*1e9*1e300", "drop + 1e9b*1e9", "1e9b*1e9b"])
def test_beats_out_of_reach_are_no_time(text: str) -> None:
    with pytest.raises(TimeError):
        HEARD.frame(text)


def test_beats_need_bpm() -> None:
    with pytest.raises(TimeError, match="bpm"):
        Clock(fps=Fraction(24)).frame("4b")


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (24, Fraction(24)),
        (12.5, Fraction(25, 2)),
        (23.976, Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        ("1e1", Fraction(10)),
    ],
)
def test_rate(written: float | str, wanted: Fraction) -> None:
    assert rate(written) == wanted


@pytest.mark.parametrize("written", ["", "x", "0", "-1", "1/0", "1e9", "1e999999999", "1001", "nan", "inf", "24/1/1"])
def test_what_is_no_rate(written: str) -> None:
    with pytest.raises(TimeError):
        rate(written)


def test_a_day_of_ntsc_does_not_drift() -> None:
    clock = Clock(fps=rate(23.976), max_frames=10**7)
    assert clock.frame("86400s") == 2071528  # 86400 × 24000/1001 = 2071528.47; a rate of 23.976 would say 2071526
    assert clock.seconds("24000") == pytest.approx(1001)


@given(st.integers(0, 10**6), st.sampled_from([24, 12.5, 23.976, "30000/1001", 60]))
def test_a_frame_said_in_seconds_is_that_frame(frame: int, fps: float | str) -> None:
    clock = Clock(fps=rate(fps), max_frames=10**7)
    assert clock.frame(f"{float(frame / clock.fps):.9f}s") == frame
