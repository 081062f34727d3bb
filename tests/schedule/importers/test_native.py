"""An imported schedule written as YAML: short, clean, and with the same plan to the last bit."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from animate.errors import ScheduleError
from animate.schedule.compile import compile
from animate.schedule.importers.native import to_yaml
from animate.schedule.load import load
from animate.schedule.plan import Plan
from tests.schedule.importers.old_files import EARLY, PORTRAIT, STUDIO, WEBUI, save

REFERENCE = Path(__file__).parents[2] / "data" / "deforum_schedules.json"


def both(folder: Path, settings: dict[str, Any]) -> tuple[str, Plan, Plan]:
    """The YAML text, the plan of the old file, and the plan of the text."""
    schedule = load(save(folder, settings), {"seed": 5})
    new = folder / "new.yaml"
    text = to_yaml(schedule, folder)
    new.write_text(text, encoding="utf-8")
    return text, compile(schedule), compile(load(new))


def assert_same(old: Plan, new: Plan) -> None:
    for name, column in old.columns.items():
        np.testing.assert_array_equal(column, new[name], err_msg=name)
    assert dict(old.settings) == dict(new.settings)
    assert old.text == new.text
    assert [frame.prompts for frame in old] == [frame.prompts for frame in new]
    assert old.digest == new.digest


@pytest.mark.parametrize(
    "settings",
    [
        WEBUI,
        PORTRAIT,
        STUDIO,
        EARLY,
        {**WEBUI, "enable_perspective_flip": True, "perspective_flip_phi": "0:(t%15)", "zoom": "0:(1), 20:(1.1)"},
        {**WEBUI, "angle": "0: (-0.17*cos(t/7)**0.90+0.42)", "strength_schedule": "0: (0.5), 20: (1.5)"},
        {**WEBUI, "zoom": "0:(200)", "amount_schedule": "0:(-1), 20:(2)", "noise_schedule": "0:(0.1-0.01*t)"},
        {**WEBUI, "translation_x": "0:(2*1), 10:(1e-2), 20:(4), 30:(4), 40:(4), 50:((1+t)*2)"},
        {**WEBUI, "enable_steps_scheduling": True, "steps_schedule": "0: (10), 30: (20)"},
        {**WEBUI, "enable_sampler_scheduling": True, "sampler_schedule": '0: ("Euler a"), 20: ("DDIM")'},
        {**WEBUI, "prompts": {"0": "é: #1 'quoted' \"too\" --neg {x}", "20": " ".join(["word"] * 60), "30": "yes"}},
        {**WEBUI, "seed_behavior": "schedule", "animation_mode": "Interpolation"},
        {**WEBUI, "prompts": {"0": "a <lora:gone:0.8> pier --neg <lora:lost>", "9": "{a|b} <lora:no:heavy> --seed 7"}},
        {**WEBUI, "prompts": {"0": "__nobody__ in {red|sea} \\{f\\}, ${t} `t` [a|b] --neg __nothing__", "9": "{a|b}"}},
        {**WEBUI, "prompts": "__nobody__"},
        {**WEBUI, "prompts": {"0": "a\0b \ud800 harbour", "20": "tab\tline\nreturn\r\n"}},
    ],
)  # fmt: skip
def test_the_same_plan(tmp_path: Path, settings: dict[str, Any]) -> None:
    _, old, new = both(tmp_path, settings)
    assert_same(old, new)


def test_default_file_is_short(tmp_path: Path) -> None:
    text, _, _ = both(tmp_path, WEBUI)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) < 20
    assert "zoom: 1.0025+0.002*sin(1.25*3.14*t/30)" in lines
    assert "noise: 0.065" in lines
    assert yaml.safe_load(text)["max_frames"] == 60


def test_forms(tmp_path: Path) -> None:
    text, _, _ = both(
        tmp_path,
        {
            **WEBUI,
            "angle": "0: (0.5), 20:(0.5), 40:(0.5)",
            "translation_x": "0:(0), 30: (2.5)",
            "translation_y": "0: ((1+t)*(2-t))",
            "contrast_schedule": "0: (1.0)",
        },
    )
    assert "angle: 0.5\n" in text
    assert "translation_x: {0: 0, 30: 2.5}\n" in text
    assert "translation_y: (1+t)*(2-t)\n" in text
    assert "contrast" not in text


def test_a_prompt_that_names_what_is_not_there_is_written_as_it_was_painted(tmp_path: Path) -> None:
    (tmp_path / "ink.safetensors").write_bytes(b"x")
    text, old, new = both(
        tmp_path,
        {**WEBUI, "prompts": {"0": "a <lora:ink:0.5> pier", "9": "a <lora:ink:`0.5+t/99`> pier <lora:gone:1>"}},
    )
    assert_same(old, new)
    assert [Path(path).name for path, _ in new.loras] == ["ink.safetensors"]
    assert "# 9 is written as it was painted: there is no LoRA 'gone'\nprompts:" in text
    assert "  9: a pier <lora:ink.safetensors:${0.5+t/99}>\n" in text
    assert "  0: a <lora:ink:0.5> pier\n" in text


def test_what_will_differ_stands_on_top(tmp_path: Path) -> None:
    text, _, _ = both(tmp_path, {**WEBUI, "optical_flow_redo_generation": "DIS Fine"})
    assert text.startswith("# From old_settings.txt, Deforum settings.\n")
    assert "# On in this file and not carried over: redo by optical flow (DIS Fine)" in text


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference schedules are not here")
def test_reference_schedules(tmp_path: Path) -> None:
    """Random schedules with the values that Deforum's own code gives them, through both ways."""
    cases = json.loads(REFERENCE.read_text(encoding="utf-8"))
    for case in random.Random(1).sample(cases, 40):
        settings = {**WEBUI, "translation_x": case["schedule"], "max_frames": case["max_frames"], "seed": case["seed"]}
        schedule = load(save(tmp_path, settings))
        new = tmp_path / "new.yaml"
        new.write_text(to_yaml(schedule), encoding="utf-8")
        for plan in (compile(schedule), compile(load(new))):
            np.testing.assert_allclose(plan["translation_x"], case["values"], atol=1e-6)


ODD: tuple[Any, ...] = (
    None, "", 0, -1, 2.5, True, [], {}, [1, 2], {"0": 1}, "None", "0:(1)", "0: (t)", "0:(1", "((", "0:(1), 5", "abc",
    "1e400", 1e308, 10**30, float("nan"), "0:(1/0)", "0:(sqrt(t-5))", "é", "0:(__import__('os'))", "0: (9**9**9)",
    {"0": None}, {"x": "y"}, {"-3": "a", "max_f": "b"}, '{"0": "a"}', "[1", "https://x/y", "0:(1):2,3",
    "max_f-1:(2)", ["a", None], {"0": ["a", "b"]}, "0: 7, 3: (2*1), 9:(.5)", "0:(-0.5*(t-3)**0.5)",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_odd_values_anywhere(tmp_path: Path) -> None:
    """Whatever stands in a file, it is imported with the same plan both ways, or refused."""
    chance = random.Random(7)
    fine = 0
    for _ in range(60):
        settings = dict(chance.choice([WEBUI, EARLY, PORTRAIT, STUDIO]))
        keys = [key for key in settings if not key.startswith(("cn_", "studio_", "init_image"))]
        for key in chance.sample(keys, chance.choice([1, 2, 4])):
            settings[key] = chance.choice(ODD)
        settings["enable_perspective_flip"] = chance.random() < 0.3
        try:
            _, old, new = both(tmp_path, settings)
        except ScheduleError:
            continue
        assert_same(old, new)
        fine += 1
    assert fine > 30
