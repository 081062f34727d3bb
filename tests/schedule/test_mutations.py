"""Valid schedules, broken at random: the loader answers with a schedule or a listed error, and never anything else."""

import json
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest

from animate.errors import Problem, ScheduleError
from animate.schedule.compile import compile
from animate.schedule.fields import FIELDS
from animate.schedule.load import load

SEEDS = [
    """\
max_frames: 48
fps: 24000/1001
bpm: 124
seed: 42
seed_behavior: ladder
cues: {drop: 8b, outro: 80%}
let:
  kick: pulse(60*fps/bpm, 2)
  drift: {0: 0, drop: {value: 1, ease: in_out_cubic}, outro: 'noise(t/12, 3)'}
zoom: "0: (1.0025+0.002*sin(1.25*3.14*t/30)), max_f: (1.02)"
angle: {0: 0, 50%: {value: 2, ease: cubic}, max_f: 0}
strength: clip(0.6 - 0.2*kick, 0, 1)
translation_x: 4*at(drift, t - 2)
cuts: [drop, 1.5s]
sampler: {0: DDIM, 24: Euler a}
prompts:
  0: "a sea, (mist:`0.5+0.5*sin(t/10)`) --neg boats"
  drop: {positive: "a storm ${kick}", negative: calm}
negative_prompts: text, watermark
diffusion_cadence: 2
""",
    """\
{"max_frames": 30, "W": 512, "H": 320, "fps": 15, "seed": 7,
 "angle": "0:(0), 30:(1)", "zoom": "0: (1.02), 10: (1+0.1*cos(t)), 20: (1)",
 "strength_schedule": "0: (0.65), 5: (0.3)", "prompts": {"0": "a tree", "10": "a wood --neg city"},
 "border": "wrap", "noise": 0.03, "sampler": "Euler a", "steps": 20, "color_coherence": "LAB"}
""",
]
SPLINTERS = [
    "{", "}", "[", "]", ":", ",", "&a", "*a", "!!python/object:x", "'", '"', "\n", "\t", " ", "-", "%", "(",
    ")", "**", "9**9**9", "__import__('os')", "1e999", ".nan", "null", "~", "0", "-1", "1:30", "012", "off",
    "\x00", "\x85", "\ufeff", "😀", "<<: *a", "#", "|", ">", "? ", "- ", "`", "${", "--neg", "t", "lambda",
    "max_f", "zoom", "1s", "4b", "50%", "@", "\\", "…", "\x1b",
]  # fmt: skip


def mutated(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 4)):
        a = chance.randrange(len(text))
        b = min(len(text), a + chance.choice([0, 1, 1, 2, 5, 20]))
        match chance.randrange(5):
            case 0:
                text = text[:a] + text[b:]
            case 1:
                text = text[:a] + chance.choice(SPLINTERS) + text[b:]
            case 2:
                text = text[:a] + chance.choice(SPLINTERS) + text[a:]
            case 3:
                text = text[:a] + text[a:b] * chance.randint(2, 9) + text[b:]
            case 4:
                c = chance.randrange(len(text))
                text = text[:a] + text[c : c + 12] + text[b:]
        text = text or "x"
    return text


@pytest.mark.parametrize("which", range(len(SEEDS)))
def test_the_seed_is_valid(tmp_path: Path, which: int) -> None:
    (tmp_path / "s.yaml").write_text(SEEDS[which])
    assert len(compile(load(tmp_path / "s.yaml"))) in (48, 30)


@pytest.mark.parametrize("batch", range(8))
def test_mutations_are_loaded_or_refused(tmp_path: Path, batch: int) -> None:
    chance = random.Random(batch)
    refused = 0
    for turn in range(100):
        text = mutated(chance.choice(SEEDS), chance)
        file = tmp_path / "mutant.yaml"
        file.write_text(text, encoding="utf-8")
        started = time.process_time()
        problems: tuple[Problem, ...] = ()
        try:
            compile(load(file))
        except ScheduleError as error:
            refused += 1
            problems = error.problems
        except Exception as error:
            raise AssertionError(f"batch {batch}, turn {turn}: {error!r} for\n{text}") from error
        assert all(problem.what and problem.file for problem in problems), text
        assert time.process_time() - started < 2, text
    assert refused > 20


# fmt: off
ODD_VALUES = [
    *(None, True, False, 0, -1, 3, 10**30, 1.5, float("inf"), float("nan")),
    *("", " ", "x", "0", "t", "1e999", "0: (1)", "a: b", "0: (", ":", "None", "é", "`", "${", "--neg", "a\0b"),
    *([], [None], [1, 2], ["x"], [[1]], [{}], {}, {0: 1}, {0: None}, {0: "x"}, {0: []}, {0: {}}),
    *({0: {"value": 1}}, {0: {"value": []}}, {0: {"value": 1, "ease": {}}}, {"x": 1}, {None: 1}, {True: 1}, {"": 1}),
    *({1.5: 1}, {-1: 1}, {"a": {"b": {"c": 1}}}, {"positive": "a"}, {"positive": {}}, {"max_f": 1, "95": 2}),
    *({10**30: 1}, {"1e400": 1}, {"0": "0: (1)"}),
]
# fmt: on


@pytest.mark.parametrize("name", FIELDS)
def test_any_value_in_any_field_is_loaded_or_refused(name: str) -> None:
    for value in ODD_VALUES:
        for file in ({name: value, "prompts": "x"}, {"prompts": "x", "let": {"a": "t"}, "cues": {"x": 3}, name: value}):
            with suppress(ScheduleError):
                plan = compile(load(file))
                assert json.loads(plan.to_json())["frames"] == len(plan)
                assert plan[len(plan) - 1].prompts
