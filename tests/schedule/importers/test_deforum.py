"""Old settings files load, move the picture in the same way, and say what they cannot bring along."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from animate.errors import ScheduleError
from animate.schedule.compile import compile
from animate.schedule.film import Seen
from animate.schedule.importers import deforum_keys
from animate.schedule.importers.deforum_flip import shrink
from animate.schedule.importers.native import to_yaml
from animate.schedule.load import load
from animate.schedule.plan import Plan
from animate.schedule.schedule import Schedule
from animate.schedule.senses import Senses
from tests.schedule.importers.old_files import CN, EARLY, PORTRAIT, STUDIO, WEBUI, save


def opened(folder: Path, **changes: Any) -> tuple[Schedule, Plan]:
    seen = Seen(fps=Fraction(15), frames=60, steady=True, seconds=4, sound=False)
    schedule = load(save(folder, {**WEBUI, **changes}), senses=Senses(watch=lambda path: seen))
    return schedule, compile(schedule)


def said(plan: Plan) -> str:
    return "\n".join(str(warning) for warning in plan.warnings)


# --- whole files --------------------------------------------------------------------------------------------------


def test_file_of_all_keys_is_silent(tmp_path: Path) -> None:
    """The 253 keys of a saved run, all at their defaults: no warning, and only the noise multiplier is on."""
    assert len(WEBUI) == 253
    schedule, plan = opened(tmp_path)
    assert said(plan) == ""
    assert schedule.differs == "On in this file and not carried over: the noise multiplier (1.05)."
    assert schedule.origin == "Deforum settings"
    t = np.arange(60)
    np.testing.assert_allclose(plan["zoom"], 1.0025 + 0.002 * np.sin(1.25 * 3.14 * t / 30), atol=1e-12)
    assert plan["noise"][0] == 0.065
    assert plan["cfg_scale"][0] == 7
    assert plan["steps"][0] == 25
    assert plan.text["sampler"][0] == "Euler a"
    assert plan.settings["sampling_mode"] == "bilinear"
    assert plan.settings["prompt_interpolation"] == "hold"
    assert plan.settings["seed"] == 77


@pytest.mark.parametrize(
    "changes", [{"animation_mode": "Interpolation"}, {"animation_mode": "Video Input", "video_init_path": "film.mp4"}]
)
def test_noise_changes_as_in_deforum_where_our_own_files_would_hold_it(tmp_path: Path, changes: dict[str, str]) -> None:
    (tmp_path / "film.mp4").write_bytes(b"film")
    silent = {name: value for name, value in WEBUI.items() if name != "seed_behavior"}
    seen = Seen(fps=Fraction(15), frames=60, steady=True, seconds=4, sound=False)
    for settings in (silent, {**WEBUI, "seed_behavior": "iter"}):
        schedule = load(save(tmp_path, {**settings, **changes}), senses=Senses(watch=lambda path: seen))
        assert compile(schedule)["seed"][:4].tolist() == [77, 78, 79, 80]
        assert "seed_behavior: iter\n" in to_yaml(schedule, tmp_path)


def test_every_key_is_in_the_table() -> None:
    assert [key for key in WEBUI if not deforum_keys.known(key)] == []


def test_portrait(tmp_path: Path) -> None:
    schedule = load(save(tmp_path, PORTRAIT))
    plan = compile(schedule)
    assert len(plan) == 300
    z = plan["translation_z"]
    assert (z[0], z[90], z[180]) == (0.5, 2.25, -1.5)
    assert (z[180:] == -1.5).all()  # the keys at and past the end are ignored, not ramped to
    assert z[45] == pytest.approx(1.375)
    np.testing.assert_allclose(plan["rotation_3d_y"][[0, 60, 120, 180, 240, 299]], [0, 0.175, 0.35, 0, -0.35, -0.35])
    assert plan["translation_x"][225] == pytest.approx(12.5 * 74 / 149)
    t = np.arange(300)
    np.testing.assert_allclose(plan["noise"], -0.05 * np.cos(3.141 * t / 20) ** 100 + 0.05, atol=1e-12)
    assert plan["strength"][20] == pytest.approx(0.585)
    assert plan["fov"][0] == 120
    assert plan.settings["diffusion_cadence"] == 3
    assert plan.settings["init_image"] == ""
    assert plan.settings["sampling_mode"] == "bicubic"
    assert plan[0].prompts == (("oil on canvas, portrait of a woman, (mist:1.2)", "text, frame", 1.0),)
    assert plan[160].prompts == (("oil on canvas, portrait of a statue", "bronze text, frame", 1.0),)
    assert "C:" not in said(plan)
    assert "Depth came from Midas-3-Hybrid" in schedule.differs
    assert plan.settings["projection"] == "deforum"


def test_studio_preset(tmp_path: Path) -> None:
    assert len(STUDIO) >= 363
    schedule = load(save(tmp_path, STUDIO))
    plan = compile(schedule)
    z, t = plan["translation_z"], np.arange(120)
    np.testing.assert_allclose(z[:30], 0.4 * np.sin(t[:30] / 9), atol=1e-12)
    np.testing.assert_allclose(z[30:45], 2 + (0.1 * 45 - 3 - 2) * (t[30:45] - 30) / 15, atol=1e-12)
    np.testing.assert_allclose(z[45:70], 0.1 * t[45:70] - 3, atol=1e-12)
    np.testing.assert_allclose(z[70:100], 0.75 + 0.25 * (t[70:100] - 70) / 30, atol=1e-12)
    s = plan["strength"]
    np.testing.assert_allclose(s[[0, 12, 24, 25, 58, 59, 60, 119]], [0.7, 0.525, 0.35, 0.7, 0.2, 0.45, 0.7, 0.7])
    assert plan["zoom"][0] == 1  # not looked at in 3D: neither an error nor a zoom
    assert plan.text["sampler"][0] == "DPM++ SDE Karras"
    assert plan["subseed_strength"][50] == pytest.approx(0.6)
    unknown = [warning for warning in plan.warnings if "not keys" in warning.what]
    assert len(unknown) == 1
    assert "studio_panel_0" in unknown[0].what
    assert "Depth" not in schedule.differs


def test_early_file(tmp_path: Path) -> None:
    schedule = load(save(tmp_path, EARLY))
    plan = compile(schedule)
    assert len(plan) == 48
    assert plan.text["sampler"][0] == "Euler a"
    assert plan["cfg_scale"][0] == 6.5  # the schedule, not `scale`
    assert plan["steps"][0] == 40
    assert plan.settings["color_coherence"] == "LAB"
    assert plan.settings["init_image"] == ""
    assert plan.settings["border"] == "wrap"
    assert plan.settings["fps"] == 15
    assert plan["perspective_flip_phi"][7] == 0  # the flip is off
    assert plan["zoom"][0] == 1.01
    np.testing.assert_array_equal(plan["seed"], np.arange(48))
    (first,) = plan[0].prompts
    (sixth,) = plan[5].prompts
    assert first == ("fruit, (cherry:1.8)", "(cherry:0.001)", 1.0)
    assert sixth[0] == "fruit, (cherry:0.001)"
    assert sixth[1].startswith("(cherry:1.8")


def test_size_of_a_megabyte(tmp_path: Path) -> None:
    """Six fields of 6,001 keys each, of which 150 frames are shown."""
    names = ("angle", "zoom", "translation_x", "translation_y", "strength_schedule", "noise_schedule")
    keys = ", ".join(f"{frame}: ({0.5 + 0.0001 * (frame % 997):.5f})" for frame in range(6001))
    path = save(tmp_path, {**WEBUI, "max_frames": 150, **dict.fromkeys(names, keys)})
    assert path.stat().st_size > 600_000
    plan = compile(load(path))
    np.testing.assert_allclose(plan["angle"], 0.5 + 0.0001 * np.arange(150), atol=1e-9)


# --- the table of odd things --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "frames", "expected"),
    [
        ("0:(0.2),60:(10),300:(15)", 210, {0: 0.2, 30: 5.1, 60: 10, 209: 10}),
        ("0:(0), 20:(0.046), 10:(1), 20:(0.165)", 40, {10: 1, 20: 0.165, 39: 0.165}),
        ("0:(1), 178:(0.02), 176: (0)", 180, {176: 0, 177: 0.01, 178: 0.02}),
        ("0:(2*1), 10:(0*1), 20:(4)", 30, {0: 2, 9: 2, 10: 0, 19: 0, 20: 4}),
        ("4:(1e-7), 8:(2)", 10, {0: 1e-7, 7: 1e-7, 8: 2}),
        ("0:(5.68e-05)", 10, {0: 5.68e-05}),
        ("0: 0: (3*t), 315: 0: (4)", 320, {0: 0, 315: 0}),
        ("0:(0), 219: (0).3", 220, {219: 0.3}),
        ("0:(0.1), 10:(0.38)\n  20:(0.00), 30: (0.4)", 40, {10: 0.38, 20: 0.39, 30: 0.4}),
        ("  0:  ( 1.5),10:(2)\n", 20, {0: 1.5, 9: 1.5, 10: 2}),
        ("0: 7", 5, {0: 7}),
        ("3", 5, {4: 3}),
        (2.5, 5, {4: 2.5}),
        ("0:(1), max_f/2:(3), max_f:(5)", 11, {5: 3, 10: 5}),
    ],
)
def test_odd_schedules(tmp_path: Path, written: Any, frames: int, expected: dict[int, float]) -> None:
    _, plan = opened(tmp_path, translation_x=written, max_frames=frames)
    np.testing.assert_allclose(plan["translation_x"][list(expected)], list(expected.values()), atol=1e-9)


def test_gaps_are_filled_linearly_and_counted(tmp_path: Path) -> None:
    _, plan = opened(tmp_path, angle="0: (-0.17*cos(t/7)**0.90+0.42)", max_frames=60)
    values = plan["angle"]
    with np.errstate(invalid="ignore"):
        own = -0.17 * np.cos(np.arange(60) / 7) ** 0.90 + 0.42
    missing = np.isnan(own)
    np.testing.assert_allclose(values[~missing], own[~missing], atol=1e-12)
    assert np.isfinite(values).all()
    assert f"angle: {missing.sum()} of 60 frames" in said(plan)


def test_nothing_but_gaps_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="angle"):
        opened(tmp_path, angle="0: (sqrt(-1-t))")


@pytest.mark.parametrize(("size", "floored"), [(386, 384), (320, 320), (569, 568), (910, 904), ("512", 512), (1.0, 8)])
def test_sizes_are_floored(tmp_path: Path, size: Any, floored: int) -> None:
    path = save(tmp_path, {**WEBUI, "W": size})
    if floored < 16:
        with pytest.raises(ScheduleError, match="width"):
            load(path)
    else:
        assert load(path).settings["width"] == floored


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"border": "warp"}, "border", "replicate"),
        ({"border": 1}, "border", "wrap"),
        ({"color_coherence": False}, "color_coherence", "None"),
        ({"color_coherence": "Match Frame 0 HSV"}, "color_coherence", "HSV"),
        ({"color_coherence": "Video Input"}, "color_coherence", "LAB"),
        ({"diffusion_cadence": "2"}, "diffusion_cadence", 2),
        ({"diffusion_cadence": 3.0}, "diffusion_cadence", 3),
        ({"seed": 2**53 + 1}, "seed", 2**53 + 1),
        ({"seed": "12"}, "seed", 12),
        ({"perlin_octaves": None}, "perlin_octaves", 4),
        ({"use_init": True, "init_image": ""}, "init_image", ""),
        ({"use_init": True, "init_image": "None"}, "init_image", ""),
        ({"use_init": True, "init_image": None}, "init_image", ""),
        ({"init_image": "/content/drive/x.png"}, "init_image", ""),
        ({"init_image": "512_%01d.png"}, "init_image", ""),
        ({"animation_mode": "2d"}, "animation_mode", "2D"),
        ({"fps": "24"}, "fps", 24),
        ({"noise_type": "uniform"}, "noise_type", "uniform"),
    ],
)
def test_odd_values(tmp_path: Path, changes: dict[str, Any], field: str, expected: Any) -> None:
    assert load(save(tmp_path, {**WEBUI, **changes})).settings[field] == expected


def test_switches_are_honoured(tmp_path: Path) -> None:
    off = {
        "steps_schedule": "0: (5)",
        "sampler_schedule": '0: ("DDIM")',
        "clipskip_schedule": "0: (3)",
        "ddim_eta_schedule": "0: (0.7)",
        "subseed_strength_schedule": "0: (0.4)",
        "perspective_flip_phi": "0: (9)",
    }
    _, plan = opened(tmp_path, **off)
    assert plan["steps"][0] == 25
    assert plan.text["sampler"][0] == "Euler a"
    assert (plan["clip_skip"][0], plan["eta"][0], plan["subseed_strength"][0]) == (1, 0, 0)
    assert plan["perspective_flip_phi"][0] == 0
    switches = ("steps", "sampler", "clipskip", "ddim_eta", "subseed")
    _, plan = opened(
        tmp_path, **off, **{f"enable_{name}_scheduling": True for name in switches}, enable_perspective_flip=True
    )
    assert plan["steps"][0] == 5
    assert plan.text["sampler"][0] == "DDIM"
    assert (plan["clip_skip"][0], plan["eta"][0], plan["subseed_strength"][0]) == (3, 0.7, 0.4)
    assert plan["perspective_flip_phi"][0] == 9


def test_whole_numbers_are_cut_as_deforum_cuts_them(tmp_path: Path) -> None:
    _, plan = opened(tmp_path, enable_steps_scheduling=True, steps_schedule="0: (10), 10: (15)")
    np.testing.assert_array_equal(plan["steps"][:11], [10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15])


def test_text_schedule(tmp_path: Path) -> None:
    _, plan = opened(
        tmp_path, enable_sampler_scheduling=True, sampler_schedule='0: ("Euler a"), 20: ("DDIM"), 40:("dpmpp_2m")'
    )
    assert [plan.text["sampler"][frame] for frame in (0, 19, 20, 39, 40, 59)] == [
        "Euler a", "Euler a", "DDIM", "DDIM", "DPM++ 2M", "DPM++ 2M"
    ]  # fmt: skip


def test_only_what_is_looked_at_is_checked(tmp_path: Path) -> None:
    """An absurd value of a field that this mode never reads is nobody's error."""
    _, plan = opened(tmp_path, translation_z="nonsense((", fov_schedule="0: (-400)", padding_mode="?")
    assert said(plan) == ""
    with pytest.raises(ScheduleError, match="translation_z"):
        opened(tmp_path, animation_mode="3D", translation_z="nonsense((")


