"""In-betweens of a run: the painted frames among them, nothing across a cut, duration kept or stretched."""

from pathlib import Path

import numpy as np
import pytest

import animate
from animate.errors import MissingModel
from animate.render import between
from animate.render.run import render, resume
from animate.video.reader import count_frames, probe

MOVING = {"width": 64, "height": 64, "steps": 2, "strength": 1, "zoom": 1.05, "prompts": "hills", "seed": 3, "fps": 12}


def plan(**more):
    return animate.plan({**MOVING, "max_frames": 4, "frame_interpolation_engine": "flow", **more})


def frames(count, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    return [np.roll(np.kron(noise, np.ones((4, 4, 1), np.uint8)), 2 * k, axis=1) for k in range(count)]


def test_painted_frames_are_shown_unchanged_and_evenly():
    given = frames(4)
    shown = list(between.filler(plan(frame_interpolation_x_amount=4), "cpu")(given))
    assert len(shown) == 16 == between.count(plan(frame_interpolation_x_amount=4))
    for index, frame in enumerate(given):
        assert (shown[4 * index] == frame).all()
    assert all((shown[k] != shown[k + 1]).any() for k in range(12))


def test_nothing_is_blended_across_a_cut_of_the_plan():
    given = frames(4)  # alike on both sides: only the plan knows of the cut
    shown = list(between.filler(plan(cuts=[2]), "cpu")(given))
    assert (shown[3] == given[1]).all()
    assert (shown[4] == given[2]).all()


def test_a_plan_without_in_betweens_is_passed_through():
    given = frames(2)
    assert list(between.filler(animate.plan({**MOVING, "max_frames": 2}), "cpu")(given)) == given


def test_a_run_stopped_after_one_frame_still_has_a_video():
    given = frames(1)
    assert len(list(between.filler(plan(), "cpu")(given))) == 2


@pytest.mark.parametrize(("slow", "fps"), [(1, 36), (3, 12)])
def test_the_video_lasts_as_long_as_asked(tmp_path, slow, fps):
    document = {
        **MOVING,
        "max_frames": 3,
        "frame_interpolation_engine": "flow",
        "frame_interpolation_x_amount": 3,
        "frame_interpolation_slow_mo_amount": slow,
    }
    video = render(document, tmp_path / "run")
    assert count_frames(video) == 9
    assert probe(video).fps == fps
    assert len(list((tmp_path / "run" / "frames").iterdir())) == 3
    straight = video.read_bytes()
    video.unlink()
    assert resume(tmp_path / "run").read_bytes() == straight


def test_a_changed_network_of_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = between.EMBEDDED
    for path in shipped.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(between, "EMBEDDED", tmp_path)
    assert between.engine("embedded", "cpu").name == "embedded"
    weights = tmp_path / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(MissingModel, match=r"network\.safetensors has been changed"):
        between.engine("embedded", "cpu")
