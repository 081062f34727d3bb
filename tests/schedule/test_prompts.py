"""Prompts by frame."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import animate
from animate.schedule.plan import Plan


def plan(prompts: Any, n: int = 9, **more: Any) -> Plan:
    return animate.plan({"max_frames": n, "seed": 1, "prompts": prompts, **more})


def weights(prompts: Any, **more: Any) -> list[float]:
    """Weight of the second prompt at every frame."""
    return [sum(w for text, _, w in frame.prompts if text == "b") for frame in plan(prompts, **more)]


AB = {0: "a", 8: "b"}


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, [i / 8 for i in range(9)]),
        ({"prompt_interpolation": "slerp"}, [i / 8 for i in range(9)]),
        ({"prompt_interpolation": "composable"}, [i / 8 for i in range(9)]),
        ({"prompt_interpolation": "hold"}, [0] * 8 + [1]),
        ({"prompt_fixed_ratio": 0.5}, [0, 0, 0, 0, 0, 0.25, 0.5, 0.75, 1]),
        ({"prompt_fixed_ratio": 1}, [0] * 8 + [1]),
        ({"prompt_ease": "in_quad"}, [(i / 8) ** 2 for i in range(9)]),
        ({"prompt_ease": "hold"}, [0] * 8 + [1]),
        ({"n": 5}, [i / 8 for i in range(5)]),
    ],
)
def test_the_way_from_prompt_to_prompt(more: dict[str, Any], wanted: list[float]) -> None:
    assert weights(AB, **more) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("keys", "cuts", "wanted"),
    [
        (AB, [8], [0] * 8 + [1]),
        (AB, [4], [0] * 4 + [0, 0.25, 0.5, 0.75, 1]),
        (AB, [2, 6], [0] * 6 + [0, 0.5, 1]),
        ({0: "a", 4: "b", 6: "b"}, [2, 5], [0, 0, 0, 0.5, 1, 1, 1, 1, 1]),
        ({3: "a", 7: "b"}, [2], [0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1]),
        (AB, [], [i / 8 for i in range(9)]),
    ],
)
def test_prompts_do_not_blend_across_a_cut(keys: Any, cuts: list[int], wanted: list[float]) -> None:
    assert weights(keys, cuts=cuts) == pytest.approx(wanted)
    against = [frame.prompts for frame in plan("a", negative_prompts=keys, cuts=cuts)]
    assert [sum(w for _, text, w in parts if text == "b") for parts in against] == pytest.approx(wanted)


def test_before_the_first_and_after_the_last_key_a_prompt_stands_alone() -> None:
    found = weights({2: "a", 6: "b"})
    assert found == pytest.approx([0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1])
    assert plan({2: "a", 6: "b"})[0].prompts == (("a", "", 1.0),)


@pytest.mark.parametrize(
    ("written", "positive", "negative"),
    [
        ("a sea", "a sea", ""),
        ("a sea --neg boats", "a sea", "boats"),
        ("a sea--neg boats --neg birds", "a sea", "boats birds"),
        ("a sea --neg ", "a sea", ""),
        ("a sea -- neg x", "a sea -- neg x", ""),
        ("a --negative x", "a --negative x", ""),
        ({"positive": "a sea", "negative": "boats"}, "a sea", "boats"),
        ({0: {"positive": "a sea"}}, "a sea", ""),
        (1984, "1984", ""),
        ("", "", ""),
        ("(deformed body,:1.2), :: [x|y] (unbalanced", "(deformed body,:1.2), :: [x|y] (unbalanced", ""),
        ("costs $5 {a}", "costs $5 {a}", ""),
        ("(mist:`t/4`) ${2*3} --neg (fog:`1 - t/8`)", "(mist:1) 6", "(fog:0.5)"),
        ("`1/3` `-0.00001` `1e6`", "0.3333 0 1000000", ""),
        ("`zoom` `at(zoom, t)` `where(t > 3, 1, 2)`", "1 1 1", ""),
    ],
)
def test_text_at_frame_four(written: Any, positive: str, negative: str) -> None:
    assert plan(written)[4].prompts == ((positive, negative, 1.0),)


def test_words_that_yaml_would_turn_into_something_else_stay_words(tmp_path: Any) -> None:
    (tmp_path / "s.yaml").write_text(
        "max_frames: 3\nseed: 1\nprompts: {0: no, 1: 1984, 2: 1:30}\nprompt_interpolation: hold\n"
    )
    found = animate.plan(tmp_path / "s.yaml")
    assert [frame.prompts[0][0] for frame in found] == ["no", "1984", "1:30"]


def test_negative_prompts_move_on_their_own() -> None:
    found = plan({0: "a --neg x", 8: "b"}, negative_prompts={0: "n", 4: "m"})
    assert found[0].prompts == (("a", "x, n", 1.0),)
    parts = {(p, q): w for p, q, w in found[2].prompts}
    assert parts == pytest.approx({("a", "x, n"): 0.375, ("a", "x, m"): 0.375, ("b", "n"): 0.125, ("b", "m"): 0.125})
    assert found[6].prompts == (("a", "x, m", 0.25), ("b", "m", 0.75))


def test_equal_parts_are_one_part() -> None:
    assert plan({0: "a", 4: "a", 8: "b"})[2].prompts == (("a", "", 1.0),)
    found = plan({0: "a", 8: "b"}, negative_prompts={0: "n", 4: "n"})
    assert found[2].prompts == (("a", "n", 0.75), ("b", "n", 0.25))


def test_text_before_and_after() -> None:
    found = plan(
        "a sea --neg boats", prompt_prepend="oil painting of --neg blur", prompt_append="soft light --neg text"
    )
    assert found[0].prompts == (("oil painting of a sea, soft light", "blur, boats, text", 1.0),)


def test_variables_of_let_and_units_as_keys() -> None:
    found = plan({0: "a ${kick}", "1b": "b"}, n=10, fps=12, bpm=120, let={"kick": "t*2"})
    assert found[2].prompts == (("a 4", "", pytest.approx(4 / 6)), ("b", "", pytest.approx(2 / 6)))


def test_no_prompt_is_one_empty_prompt() -> None:
    found = animate.plan({"max_frames": 2, "seed": 1})
    assert found[1].prompts == (("", "", 1.0),)
    assert any("none are given" in warning.what for warning in found.warnings)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.integers(0, 40), st.sampled_from(["a", "b", "c --neg x", "d"]), min_size=1, max_size=5),
    st.dictionaries(st.integers(0, 40), st.sampled_from(["n", "m"]), min_size=1, max_size=3),
    st.sampled_from(["in_out_back", "out_elastic", "linear", "cubic"]),
    st.floats(0, 1),
)
def test_weights_add_up_to_one(prompts: dict[int, str], negatives: dict[int, str], ease: str, ratio: float) -> None:
    found = plan(prompts, 30, negative_prompts=negatives, prompt_ease=ease, prompt_fixed_ratio=ratio)
    np.testing.assert_allclose(found.prompts.weight.sum(axis=1), 1, atol=1e-12)
    assert (found.prompts.weight >= 0).all()
    assert all(frame.prompts for frame in found)
