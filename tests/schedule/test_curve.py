"""Curves: the forms they are written in, and what every keyframe curve promises."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import animate
from animate.schedule.compile import compile
from animate.schedule.easing import EASINGS
from animate.schedule.load import load


def column(written: Any, n: int = 10, seed: int = 0, **more: Any) -> np.ndarray:
    """translation_x, which has no range, of a schedule with n frames."""
    fields = {"prompts": "x", "max_frames": n, "seed": seed, "translation_x": written, **more}
    return animate.plan(fields)["translation_x"]


def notes(written: Any, n: int = 10, **more: Any) -> list[str]:
    fields = {"prompts": "x", "max_frames": n, "seed": 0, "translation_x": written, **more}
    return [warning.what for warning in load(fields).warnings]


CHECKED: list[tuple[Any, list[float]]] = [
    # the language's own checked value, as a map and as a string
    ({0: "t*2", 4: 10, 8: 0}, [0, 2, 4, 6, 10, 7.5, 5, 2.5, 0, 0]),
    ("0: (t*2), 4: (10), 8: (0)", [0, 2, 4, 6, 10, 7.5, 5, 2.5, 0, 0]),
    ({0: 1, 4: "t", 8: 2}, [1, 1.75, 2.5, 3.25, 4, 5, 6, 7, 2, 2]),
    ("0:(1), 4:(t), 8:(2)", [1, 1.75, 2.5, 3.25, 4, 5, 6, 7, 2, 2]),
    # a number is a number only to the letter
    ("0:(1), 9:(10)", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("0: 1, 9: 10", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("0:(1 ), 9:(10)", [1, 1, 1, 1, 1, 1, 1, 1, 1, 10]),
    ("0:( 1), 9:(10)", [1, 1, 1, 1, 1, 1, 1, 1, 1, 10]),
    ("0:(1.), 9:(10)", [1, 1, 1, 1, 1, 1, 1, 1, 1, 10]),
    ("0:(1e0), 9:(10)", [1, 1, 1, 1, 1, 1, 1, 1, 1, 10]),
    ("0:(2/2), 9:(10)", [1, 1, 1, 1, 1, 1, 1, 1, 1, 10]),
    ("0:(2*1), 9:(10)", [2, 2, 2, 2, 2, 2, 2, 2, 2, 10]),
    ("0:('1'), 9:(10)", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("0:(+1), 9:(.5)", [1 - 0.5 * i / 9 for i in range(10)]),
    ("0: (0).3", [0.3] * 10),
    ("4:(1e-7), 8:(2)", [1e-7] * 8 + [2, 2]),
    # a map of ours takes numbers in any notation
    ({0: "1e0", 9: "(10)"}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ({0: 1.0, 9: "1_0"}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    # keys
    ("0:(0), 5:(10)", [0, 2, 4, 6, 8, 10, 10, 10, 10, 10]),
    ('0:(1), "max_f-1":(5)', [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5]),
    ("0:(1), 'max_f/2':(5), max_f:(9)", [1, 2, 3, 4, 5, 5.8, 6.6, 7.4, 8.2, 9]),
    ("0:(0), (max_f/2):(10), (max_f-1):(0)", [0, 2.5, 5, 7.5, 10, 7.5, 5, 2.5, 0, 0]),
    ('"max_f-1":(s), 0:(s), 1:(-1), "max_f-2":(-1)', [0, -1, -1, -1, -1, -1, -1, -1, 0, 0]),
    ({"0": 1, "max_f": 10}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ({"0%": 0, "100%": 9}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ({4: 2, 8: 6}, [2, 2, 2, 2, 2, 3, 4, 5, 6, 6]),
    ("4: (t)", [4, 4, 4, 4, 4, 5, 6, 7, 8, 9]),
    # repairs
    ("0:(1), 5:(2), 5:(3)", [1, 1.4, 1.8, 2.2, 2.6, 3, 3, 3, 3, 3]),
    ("5:(3), 0:(1),", [1, 1.4, 1.8, 2.2, 2.6, 3, 3, 3, 3, 3]),
    (" \n 0:  (1)\n,\n5:(3) ,, ", [1, 1.4, 1.8, 2.2, 2.6, 3, 3, 3, 3, 3]),
    ("0:(1), 100:(5)", [1] * 10),
    ("0:(1), 10:(5)", [1] * 10),
    ("0: 0: (t)", [0] * 10),
    ("0:(4), 5: 0: (t)", [4, 3.2, 2.4, 1.6, 0.8, 0, 0, 0, 0, 0]),
    ("0:(1),4:(2)\n 6:(3)", [1, 1.25, 1.5, 1.75, 2, 2, 2, 2, 2, 2]),
    ("0: (where(t>5, 1, 0)), 8: (2)", [0, 0, 0, 0, 0, 0, 1, 1, 2, 2]),
    ("0: (sqrt(t-5))", [0, 0, 0, 0, 0, 0, 1, np.sqrt(2), np.sqrt(3), 2]),
    ("0:(sin(t)), 5:(1), 9:(2)", [*np.sin(range(5)), 1, 1.25, 1.5, 1.75, 2]),
    ("0: (1/(t-3)*0), 4:(1)", [0, 0, 0, 0.5, 1, 1, 1, 1, 1, 1]),
    # past the end a map still shapes the way
    ({0: 0, 18: 18}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ({0: 0, 18: "t"}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    # shapes
    ({0: 0, 5: {"value": 1, "ease": "hold"}}, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]),
    ({0: 0, 8: {"value": 8, "ease": "linear"}}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]),
    ({0: 0, 4: {"value": 16, "ease": "in_quad"}, 8: 0}, [0, 1, 4, 9, 16, 12, 8, 4, 0, 0]),
    ({0: 0, 4: {"value": 4, "ease": "in_quad"}, 8: "t"}, [0, 0.25, 1, 2.25, 4, 5, 6, 7, 8, 9]),
    ({0: 0, 4: {"value": 1, "ease": "cubic"}}, [0, 0.15625, 0.5, 0.84375, 1, 1, 1, 1, 1, 1]),
    # numbers and expressions
    (3, [3] * 10),
    (-0.5, [-0.5] * 10),
    ("1e-3", [0.001] * 10),
    ("t", list(range(10))),
    ("max_f - t", list(range(9, -1, -1))),
]


@pytest.mark.parametrize(("written", "wanted"), CHECKED, ids=[f"{i:02}" for i in range(len(CHECKED))])
def test_checked_values(written: Any, wanted: list[float]) -> None:
    np.testing.assert_allclose(column(written), wanted, atol=1e-9)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0:(1), 5:(2), 5:(3)", "written twice"),
        ("0:(1), 100:(5), 200:(5)", "2 keys at or past max_frames (10) ignored"),
        ("0:(1), -1:(5)", "1 key before frame 0 ignored"),
        ("0: 0: (t)", "second colon"),
        ("0:(1),4:(2)\n 6:(3)", "comma is missing before key 6"),
        ("0: (sqrt(t-5))", "5 of 10 frames are not a number"),
        ({0: 0, 18: 18}, "past the end"),
        ({0: "t", 5: {"value": 1, "ease": "in_sine"}}, "no effect after an expression"),
    ],
)
def test_each_repair_is_one_note(written: Any, said: str) -> None:
    found = notes(written)
    assert len(found) == 1
    assert said in found[0]


def test_names_and_units_work_together() -> None:
    found = column(
        {0: 0, "drop": "kick*8", "2s": {"value": 1, "ease": "hold"}},
        48,
        fps=12,
        bpm=120,
        cues={"drop": "1b"},
        let={"kick": "pulse(6, 1)", "unused": {0: 1, "50%": "kick"}},
    )
    np.testing.assert_allclose(found[:8], [0, 8 / 6, 16 / 6, 4, 32 / 6, 40 / 6, 8, 0])
    assert found[23] == 0
    assert found[24] == 1


def test_at_reads_other_curves_at_other_frames() -> None:
    found = column("at(angle, t - 2) + at(slow, t/2)", angle={0: 0, 9: 9}, let={"slow": "t*10"})
    np.testing.assert_allclose(found, [max(t - 2, 0) + t * 5 for t in range(10)])


def test_the_opposite_sense() -> None:
    fields = {"prompts": "x", "max_frames": 5, "seed": 1}
    for written in (0.25, "t/8", {0: 0.25, 4: 0.75}, "0: (0.25), 4: (0.75)"):
        ours = animate.plan({**fields, "denoising_strength": written})["strength"]
        theirs = animate.plan({**fields, "strength": written})["strength"]
        np.testing.assert_allclose(ours, 1 - theirs)


def test_series_from_outside() -> None:
    from animate.schedule.compile import compile

    schedule = load(
        {"prompts": "x", "max_frames": 5, "seed": 1, "angle": "audio_bass*2"}, series={"audio_bass": [1, 2, 3]}
    )
    assert compile(schedule)["angle"].tolist() == [2, 4, 6, 6, 6]


# --- promises ---------------------------------------------------------------------------------------------------------

NUMBERS = st.floats(-1000, 1000, allow_nan=False).map(lambda x: round(x, 4))
KEYS = st.dictionaries(st.integers(0, 59), NUMBERS, min_size=1, max_size=8)
SMOOTH = ["linear", "cubic", "hold", *(n for n in EASINGS if not any(w in n for w in ("back", "elastic", "bounce")))]


@settings(max_examples=60, deadline=None)
@given(KEYS, st.sampled_from(SMOOTH))
def test_keyframes_are_hit_exactly_and_nothing_overshoots(keys: dict[int, float], ease: str) -> None:
    found = column({frame: {"value": value, "ease": ease} for frame, value in keys.items()}, 60)
    frames = sorted(keys)
    assert [found[frame] for frame in frames] == [keys[frame] for frame in frames]
    assert set(found[: frames[0]]) <= {keys[frames[0]]}
    assert set(found[frames[-1] :]) == {keys[frames[-1]]}
    for a, b in pairwise(frames):
        way = found[a : b + 1] * np.sign(keys[b] - keys[a])
        assert (np.diff(way) >= -1e-9 * 1000).all()


@settings(max_examples=40, deadline=None)
@given(KEYS, st.integers(2, 60), st.sampled_from(["linear", "in_out_sine", "hold"]))
def test_a_shorter_run_shows_the_same_first_frames(keys: dict[int, float], n: int, ease: str) -> None:
    written: dict[Any, Any] = {frame: {"value": value, "ease": ease} for frame, value in keys.items()}
    assume(min(keys) < n)
    np.testing.assert_array_equal(column(written, n), column(written, 60)[:n])


@settings(max_examples=40, deadline=None)
@given(KEYS, st.randoms())
def test_the_order_of_keys_does_not_matter(keys: dict[int, float], chance: Any) -> None:
    shuffled = list(keys.items())
    chance.shuffle(shuffled)
    np.testing.assert_array_equal(column(dict(shuffled), 60), column(keys, 60))


def test_lenient_files_are_clamped_and_filled(tmp_path: Path) -> None:
    old = {
        **{"max_frames": 10, "W": 512, "H": 512, "animation_mode": "2D", "seed": 1, "seed_behavior": "iter"},
        **{"border": "replicate", "color_coherence": "LAB", "diffusion_cadence": 1, "enable_perspective_flip": False},
        **{"strength_schedule": "0: (1.2)", "noise_schedule": "0: (-1.5)", "angle": "0: (sqrt(t-5))"},
        "prompts": {"0": "a"},
    }
    (tmp_path / "old.txt").write_text(json.dumps(old))
    schedule = load(tmp_path / "old.txt")
    assert schedule.source.lenient
    said = [warning.what for warning in schedule.warnings]
    assert any("1.2 at frame 0 is out of range and is held inside" in what for what in said)
    assert any("5 of 10 frames are not a number" in what for what in said)
    plan = compile(schedule)
    assert plan["strength"].max() == 1
    assert plan["noise"].min() == -1
    assert plan["angle"].tolist()[:6] == [0] * 6
