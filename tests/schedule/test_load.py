"""Loading: names, notations, overrides, variants."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animate.errors import ScheduleError
from animate.schedule.compile import compile
from animate.schedule.fields import FIELDS
from animate.schedule.film import Seen
from animate.schedule.load import load, variants
from animate.schedule.names import NAMES
from animate.schedule.senses import Senses
from animate.schedule.sound import Sound
from animate.schedule.source import parse

SILENCE = Sound(seconds=1, tempo=0, beats=np.empty(0), onsets=np.empty(0), rate=1, series={"percussive": np.zeros(1)})
DARKNESS = Seen(fps=Fraction(25), frames=400, steady=True, seconds=16, sound=False)


def write(folder: Path, text: str | bytes, name: str = "s.yaml") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def settings(folder: Path, text: str) -> Any:
    return load(write(folder, text)).settings


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIELDS)
def test_every_row_can_be_used_as_its_example_says(name: str, tmp_path: Path) -> None:
    row = FIELDS[name]
    files = [
        "ink.safetensors",
        "mist.safetensors",
        *("song.mp3", "drums.wav", "voice.wav", "a.png", "b.png", "film.mp4"),
        *(r.example for r in FIELDS.values() if r.kind in ("file", "string")),
    ]
    for file in files:
        if Path(file).suffix and not file.startswith("http"):
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_bytes(b"x")
    text = f"bpm: 120\n{name}: {row.example}\n" if name != "bpm" else "bpm: 120\n"
    file = write(tmp_path, "prompts: x\n" * (name != "prompts") + text)
    schedule = load(file, senses=Senses(listen=lambda path: SILENCE, watch=lambda path: DARKNESS))
    assert name in schedule.written
    assert row.doc.endswith((".", "…")), name
    assert row.example, name


@pytest.mark.parametrize("name", FIELDS)
def test_every_default_is_valid(name: str) -> None:
    row = FIELDS[name]
    for value in (row.default, row.embedded):
        if row.kind in ("curve", "number", "integer", "size") and value is not None:
            assert row.low <= float(value) <= row.high
        if row.choices and value is not None:
            assert value in row.choices


def test_names_are_said_once() -> None:
    said = [name for row in FIELDS.values() for name in (row.name, *row.aliases, *row.inverted)]
    assert len(said) == len(set(said))
    assert NAMES["zoom_schedule"] == ("zoom", False)
    assert NAMES["denoising_strength"] == ("strength", True)
    assert NAMES["seed_schedule"] == ("seed_schedule", False)


def test_nothing_is_missing_after_loading() -> None:
    schedule = load({"prompts": "x"})
    assert None not in schedule.settings.values()
    plan = compile(schedule)
    for row in FIELDS.values():
        if row.kind == "curve":
            assert len(plan[row.name]) == 96
        elif row.kind == "text":
            assert len(plan.text[row.name]) == 96
        elif row.kind not in ("mapping", "prompts") and row.name != "duration":
            assert row.name in plan.settings


def test_defaults_follow_the_model() -> None:
    assert load({"prompts": "x"}).settings["width"] == 256
    assert load({"prompts": "x", "model": "some/model"}).settings["width"] == 512
    assert compile(load({"prompts": "x", "model": "some/model"}))["cfg_scale"][0] == 7


# --- notations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("seed: 012", "seed", 12),
        ("seed: '7'", "seed", 7),
        ("seed: 7.0", "seed", 7),
        ("seed: 1_000", "seed", 1000),
        ("prompt_fixed_ratio: 5e-1", "prompt_fixed_ratio", 0.5),
        ("prompt_fixed_ratio: .5", "prompt_fixed_ratio", 0.5),
        ("color_force_grayscale: yes", "color_force_grayscale", True),
        ("color_force_grayscale: 'off'", "color_force_grayscale", False),
        ("color_force_grayscale: 1", "color_force_grayscale", True),
        ("color_coherence: off", "color_coherence", "None"),
        ("color_coherence: none", "color_coherence", "None"),
        ("color_coherence: null", "color_coherence", "None"),
        ("color_coherence: false", "color_coherence", "None"),
        ("color_coherence: lab", "color_coherence", "LAB"),
        ("animation_mode: 2d", "animation_mode", "2D"),
        ("border: WRAP", "border", "wrap"),
        ("init_image: null", "init_image", ""),
        ("init_image:", "init_image", ""),
        ("prompt_append: no", "prompt_append", "no"),
        ("prompt_append: 012", "prompt_append", "012"),
        ("prompt_append: 1:30", "prompt_append", "1:30"),
        ("W: 640", "width", 640),
        ("turbo_steps: 3", "diffusion_cadence", 3),
        ("duration: 2s", "max_frames", 24),
        ("duration: 48", "max_frames", 48),
        ("duration: 4b\nbpm: 120", "max_frames", 24),
        ("fps: 24000/1001", "fps", pytest.approx(23.976, abs=1e-3)),
        ("soundtrack_offset: 1.5s", "soundtrack_offset", 1.5),
        ("soundtrack_offset: 12", "soundtrack_offset", 1.0),
        ("duration: 2s\nmax_frames: 24", "max_frames", 24),
    ],
)
def test_setting(tmp_path: Path, text: str, field: str, value: Any) -> None:
    found = settings(tmp_path, f"prompts: x\n{text}\n")[field]
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


def test_what_is_repaired_is_said(tmp_path: Path) -> None:
    schedule = load(write(tmp_path, "prompts: x\nseed: 012\nzoom: {00: 1, 010: 01.5}\n"))
    assert [(w.line, w.what) for w in schedule.warnings] == [
        (2, "012 is read as 12"),
        (3, "00 is read as 0"),
        (3, "010 is read as 10"),
        (3, "01.5 is read as 1.5"),
    ]
    assert compile(schedule)["zoom"][10] == 1.5


def test_two_names_of_opposite_sense_may_agree(tmp_path: Path) -> None:
    plan = compile(load(write(tmp_path, "prompts: x\nstrength: 0.6\ndenoise: 0.4\n")))
    assert plan["strength"][0] == 0.6


@pytest.mark.parametrize("text", ["'0: a cat, 12: a dog'", '\'"0": "a cat"\'', '\'{"0": "a cat"}\''])
def test_keys_inside_a_prompts_text_are_told(tmp_path: Path, text: str) -> None:
    told = [str(note) for note in load(write(tmp_path, f"prompts: {text}\n")).warnings]
    assert any("painted as it stands" in note for note in told)
    assert not load(write(tmp_path, "prompts: at 0:30, 12:30 o'clock\n")).warnings


def test_keys_that_yaml_would_turn_into_something_else(tmp_path: Path) -> None:
    text = "prompts: x\nmax_frames: 48\ncues: {on: 12, no: 1s}\nangle: {on: 1, 2s: 3}\ncuts: [on]\n"
    assert compile(load(write(tmp_path, text.replace(", no: 1s", ""))))["angle"].tolist()[12:14] == [1, 1 + 2 / 12]


def test_json_with_a_byte_order_mark_and_in_utf_16(tmp_path: Path) -> None:
    fields = {"prompts": {"0": "Überfluß"}, "max_frames": 5, "seed": 1, "zoom": {"0": 1, "4": 2}}
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        file = write(tmp_path, json.dumps(fields, ensure_ascii=False).encode(encoding), "s.json")
        plan = compile(load(file))
        assert plan["zoom"].tolist() == [1, 1.25, 1.5, 1.75, 2]
        assert plan[0].prompts[0][0] == "Überfluß"


def test_yaml_with_windows_lines_anchors_and_merges(tmp_path: Path) -> None:
    text = "prompts: x\r\nmax_frames: 5\r\nlet: {a: &way {0: 0, 4: 4}, b: *way}\r\nangle: {<<: *way, 4: 8}\r\n"
    plan = compile(load(write(tmp_path, text)))
    assert plan["angle"].tolist() == [0, 2, 4, 6, 8]
    assert plan.variables["b"].tolist() == [0, 1, 2, 3, 4]


def test_marks_point_at_the_value(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError) as caught:
        load(write(tmp_path, '{\n  "prompts": "x",\n  "strength": {"0": 0.5, "8": 1.25}\n}', "s.json"))
    said = "strength: 1.0625 at frame 6 is out of range (0 to 1)"
    assert str(caught.value) == f"{tmp_path / 's.json'}:3:31: {said}"


@pytest.mark.parametrize(
    "written",
    [
        "{0: 2, 4: foo(t), 8: -1}",
        "{0: 2, 4: {ease: hold}, 8: -1}",
        "{0: 2, 4: nobody, 8: -1}",
        "{0: 2, 4: 0.5, 8: -1}",
        "'0: (2), 4: (foo(t)), 8: (-1)'",
        "'0: (2), 4: (nobody), 8: (-1)'",
    ],
)
@pytest.mark.parametrize("name", ["strength", "denoise"])
def test_every_number_out_of_range_is_told_beside_whatever_else_is_wrong(
    tmp_path: Path, written: str, name: str
) -> None:
    with pytest.raises(ScheduleError) as caught:
        load(write(tmp_path, f"prompts: x\n{name}: {written}\n"))
    said = [problem.what for problem in caught.value.problems]
    assert "2 at frame 0 is out of range" in said
    assert "-1 at frame 8 is out of range" in said
    assert len(said) == 2 + ("0.5" not in written)


def test_paths_are_relative_to_the_schedule(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "start.png").write_bytes(b"x")
    schedule = load(write(tmp_path / "a", "prompts: x\ninit_image: start.png\n"))
    assert schedule.settings["init_image"] == str((tmp_path / "a" / "start.png").absolute())
    with pytest.raises(ScheduleError, match=r"did you mean start\.png"):
        load(write(tmp_path / "a", "prompts: x\ninit_image: strat.png\n"))


# --- texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("DDIM", ["DDIM"] * 6),
        ({0: "DDIM", 3: "Euler a"}, ["DDIM"] * 3 + ["Euler a"] * 3),
        ({2: "DDIM", 3: "Euler a"}, ["DDIM"] * 3 + ["Euler a"] * 3),
        ('0: ("DDIM"), 3: ("Euler a")', ["DDIM"] * 3 + ["Euler a"] * 3),
        ('0: ("DDIM"), "max_f-2": ("Euler a"), 100: ("x")', ["DDIM"] * 3 + ["Euler a"] * 3),
        ({0: "DDIM", 100: "Euler a"}, ["DDIM"] * 6),
    ],
)
def test_text_track(written: Any, wanted: list[str]) -> None:
    assert list(compile(load({"prompts": "x", "max_frames": 6, "sampler": written})).text["sampler"]) == wanted


def test_choices_from_outside() -> None:
    known = {"sampler": ("DDIM", "Euler a")}
    assert compile(load({"prompts": "x", "sampler": "ddim"}, senses=Senses(choices=known))).text["sampler"][0] == "DDIM"
    with pytest.raises(ScheduleError, match="did you mean Euler a"):
        load({"prompts": "x", "sampler": {0: "DDIM", 9: "Eulr a"}}, senses=Senses(choices=known))


# --- overrides and variants -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "field", "value"),
    [
        ({"max_frames": "24"}, "max_frames", 24),
        ({"max_frames": 24}, "max_frames", 24),
        ({"duration": "1s"}, "max_frames", 12),
        ({"W": "640"}, "width", 640),
        ({"width": 640}, "width", 640),
        ({"color_coherence": "None"}, "color_coherence", "None"),
    ],
)
def test_override(tmp_path: Path, overrides: dict[str, Any], field: str, value: Any) -> None:
    file = write(tmp_path, "prompts: x\nmax_frames: 48\nwidth: 512\n")
    assert load(file, overrides).settings[field] == value


def test_an_override_may_be_any_form_of_a_curve(tmp_path: Path) -> None:
    file = write(tmp_path, "prompts: x\nmax_frames: 5\nstrength: 0.9\n")
    for written in ("{0: 0, 4: 1}", "t/4", "0: (0), 4: (1)", {0: 0, 4: 1}):
        assert compile(load(file, {"strength": written}))["strength"].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert compile(load(file, {"denoising_strength": "0.25"}))["strength"][0] == 0.75


def test_a_mapping_in_an_override_keeps_what_was_written(tmp_path: Path) -> None:
    file = write(tmp_path, "prompts: x\nmax_frames: 9\nprompt_interpolation: hold\n")
    plan = compile(load(file, {"prompts": "{0: no, 4: yes, 8: 007}"}))
    assert [plan[index].prompts[0][0] for index in (0, 4, 8)] == ["no", "yes", "007"]
    with pytest.raises(ScheduleError, match="--set: prompts: key 0 is written twice"):
        load(file, {"prompts": "{0: a, 0: b}"})


def test_a_wrong_override_is_told_with_the_rest(tmp_path: Path) -> None:
    file = write(tmp_path, "prompts: x\nborder: wrapped\n")
    with pytest.raises(ScheduleError) as caught:
        load(file, {"zooom": "1", "strength": "2", "angle": "{0: 1", "steps": "0"})
    told = [(problem.file, problem.field) for problem in caught.value.problems]
    assert (str(file), "border") in told
    assert {("--set", name) for name in ("zooom", "strength", "angle", "steps")} <= set(told)


def test_vary_multiplies(tmp_path: Path) -> None:
    file = write(tmp_path, "prompts: x\nvary: {seed: [1, 2], zoom: [1.01, 't/100 + 1', {0: 1, 9: 2}]}\n")
    found = variants(file)
    assert len(found) == 6
    assert found[1][0] == {"seed": 1, "zoom": "t/100 + 1"}
    assert [schedule.settings["seed"] for _, schedule in found] == [1, 1, 1, 2, 2, 2]
    assert len({compile(schedule).digest for _, schedule in found}) == 6
    assert [values for values, _ in variants({"prompts": "x"})] == [{}]


def test_every_mistake_in_vary_is_told_at_its_line(tmp_path: Path) -> None:
    file = write(tmp_path, "prompts: x\nvary:\n  seed: [1, x]\n  zoom: [1, 0, {0: 1, 0: 2}, {0: 1, 4: -3}]\n")
    told = [
        f"{file}:3:13: vary.seed: 'x' is not a number (42)",
        f"{file}:4:13: vary.zoom: 0 at frame 0 is out of range (0.01 to 100)",
        f"{file}:4:23: vary: key 0 is written twice (first in line 4)",
        f"{file}:4:40: vary.zoom: 0 at frame 1 is out of range (0.01 to 100)",
    ]
    with pytest.raises(ScheduleError) as caught:
        variants(file)
    assert [str(problem) for problem in caught.value.problems] == told
    with pytest.raises(ScheduleError) as caught:
        load(file, {"fps": "x"})
    assert [str(problem) for problem in caught.value.problems][1:] == told


@pytest.mark.parametrize("more", ["", ", zoom: [1, 1.01]"])
def test_values_of_vary_are_told_until_it_is_clear_that_all_are_wrong(tmp_path: Path, more: str) -> None:
    seeds = ", ".join(f"x{i}" for i in range(80))
    file = write(tmp_path, f"prompts: x\nvary: {{seed: [{seeds}]{more}}}\n")
    with pytest.raises(ScheduleError) as caught:
        variants(file)
    assert len(caught.value.problems) == 50


def test_vary_makes_a_thousand_schedules_at_most(tmp_path: Path) -> None:
    file = write(tmp_path, f"prompts: x\nvary: {{seed: {list(range(501))}, zoom: [1, 1.01]}}\n")
    with pytest.raises(ScheduleError, match="makes 1,002 schedules"):
        variants(file)


def test_near_names_are_looked_for_at_the_first_mistakes_only(tmp_path: Path) -> None:
    names = "".join(f"zoomm{i}: 1\n" for i in range(60))
    samplers = "".join(f"  {i}: eulr\n" for i in range(60))
    for text in (names, f"sampler:\n{samplers}"):
        with pytest.raises(ScheduleError) as caught:
            load(write(tmp_path, text), senses=Senses(choices={"sampler": ("euler", "heun")}))
        hints = [problem.hint for problem in caught.value.problems]
        assert hints[1].startswith("did you mean")
        assert not hints[-1].startswith("did you mean")


def test_what_only_two_values_of_vary_together_make_wrong_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, "prompts: x\nvary: {near: [100, 300], far: [250, 400]}\n")
    with pytest.raises(ScheduleError, match=r"s\.yaml:2:\d+: vary\.near: 300 .*is not below far"):
        variants(file)


# --- Python -----------------------------------------------------------------------------------------------------------


def test_a_mapping_of_python(tmp_path: Path) -> None:
    import numpy as np

    fields = {"prompts": {0: "a", 4: "b"}, "max_frames": np.int64(5), "zoom": {0: np.float32(1), 4: 2}, "cuts": (2,)}
    assert compile(load(fields))["zoom"].tolist() == [1, 1.25, 1.5, 1.75, 2]
    with pytest.raises(ScheduleError, match="holds a object"):
        load({"zoom": object()})
    loop: dict[str, Any] = {}
    loop["zoom"] = loop
    with pytest.raises(ScheduleError, match="nested"):
        load(loop)


def test_an_endless_choice_of_names_costs_nothing() -> None:
    assert parse("a: 1").plain() == {"a": 1}


def test_a_megabyte_of_keys_loads_in_about_a_second(tmp_path: Path) -> None:
    import time

    names = ["translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y", "angle"]
    long = ", ".join(f"{i}: ({i * 0.001:.6f})" for i in range(6001))
    file = write(
        tmp_path,
        json.dumps({"prompts": {"0": "x"}, "max_frames": 150, "seed": 1} | dict.fromkeys(names, long)),
        "s.json",
    )
    started = time.process_time()
    schedule = load(file)
    assert time.process_time() - started < 1.5
    assert compile(schedule)["angle"][149] == pytest.approx(0.149)
    assert sum("5851 keys" in warning.what for warning in schedule.warnings) == 6


def test_no_series_takes_a_fields_place() -> None:
    with pytest.raises(ScheduleError, match="series: zoom is a field"):
        load({"prompts": "x", "zoom": 1.0}, series={"zoom": [2.0]})
