"""Disco Diffusion's settings: motion, prompts, length and cadence come along."""

from pathlib import Path

import pytest

from animate.schedule.compile import compile
from animate.schedule.load import load
from tests.schedule.importers.old_files import save

DISCO = {
    "text_prompts": {"0": ["a lighthouse in fog", "bright colours:2", "text:-1"], "30": ["a whale"]},
    "image_prompts": {}, "clip_guidance_scale": 5000, "tv_scale": 0, "range_scale": 150, "sat_scale": 0,
    "cutn_batches": 4, "max_frames": 60, "width_height": [1280, 770], "steps": 250, "set_seed": "random_seed",
    "animation_mode": "3D", "angle": "0:(0)", "zoom": "0: (1), 10: (1.05)", "translation_x": "0: (0)",
    "translation_y": "0: (0)", "translation_z": "0: (10.0)", "rotation_3d_y": "0: (0), 59: (1)",
    "frames_skip_steps": "60%", "turbo_mode": True, "turbo_steps": "3", "fov": 40, "near_plane": 200,
    "perlin_init": False, "skip_steps": 10, "init_image": None, "vr_mode": False,
}  # fmt: skip


def test_disco(tmp_path: Path) -> None:
    schedule = load(save(tmp_path, DISCO))
    plan = compile(schedule)
    assert schedule.origin == "Disco Diffusion settings"
    assert len(plan) == 60
    assert (plan.settings["width"], plan.settings["height"]) == (1280, 768)
    assert plan.settings["animation_mode"] == "3D"
    assert plan.settings["diffusion_cadence"] == 3
    assert plan["translation_z"][0] == 10
    assert plan["rotation_3d_y"][59] == pytest.approx(1)
    assert plan["strength"][0] == pytest.approx(0.6)
    assert plan["fov"][0] == 40
    assert plan[0].prompts == (("a lighthouse in fog, bright colours", "text", 1.0),)
    assert plan[30].prompts == (("a whale", "", 1.0),)
    assert "CLIP" in schedule.differs
