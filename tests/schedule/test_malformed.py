"""What the loader must refuse: each mistake gets a listed error at its place, never another exception, never slowly."""

import contextlib
import os
import re
import threading
import time
from pathlib import Path

import pytest

from animate.errors import ScheduleError
from animate.schedule.load import load

# Every case is a schedule with one mistake, and a part of what must be said about it.
CASES: list[tuple[str, str]] = [
    # --- not a schedule at all
    ("", "is empty"),
    ("   \n\n", "is empty"),
    ("# only a comment\n", "is empty"),
    ("just words", "is not a schedule"),
    ("42", "is not a schedule"),
    ("- a\n- b\n", "is not a schedule"),
    ("[1, 2]", "is not a schedule"),
    ("true", "is not a schedule"),
    ("<html><body>no</body></html>", "is not a schedule"),
    ("prompts: a sea\n---\nprompts: a sea\n", "more than one YAML document"),
    ("a\x01b: 1", "cannot have"),
    # --- broken YAML
    ("zoom: 0: (1), 48: (1.02)", "needs quotes"),
    ("zoom: {0: 1", "cannot be read as YAML"),
    ("zoom: [1", "cannot be read as YAML"),
    ("\tzoom: 1", "tabs"),
    ("zoom:\n  0: 1\n\t3: 2", "(indent with blanks, not tabs)"),
    ("let:\n  <<: 5", "<< takes in a mapping"),
    ("let:\n  <<: [{a: 1}, x]", "<< takes in a mapping"),
    ("zoom: 'x", "cannot be read as YAML"),
    ('zoom: "x', "cannot be read as YAML"),
    ("zoom: @x", "cannot be read as YAML"),
    ("prompts: `x`", "cannot be read as YAML"),
    ("zoom: %x", "cannot be read as YAML"),
    ("zoom: 1\n angle: 2", "cannot be read as YAML"),
    ("zoom: 1\nangle", "cannot be read as YAML"),
    ("zoom: *nothing", "anchor"),
    ("zoom: &a {0: *a}", "contains itself"),
    ("? {a: 1}\n: 2", "no such field"),
    ("prompts: !!python/object/apply:os.system ['true']", "tag"),
    ("prompts: !!python/name:os.system", "tag"),
    ("!!python/object:builtins.dict {}", "tag"),
    ("prompts: !local x", "tag"),
    ("zoom: !!binary aGk=", "tag"),
    ("zoom: !!set {1, 2}", "tag"),
    ("zoom: !!int x", "tag"),
    ("zoom: !!float no", "tag"),
    ("zoom: !!map x", "tag"),
    ("zoom: !!str {}", "tag"),
    ("&a [" * 100, "nested"),
    ("{a: " * 100, "nested"),
    ("- " * 5000, "nested"),
    # --- broken JSON
    ('{"zoom": 1,, "angle": 2}', "JSON"),
    ('{"zoom": 1 "angle": 2}', "comma"),
    ('{"zoom" 1}', "JSON"),
    ('{"zoom": }', "missing"),
    ('{"zoom": [1, 2}', "JSON"),
    ('{"zoom": 1} x', "after the end"),
    ('{"zoom": "a', "JSON"),
    ('{"zoom": ' + "[" * 100, "nested"),
    # --- names
    ("zooom: 1", "did you mean zoom?"),
    ("Zoom: 1", "did you mean zoom?"),
    ("translationx: 1", "did you mean translation_x?"),
    ("angel: 1", "did you mean angle?"),
    ("qwertz: 1", "no such field"),
    ("1: 2", "no such field"),
    ("null: 2", "no such field"),
    ("zoom_schedule_schedule: 1", "no such field"),
    ("__class__: 1", "no such field"),
    ("zoom: 1\nzoom: 1", "written twice"),
    ("zoom: {0: 1, 0: 2}", "written twice"),
    ("let: {a: 1, a: 2}", "written twice"),
    ("zoom: {0: {value: 1, value: 2}}", "written twice"),
    ("zoom: 1\nzoom_schedule: 2", "disagrees"),
    ("width: 512\nW: 256", "disagrees"),
    ("strength: 0.6\ndenoising_strength: 0.6", "disagrees"),
    ("prompts: a\nprompt: b", "disagrees"),
    ("cfg_scale: 7\nguidance_scale: 8", "disagrees"),
    ("max_frames: 24\nduration: 3s", "one of the two"),
    # --- wrong kinds
    ("max_frames: many", "not a number"),
    ("max_frames: 2.5", "not a whole number"),
    ("max_frames: {0: 1}", "cannot change over time"),
    ('max_frames: "0: (1), 9: (2)"', "cannot change over time"),
    ("max_frames: [1]", "not a number"),
    ("max_frames: true", "not a number"),
    ("max_frames: null", "not a number"),
    ("max_frames: 1:30", "not a number"),
    ("fps: fast", "not a frame rate"),
    ("fps: 24/0", "not a frame rate"),
    ("fps: 1e99999999", "not a frame rate"),
    ("fps: 24:30", "not a frame rate"),
    ("bpm: quick", "not a number"),
    ("bpm: .nan", "out of range"),
    ("width: wide", "not a number"),
    ("width: 512.5", "not a whole number"),
    ("loop: yes", "not a number"),
    ("seed: lucky", "not a number"),
    ("seed: 1.5", "not a whole number"),
    ("seed: {0: 1, 9: 2}", "cannot change over time"),
    ("color_force_grayscale: maybe", "neither true nor false"),
    ("color_force_grayscale: 2", "neither true nor false"),
    ("color_force_grayscale: [true]", "neither true nor false"),
    ("near: 500\nfar: 400", "500 at frame 0 is not below far (400)"),
    ("far: {0: 4000, 90: 100}", "is not below far"),
    ("stereo: sideways", "sideways"),
    ("generation: depth2image", "depth2img"),
    ("use_depth_warping: {}", "neither true nor false"),
    ("border: wrapped", "did you mean wrap?"),
    ("border: {0: wrap}", "is a mapping"),
    ("border: 7", "not one of the choices"),
    ("animation_mode: 4D", "not one of the choices"),
    ("color_coherence: HSL", "did you mean HSV?"),
    ("seed_behavior: ladders", "did you mean ladder?"),
    ("codec: h266", "did you mean h26"),
    ("prompt_interpolation: slurp", "did you mean slerp?"),
    ("model: [embedded]", "not a text"),
    ("model: {a: 1}", "not a text"),
    ('model: "a\\0b"', "cannot have"),
    ("prompt_prepend: {0: a}", "not a text"),
    ("prompt_ease: in_cubicc", "did you mean in_cubic?"),
    ("prompt_ease: 3", "no easing"),
    ("prompt_fixed_ratio: half", "not a number"),
    ("sampler: {0: [1]}", "not a text"),
    ("sampler: {}", "has no keys"),
    ("sampler: [a]", "not a text"),
    ("sampler: {0: DDIM, 0s: Euler}", "two keys land on frame 0"),
    ("sampler: {x: DDIM}", "no cue"),
    ("vary: 3", "not a mapping"),
    ("vary: {seed: 1}", "not a list"),
    ("vary: {seed: []}", "not a list"),
    ("vary: {sead: [1]}", "did you mean seed?"),
    ("vary: {vary: [1]}", "vary itself cannot be varied"),
    ("vary: {seed: [" + "1, " * 1_001 + "]}", "at most"),
    # --- ranges
    ("max_frames: 0", "out of range"),
    ("max_frames: -5", "out of range"),
    ("max_frames: 100000000", "out of range"),
    ("max_frames: 1" + "0" * 30, "out of range"),
    ("max_frames: 1" + "0" * 400, "not a number"),
    ("max_frames: 1e400", "out of range"),
    ("fps: 0", "out of range"),
    ("fps: -24", "out of range"),
    ("fps: 100000", "out of range"),
    ("bpm: -1", "out of range"),
    ("width: 0", "out of range"),
    ("width: 100000", "out of range"),
    ("width: 500", "multiple of 8"),
    ("height: 513", "multiple of 8"),
    ("diffusion_cadence: 0", "out of range"),
    ("seed: -2", "out of range"),
    ("seed: 9223372036854775808", "out of range"),
    ("crf: 64", "out of range"),
    ("perlin_octaves: 0", "out of range"),
    ("prompt_fixed_ratio: 1.5", "out of range"),
    ("strength: 1.5", "1.5 at frame 0 is out of range"),
    ("strength: -0.1", "out of range"),
    ("strength: {0: 0.5, 10: 1.5}", "1.1 at frame 6"),
    ("strength: 0.5 + t/100", "1.01 at frame 51"),
    ("denoising_strength: 1.5", "out of range"),
    ("zoom: 0", "out of range"),
    ("zoom: 1 - t/50", "at frame 50"),
    ("noise: -1.1", "out of range"),
    ("steps: 0", "out of range"),
    ("perspective_flip_fv: 180", "out of range"),
    ("clip_skip: 13", "out of range"),
    ("kernel: 0", "out of range"),
    ("cfg_scale: 1000", "out of range"),
    ("subseed_strength: 2", "out of range"),
    # --- curves
    ("zoom: []", "a list"),
    ("zoom: [1, 2]", "a list"),
    ("zoom: {}", "no keyframes"),
    ("zoom:", "missing"),
    ("zoom: null", "missing"),
    ("zoom: true", "not a number"),
    ("zoom: .inf", "not a finite number"),
    ("zoom: .nan", "not a finite number"),
    ("zoom: 1e999", "not a finite number"),
    ("zoom: {0: .nan}", "not a finite number"),
    ("zoom: {0: }", "missing"),
    ("zoom: {0: [1]}", "a list"),
    ("zoom: {0: true}", "not a number"),
    ("zoom: {0: 1, 1e400: 2}", "key: 1e400 is too far away"),
    ("zoom: {bpm: 1}", "bpm is not set (bpm: 120)"),
    ("cues: {b: a + 3, a: 5}", "a is not placed yet (a cue counts from cues above it)"),
    ("fps: [24]", "a list is not a frame rate"),
    ("prompts: {0: {positive: [a]}}", "positive is a list, not a text"),
    ("zoom: {0: 1, 8: clip(t, 1, 2)}", "'clip(t': brackets do not match (inside { } an expression with a comma needs"),
    ("zoom: {0: 1, 0s: 2}", "two keys land on frame 0"),
    ("zoom: {0: 1, 24: 2, 2s: 3}", "two keys land on frame 24"),
    ("zoom: {0: 1, 1.5: 2}", "not a whole frame"),
    ("zoom: {-1: 1}", "before the beginning"),
    ("zoom: {-2s: 1}", "before the beginning"),
    ("zoom: {4b: 1}", "bpm is not set"),
    ("zoom: {drop: 1}", "no cue"),
    ("zoom: {1:30: 1}", "not a time"),
    ("zoom: {max_g: 1}", "did you mean max_f?"),
    ("zoom: {t: 1}", "cannot be used in a time"),
    ("zoom: {1/0: 1}", "not a frame"),
    ("zoom: {sqrt(-1): 1}", "not a frame"),
    ("zoom: {1e300s: 1}", "too far away"),
    ("zoom: {99999999999999999999: 1}", "too far away"),
    ("zoom: {9**9**9: 1}", "too large"),
    ("zoom: {'at(zoom, 1)': 1}", "cannot be used in a time"),
    ("zoom: {0: 1, 8: {ease: hold}}", "needs a value"),
    ("zoom: {0: 1, 8: {}}", "needs a value"),
    ("zoom: {0: 1, 8: {value: 2, eese: hold}}", "did you mean ease?"),
    ("zoom: {0: 1, 8: {value: 2, ease: in_out_qubic}}", "did you mean in_out_cubic?"),
    ("zoom: {0: 1, 8: {value: 2, ease: [1]}}", "no easing"),
    ("zoom: {0: 1, 8: {value: {value: 1}}}", "a mapping"),
    ("zoom: {0: 1, 8: {value: 2, ease: 'cubic-bezier(2, 0, 0, 1)'}}", "between 0 and 1"),
    ("zoom: {0: 1, 8: {value: 2, ease: 'cubic-bezier(a, 0, 0, 1)'}}", "four numbers"),
    ('zoom: "0: (1), x"', "has no key"),
    ('zoom: "0: (x)"', "no variable 'x'"),
    ('zoom: "0: ()"', "empty"),
    ('zoom: "0: (1+)"', "not an expression"),
    ('zoom: "a: (1)"', "no cue"),
    ('zoom: "500: (1)"', "no key before the end"),
    ('zoom: ":"', "not a time"),
    ('zoom: "0: (sqrt(-1 - t))"', "not a number at frame 0"),
    # --- expressions
    ("zoom: 1 +", "not an expression"),
    ("zoom: (1", "brackets"),
    ("zoom: 1)", "brackets"),
    ("zoom: 1 1", "not an expression"),
    ("zoom: foo", "no variable 'foo'"),
    ("zoom: T", "no variable"),
    ("zoom: sinn(t)", "did you mean sin?"),
    ("zoom: sin(t, 2)", "1 argument"),
    ("zoom: sin()", "1 argument"),
    ("zoom: sin", "no variable 'sin'"),
    ("zoom: clip(t, 1)", "clip(x, low, high)"),
    ("zoom: tri()", "tri(period, phase)"),
    ("zoom: tri(48, fase=2)", "tri(period, phase)"),
    ("zoom: tri(0)", "greater than 0"),
    ("zoom: min()", "min(a, b, …)"),
    ("zoom: 2^t", "x**2"),
    ("zoom: t & 3", "joins conditions"),
    ("zoom: t @ 2", "not part of the language"),
    ("zoom: t @ t", "not part of the language"),
    ("zoom: 1/t", "infinite at frame 0"),
    ("zoom: 1 + sqrt(10 - t)", "not a number at frame 11"),
    ("zoom: log(t - 5)", "not a number at frame 0"),
    ("zoom: exp(t*1000)", "infinite at frame 1"),
    ("zoom: complex(1, t)", "complex at frame 1"),
    ("zoom: beat", "needs bpm"),
    ("zoom: angle + 1", "at(angle, t)"),
    ("zoom: at(zoom, t - 1)", "depends on itself"),
    ("zoom: at(zom, t)", "did you mean zoom?"),
    ("zoom: at(3, t)", "at takes"),
    ("zoom: at(angle)", "at takes"),
    ("zoom: {0: 1, 8: noise(}", "brackets"),
    ("zoom: a.b", "a dot"),
    ("zoom: t[0]", "square brackets"),
    ("zoom: '\"text\"'", "not a number"),
    ("zoom: True + 1", "not a number"),
    ("zoom: 1j", "not a number"),
    ("zoom: t if t", "not an expression"),
    ("zoom: t is 3", "not part of the language"),
    ("zoom: t in (1, 2)", "not part of the language"),
    ("zoom: (1, 2)", "comma outside a function"),
    ("zoom: 'lambda: 1'", "not a time"),
    # --- let, cues, cuts
    ("let: 3", "not a mapping"),
    ("let: [1]", "not a mapping"),
    ("let: {t: 1}", "cannot be a curve's name"),
    ("let: {max_f: 1}", "cannot be a curve's name"),
    ("zoom: 1.0\nlet: {zoom: 2}", "zoom is a field already"),
    ("let: {strength: 0.5}", "strength is a field already"),
    ("let: {a b: 1}", "cannot be a curve's name"),
    ("let: {_x: 1}", "cannot be a curve's name"),
    ("let: {a: }", "missing"),
    ("let: {a: b, b: a}", "depends on itself"),
    ("let: {a: a}", "depends on itself"),
    ("let: {a: 1/t}", "infinite at frame 0"),
    ("let: {a: foo}", "no variable 'foo'"),
    ("let: {" + ", ".join(f"a{i}: a{i + 1}" for i in range(60)) + "}", "depend on one another"),
    ("cues: 3", "not a mapping"),
    ("cues: {drop: }", "not a time"),
    ("cues: {drop: [1]}", "not a time"),
    ("cues: {drop: nowhere}", "no cue"),
    ("cues: {t: 3}", "cannot be a cue's name"),
    ("cues: {2s: 3}", "cannot be a cue's name"),
    ("cuts: drop", "no cue"),
    ("cuts: {0: 1}", "not a time"),
    ("cuts: [[1]]", "not a time"),
    ("cuts: [-3]", "before the beginning"),
    ("duration: long", "not a time"),
    ("duration: [1]", "not a time"),
    ("duration:", "not a time"),
    ("duration: 0", "1 to"),
    ("duration: 4b", "bpm is not set"),
    ("duration: 1e9s", "too far away"),
    ("duration: 1:30", "90s"),
    ("soundtrack_offset: soon", "not a time"),
    # --- prompts
    ("prompts: [a, b]", "is a list"),
    ("prompts: {}", "has no keys"),
    ("prompts: {0: [a]}", "is a list"),
    ("prompts: {0: a, 0s: b}", "two keys land"),
    ("prompts: {x: a}", "no cue"),
    ("prompts: {0: {positif: a}}", "has no 'positif'"),
    ("prompts: '(mist:`1+`)'", "not an expression"),
    ("prompts: '(mist:`x`)'", "no variable 'x'"),
    ("prompts: '(mist:`sqrt(3-t)`)'", "not a number at frame 4"),
    ("prompts: 'a ${__import__} b'", "no variable"),
    ("prompts: '${().__class__}'", "a dot"),
    ("negative_prompts: [a]", "is a list"),
    # --- files
    ("init_image: nothing.png", "does not exist"),
    ("cues: {drop: 24}\nzoom: 1 + drop", "drop is a cue, and no variable (cues stand where times do; here it is 24)"),
    ("zoom: 1 + bpm", "bpm needs bpm, which is not set"),
    ("init_image: .", "is a folder"),
    ("init_image: [a.png]", "not a text"),
    ('init_image: "a\\0b.png"', "cannot have"),
    ("init_image: " + "a" * 5000, "does not exist"),
    ("soundtrack: no.wav", "does not exist"),
    ("model: no.safetensors", "does not exist"),
    ("model: no.ckpt", "does not exist"),
    ("loras: no.safetensors", "not a mapping"),
    ("loras: {no.safetensors: 0.8}", "does not exist"),
    ("embeddings: {<x>: no.bin}", "does not exist"),
    ("embeddings: {<x>: [1]}", "not a path"),
    ("color_coherence: Image", "needs a picture"),
    # --- what is measured against itself, or told under a name of the opposite sense
    ("duration: 50%", "counts by the length"),
    ("duration: max_f / 2", "counts by the length"),
    ("denoise: {0: 0.5, 4: 2}", "denoise: 1.25 at frame 2 is out of range (0 to 1)"),
    ("strength: 0.6\ndenoise: 0.5", "disagrees"),
    # --- characters that neither a frame's file nor a plan can hold
    ('prompts: "a\\0b"', "holds '\\x00', a character that a text cannot have"),
    ('prompts: {0: a, 4: "a\\eb"}', "holds '\\x1b'"),
    ('{"prompts": {"0": "a \\ud800 b"}}', "holds '\\ud800'"),
    ('let: {"a\\x07": 1}', "holds '\\x07'"),
]

