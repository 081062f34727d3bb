"""The one door, on a real diffusion model of a few weights: render, kill, resume, refuse; preview, batch, info."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from animate import cli
from animate.errors import BadInput, RunConflict, ScheduleError, VideoError
from animate.render import doctor, info
from animate.render.batch import batch
from animate.render.contact import chosen
from animate.render.preview import preview
from animate.render.preview import test_card as card_of
from animate.render.progress import Bar, Quiet
from animate.render.run import render, resume
from animate.render.run_dir import RunDirectory
from animate.video.reader import count_frames, probe, read_frames
from animate.video.stills import read_picture, read_text
from tests.diffusion.tiny import tiny_sd
from tests.video.pictures import tone

SCHEDULE = """\
max_frames: 8
fps: 8
seed: 3
width: 64
height: 64
steps: 4
strength: {0: 0.5, 5: 1, 6: 0.5}
zoom: 1.02
diffusion_cadence: 2
sampler: DDIM
prompts: {0: "a lake --neg fog", 4: "a hill"}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_sd(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture
def schedule(tmp_path: Path, model: str) -> Path:
    path = tmp_path / "clip.yaml"
    path.write_text(SCHEDULE + f"model: {json.dumps(model)}\n")
    return path


def frames(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted((path / "frames").glob("*.png"))]


def test_a_render_leaves_a_run_directory(schedule: Path, tmp_path: Path) -> None:
    video = render(schedule, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    assert video == run.path / "video.mp4"
    assert count_frames(video) == 8
    assert probe(video).fps == 8
    assert len(frames(run.path)) == 8
    assert run.schedule.read_bytes() == schedule.read_bytes()
    assert read_picture(run.contact).std() > 5
    parameters = read_text(run.frame(0))["parameters"].splitlines()
    assert parameters[0] == "a lake"
    assert parameters[1] == "Negative prompt: fog"
    assert "Seed: 3, Size: 64x64" in parameters[2]
    told = dict(info.info(video))
    assert told["title"] == "a lake"
    assert json.loads(told["comment"])["prompts"] == {"0": "a lake", "4": "a hill"}
    assert dict(info.info(run.frame(2)))["size"] == "64 × 64"
    assert dict(info.info(run.path))["frames"] == "8 on disk"


def test_killed_and_resumed_the_frames_are_the_same(schedule: Path, tmp_path: Path) -> None:
    render(schedule, tmp_path / "straight")
    command = [sys.executable, "-m", "animate", "render", str(schedule), "-o", str(tmp_path / "killed"), "-q"]
    child = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "frames" / "000003.png").exists():
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    video = resume(tmp_path / "killed")
    assert frames(tmp_path / "killed") == frames(tmp_path / "straight")
    assert count_frames(video) == 8


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_tells_how_to_go_on(schedule: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "animate",
        "render",
        str(schedule),
        "-o",
        str(out),
        "-q",
        "--set",
        "max_frames=200",
    ]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (out / "frames" / "000002.png").exists():
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    words = child.communicate()[1]
    assert child.returncode == 130
    assert f"animate resume {out}" in words
    assert count_frames(out / "video.mp4") == len(frames(out))


def test_another_schedule_on_the_same_directory_is_refused_with_what_changed(schedule: Path, tmp_path: Path) -> None:
    render(schedule, tmp_path / "run")
    before = frames(tmp_path / "run")
    with pytest.raises(RunConflict, match=r"zoom: 1\.02 → 1\.1"):
        render(schedule, tmp_path / "run", {"zoom": 1.1})
    assert frames(tmp_path / "run") == before
    render(schedule, tmp_path / "run", {"zoom": 1.1}, restart=True)
    assert frames(tmp_path / "run") != before


def test_a_restart_takes_the_schedule_as_it_is_now(schedule: Path, tmp_path: Path) -> None:
    render(schedule, tmp_path / "run", {"max_frames": 2})
    schedule.write_text(schedule.read_text().replace("zoom: 1.02", "zoom: 1.1"))
    render(schedule, tmp_path / "run", {"max_frames": 2}, restart=True)
    assert "zoom: 1.1" in (tmp_path / "run" / "schedule.yaml").read_text()


def test_a_restart_discards_nothing_where_no_run_began(schedule: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "frames").mkdir(parents=True)
    for name in ("frames/000001.png", "video.mp4", "log.jsonl", "holiday.txt"):
        (mine / name).write_bytes(name.encode())
    with pytest.raises(RunConflict, match=r"something else than a run \(holiday\.txt"):
        render(schedule, mine, restart=True)
    assert {str(path.relative_to(mine)) for path in mine.rglob("*") if path.is_file()} == {
        *("frames/000001.png", "video.mp4", "log.jsonl", "holiday.txt")
    }


def test_a_run_of_an_old_file_with_notes_beside_it_restarts(tmp_path: Path, model: str) -> None:
    old = {"W": 64, "H": 64, "max_frames": 2, "steps": 1, "seed": 3, "animation_mode": "2D", "prompts": {"0": "a sea"}}
    file, run = tmp_path / "old.txt", RunDirectory(tmp_path / "run")
    file.write_text(json.dumps(old))
    render(file, run.path, {"model": model})
    (run.path / "notes.md").write_text("good")
    before = frames(run.path)
    file.write_text(json.dumps({**old, "seed": 4}))
    render(file, run.path, {"model": model}, restart=True)
    assert len(frames(run.path)) == 2
    assert frames(run.path) != before
    assert (run.path / "notes.md").read_text() == "good"
    assert (run.path / "old.txt").read_bytes() == file.read_bytes() == run.schedule.read_bytes()


def test_what_was_cleared_is_known_as_ours(schedule: Path, tmp_path: Path) -> None:
    render(schedule, tmp_path / "run", {"max_frames": 2})
    RunDirectory(tmp_path / "run").clear()
    assert not list(tmp_path.glob("run/video.*"))
    render(schedule, tmp_path / "run", {"max_frames": 2, "zoom": 1.1}, restart=True)
    assert len(frames(tmp_path / "run")) == 2


def test_a_finished_run_needs_no_model_and_may_be_encoded_otherwise(
    schedule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(schedule, tmp_path / "run")
    before = frames(tmp_path / "run")

    def none(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("animate.diffusion.models.load", none)
    video = render(schedule, tmp_path / "run")
    size, moment = video.stat().st_size, video.stat().st_mtime_ns
    assert render(schedule, tmp_path / "run").stat().st_mtime_ns == moment
    render(schedule, tmp_path / "run", {"crf": 40})
    assert video.stat().st_size < size
    assert probe(render(schedule, tmp_path / "run", {"fps": 24})).fps == 24
    assert render(schedule, tmp_path / "run", {"codec": "gif"}).name == "video.gif"
    video.write_bytes(video.read_bytes()[:100])
    (tmp_path / "run" / "contact.png").unlink()
    assert count_frames(render(schedule, tmp_path / "run")) == 8
    assert (tmp_path / "run" / "contact.png").exists()
    assert frames(tmp_path / "run") == before


def test_a_schedule_of_the_users_is_not_overwritten(schedule: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "schedule.yaml").write_text("prompts: mine\n")
    with pytest.raises(RunConflict, match="is another schedule"):
        render(schedule, tmp_path / "run")
    assert (tmp_path / "run" / "schedule.yaml").read_text() == "prompts: mine\n"


def test_the_soundtrack_is_heard_and_a_bad_one_told_before_rendering(schedule: Path, tmp_path: Path) -> None:
    sound = tone(tmp_path / "tone.wav", seconds=4)
    with pytest.raises(ScheduleError, match="is past it"):
        render(schedule, tmp_path / "run", {"soundtrack": str(sound), "soundtrack_offset": "5s"})
    assert not (tmp_path / "run").exists()
    found = probe(render(schedule, tmp_path / "run", {"soundtrack": str(sound), "soundtrack_offset": "1s"}))
    assert found.sound == "aac"
    assert found.duration == pytest.approx(1.0, abs=0.06)
    words = io.StringIO()
    heard = {"soundtrack": str(sound), "codec": "gif"}
    assert probe(render(schedule, tmp_path / "run", heard, progress=Bar(words))).sound == ""
    assert "gif holds no sound" in words.getvalue()


def test_a_drawn_seed_is_drawn_once_for_a_run(schedule: Path, tmp_path: Path) -> None:
    render(schedule, tmp_path / "run", {"seed": -1, "max_frames": 2})
    before = frames(tmp_path / "run")
    render(schedule, tmp_path / "run", {"seed": -1, "max_frames": 2})
    assert frames(tmp_path / "run") == before


def test_mistakes_write_nothing(schedule: Path, tmp_path: Path) -> None:
    for overrides, error in (
        ({"zom": 1}, ScheduleError),
        ({"sampler": "Eular"}, ScheduleError),
        ({"width": 60}, BadInput),
        ({"model": "embedded", "width": 72}, ScheduleError),
        ({"model": str(tmp_path / "nothing")}, ScheduleError),
    ):
        with pytest.raises(error):
            render(schedule, tmp_path / "run", overrides)
        assert not (tmp_path / "run").exists(), overrides


def test_more_frames_than_fit_the_disk_are_told_at_their_line(
    schedule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=9000))  # 8 frames of 64² need 9830
    with pytest.raises(ScheduleError, match=r"clip\.yaml:1:13: max_frames: .*8 frames take .* only .* are free"):
        render(schedule, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert cli.main(["check", str(schedule)]) == 0  # a render may go to another disk
    assert "8 frames take" in capsys.readouterr().out
    assert render(schedule, tmp_path / "run", {"max_frames": 2}).exists()


def test_a_mapping_renders_and_a_draft_is_small(model: str, tmp_path: Path) -> None:
    fields: dict[str, Any] = {"max_frames": 2, "seed": 1, "prompts": "x", "model": model, "width": 512, "height": 384}
    fields |= {"translation_x": 8, "translation_y": "W/64"}  # half as far in half the size
    render({**fields, "steps": 9}, tmp_path / "run", draft=True)
    assert read_picture(RunDirectory(tmp_path / "run").frame(1)).shape == (192, 256, 3)
    columns = json.loads((tmp_path / "run" / "plan.json").read_text())["plan"]["columns"]
    assert (columns["steps"], columns["translation_x"], columns["translation_y"]) == (6, 4, 4)


@pytest.mark.parametrize(("codec", "name"), [("gif", "video.gif"), ("png", "frames")])
def test_other_results(schedule: Path, tmp_path: Path, codec: str, name: str) -> None:
    assert render(schedule, tmp_path / "run", {"codec": codec, "max_frames": 2}) == tmp_path / "run" / name


def test_3d_with_depth_from_a_file(schedule: Path, tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    np.save(tmp_path / "depth.npy", ramp)
    deep = {
        "animation_mode": "3D",
        "translation_z": 10,
        "depth_algorithm": "file",
        "depth_file": str(tmp_path / "depth.npy"),
    }
    render(schedule, tmp_path / "run", {**deep, "max_frames": 4})
    assert len(frames(tmp_path / "run")) == 4


def test_depth_that_does_not_fit_is_told(schedule: Path, tmp_path: Path) -> None:
    class Listening(Quiet):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def say(self, text: str) -> None:
            self.heard.append(text)

    np.save(tmp_path / "wide.npy", np.full((40, 90), 0.5, np.float32))
    deep = {"animation_mode": "3D", "depth_algorithm": "file", "depth_file": str(tmp_path / "wide.npy")}
    listening = Listening()
    render(schedule, tmp_path / "run", {**deep, "max_frames": 3}, progress=listening)
    assert any("maps of 90 × 40 are stretched to pictures of 64 × 64" in text for text in listening.heard)
    assert sum("everywhere; the scene is a plane" in text for text in listening.heard) == 1
    assert any(text.startswith("frame 0: depth is 20") for text in listening.heard)
    (tmp_path / "maps").mkdir()
    ramp = np.linspace(0, 1, 64 * 64, dtype=np.float32)
    for index, holes in enumerate((0, 3, 5)):
        np.save(tmp_path / "maps" / f"{index}.npy", np.r_[np.full(holes, np.nan), ramp[holes:]].reshape(64, 64))
    np.save(tmp_path / "maps" / "3.npy", np.ones((64, 64)))  # another kind
    listening, deep = Listening(), {**deep, "depth_file": str(tmp_path / "maps"), "max_frames": 5}
    render(schedule, tmp_path / "holed", deep, progress=listening)
    assert [text[:60] for text in listening.heard if text.startswith("frame")] == [
        "frame 1: depth is not a positive number at 3 of 4096 places;",
        "frame 3: depth is 20 everywhere; the scene is a plane",
    ]
    (tmp_path / "holed" / "checkpoint.npz").unlink()
    (tmp_path / "holed" / "frames" / "000004.png").unlink()
    np.save(tmp_path / "maps" / "2.npy", np.ones((64, 64)))
    with pytest.raises(RunConflict, match="maps: holds other files now"):
        resume(tmp_path / "holed")
    (tmp_path / "no.npy").write_text("no depth")
    with pytest.raises(BadInput, match=r"no\.npy"):
        render(schedule, tmp_path / "none", {**deep, "depth_file": str(tmp_path / "no.npy")})
    assert not (tmp_path / "none").exists()


def test_pictures_in_floats_are_begun_from(schedule: Path, tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 64 * 64 * 3, dtype=np.float32).reshape(64, 64, 3)
    cv2.imwrite(str(tmp_path / "ramp.tiff"), ramp)
    begun = {"init_image": str(tmp_path / "ramp.tiff"), "init_strength": 1, "max_frames": 1}
    render(schedule, tmp_path / "run", begun)
    frame = read_picture(RunDirectory(tmp_path / "run").frame(0))[..., ::-1]
    assert np.abs(frame / 255.0 - ramp).max() < 1 / 255


def test_frames_leave_with_a_map_of_their_depth_and_seen_by_two_eyes(schedule: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "depth.npy", np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64))
    deep = {
        "depth_algorithm": "file",
        "depth_file": str(tmp_path / "depth.npy"),
        "save_depth_maps": True,
        "stereo": "side_by_side",
        "max_frames": 3,
    }
    run = tmp_path / "run"
    video = render(schedule, run, deep)
    assert read_picture(RunDirectory(run).frame(2)).shape == (64, 128, 3)
    assert (probe(video).width, probe(video).height) == (128, 64)
    depth = cv2.imread(str(RunDirectory(run).depth(2)), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
    assert depth.shape == (64, 64)
    assert depth[0].mean() < 1000  # brighter is nearer, as in the file
    assert depth[-1].mean() > 64000
    kept = frames(run)
    render(schedule, run, deep, restart=True)
    assert frames(run) == kept
    assert len(list((run / "depth").iterdir())) == 3


def test_a_cadence_may_be_tweened_by_flow(schedule: Path, tmp_path: Path) -> None:
    render(schedule, tmp_path / "faded", {"max_frames": 5})
    render(schedule, tmp_path / "flown", {"max_frames": 5, "cadence_tween": "flow"})
    apart = [
        np.abs(read_picture(RunDirectory(tmp_path / "faded").frame(index)).astype(int) - read_picture(path)).max()
        for index, path in enumerate(sorted((tmp_path / "flown" / "frames").glob("*.png")))
    ]
    assert apart[1] == 0  # there a painted picture stands alone
    assert apart[2] > 0


def test_depth2img_wants_a_model_that_reads_depth(schedule: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not read depth"):
        render(schedule, tmp_path / "run", {"generation": "depth2img"})
    assert not (tmp_path / "run").exists()


def test_a_preview_moves_the_card_without_a_model(schedule: Path, tmp_path: Path) -> None:
    still = {"zoom": 1, "translation_x": 4, "model": "embedded", "strength": 1}
    video = preview(schedule, tmp_path / "motion.mp4", {**still, "diffusion_cadence": 1})
    shown = list(read_frames(video))
    assert len(shown) == 8
    card = card_of(64, 64)
    assert np.abs(shown[7][:, 30:].astype(int) - card[:, 2:-28]).mean() < 6  # 28 px to the right, and H.264
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(VideoError):
        preview(schedule, tmp_path / "other.mp4", picture=tmp_path / "no.png")
    assert not (tmp_path / "other.mp4").exists()


def test_a_long_preview_fades_to_fresh_cards_and_shows_cuts(schedule: Path, tmp_path: Path) -> None:
    far = {"zoom": 1.1, "max_frames": 40, "cuts": [30], "strength": 0.5}
    shown = list(read_frames(preview(schedule, tmp_path / "far.mp4", far)))
    card = card_of(64, 64).astype(int)
    near = [np.abs(frame.astype(int) - card).mean() for frame in shown]
    assert len(shown) == 40
    assert near[0] < 8
    assert near[30] < 9  # a card again, though the encoder remembers what came before
    assert min(near[5:12]) > 15  # it has moved
    letters = [frame[16:48, 16:48].std() for frame in shown]
    assert min(letters) > 15  # never a flat patch, which 1.1 ** 30 would be


def test_a_preview_needs_no_model_for_holes_and_keys(tmp_path: Path) -> None:
    small = {"width": 64, "height": 64, "max_frames": 4, "prompts": "a sea"}
    for name, holes in (("paint", "paint"), ("stretch", "stretch")):
        preview({**small, "zoom": 0.9, "holes": holes}, tmp_path / f"{name}.mp4")
    assert (tmp_path / "paint.mp4").read_bytes() == (tmp_path / "stretch.mp4").read_bytes()
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((64, 64, 3), np.uint8))
    keys = {"animation_mode": "Interpolation", "image_keys": {0: str(tmp_path / "a.png"), 3: str(tmp_path / "b.png")}}
    shown = list(read_frames(preview({**small, **keys}, tmp_path / "keys.mp4")))
    assert len(shown) == 4
    assert max(np.abs(frame.astype(int) - card_of(64, 64)).mean() for frame in shown) < 8


def test_a_preview_of_a_film_says_what_shows_its_motion(tmp_path: Path) -> None:
    film = preview({"width": 64, "height": 64, "max_frames": 2, "prompts": "a sea"}, tmp_path / "film.mp4")
    with pytest.raises(BadInput, match=r"animate flow .*film\.mp4"):
        preview({"video": str(film), "prompts": "a sea"}, tmp_path / "motion.mp4")


def test_a_batch_goes_on_past_a_failure_and_multiplies(schedule: Path, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    (folder / "a.yaml").write_text(schedule.read_text() + "vary: {seed: [1, 2], zoom: [1, 1.1]}\n")
    (folder / "b.yaml").write_text("promts: a typo\n")
    (folder / "c.yaml").write_text(schedule.read_text())
    (tmp_path / "empty").mkdir()
    none, *rows = batch([tmp_path / "empty", folder], tmp_path / "out", {"max_frames": 2})
    assert (none.name, none.ok) == (str(tmp_path / "empty"), False)
    assert "holds no schedules" in none.message
    assert [row.ok for row in rows] == [True] * 4 + [False, True]
    assert "promts" in rows[4].message
    assert len({row.name for row in rows}) == 6
    assert all((tmp_path / "out" / row.name / "video.mp4").exists() for row in rows if row.ok)
    with pytest.raises(BadInput, match="is a file; -o names the folder"):
        batch([folder], next(folder.iterdir()))


def test_a_batch_goes_on_past_what_nobody_foresaw(schedule: Path, tmp_path: Path) -> None:
    class Failing(Quiet):
        """Fails at the first frame it is told of."""

        failed = False

        def frame(self, index: int, seconds: float, prompt: str) -> None:
            if not self.failed:
                self.failed = True
                raise ZeroDivisionError("once")

    other = tmp_path / "other.yaml"
    other.write_text(schedule.read_text())
    rows = batch([schedule, other], tmp_path / "out", {"max_frames": 2}, progress=Failing())
    assert [(row.ok, row.message) for row in rows] == [
        (False, "ZeroDivisionError: once"),
        (True, str(tmp_path / "out" / "other" / "video.mp4")),
    ]


def test_resuming_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run began"):
        resume(tmp_path)


def test_the_doctor_looks_at_everything() -> None:
    found = doctor.doctor()
    assert {finding.group for finding in found} == {"machine", "devices", "video", "models", "packages"}
    assert next(finding for finding in found if finding.name == "h264").ok


def test_info_names_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(VideoError, match=r"text\.mp4"):
        info.info(tmp_path / "text.mp4")
    with pytest.raises(BadInput, match="no such file"):
        info.info(tmp_path / "nothing.png")


def test_a_contact_sheet_spreads_over_the_run() -> None:
    picked: Sequence[int] = chosen(100, 5)
    assert picked == [0, 25, 50, 74, 99]
    assert chosen(1) == [0]
    assert chosen(3) == [0, 1, 2]