def test_values_out_of_range_are_held_inside(tmp_path: Path) -> None:
    _, plan = opened(tmp_path, strength_schedule="0: (0.5), 20: (1.5)")
    np.testing.assert_allclose(plan["strength"][[0, 10, 20, 30]], [0.5, 1, 1, 1])
    assert "strength" in said(plan)


def test_doubled_json_key(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text('{"W": 256, "H": 256, "angle": "0: (1)", "use_init": false,\n "angle": "0: (2)"}', encoding="utf-8")
    plan = compile(load(path))
    assert plan["angle"][0] == 2
    assert "old.json:2:11: angle: written more than once" in said(plan)


def test_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(WEBUI).encode())
    assert load(path).origin


# --- prompts ------------------------------------------------------------------------------------------------------


def prompts(folder: Path, frame: int = 0, **changes: Any) -> tuple[str, str]:
    _, plan = opened(folder, **changes)
    ((positive, negative, weight),) = plan[frame].prompts
    assert weight == 1
    return positive, negative


def test_prompts_saved_by_a_run_are_joined_already(tmp_path: Path) -> None:
    joined = {"0": "best a cat --neg bad"}
    assert prompts(tmp_path, prompts=joined, positive_prompts="best", negative_prompts="bad") == ("best a cat", "bad")


