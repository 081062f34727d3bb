"""What a prompt brings along: seeds, LoRA files, text around it, further tracks, and a word where it does nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import animate
from animate.diffusion.prompt_steps import together
from animate.diffusion.prompt_weights import parse
from animate.errors import ScheduleError
from animate.schedule.load import load
from animate.schedule.plan import Plan
from animate.schedule.prompt_joints import closed, each
from animate.schedule.senses import Senses
from animate.schedule.sound import Sound


def plan(prompts: Any, n: int = 9, **more: Any) -> Plan:
    return animate.plan({"max_frames": n, "seed": 100, "prompts": prompts, **more})


def told(found: Plan) -> str:
    return "\n".join(str(warning) for warning in found.warnings)


# --- seeds


@pytest.mark.parametrize(
    ("behavior", "wanted"),
    [
        ("iter", [100, 101, 102, 1561, 1562, 1563, 7, 8, 9]),
        ("fixed", [100, 100, 100, 1561, 1561, 1561, 7, 7, 7]),
        ("alternate", [100, 101, 100, 1561, 1562, 1561, 7, 8, 7]),
        ("ladder", [100, 102, 101, 1561, 1563, 1562, 7, 9, 8]),
    ],
)
def test_a_seed_of_its_own_begins_the_sequence_anew(behavior: str, wanted: list[int]) -> None:
    keys = {0: "a", 3: "b --seed 1561 --neg x", 6: "c --seed=7"}
    found = plan(keys, seed_behavior=behavior, prompt_interpolation="hold")
    assert found["seed"].tolist() == wanted
    assert found[4].prompts == (("b", "x", 1.0),)
    assert not (found["subseed_strength"] > 0).any()


def test_under_a_cadence_the_seed_begins_at_the_next_redrawn_frame() -> None:
    found = plan({0: "a", 3: "b --seed 50"}, diffusion_cadence=2, prompt_interpolation="hold")
    assert found["seed"].tolist() == [100, 100, 101, 101, 50, 50, 51, 51, 52]


def test_in_a_walk_noise_leans_to_the_next_prompts_seed() -> None:
    found = plan({0: "a --seed 5", 4: "b --seed 9", 8: "c"}, animation_mode="Interpolation")
    assert found["seed"].tolist() == [5, 5, 5, 5, 9, 9, 9, 9, 100]  # the last prompt has the run's
    assert found["subseed"][:8].tolist() == [9] * 4 + [100] * 4
    assert found["subseed_strength"].tolist() == [0, 0.25, 0.5, 0.75, 0, 0.25, 0.5, 0.75, 0]
    plain = plan({0: "a", 8: "b"}, animation_mode="Interpolation")
    assert plain["seed"].tolist() == [100] * 9
    assert plan({0: "a", 8: "b"}, animation_mode="Interpolation", seed_behavior="iter")["seed"].tolist()[-1] == 108
    large = 2**53 + 1
    assert plan({0: "a", 8: f"b --seed {large}"}, animation_mode="Interpolation")["subseed"][4] == large
    travelled = plan({0: "a --seed 5", 8: "b --seed 9"}, animation_mode="Interpolation", prompt_travel=0.5)
    assert set(travelled["subseed_strength"].tolist()) == {0.5}


def test_a_seed_that_is_none_or_has_no_effect_is_told() -> None:
    with pytest.raises(ScheduleError) as caught:
        plan({0: "a --seed x1", 2: "b --seed", 4: "c --seed 99999999999999999999"})
    assert len(caught.value.problems) == 3
    assert "--seed x1: is no seed (a whole number, --seed 1561)" in str(caught.value)
    assert "--seed has no effect here" in told(plan("a", negative_prompts="x --seed 4"))
    found = plan("a --seed 4", seed_behavior="schedule", seed_schedule=8)
    assert "--seed has no effect here" in told(found)
    assert set(found["seed"].tolist()) == {8}
    assert plan("a --seedling 5")[0].prompts[0][0] == "a --seedling 5"


# --- LoRA files


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "loras").mkdir()
    for name in ("ink.safetensors", "loras/oil.safetensors", "loras/old.pt"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    (folder / "s.yaml").write_text(f"max_frames: 9\nseed: 1\n{text}", "utf-8")
    return folder / "s.yaml"


def worn(found: Plan) -> dict[str, list[float]]:
    return {Path(path).stem: [round(float(w), 4) for w in weight] for path, weight in found.loras}


def test_loras_in_prompts_travel_with_them(shelf: Path) -> None:
    found = animate.plan(written(shelf, 'prompts: {0: "a <lora:ink:0.8> sea", 8: "b, <lora:oil> <lyco:old.pt:-1>"}\n'))
    assert worn(found) == {
        "ink": [round(0.8 * (1 - i / 8), 4) for i in range(9)],
        "oil": [i / 8 for i in range(9)],
        "old": [-i / 8 for i in range(9)],
    }
    assert found[0].prompts == (("a sea", "", 1.0),)
    assert found[8].prompts == (("b,", "", 1.0),)


def test_the_weight_of_a_lora_may_be_a_formula_and_adds_to_the_fields(shelf: Path) -> None:
    text = "loras: {ink.safetensors: 0.5}\nprompt_append: <lora:oil:0.25>\nprompts: a<lora:ink:`t/8`>\n"
    found = animate.plan(written(shelf, text))
    assert worn(found) == {"ink": [round(0.5 + i / 8, 4) for i in range(9)], "oil": [0.25] * 9}
    assert found.digest != animate.plan(written(shelf, text.replace("t/8", "t/9"))).digest


def test_a_lora_that_is_not_there_or_has_no_weight_is_told(shelf: Path) -> None:
    with pytest.raises(ScheduleError) as caught:
        animate.plan(written(shelf, "prompts:\n  0: a <lora:inc:1>\n  4: b <lora:oil:heavy>\n  6: c <lora:zzz>\n"))
    said = str(caught.value)
    assert ":4:6: prompts: there is no LoRA 'inc' (did you mean ink?)" in said
    assert "'heavy' is not a weight (<lora:oil:0.8>)" in said
    assert "put zzz.safetensors beside the schedule or into loras/" in said
    found = animate.plan(written(shelf, "prompts: a --neg b <lora:oil>\n"))
    assert "has no effect where it is to be avoided" in told(found)
    assert found.loras == ()


def test_a_lora_is_found_whatever_its_capitals(tmp_path: Path) -> None:
    (tmp_path / "loras").mkdir()
    for name in ("ink.safetensors", "OIL.SAFETENSORS", "Twin.pt", "twin.pt"):
        (tmp_path / "loras" / name).write_bytes(b"x")
    for name, meant in (("INK", "ink"), ("Ink.SafeTensors", "ink"), ("oil", "OIL"), ("OIL", "OIL"), ("twin", "twin")):
        found = animate.plan(written(tmp_path, f"prompts: a <lora:{name}:1>\n"))
        assert list(worn(found)) == [meant]


def test_an_embedding_that_no_prompt_calls_is_told(tmp_path: Path) -> None:
    (tmp_path / "mist.pt").write_bytes(b"x")

    def said(prompts: str, token: str = "EasyNegative") -> str:
        return told(animate.plan(written(tmp_path, f"embeddings: {{{token}: mist.pt}}\nprompts: {prompts}\n")))

    assert "embeddings: EasyNegative stands in no prompt" in said("a sea")
    assert "(easynegative does: capitals count)" in said("a sea --neg easynegative")
    assert not said("a sea --neg (EasyNegative:1.2)")
    assert not said("a <mist> sea", "<mist>")
    assert "stands in no prompt" in said("misty seas of badminton", "mist")
    assert "capitals" not in said("Misty seas", "mist")


def test_an_imported_file_without_its_lora_loads_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text('{"prompts": {"0": "a <lora:gone:0.7> b"}, "W": 64, "H": 64, "max_frames": 3}')
    found = animate.plan(tmp_path / "old.txt")
    assert found[0].prompts[0][0] == "a b"
    assert "there is no LoRA 'gone'" in told(found)


# --- around every prompt


def test_a_template_stands_around_every_prompt_and_may_hold_formulas() -> None:
    more = {
        "prompt_template": "oil painting of [prompt], light `t` --neg blur",
        "prompt_prepend": "best ${t+1}",
        "prompt_append": "sharp",
    }
    found = plan({0: "a sea --neg boats"}, **more)
    assert found[2].prompts == (("best 3 oil painting of a sea, light 2, sharp", "boats, blur", 1.0),)
    assert plan("x", prompt_template="{prompt} at night")[0].prompts[0][0] == "x at night"
    with pytest.raises(ScheduleError, match="does not say where the prompt goes"):
        plan("x", prompt_template="an oil painting")
    with pytest.raises(ScheduleError, match=r"prompt_append: .*there is no variable 'nothing'"):
        plan("x", prompt_append="`nothing`")


def test_a_template_is_drawn_before_it_is_parted() -> None:
    wanted = {"oil of x", "photo of x, sharp"}
    found = [plan("x", prompt_template="{oil of [prompt]|photo of [prompt], sharp}", seed=seed) for seed in range(9)]
    assert {one[0].prompts[0][0] for one in found} == wanted


# --- prompts that AND joins


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"prompt_append": "4k"}, "sea, 4k :0.3 AND storm, 4k :0.7"),
        ({"prompt_prepend": "oil of"}, "oil of sea :0.3 AND oil of storm :0.7"),
        ({"prompt_template": "a [prompt], soft"}, "a sea, soft :0.3 AND a storm, soft :0.7"),
        ({"prompt_append": "4k :0.5 AND rain :2"}, "sea, 4k :0.15 AND storm, 4k :0.35 AND rain :2"),
        ({"prompt_append": "at 12:30"}, "sea, at 12:30 :0.3 AND storm, at 12:30 :0.7"),
        ({}, "sea :0.3 AND storm :0.7"),
    ],
)
def test_what_is_put_around_prompts_is_put_around_each_that_and_joins(more: dict[str, str], wanted: str) -> None:
    assert plan("sea :0.3 AND storm :0.7", **more)[0].prompts[0][0] == wanted


def test_a_weight_of_a_joined_prompt_may_be_a_formula() -> None:
    found = plan("sea :`t/8` AND storm", prompt_append="at 12:30")
    assert found[2].prompts[0][0] == "sea, at 12:30 :0.25 AND storm, at 12:30 :1"


def test_an_and_between_square_brackets_stays_there() -> None:
    assert plan("[a AND b:c:0.5]", prompt_append="4k")[0].prompts[0][0] == "[a AND b:c:0.5], 4k"
    assert plan("x [ y AND z", prompt_append="w")[0].prompts[0][0] == "x [ y, w AND z, w"
    assert plan("a AND --neg b AND", prompt_append="w --neg x")[0].prompts == (("a, w", "b, x", 1.0),)


def test_negatives_of_several_prompts_are_multiplied_out() -> None:
    found = plan("a --neg x :0.25 AND y :0.75", negative_prompts="m AND n :2", prompt_append="--neg z")
    assert found[0].prompts[0][1] == "x, m, z :0.25 AND x, n, z :0.5 AND y, m, z :0.75 AND y, n, z :1.5"


def test_a_negative_track_weighs_each_of_its_prompts_and_keeps_its_brackets_to_itself() -> None:
    def avoided(text: str) -> str:
        track = {"negative_prompts": text, "fade_in": 4}
        return plan("a --neg x", prompt_tracks={"crowd": track})[2].prompts[0][1]

    assert avoided("blur :0.3 AND text :0.7") == "x, (blur:0.5) :0.3 AND x, (text:0.5) :0.7"
    assert avoided("((dull) [mist") == "x, (((dull) [mist]:1.1):0.5)"
    assert avoided("dull) mist]:)") == r"x, (dull\) mist\]:\):0.5)"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(alphabet="ab ()\\:.5", max_size=8), st.sampled_from(["", " :0.5", ":2", " : -.25"])),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["4k", "at 12:30", "(x", "y]", "4k AND rain :0.5"]),
)
def test_the_painter_reads_the_weights_that_were_written(prompts: list[tuple[str, str]], after: str) -> None:
    """`AND` and its weights are read in two rooms that may not import one another."""
    text = " AND ".join(f"p{said}{weight}" for said, weight in prompts)
    found = together(each(text, lambda prompt: f"{prompt}, {after}"))
    more = 1 if " AND " in after and len(prompts) > 1 else 0
    wanted = [weight for _, weight in together(text)] + [0.5] * more
    if len(prompts) > 1:
        assert [weight for _, weight in found] == pytest.approx(wanted)
    assert all(parse(prompt) for prompt, _ in found)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab ()[]:.5\\", max_size=20))
def test_closed_brackets_weigh_alike_and_reach_no_further(text: str) -> None:
    alone, inside = parse(text), parse(f"{closed(text)} |end")
    assert "".join(part.text for part in inside) == "".join(part.text for part in alone) + " |end"
    assert inside[-1].weight == 1


# --- both sides by name


def test_sides_by_name_are_read_as_any_prompt() -> None:
    found = plan({0: {"positive": "sea --neg boats --seed 7", "negative": "text --neg blur"}}, seed_behavior="fixed")
    assert found[0].prompts == (("sea", "boats, blur, text", 1.0),)
    assert found["seed"].tolist() == [7] * 9
    lonely = plan({"positive": "a", "negative": "b --seed 4"})
    assert lonely[0].prompts == (("a", "b", 1.0),)
    assert "--seed has no effect here" in told(lonely)


# --- tracks


def shares(found: Plan, text: str) -> list[float]:
    return [round(sum(w for said, _, w in frame.prompts if said == text), 4) for frame in found]


def test_tracks_fade_over_the_prompts() -> None:
    rain = {"prompts": "rain --neg sun", "from": 2, "to": 8, "fade_in": 2, "fade_out": "2f"}
    found = plan("a", prompt_tracks={"rain": rain})
    assert shares(found, "rain") == [0, 0, 0, 0.3333, 0.5, 0.5, 0.5, 0.3333, 0]
    assert found[4].prompts == (("a", "", 0.5), ("rain", "sun", 0.5))
    np.testing.assert_allclose(found.prompts.weight.sum(axis=1), 1)


def test_two_tracks_without_prompts_cross_fade() -> None:
    tracks = {
        "one": {"prompts": "a", "to": 6, "fade_out": 4},
        "two": {"prompts": {0: "b", 8: "c"}, "from": 2, "fade_in": 4},
    }
    found = animate.plan({"max_frames": 9, "seed": 1, "prompt_tracks": tracks, "prompt_interpolation": "hold"})
    assert shares(found, "a") == [1, 1, 1, 0.75, 0.5, 0.25, 0, 0, 0]
    assert shares(found, "b")[2:] == [0, 0.25, 0.5, 0.75, 1, 1, 0]
    assert shares(found, "c")[-1] == 1
    assert not found.warnings


def test_a_tracks_weight_is_a_curve_and_a_negative_track_only_adds() -> None:
    tracks = {
        "pulse": {"prompts": "b", "weight": "where(t%2 > 0, 3, 0)"},
        "crowd": {"negative_prompts": "people", "from": 1, "fade_in": 4},
        "short": "c",
    }
    found = plan({0: "a --neg x"}, prompt_tracks={name: tracks[name] for name in ("pulse", "crowd")})
    assert shares(found, "b") == [0, 0.75] * 4 + [0]
    negatives = [frame.prompts[0][1] for frame in found]
    assert negatives[:6] == ["x", "x", "x, (people:0.25)", "x, (people:0.5)", "x, (people:0.75)", "x, people"]
    assert shares(plan("a", prompt_tracks={"short": tracks["short"]}), "c") == [0.5] * 9


def test_fades_and_gaps_in_beats_last_so_long_wherever_beats_are_heard() -> None:
    times = np.arange(0, 10, 0.5)
    strength = np.zeros(1000)
    strength[(times * 100).astype(int)] = 1
    sound = Sound(
        seconds=10,
        tempo=120,
        beats=times + 1.25,
        onsets=times,
        rate=100,
        series={"onset": strength, "percussive": strength},
    )
    document = {
        **{"max_frames": 240, "fps": 24, "seed": 1, "prompts": "a", "audio": __file__, "bpm": "auto"},
        "prompt_tracks": {"r": {"prompts": "b", "from": "0b", "fade_in": "1b"}},
        "cues": {"hit": {"onsets": "audio", "gap": "2b"}},
    }
    found = load(document, senses=Senses(listen=lambda path: sound))
    assert (found.layers[0].first, found.layers[0].fade_in) == (30, 12)
    assert found.clock.groups["hit"][:3] == (0, 24, 48)


def test_under_hold_tracks_still_overlap_and_no_prompt_leans_to_the_next() -> None:
    rain = {"r": {"prompts": "rain", "fade_in": 4}}
    found = plan("sea", prompt_interpolation="hold", prompt_tracks=rain)
    assert shares(found, "rain")[:5] == [0, 0.2, 0.3333, 0.4286, 0.5]
    travelled = plan({0: "a", 8: "b"}, prompt_interpolation="hold", prompt_travel="t/8")
    assert shares(travelled, "a") == [1] * 8 + [0]


def test_what_is_wrong_with_a_track_is_told() -> None:
    tracks = {
        "a": {"prompts": "x", "negative_prompts": "y"},
        "b": {"prompts": "x", "from": 5, "to": 5},
        "c": {"prompts": "x", "fade": 3},
        "d": {"prompts": "x", "from": "soon"},
        "e": {"prompts": "x", "weight": "nothing"},
    }
    with pytest.raises(ScheduleError) as caught:
        plan("z", prompt_tracks=tracks)
    said = str(caught.value)
    for part in (
        "prompt_tracks.a: needs either",
        "b: ends at frame 5",
        "c: there is no part 'fade'",
        "d.from: ",
        "no cue",
    ):
        assert part in said
    found = animate.plan({"max_frames": 4, "prompt_tracks": {"a": {"prompts": "x", "from": 2}}})
    assert "no track sounds at frame 0" in told(found)
    assert shares(found, "x") == [0, 0, 1, 1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(1, 30), st.integers(0, 9), st.integers(0, 9), st.floats(0, 3)),
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_overlaps_the_weights_add_up(layers: list[tuple[int, int, int, int, float]], main: bool) -> None:
    tracks = {
        f"t{i}": {"prompts": f"p{i}", "from": a, "to": a + long, "fade_in": x, "fade_out": y, "weight": w}
        for i, (a, long, x, y, w) in enumerate(layers)
    }
    document: dict[str, Any] = {"max_frames": 24, "seed": 1, "prompt_tracks": tracks}
    found = animate.plan({**document, **({"prompts": {0: "a", 20: "b"}} if main else {})})
    np.testing.assert_allclose(found.prompts.weight.sum(axis=1), 1, atol=1e-9)
    assert (found.prompts.weight >= 0).all()
    assert found.digest == Plan.from_json(found.to_json()).digest


# --- what is never heard


def test_a_prompt_that_no_frame_shows_is_told() -> None:
    assert "the key at frame 40 lies past the end" in told(plan({0: "a", 40: "b"}))
    assert "never reached" not in told(plan({0: "a", 40: "b"}))
    found = plan({0: "a", 4: "b", 8: "c"}, prompt_travel={0: 0, 8: 1})
    assert "the key at frame 8 is never reached" in told(found)
    assert "the key at frame 4" not in told(found)
    assert "negative_prompts: the key at frame 2" not in told(plan("a", negative_prompts={0: "x", 2: "y"}))
    tracks = {"r": {"prompts": {0: "x", 7: "y"}, "to": 5}, "n": {"negative_prompts": {0: "p", 6: "q"}, "from": 6}}
    late = told(plan("a", prompt_tracks=tracks, prompt_interpolation="hold"))
    assert "prompt_tracks: the key at frame 7 is never reached" in late
    assert "prompt_tracks: the key at frame 0 is never reached" in late
    assert "frame 6 is never" not in late


# --- nothing typed fails


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab `${}|()[]<>:_.,0159-lorasedngAND\\", max_size=50))
def test_whatever_is_typed_is_a_prompt_or_a_problem(text: str) -> None:
    problems: tuple[Any, ...] = ()
    try:
        assert plan(text, 3)[0].prompts
    except ScheduleError as error:
        problems = error.problems
    assert all(problem.field == "prompts" for problem in problems)


def test_a_key_one_past_the_end_closes_a_loop_without_a_word() -> None:
    assert not plan({0: "a", 4: "b", 9: "a"}).warnings
    assert "the key at frame 9 is never reached" in told(plan({0: "a", 9: "b"}, prompt_interpolation="hold"))
    assert "the key at frame 10 lies past the end" in told(plan({0: "a", 10: "b"}))


def test_a_formula_without_its_end_is_told_and_painted(tmp_path: Path) -> None:
    schedule = load({"prompts": {0: "a `t b --neg ${t", 2: "`t` ${t}"}, "max_frames": 3})
    told = [note.what for note in schedule.warnings]
    assert told == [f"{text} is no formula without its end, and is painted as it is" for text in ("'`t b'", "'${t'")]