PLACE = re.compile(r"[^:]*bad\.yaml:\d+:\d+: \S")


@pytest.mark.parametrize(("text", "said"), CASES, ids=[f"{i:03}" for i in range(len(CASES))])
def test_mistake_is_told_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, encoding="utf-8")
    started = time.process_time()
    with pytest.raises(ScheduleError) as caught:
        load(file)
    assert time.process_time() - started < 1
    assert said in str(caught.value)
    assert caught.value.exit_code == 2
    if said not in ("is empty",):
        assert all(PLACE.match(str(problem)) for problem in caught.value.problems), str(caught.value)
    assert list(tmp_path.iterdir()) == [file]


def test_there_are_at_least_two_hundred() -> None:
    assert len(CASES) >= 200


def test_all_problems_are_listed_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("zooom: 1\nborder: wrapped\nstrength: {0: 0.5, 9: 1.5}\nzoom: 1/t\nangle: foo\nprompts: '`y`'\n")
    with pytest.raises(ScheduleError) as caught:
        load(file)
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3, 4, 5, 6]
    assert [problem.field for problem in caught.value.problems] == [
        "zooom",
        "border",
        "strength",
        "zoom",
        "angle",
        "prompts",
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for name, content, said in [
        ("latin.yaml", b"prompts: caf\xe9", "UTF-8"),
        ("picture.yaml", b"\x89PNG\r\n\x1a\n\0\0\0", "UTF-8"),
        ("nul.yaml", b"prompts: a\0b", "cannot have"),
        ("huge.yaml", b"# " + b"x" * 10_000_001, "at most 10 MB"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ScheduleError, match=said):
            load(tmp_path / name)
    with pytest.raises(ScheduleError, match="no such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ScheduleError, match="cannot be read"):
        load(tmp_path)
    with pytest.raises(ScheduleError, match="cannot be read"):
        load("a\0b")


def test_anchors_that_expand_without_end_are_refused_at_once(tmp_path: Path) -> None:
    file = tmp_path / "bomb.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    file.write_text("\n".join(lines))
    started = time.process_time()
    with pytest.raises(ScheduleError, match="expands to more than"):
        load(file)
    assert time.process_time() - started < 0.5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_no_file_and_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    names = ("init_image", "color_coherence_image", "depth_file")
    file = tmp_path / "s.yaml"
    file.write_text("".join(f"{name}: pipe.png\n" for name in names))
    with pytest.raises(ScheduleError) as caught:
        load(file)
    assert [problem.what for problem in caught.value.problems] == ["pipe.png is not a file"] * 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_schedule_through_a_pipe_is_read_up_to_its_bound(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    def endless() -> None:
        with contextlib.suppress(BrokenPipeError), open(tmp_path / "pipe.yaml", "wb") as pipe:
            for _ in range(400):
                pipe.write(b"#" * 1_000_000)

    writer = threading.Thread(target=endless)
    writer.start()
    with pytest.raises(ScheduleError, match="at most 10 MB"):
        load(tmp_path / "pipe.yaml")
    writer.join()


def test_a_missing_file_is_told_with_the_folder_it_was_looked_for_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "s.yaml").write_text("prompts: x\n")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ScheduleError) as caught:
        load(tmp_path / "s.yaml", {"init_image": "nope.png"})
    assert caught.value.problems[0].hint == f"it was looked for in {tmp_path / 'here'}"


def test_every_unknown_name_of_a_curve_is_told_at_its_key(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        "let: {a: foo + bar, b: a + 1}\n"
        "zoom: {0: foo, 10: bar, 12: log(t-12), 14: b}\n"
        'angle: "0: (foo+baz), 5: (qux)"\n'
        "translation_x: at(nope, t) + at(zom, t)\n"
    )
    with pytest.raises(ScheduleError) as caught:
        load(file)
    told = [(problem.line, problem.column, problem.what.split(" ")[-1]) for problem in caught.value.problems]
    assert told == [
        *((1, 10, "'bar'"), (1, 10, "'foo'")),
        *((2, 11, "'foo'"), (2, 20, "'bar'")),
        *((3, 9, "'baz'"), (3, 9, "'foo'"), (3, 23, "'qux'")),
        *((4, 16, "'nope'"), (4, 16, "'zom'")),
    ]


def test_a_character_no_text_can_have_is_told_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("# é\n" * 20 + "prompts: a\x01b\n", encoding="utf-8")
    with pytest.raises(ScheduleError) as caught:
        load(file)
    assert (caught.value.problems[0].line, caught.value.problems[0].column) == (21, 11)
    with pytest.raises(ScheduleError, match="holds a character"):  # as a terminal hands on a byte that is not UTF-8
        load({"prompts": "x"}, {"zoom": "{\udcff: 1}"})


def test_only_what_a_comma_cut_off_is_told_to_be_quoted(tmp_path: Path) -> None:
    for text in ("zoom: 1 + sin(t/48", 'zoom: {0: "1 + sin(t/48", 4: 1}'):
        (tmp_path / "s.yaml").write_text(text)
        with pytest.raises(ScheduleError) as caught:
            load(tmp_path / "s.yaml")
        assert [problem.hint for problem in caught.value.problems] == [""]


def test_a_key_that_is_written_twice_is_told_once(tmp_path: Path) -> None:
    for field, value in (("zoom", "1"), ("prompts", "a"), ("sampler", "Euler")):
        (tmp_path / "s.yaml").write_text(f"{field}: {{0: {value}, 4: {value}, 4: {value}}}")
        with pytest.raises(ScheduleError) as caught:
            load(tmp_path / "s.yaml")
        assert [problem.what for problem in caught.value.problems] == ["key 4 is written twice"]


def test_a_broken_override_is_told_without_a_line() -> None:
    with pytest.raises(ScheduleError) as caught:
        load({"prompts": "x"}, {"zoom": "{0: 1, 12"})
    assert str(caught.value).startswith("--set: zoom: cannot be read as YAML")