def test_prompts_saved_from_the_interface_are_apart(tmp_path: Path) -> None:
    got = prompts(
        tmp_path,
        prompts={"0": "a cat --neg dog"},
        animation_prompts_positive="best",
        animation_prompts_negative="bad",
    )
    assert got == ("best a cat", "dog bad")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0:15", [15, 15, 15]),
        ("0:(1, 2:(3)", [1, 2, 3]),
        ("0: (max(1, t)), 2: (4)", [1, 1, 4]),
    ],
)
def test_strings_as_people_leave_them(tmp_path: Path, text: str, values: list[float]) -> None:
    _, plan = opened(tmp_path, max_frames=4, translation_x=text)
    assert plan["translation_x"][:3].tolist() == values


def test_negative_noise_is_kept(tmp_path: Path) -> None:
    _, plan = opened(tmp_path, noise_schedule="0: (-0.05)")
    assert plan["noise"][0] == -0.05
    assert said(plan) == ""


def test_common_prompts_join_whatever_the_prompt_says(tmp_path: Path) -> None:
    apart = {"animation_prompts_positive": "art", "animation_prompts_negative": "wors"}
    assert prompts(tmp_path, prompts={"0": "a party --neg worst"}, **apart) == ("art a party", "worst wors")
    assert prompts(tmp_path, prompts='{"0": "a cat",}') == ("a cat", "")
    joined = {"0": "P a --neg Q N"}
    assert prompts(tmp_path, prompts=joined, positive_prompts="P --neg Q", negative_prompts="N") == ("P a", "Q N")


