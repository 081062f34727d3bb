"""Rendering from the command line, with a painter made of arithmetic in the model's place."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animate import cli
from animate.errors import BadInput
from animate.render.batch import batch
from animate.render.preview import preview
from animate.render.run import render
from animate.video.stills import read_text
from tests.cli.test_commands import run
from tests.render.stub import StubPainter
from tests.schedule.importers.old_files import WEBUI, save

SCHEDULE = "max_frames: 5\nwidth: 64\nheight: 64\nseed: 3\nzoom: 1.02\npreset: ultrafast\nprompts: a calm sea\n"


class Painter(StubPainter):
    name, digest, multiple, device = "stub", "0123456789abcdef", 8, torch.device("cpu")


@pytest.fixture(autouse=True)
def painter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("animate.diffusion.models.load", lambda *_, **__: Painter())


@pytest.fixture
def schedule(tmp_path: Path) -> Path:
    path = tmp_path / "clip.yaml"
    path.write_text(SCHEDULE, encoding="utf-8")
    return path


def test_render_resume_and_info(schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "out"
    code, out, err = run(capsys, "render", schedule, "-o", directory, "--quiet")
    assert (code, err) == (0, "")
    video = Path(out.strip())
    assert video == directory / "video.mp4"
    assert len(list((directory / "frames").glob("*.png"))) == 5
    frame = directory / "frames" / "000002.png"
    before = frame.read_bytes()
    assert run(capsys, "render", schedule, "-o", directory, "--quiet")[0] == 0
    assert run(capsys, "resume", directory, "--quiet")[0] == 0
    assert frame.read_bytes() == before

    code, out, _ = run(capsys, "info", frame)
    assert code == 0
    assert "a calm sea" in out
    assert "64 × 64" in out
    assert json.loads(run(capsys, "info", frame, "--json")[1])["size"] == "64 × 64"
    assert "12" in run(capsys, "info", video)[1]
    assert run(capsys, "info", directory)[0] == 0


def test_another_run_is_refused(schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "out"
    assert run(capsys, "render", schedule, "-o", directory, "--quiet")[0] == 0
    code, _, err = run(capsys, "render", schedule, "-o", directory, "--quiet", "--set", "zoom=1.5")
    assert code == 2
    assert "zoom" in err
    assert run(capsys, "render", schedule, "-o", directory, "-q", "--set", "zoom=1.5", "--restart")[0] == 0


def test_vary_is_told_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schedule = tmp_path / "many.yaml"
    schedule.write_text(SCHEDULE + "vary: {seed: [1, 2], zoom: [1, 1.05, 1.1]}\n", encoding="utf-8")
    assert "6 runs under `animate batch`: 2 seed × 3 zoom" in run(capsys, "check", schedule)[1]
    assert "only `animate batch` multiplies it out" in run(capsys, "render", schedule, "-o", tmp_path / "one")[2]
    schedule.write_text(SCHEDULE + "vary: {zoom: [1, -1]}\n", encoding="utf-8")
    code, _, err = run(capsys, "check", schedule)
    assert code == 2
    assert "zoom: -1" in err


def test_a_batch_tells_each_failure_in_full(schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("zomo: 2\nwidth: 130\n", encoding="utf-8")
    code, out, _ = run(capsys, "batch", schedule, bad, "-o", tmp_path / "night", "-q")
    assert code == 1
    assert "\nbad   failed  0" in out
    assert f"\n  {bad}:1:1: zomo: there is no such field (did you mean zoom?)\n  {bad}:2:8: width" in out


def test_what_cannot_be_used_is_told_before_a_directory_is_made(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for fields in (["init_image="], ["color_coherence=Image", "color_coherence_image="]):
        fields[-1] += str(tmp_path / "text.png")
        more = [word for field in fields for word in ("--set", field)]
        code, _, err = run(capsys, "render", schedule, "-o", tmp_path / "out", "-q", *more)
        assert code == 2
        assert "text.png is not a picture" in err
    code, _, err = run(capsys, "render", schedule, "-o", tmp_path / "text.png", "-q")
    assert (code, err) == (2, f"{tmp_path / 'text.png'}: is a file; a render needs a directory (-o)\n")
    assert not (tmp_path / "out").exists()


def test_mistakes_write_nothing(schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "out"
    code, _, err = run(capsys, "render", schedule, "-o", directory, "--set", "sampler=Eulr a")
    assert code == 2
    assert "Euler a" in err
    assert not directory.exists()


def test_an_old_file_renders_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {
        **WEBUI,
        "W": 64,
        "H": 70,
        "max_frames": 4,
        "diffusion_cadence": 2,
        "optical_flow_redo_generation": "DIS Fine",
    }
    old = save(tmp_path, settings)
    code, _, err = run(capsys, "render", old, "-o", tmp_path / "out")
    assert code == 0
    assert "70 is not a multiple of 8" in err
    assert "redo by optical flow (DIS Fine)" in err
    assert len(list((tmp_path / "out" / "frames").glob("*.png"))) == 4


def test_progress_for_programs(schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "render", schedule, "-o", tmp_path / "out", "--progress-json")
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert [event["frame"] for event in events if event["event"] == "frame"] == list(range(5))


def test_draft_is_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "clip.yaml"
    path.write_text(SCHEDULE.replace("64", "512"), encoding="utf-8")
    code, _, _ = run(capsys, "render", path, "-o", tmp_path / "d", "--draft", "--quiet", "--set", "max_frames=2")
    assert code == 0
    assert "256 × 256" in run(capsys, "info", tmp_path / "d" / "frames" / "000000.png")[1]


def test_doctor_and_models_answer(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    for word in ("machine", "torch", "ffmpeg", "h264"):
        assert word in out
    assert run(capsys, "models")[0] == 0
    assert cli.main(["models", "verify", "no such model"]) == 2


def test_no_command_writes_over_what_it_reads(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "render", schedule, "-o", "run", "--quiet")[0] == 0
    film, still, other = Path("film.mp4"), Path("still.png"), Path("run/video.mp4")
    film.write_bytes(other.read_bytes())
    still.write_bytes(Path("run/frames/000000.png").read_bytes())
    for words in (
        ("preview", schedule, "-o", schedule),
        ("preview", schedule, "--picture", still, "-o", still),
        ("plan", schedule, "--csv", "-o", schedule),
        ("flow", film, "-o", film, "--force"),
        ("compare", other, film, "-o", film, "--force"),
        ("compare", other, other, "--source", film, "-o", film, "--force"),
        ("depth", still, "-o", still, "--force"),
    ):
        read = Path(words[words.index("-o") + 1])
        before = read.read_bytes()
        code, _, err = run(capsys, *words)
        assert (code, read.read_bytes()) == (2, before), words
        assert "is what is read" in err, words


def test_a_file_is_what_its_ending_says(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "render", schedule, "-o", "run", "--quiet")[0] == 0
    film, still = "run/video.mp4", "run/frames/000000.png"
    for words, said in (
        (("flow", film, "-o", "f.txt"), "videos end in"),
        (("compare", film, film, "-o", "c.png"), "videos end in"),
        (("preview", schedule, "-o", "p.png"), "videos end in"),
        (("preview", schedule, "-o", "run"), "is a folder"),
        (("depth", still, "-o", "d.jpg"), "16 bits"),
        (("depth", film, "-o", "d.mp4"), "names a folder"),
    ):
        code, _, err = run(capsys, *words, "--quiet") if words[0] != "compare" else run(capsys, *words)
        assert (code, said in err) == (2, True), (words, err)
        assert not Path(str(words[-1])).is_file()
    assert run(capsys, "flow", film, "-o", "f.gif", "--quiet")[0] == 0
    assert Path("f.gif").read_bytes().startswith(b"GIF8")


def test_a_file_in_the_way_and_a_pipe_are_told(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    cv2.imwrite("a.png", np.zeros((16, 16, 3), np.uint8))
    for words in (
        ("init", "file/s.yaml"),
        ("plan", schedule, "-o", "file/s.json"),
        ("plot", schedule, "-o", "file/deeper/s.png"),
        ("preview", schedule, "-o", "file/s.mp4"),
        ("flow", "a.png", "-o", "file/s.mp4"),
        ("compare", "a.png", "a.png", "-o", "file/s.mp4"),
        ("depth", "a.png", "-o", "file/s.png"),
        ("interpolate", "a.png", "a.png", "-o", "file/s.mp4", "--times", "2"),
    ):
        code, _, err = run(capsys, *words)
        assert (code, "file is a file, not a folder; -o names another place" in err) == (2, True), (words, err)
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        for stream in (render, preview):
            with pytest.raises(BadInput, match="pipe: is a pipe"):
                stream("pipe", tmp_path / "out")
        (row,) = batch([Path("pipe")], tmp_path / "out")
        assert "is a pipe" in row.message


def test_a_folder_that_cannot_be_written_to_is_named(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed, picture = tmp_path / "closed", tmp_path / "a.png"
    cv2.imwrite(str(picture), np.zeros((16, 16, 3), np.uint8))
    closed.mkdir(mode=0o555)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write everywhere")
    for words in (
        ("init", closed / "s.yaml"),
        ("preview", schedule, "-o", closed / "s.mp4"),
        ("depth", picture, "-o", closed / "s.png"),
        ("interpolate", picture, picture, "-o", closed / "new", "--times", "2"),
        ("interpolate", picture, picture, "-o", closed, "--times", "2"),
    ):
        code, _, err = run(capsys, *words)
        assert (code, err) == (1, f"{closed}: cannot be written to; -o names another place\n"), words


def test_a_run_directory_stands_for_its_video(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        assert run(capsys, "render", schedule, "-o", name, "--quiet")[0] == 0
    code, out, err = run(capsys, "compare", "one/video.mp4", "two/video.mp4")
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["one", "two"]
    code, out, err = run(capsys, "compare", "one", "two")
    assert code == 0, err
    assert out.startswith("5 frames")
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["one", "two"]
    assert run(capsys, "flow", "one", "-o", "flow.mp4", "--quiet")[0] == 0
    assert run(capsys, "interpolate", "one", "-o", "two.mp4", "--times", "2", "--engine", "hold", "--quiet")[0] == 0


def test_what_is_said_to_go_on_with_can_be_typed(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, out, _ = run(capsys, "init", "my own.yaml")
    assert "animate render 'my own.yaml' -o 'my own'" in out
    assert "animate render 'my own.yaml' -o 'my own'" in Path("my own.yaml").read_text(encoding="utf-8")
    assert run(capsys, "render", schedule, "-o", "run", "-q")[0] == 0
    frame = Path("run/frames/000002.png")
    before, frame_before = frame.stat().st_mtime_ns, frame.read_bytes()
    assert run(capsys, "resume", "run", "--restart", "-q")[0] == 0
    assert frame.stat().st_mtime_ns > before
    assert frame.read_bytes() == frame_before


def test_only_what_was_redrawn_names_a_denoising_strength(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "render", schedule, "-o", tmp_path / "out", "--set", "cuts=[3]", "-q")[0] == 0
    told = [read_text(tmp_path / "out" / "frames" / f"{index:06d}.png")["parameters"] for index in range(5)]
    assert ["Denoising strength" in text for text in told] == [False, True, True, False, True]


def test_a_finished_run_without_its_checkpoint_is_finished(
    schedule: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "out"
    assert run(capsys, "render", schedule, "-o", directory, "-q")[0] == 0
    frame = directory / "frames" / "000001.png"
    before = frame.stat().st_mtime_ns
    (directory / "checkpoint.npz").unlink()
    assert run(capsys, "resume", directory, "-q")[0] == 0
    assert frame.stat().st_mtime_ns == before
    (directory / "schedule.yaml").unlink()
    code, _, err = run(capsys, "resume", directory, "-q")
    assert code == 2
    assert "schedule.yaml is not there; animate render FILE" in err
    assert "it has no plan.json" in run(capsys, "info", tmp_path)[2]
