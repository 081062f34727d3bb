"""Chance in prompts: every form, the same for the same seed, and no end that is not told."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import animate
from animate.errors import ScheduleError
from animate.schedule.functions import hashed
from animate.schedule.wildcards import LONGEST, WildcardError, drawn, literal


def said(text, seed=0, lines=lambda name: ("one", "two", "three")):
    state = [seed]

    def chance():
        state[0] += 1
        return float(hashed(seed, state[0])) / 2.0**64

    return drawn(text, chance, lines)


def often(text, **more):
    return Counter(said(text, seed, **more) for seed in range(400))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a {red|blue} bird", {"a red bird", "a blue bird"}),
        ("{ red | blue }", {"red", "blue"}),
        ("{a|{b|c}}", {"a", "b", "c"}),
        ("{|x}", {"", "x"}),
        ("__n__ bird", {"one bird", "two bird", "three bird"}),
        ("{2$$a|b}", {"a, b", "b, a"}),
        ("{2$$ and $$a|b}", {"a and b", "b and a"}),
        ("{0-1$$a}", {"", "a"}),
        ("{-2$$a|b}", {"", "a", "b", "a, b", "b, a"}),
        ("{5$$a}", {"a"}),
        ("{0::a|b}", {"b"}),
        ("{a|b", {"{a|b"}),
        ("a|b} {c}", {"a|b} {c}"}),
        (r"\{a|b\}", {"{a|b}"}),
        ("{[a|b]|c}", {"[a|b]", "c"}),
        ("[a|b] ${x|y} `{a|b}`", {"[a|b] ${x|y} `{a|b}`"}),
        ("{${sin(t)}|`2`}", {"${sin(t)}", "`2`"}),
        ("$5 __ a__b__c x__n__ __", {"$5 __ a__b__c x__n__ __"}),
        ("(x:{1|2})", {"(x:1)", "(x:2)"}),
    ],
)
def test_what_can_come_out(text, wanted):
    assert set(often(text)) == wanted


def test_shares_are_kept():
    assert 0.68 < often("{3::oak|birch}")["oak"] / 400 < 0.82
    assert all(90 < count < 180 for count in often("{a|b|c}").values())
    pairs = often("{2$$__n__}")
    assert len(pairs) == 6
    assert all(len(set(pair.split(", "))) == 2 for pair in pairs)


def test_lines_hold_chance_again_and_an_end_is_seen():
    files = {
        "a": ("{x|__b__}",),
        "b": ("deep",),
        "round": ("__round__",),
        "long": ("__long2__ " * 200,),
        "long2": ("y" * 200,),
    }
    assert set(often("__a__", lines=files.__getitem__)) == {"x", "deep"}
    with pytest.raises(WildcardError, match="without end"):
        said("__round__", lines=files.__getitem__)
    with pytest.raises(WildcardError, match=f"{LONGEST:,}"):
        said("__long__", lines=files.__getitem__)


@given(st.text(alphabet="ab{}|[]$:_0123- \\`", max_size=60), st.integers(0, 100))
def test_nothing_fails(text, seed):
    assert isinstance(said(text, seed), str)


@given(st.text(max_size=60).filter(lambda text: not set("{}_\\") & set(text)))
def test_plain_text_is_itself(text):
    assert said(text) == text


def texts(plan, **more):
    return [frame.prompts[0][0] for frame in animate.plan({"max_frames": 3, "prompts": plan, **more})]


def test_in_a_schedule_each_prompt_is_drawn_once_by_the_seed(tmp_path: Path):
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "birds.txt").write_text("# birds\nheron\n\n{small|large} owl\n", "utf-8")
    file = tmp_path / "s.yaml"
    file.write_text('max_frames: 3\nprompts: "a __birds__ in {rain|fog|snow} --neg {text|frame}"\n', "utf-8")
    found = {seed: animate.plan(file, {"seed": seed}) for seed in range(40)}
    for plan in found.values():
        assert len({plan[frame].prompts for frame in range(3)}) == 1
    assert found[3][0].prompts == animate.plan(file, {"seed": 3})[0].prompts
    assert len({plan[0].prompts for plan in found.values()}) > 10
    heard = " ".join(plan[0].prompts[0][0] for plan in found.values())
    assert all(word in heard for word in ("heron", "small owl", "large owl", "fog"))
    assert "#" not in heard
    two = texts({0: "{a|b|c|d|e|f}", 1: "{a|b|c|d|e|f}", 2: "{a|b|c|d|e|f}"}, seed=1, prompt_interpolation="hold")
    assert len(set(two)) > 1


def test_a_wildcard_without_a_file_is_told_at_its_line(tmp_path: Path):
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "birds.txt").write_text("heron\n", "utf-8")
    (tmp_path / "wildcards" / "none.txt").write_text("# nothing\n", "utf-8")
    file = tmp_path / "s.yaml"
    file.write_text("max_frames: 9\nprompts:\n  0: a __bird__\n  4: __none__\n  6: __../s__\n", "utf-8")
    with pytest.raises(ScheduleError) as caught:
        animate.plan(file)
    told = str(caught.value)
    assert ":3:6: prompts: there is no wildcard __bird__ (wildcards/birds.txt is there)" in told
    assert ":4:6: prompts: wildcards/none.txt has no lines" in told
    assert len(caught.value.problems) == 2  # a path is no name, so it stands as it is


@given(st.text(st.sampled_from("a{}|_\\`$[]: \n2"), max_size=40))
def test_what_is_written_literally_is_drawn_as_it_was(text: str) -> None:
    def none(name: str) -> tuple[str, ...]:
        raise AssertionError(name)

    assert drawn(literal(text), lambda: 0.0, none) == text