def test_prompts_past_the_end_are_travelled_to_or_shown_if_there_is_no_other(tmp_path: Path) -> None:
    for late in ("4", "max_f"):
        _, plan = opened(tmp_path, max_frames=4, animation_mode="Interpolation", prompts={"0": "a", late: "b"})
        weights = [{text: weight for text, _, weight in frame.prompts} for frame in plan]
        assert [each.get("b", 0) for each in weights] == [0, 0.25, 0.5, 0.75]
    assert prompts(tmp_path, max_frames=4, prompts={"100": "a cat"}) == ("a cat", "")
    assert prompts(tmp_path, frame=3, max_frames=4, prompts={"0": "a", "4": "b"}) == ("a", "")


def test_seeds_by_schedule_without_one_are_deforums(tmp_path: Path) -> None:
    silent = {name: value for name, value in WEBUI.items() if name != "seed_schedule"}
    plan = compile(load(save(tmp_path, {**silent, "seed_behavior": "schedule", "max_frames": 10, "seed": 5})))
    assert plan["seed"][[0, 8, 9]].tolist() == [5, 5, 5]
    assert said(plan) == ""


@pytest.mark.parametrize(
    ("changes", "field", "value", "word"),
    [
        ({"perlin_octaves": 0, "noise_type": "uniform"}, "perlin_octaves", 1, "0 is not 1 to"),
        ({"seed_iter_N": 0, "seed_behavior": "fixed"}, "seed_iter_N", 1, "1 is used"),
        ({"diffusion_cadence": 0}, "diffusion_cadence", 1, "1 is used"),
        ({"frame_interpolation_slow_mo_amount": 0, "frame_interpolation_slow_mo_enabled": True}, "max_frames", 60, ""),
        ({"optical_flow_cadence": True}, "cadence_tween", "flow", ""),
        ({"sampler": "Euler a", "scheduler": "Karras"}, "max_frames", 60, "karras is left out"),
    ],
)
def test_numbers_out_of_range_are_held_in_it(
    tmp_path: Path, changes: dict[str, Any], field: str, value: object, word: str
) -> None:
    _, plan = opened(tmp_path, **changes)
    assert plan.settings[field] == value
    assert word in said(plan)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a --neg ", ("a", "")),
        ("a -- neg b", ("a -- neg b", "")),
        ("a --neg b --neg c", ("a", "b c")),
        ("(deformed body,:1.2) focus<lora:x:0.7> ::", ("(deformed body,:1.2) focus ::", "")),
        ("unbalanced) <b>", ("unbalanced) <b>", "")),
    ],
)
def test_only_the_literal_neg_splits(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    assert prompts(tmp_path, prompts={"0": text}) == expected


def test_prompt_keys(tmp_path: Path) -> None:
    """In these keys `max_f` is max_frames; late ones are ignored, and a first one after 0 reaches back."""
    texts = {"max_f/2": "half", "10": "ten", "max_f-6": "late", "60": "never", "900": "never"}
    _, plan = opened(tmp_path, prompts=texts)
    assert [plan[frame].prompts[0][0] for frame in (0, 10, 29, 30, 53, 54, 59)] == [
        "ten", "ten", "ten", "half", "half", "late", "late"
    ]  # fmt: skip
    assert "2 keys from 60 on lie outside" in said(plan)


@pytest.mark.parametrize("written", [["one", "two"], "one", '{"0": "one"}', {0: "one"}])
def test_prompts_in_other_forms(tmp_path: Path, written: Any) -> None:
    assert prompts(tmp_path, frame=40, prompts=written)[0] == "one"


def test_animation_prompts_win(tmp_path: Path) -> None:
    assert prompts(tmp_path, prompts={"0": "no"}, animation_prompts={"0": "yes"})[0] == "yes"


# --- the perspective flip -----------------------------------------------------------------------------------------


def test_shrink_of_the_flip() -> None:
    assert shrink(512, 512, 53) == pytest.approx(0.998769, abs=1e-6)
    assert shrink(1024, 576, 53) == pytest.approx(0.999241, abs=1e-6)


@pytest.mark.parametrize("zoom", ["0: (1.02)", "0: (1.02+0.01*sin(t/8))", "0: (1), 30: (1.1)"])
@pytest.mark.parametrize("fv", ["0: (53)", "0: (40), 50: (60)"])
def test_flip_shrinks_the_zoom(tmp_path: Path, zoom: str, fv: str) -> None:
    _, off = opened(tmp_path, zoom=zoom, perspective_flip_fv=fv)
    schedule, on = opened(tmp_path, zoom=zoom, perspective_flip_fv=fv, enable_perspective_flip=True)
    factors = [shrink(512, 512, angle) for angle in on["perspective_flip_fv"]]
    np.testing.assert_allclose(on["zoom"], off["zoom"] * factors, rtol=1e-9)
    assert "perspective flip" in schedule.differs


def test_shrink_of_the_flip_is_told_in_3d_also_where_the_file_names_no_angle(tmp_path: Path) -> None:
    written = {name: value for name, value in WEBUI.items() if name != "perspective_flip_fv"}
    changes = {"animation_mode": "3D", "enable_perspective_flip": True}
    schedule = load(save(tmp_path, written | changes))
    assert "scales each frame by 0.99877" in schedule.differs


# --- what does not come along ---------------------------------------------------------------------------------------


def test_parts_that_were_on_are_named_once(tmp_path: Path) -> None:
    schedule, plan = opened(
        tmp_path,
        cn_1_enabled=True,
        cn_3_enabled=True,
        reroll_blank_frames="reroll",
        tiling=True,
        enable_checkpoint_scheduling=True,
        parseq_manifest='{"rendered_frames": []}',
        sd_model_name="some_model.safetensors",
    )
    assert said(plan) == ""
    for name in (
        "ControlNet",
        "redrawing blank frames",
        "seamless tiling",
        "changing checkpoints",
        "Parseq",
    ):
        assert schedule.differs.count(name) == 1, name
    assert "some_model.safetensors" in schedule.differs


# --- masks, guided images, hybrid video -----------------------------------------------------------------------------


def test_masks_come_along(tmp_path: Path) -> None:
    for name in ("m.png", "v.mp4"):
        (tmp_path / name).write_bytes(b"x")
    _, plan = opened(tmp_path, use_mask=True, mask_file="m.png", mask_overlay_blur=7)
    assert plan.text["mask"][0] == f"[{tmp_path / 'm.png'}]"
    assert plan["mask_feather"][0] == 7
    assert said(plan) == ""
    _, plan = opened(tmp_path, use_mask=True, mask_file="m.png", invert_mask=True)
    assert plan.text["mask"][0] == f"![{tmp_path / 'm.png'}]"
    schedule, plan = opened(
        tmp_path,
        use_mask=True,
        mask_file="m.png",
        use_mask_video=True,
        video_mask_path="v.mp4",
        mask_schedule='0: ("{video_mask}"), 20: ("<red apple> & !{everywhere}"), 40: ("[m.png] \\ {video_mask}")',
        use_noise_mask=True,
        fill=2,
    )
    video, picture = tmp_path / "v.mp4", tmp_path / "m.png"
    assert plan.text["mask"][::20] == (f"[{video}]", "<red apple>&!1", f"[{picture}]&![{video}]")
    assert plan.text["noise_mask"][0] == f"[{video}]"
    assert "the mask's fill (2)" in schedule.differs
    assert "(full_res_mask)" in schedule.differs
    _, plan = opened(tmp_path, use_mask=True)
    assert plan.text["mask"][0] == ""
    assert "M1.jpg is not a file here" in said(plan)
    assert "{video_mask} is not known" in said(plan)
    _, plan = opened(tmp_path, use_alpha_as_mask=True)
    assert plan.text["mask"][0] == "alpha"


def test_guided_images_come_along(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"x")
    settings = {"use_looper": True, "init_images": json.dumps({"0": "a.png", "max_f/2": "b.png"})}
    schedule, plan = opened(tmp_path, **settings, image_strength_schedule="0:(0.75)", blendFactorMax="0:(0.4)")
    assert [(frame, Path(file).name) for frame, file, _ in plan.guides] == [(0, "a.png"), (29, "b.png")]
    assert plan.settings["init_images_mode"] == "deforum"
    assert (plan["strength"][0], plan["blend_factor_max"][0], plan["tweening_frames"][0]) == (0.75, 0.4, 20)
    assert plan.settings["seed_behavior"] == "schedule"
    assert said(plan) == ""
    assert "guided" not in schedule.differs
    _, plan = opened(tmp_path, use_looper=True, init_images='{"0": "https://x/a.png", "30": "b.png"}')
    assert [frame for frame, _, _ in plan.guides] == [30]
    assert "is on the network" in said(plan)


def test_guided_images_take_seeds_by_schedule_and_a_comma_too_many(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    written = {name: value for name, value in WEBUI.items() if name not in ("seed_schedule", "seed_behavior")}
    changes = {"use_looper": True, "init_images": '{"0": "a.png",}', "seed": 7, "seed_iter_N": 1}
    plan = compile(load(save(tmp_path, written | changes)))
    assert [frame for frame, _, _ in plan.guides] == [0]
    assert plan.settings["seed_behavior"] == "schedule"
    assert plan["seed"][0] == plan["seed"][-1] == 7


def test_hybrid_video_comes_along(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"x")
    settings = {"hybrid_composite": "Normal", "hybrid_motion": "Optical Flow", "video_init_path": "film.mp4"}
    schedule, plan = opened(
        tmp_path,
        **settings,
        hybrid_comp_mask_type="Depth",
        hybrid_comp_alpha_schedule="0:(0.3)",
        hybrid_flow_factor_schedule="0: (2)",
        hybrid_flow_method="RAFT",
        extract_nth_frame=2,
        strength=0.7,
    )
    assert plan["init_strength"][0] == 0.7
    names = ("hybrid_composite", "hybrid_motion", "hybrid_flow_consistency", "flow_method", "animation_mode")
    assert [plan.settings[name] for name in names] == ["Normal", "Optical Flow", False, "DIS", "2D"]
    assert plan.text["hybrid_mask"][0] == "!picture.depth"
    assert (plan["hybrid_alpha"][0], plan["hybrid_flow_factor"][0], plan["noise"][0]) == (0.3, 2, 0.065)
    assert "RAFT" in schedule.differs
    assert schedule.written["video"].value.plain() == {"file": "film.mp4", "every": 2}
    _, plan = opened(tmp_path, **settings | {"hybrid_composite": True, "hybrid_motion": "None"})
    assert plan.settings["hybrid_composite"] == "Normal"
    _, plan = opened(tmp_path, hybrid_motion="Affine")
    assert plan.settings["hybrid_motion"] == "None"
    assert "is not a file" in said(plan)


@pytest.mark.parametrize("written", [True, False])
@pytest.mark.parametrize(
    ("frames", "seeds"), [(1, [7]), (2, [7, -1]), (3, [-1, 7, 7]), (4, [7, -1, 7, 7]), (6, [7, -1, -1, -1, 7, 7])]
)
def test_deforums_own_seeds_in_short_animations(tmp_path: Path, frames: int, seeds: list[int], written: bool) -> None:
    settings = {**WEBUI, "seed_behavior": "schedule", "seed": 7, "max_frames": frames, "prompts": {"0": "a"}}
    if written:
        settings["seed_schedule"] = '0:(s), 1:(-1), "max_f-2":(-1), "max_f-1":(s)'
    else:
        del settings["seed_schedule"]
    schedule = load(save(tmp_path, settings))
    plan = compile(schedule)
    assert said(plan) == ""
    assert plan["seed_schedule"].tolist() == seeds
    assert ("seed_schedule: {0: s, 1: -1, 3: -1, 4: s}\n" in to_yaml(schedule, tmp_path)) == (frames == 6)


@pytest.mark.parametrize(
    ("sampler", "used"),
    [("DDIM CFG++", "DDIM"), ("euler a cfg++", "Euler a"), ("DPM2 Beta", "DPM2"), ("Eulr", "Euler"), ("?", "Euler a")],
)
def test_a_sampler_that_is_not_here_is_the_nearest_one(tmp_path: Path, sampler: str, used: str) -> None:
    senses = Senses(choices={"sampler": ("Euler", "Euler a", "DDIM", "DPM2", "DPM2 a")})
    plan = compile(load(save(tmp_path, {**WEBUI, "sampler": sampler}), senses=senses))
    assert set(plan.text["sampler"]) == {used}
    assert said(plan).endswith(f"sampler: '{sampler}' is not known here ({used} is used)")


@pytest.mark.parametrize("zoom", ["0: (1), 5: (-0.5)", "0: (0)"])
def test_a_zoom_that_is_none_is_told_and_held(tmp_path: Path, zoom: str) -> None:
    _, plan = opened(tmp_path, zoom=zoom)
    assert "is out of range and is held inside (0.01 to 100)" in said(plan)
    assert plan["zoom"].min() == 0.01


def test_a_comma_before_a_bracket_in_a_prompt_is_part_of_it(tmp_path: Path) -> None:
    _, plan = opened(tmp_path, prompts='{"0": "a {red,} sea, [x, ]", }')
    assert plan[0].prompts[0][0].endswith("sea, [x, ]")


@pytest.mark.parametrize("mode", ["2D", "Video Input"])
@pytest.mark.parametrize("told", [40, 90])
def test_there_are_as_many_frames_as_the_film_has_and_keys_count_by_them(tmp_path: Path, mode: str, told: int) -> None:
    (tmp_path / "film.mp4").write_bytes(b"x")
    prompts = {"0": "a", "max_f/2": "b", "max_f-1": "c", "50": "d", "max_f-80": "e", "max_f-30": "f", "max_f": "g"}
    film = {"animation_mode": mode, "hybrid_composite": "Normal", "video_init_path": "film.mp4"}
    schedule, plan = opened(tmp_path, **film, max_frames=told, prompts=prompts)
    assert len(plan) == 60
    assert [frame.prompts[0][0] for frame in plan] == ["a"] * 30 + ["f"] * 20 + ["d"] * 9 + ["c"]
    assert f"max_frames: {told}, but the film has 60" in said(plan)
    assert "before the beginning" not in said(plan)
    text = to_yaml(schedule, tmp_path)
    (tmp_path / "new.yaml").write_text(text)
    seen = Seen(fps=Fraction(15), frames=60, steady=True, seconds=4, sound=False)
    again = compile(load(tmp_path / "new.yaml", senses=Senses(watch=lambda path: seen)))
    assert [frame.prompts for frame in again] == [frame.prompts for frame in plan]


def test_of_a_film_a_parseq_document_takes_as_much_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"x")
    rows = [{"frame": frame, "zoom": 1.0, "deforum_prompt": "a"} for frame in range(7)]
    film = {"hybrid_composite": "Normal", "video_init_path": "film.mp4", "extract_nth_frame": 2}
    _, plan = opened(tmp_path, **film, parseq_manifest=json.dumps({"rendered_frames": rows}))
    assert (len(plan), plan.film.every) == (7, 2)
    assert said(plan) == ""


@pytest.mark.parametrize(("slow", "longer"), [(False, 1), (True, 3)])
def test_frame_interpolation_comes_along(tmp_path: Path, slow: bool, longer: int) -> None:
    schedule, _ = opened(
        tmp_path,
        frame_interpolation_engine="RIFE v4.6",
        frame_interpolation_x_amount=4,
        frame_interpolation_slow_mo_enabled=slow,
        frame_interpolation_slow_mo_amount=3,
    )
    names = ("engine", "x_amount", "slow_mo_amount")
    assert [schedule.settings[f"frame_interpolation_{name}"] for name in names] == ["auto", 4, longer]
    assert "models get rife" in schedule.differs
    plain, _ = opened(tmp_path, frame_interpolation_engine="None", frame_interpolation_x_amount=4)
    assert plain.settings["frame_interpolation_engine"] == "None"
    assert "rife" not in plain.differs


def test_cadence_says_that_all_frames_are_made(tmp_path: Path) -> None:
    schedule, plan = opened(tmp_path, max_frames=10, diffusion_cadence=4)
    assert "leaves out the last 2" in schedule.differs
    assert plan.redrawn.sum() == 3


def test_missing_file_warns(tmp_path: Path) -> None:
    _, plan = opened(tmp_path, use_init=True, init_image='"C:\\pictures\\a.png"')
    assert "init_image" in said(plan)


def test_soundtrack(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(b"RIFF")
    _, plan = opened(tmp_path, soundtrack_path="song.wav")
    assert plan.settings["soundtrack"] == ""
    _, plan = opened(tmp_path, soundtrack_path="song.wav", add_soundtrack="File")
    assert str(plan.settings["soundtrack"]).endswith("song.wav")
    _, plan = opened(tmp_path, add_soundtrack="File")
    assert "is on the network" in said(plan)


# --- recognising ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "ours"),
    [
        ('{"max_frames": 20, "zoom": 1.02, "prompts": {"0": "a"}}', "a.json", True),
        ('{"width": 256, "strength_schedule": "0: (0.5)"}', "a.json", True),
        ('{"W": 256, "H": 256, "strength_schedule": "0: (0.5)"}', "a.json", False),
        ('{"max_frames": 20, "zoom": "0: (1)", "prompts": {"0": "a"}}', "a.txt", False),
        ("max_frames: 20\nstrength_schedule: 0.5\nnoise_schedule: 0.1\ncfg_scale_schedule: 4\n", "a.yaml", True),
    ],
)
def test_what_is_taken_for_an_old_file(tmp_path: Path, text: str, name: str, ours: bool) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert (load(path).origin == "") == ours


@pytest.mark.parametrize("extra", ["width", "height", "model", "loop", "codec", "duration", "bpm"])
def test_one_key_of_ours_does_not_make_a_saved_run_another_file(tmp_path: Path, extra: str) -> None:
    schedule, plan = opened(tmp_path, **{extra: 512})
    assert schedule.origin == "Deforum settings"
    assert said(plan).count("\n") == 0
    assert f"{extra}: not a key of Deforum's" in said(plan)


def test_mapping_from_python() -> None:
    assert load({**WEBUI}).origin


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"last_node_id": 9, "nodes": [], "links": []}, "ComfyUI"),
        ({"3": {"class_type": "KSampler", "inputs": {}}}, "ComfyUI"),
        ({"samples_save": True, "sd_model_checkpoint": "x", "CLIP_stop_at_last_layers": 1}, "webui"),
    ],
)
def test_something_else_entirely_gets_one_sentence(tmp_path: Path, content: Any, word: str) -> None:
    with pytest.raises(ScheduleError) as refusal:
        load(save(tmp_path, content))
    assert len(refusal.value.problems) == 1
    assert word in str(refusal.value)


def test_unknown_mode_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="Wan Video"):
        opened(tmp_path, animation_mode="Wan Video")


def test_controlnet_keys_are_known() -> None:
    assert all(deforum_keys.known(key) for key in CN)


def test_rows_name_fields_of_the_table() -> None:
    from animate.schedule.fields import FIELDS

    assert {setting.field for setting in deforum_keys.SETTINGS} <= set(FIELDS)


@pytest.mark.parametrize("written", ["NaN", "-Infinity", "1e400"])
def test_a_number_that_is_none_is_told_and_as_if_it_were_not_there(tmp_path: Path, written: str) -> None:
    keys = ("W", "max_frames", "extract_from_frame", "extract_nth_frame", "perspective_flip_fv", "angle", "seed")
    for mode in ("2D", "Video Input"):
        settings = {**WEBUI, "animation_mode": mode, "video_init_path": "film.mp4", "enable_perspective_flip": True}
        for key in keys:
            file = tmp_path / "old_settings.txt"
            text = json.dumps({**settings, key: 0.12345})
            file.write_text(text.replace("0.12345", written))
            told = [str(note) for note in load(file, {"seed": 1}).warnings]
            assert any(f": {key}: is not a finite number (taken as if" in note for note in told), (mode, key, told)
