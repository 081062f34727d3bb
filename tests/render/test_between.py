"""In-betweens of a run: the painted frames among them, nothing across a cut, duration kept or stretched."""

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import animate
from animate.errors import MissingModel, ScheduleError
from animate.interp import Interpolator
from animate.picture import convert
from animate.picture.threads import torch_threads
from animate.render import between
from animate.render.progress import Quiet
from animate.render.run import render, resume
from animate.video.reader import count_frames, probe
from animate.video.writer import VideoWriter
from tests.interp.scenes import sliding

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


@pytest.fixture
def two_shots(tmp_path):
    """A film of 4 + 4 frames."""
    path = tmp_path / "two.mp4"
    with VideoWriter(path, width=64, height=64, fps=Fraction(12)) as video:
        for picture in [*sliding(4, size=(64, 64), seed=1), *sliding(4, size=(64, 64), seed=20)]:
            video.write(convert.to_uint8(picture))
    return path


def test_nothing_is_blended_across_a_cut_of_the_film(two_shots):
    given = frames(8)  # alike on both sides: only the film knows of its cut
    restyled = {"video": {"file": str(two_shots)}, "prompts": "hills", "width": 64, "height": 64, "seed": 3}
    filled = {"frame_interpolation_engine": "blend", "frame_interpolation_x_amount": 2}
    shown = list(between.filler(animate.plan({**restyled, **filled}), "cpu")(given))
    assert len(shown) == 16
    assert (shown[7] == given[3]).all()
    assert (shown[8] == given[4]).all()
    assert all((shown[2 * k + 1] != given[k]).any() for k in range(7) if k != 3)
    looped = list(between.filler(animate.plan({**restyled, **filled, "loop": 2}), "cpu")(given))
    assert (looped[7] == given[3]).all()
    assert (looped[15] != given[7]).any()


def test_motion_that_cannot_be_trusted_is_told_once_by_the_run(tmp_path, caplog):
    document = {**MOVING, "animation_mode": "None", "max_frames": 4, "frame_interpolation_engine": "flow"}
    document["prompts"] = {0: "a red sea", 1: "a white tower", 2: "a green forest", 3: "night stars"}
    heard = []

    class Hearing(Quiet):
        def say(self, text):
            heard.append((threading.get_ident(), text))

    animate.render(document, tmp_path / "run", progress=Hearing())
    assert [text for _, text in heard if "too large to trust" in text] == [text for _, text in heard]
    assert len(heard) == 1
    assert heard[0][0] == threading.get_ident()
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_the_engine_has_the_models_threads(monkeypatch):
    counts = []

    def middle(a, b, times):
        counts.append(torch.get_num_threads())
        return [(a + b) / 2 for _ in times]

    monkeypatch.setattr(between, "engine", lambda *_: Interpolator("middle", middle, torch.device("cpu")))
    with torch_threads(3):
        fill = between.filler(plan(), "cpu")
        with torch_threads(1):  # as the loop, while it moves pictures
            thread = threading.Thread(target=lambda: list(fill(frames(4))))
            thread.start()
            thread.join()
    assert counts == [3, 3, 3]


def test_engines_of_other_packages_are_named_as_ours(tmp_path, monkeypatch):
    (tmp_path / "jump.py").write_text(
        "def load(weights, device, dtype): return lambda a, b, times: [b for _ in times]\n"
    )
    record = tmp_path / "jump-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: jump\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[animate.interp]\njump = jump:load\n")
    monkeypatch.syspath_prepend(tmp_path)
    given = frames(3)
    wanted = plan(max_frames=3, frame_interpolation_engine="Jump", cadence_tween="jump", diffusion_cadence=2)
    shown = list(between.filler(wanted, "cpu")(given))
    assert [(frame == given[index]).all() for frame, index in zip(shown, (0, 1, 1, 2, 2, 2))] == [True] * 6
    assert between.of_cadence(wanted, "cpu").name == "jump"
    with pytest.raises(ScheduleError, match=r"jumb.*did you mean jump"):
        plan(frame_interpolation_engine="jumb")


def test_slow_motion_without_in_betweens_lasts_longer():
    slowed = plan(frame_interpolation_x_amount=1, frame_interpolation_slow_mo_amount=3)
    assert (between.rate(slowed), between.count(slowed), between.slower(slowed)) == (4, 4, 3)
    given = frames(4)
    assert list(between.filler(slowed, "cpu")(given)) == given


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
