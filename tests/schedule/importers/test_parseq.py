"""Parseq documents: rendered frames are taken as they are, motion from its deltas, overlapping prompts as fades."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animate.errors import ScheduleError
from animate.schedule.compile import compile
from animate.schedule.importers.native import to_yaml
from animate.schedule.load import load
from animate.schedule.plan import Plan
from tests.schedule.importers.old_files import WEBUI, save

FRAMES = 40


def rendered(frame: int, **more: Any) -> dict[str, Any]:
    zoom = 1 + 0.02 * frame
    fade = min(max((frame - 10) / 10, 0), 1)
    if fade in (0, 1):
        prompt = "a cat --neg blur" if fade == 0 else "a dog --neg noise"
    else:
        prompt = f"a cat: {1 - fade:.4f} AND a dog: {fade:.4f} --neg blur: {1 - fade:.4f} AND noise: {fade:.4f}"
    return {
        "frame": frame,
        "zoom": zoom,
        "zoom_delta": zoom if frame == 0 else 1.02,
        "zoom_pc": 50.0,
        "translation_x": 3.0 * frame,
        "translation_x_delta": 3.0 if frame else 0.0,
        "strength": 0.6 - 0.2 * (frame % 8 == 0),
        "scale": 7,
        "antiblur_amount": 0.15,
        "seed": 100 + 0.25 * frame,
        "subseed": 101,
        "subseed_strength": 0.5,
        "cn_1_weight": 1,
        "prompt_weight_1": 1 - fade,
        "deforum_prompt": prompt,
        **more,
    }


def document(**more: Any) -> dict[str, Any]:
    return {
        "meta": {"generated_by": "sd_parseq", "version": "0.1.112"},
        "options": {"bpm": 140, "output_fps": 20, "cadence": 2},
        "managedFields": ["zoom", "translation_x", "strength"],
        "keyframes": [],
        "rendered_frames": [rendered(frame) for frame in range(FRAMES)],
        **more,
    }


def opened(folder: Path, content: dict[str, Any], name: str = "parseq.json") -> Plan:
    return compile(load(save(folder, content, name)))


def test_document(tmp_path: Path) -> None:
    schedule = load(save(tmp_path, document(), "parseq.json"))
    plan = compile(schedule)
    assert len(plan) == FRAMES
    assert (plan.fps, plan.settings["diffusion_cadence"], plan.settings["animation_mode"]) == (20, 2, "2D")
    np.testing.assert_allclose(plan["zoom"], [1.0, *[1.02] * 39])
    np.testing.assert_allclose(plan["translation_x"], [0.0, *[3.0] * 39])
    np.testing.assert_allclose(plan["strength"], [0.6 - 0.2 * (frame % 8 == 0) for frame in range(FRAMES)])
    assert (plan["cfg_scale"][0], plan["amount"][0]) == (7, 0.15)
    assert plan["seed"][4] == 101
    assert plan["subseed_strength"][2] == pytest.approx(0.5)
    assert schedule.differs == "Managed in Parseq and not carried over: cn_1_weight."


def test_overlapping_prompts_fade(tmp_path: Path) -> None:
    plan = opened(tmp_path, document())
    assert {prompt[:2] for prompt in plan[5].prompts} == {("a cat", "blur")}
    assert plan[13].prompts == (("a cat", "blur", pytest.approx(0.7)), ("a dog", "noise", pytest.approx(0.3)))
    assert {prompt[:2] for prompt in plan[25].prompts} == {("a dog", "noise")}
    assert plan.warnings == ()


def test_prompts_that_overlap_in_another_way_stand_as_they_were_rendered(tmp_path: Path) -> None:
    said = [f"a cat: {0.5 + 0.01 * frame:.4f} AND a dog: 1.0000 AND a cow: 0.3 --neg blur" for frame in range(8)]
    rows = [{"frame": frame, "deforum_prompt": said[frame // 2 * 2]} for frame in range(8)]
    plan = opened(tmp_path, document(rendered_frames=rows))
    assert plan.settings["prompt_interpolation"] == "hold"
    assert [frame.prompts for frame in plan] == [
        ((said[i // 2 * 2].removesuffix(" --neg blur"), "blur", 1.0),) for i in range(8)
    ]
    assert plan.warnings == ()


def test_absolute_values_where_there_are_no_deltas(tmp_path: Path) -> None:
    rows = [{"frame": frame, "angle": 0.5 * frame} for frame in range(8)]
    np.testing.assert_allclose(opened(tmp_path, document(rendered_frames=rows))["angle"], 0.5 * np.arange(8))


def test_gaps_and_doubles_are_told(tmp_path: Path) -> None:
    rows = [rendered(frame) for frame in (3, 0, 1, 1, 5)]
    plan = opened(tmp_path, document(rendered_frames=rows))
    said = "\n".join(map(str, plan.warnings))
    assert "1 frames stand twice" in said
    assert "2 frames are missing" in said
    assert len(plan) == 6


def test_three_dimensions(tmp_path: Path) -> None:
    rows = [rendered(frame, rotation_3d_y=1.0 * frame, rotation_3d_y_delta=1.0) for frame in range(4)]
    assert opened(tmp_path, document(rendered_frames=rows)).settings["animation_mode"] == "3D"


def test_a_document_that_was_not_rendered(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="press Render"):
        opened(tmp_path, {"keyframes": [{"frame": 0}], "managedFields": ["zoom"]})


def test_inside_a_deforum_file(tmp_path: Path) -> None:
    """What Parseq manages wins; the rest, and the mode, is the file's."""
    content = {**WEBUI, "parseq_manifest": json.dumps(document()), "angle": "0: (2)", "zoom": "0: (1.5)"}
    schedule = load(save(tmp_path, content))
    plan = compile(schedule)
    assert len(plan) == FRAMES
    assert plan["angle"][5] == 2
    assert plan["zoom"][5] == pytest.approx(1.02)
    assert len(plan[13].prompts) == 2
    assert "Parseq" in schedule.differs
    apart = compile(load(save(tmp_path, {**content, "parseq_non_schedule_overrides": False})))
    assert len(apart) == WEBUI["max_frames"]


def test_a_manifest_on_the_network_is_named(tmp_path: Path) -> None:
    schedule = load(save(tmp_path, {**WEBUI, "parseq_manifest": "https://parseq.example/doc"}))
    assert "Parseq" in schedule.differs


def test_as_yaml(tmp_path: Path) -> None:
    schedule = load(save(tmp_path, document(), "parseq.json"), {"seed": 1})
    new = tmp_path / "new.yaml"
    new.write_text(to_yaml(schedule), encoding="utf-8")
    assert compile(load(new)).digest == compile(schedule).digest
    assert "zoom: {0: 1, 1: 1.02, 39: 1.02}" in new.read_text(encoding="utf-8")


@pytest.mark.parametrize("written", ["NaN", "Infinity", "1e400"])
def test_rows_and_options_without_a_number_are_told_or_left(tmp_path: Path, written: str) -> None:
    rows = [{"frame": frame, "zoom": 1.0, "deforum_prompt": "a"} for frame in range(3)]
    rows.append({"frame": "@"})
    file = tmp_path / "document.json"
    document = {"rendered_frames": rows, "options": {"cadence": "@", "output_fps": 12, "bpm": "@"}}
    file.write_text(json.dumps(document).replace('"@"', written))
    schedule = load(file)
    assert schedule.settings["max_frames"] == 3
    assert any("1 of 4 rows have no frame number" in note.what for note in schedule.warnings)
