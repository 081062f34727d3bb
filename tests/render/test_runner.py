"""Runs that go well, and runs that are killed, starved, cut off: a painter of arithmetic and the real ffmpeg."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from animate.errors import AnimateError, EncodeError, RenderError, RunConflict
from animate.render import output
from animate.render.requests import Emit
from animate.render.run_dir import RunDirectory
from animate.video import stills
from animate.video.codecs import Encoding
from animate.video.reader import count_frames, read_frames
from tests.render.stub import StubPainter, StubPlan, contents, render

HOUSE = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and limits")
FRAMES = 40


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The frames of a run that nothing disturbed."""
    return contents(render(tmp_path_factory.mktemp("unbroken") / "run", StubPlan(frames=FRAMES)))


def start(path: Path, frames: int = FRAMES, seconds: float = 0.02, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.render.stub", str(path), str(frames), str(seconds)]
    return subprocess.Popen(command, cwd=HOUSE, stderr=subprocess.PIPE, text=True, **more)  # type: ignore[call-overload]


def wait_for(path: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.005)


def test_a_run_leaves_everything_and_nothing_else(tmp_path: Path) -> None:
    directory = render(tmp_path / "run", StubPlan(frames=9))
    names = sorted(path.name for path in directory.path.iterdir())
    assert names == [".lock", "checkpoint.npz", "frames", "log.jsonl", "plan.json", "schedule.yaml", "video.mp4"]
    assert sorted(path.name for path in directory.frames.iterdir()) == [f"{index:06d}.png" for index in range(9)]
    assert stills.read_text(directory.frame(4)) == {"parameters": "number 4"}
    assert directory.schedule.read_bytes() == b"prompts: a stub\n"
    lines = [json.loads(line) for line in directory.log.read_text().splitlines()]
    assert [line["frame"] for line in lines if line["event"] == "frame"] == list(range(9))
    assert lines[3]["prompt"] == "number 2"
    for shown, kept in zip(read_frames(directory.video("h264")), sorted(directory.frames.iterdir()), strict=True):
        assert (
            np.abs(shown.astype(int) - stills.read_picture(kept)).mean() < 30
        )  # noise, so not near; but the same frame


def test_a_finished_run_paints_nothing_again(tmp_path: Path) -> None:
    before = contents(render(tmp_path / "run", StubPlan(frames=5)))
    painter = StubPainter()
    assert contents(render(tmp_path / "run", StubPlan(frames=5), painter)) == before
    assert painter.calls == 0


@pytest.mark.parametrize("codec", ["vp9", "gif"])
def test_other_videos(tmp_path: Path, codec: str) -> None:
    directory = render(tmp_path / "run", StubPlan(frames=5), encoding=Encoding(codec=codec))
    assert count_frames(directory.video(codec)) == 5


@POSIX
def test_killed_at_any_moment_and_gone_on_with_every_frame_is_the_same(
    tmp_path: Path, unbroken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = random.Random(3)
    run = tmp_path / "run"
    kills = 0
    for _ in range(6):
        there = len(contents(RunDirectory(run)))
        if there >= FRAMES - 2:
            break
        child = start(run)
        wait_for(run / "frames" / f"{there:06d}.png") if there < 3 else wait_for(run / ".lock")
        time.sleep(moments.uniform(0, 0.4))
        child.kill()
        child.communicate()
        kills += 1
    assert kills >= 2
    directory = render(run, StubPlan(frames=FRAMES))
    assert contents(directory) == unbroken
    assert count_frames(directory.video("h264")) == FRAMES
    assert not [path.name for path in run.rglob("*.part") if "video" not in path.name]


def test_going_on_from_any_checkpoint_gives_the_same_frames(
    tmp_path: Path, unbroken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every place inside a frame's writing where a kill may fall, one after the other, without a process each."""
    monkeypatch.setattr(output, "CHECKPOINT_FRAMES", 3)
    write, save = output.write_png, RunDirectory.save_checkpoint

    class Killed(BaseException):
        pass

    def killed_after(number: int) -> None:
        left = iter(range(number, -1, -1))

        def step(name: str) -> None:
            if next(left, 0) == 0:
                raise Killed(name)

        def write_png(path: Path, *rest: object) -> None:
            step("before the frame")
            if next(left, 0) == 0:
                path.with_name(path.name + ".part").write_bytes(b"half a fra")
                raise Killed("in the frame")
            write(path, *rest)  # type: ignore[arg-type]

        def save_checkpoint(self: RunDirectory, *rest: object) -> None:
            step("before the checkpoint")
            save(self, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(output, "write_png", write_png)
        monkeypatch.setattr(RunDirectory, "save_checkpoint", save_checkpoint)

    monkeypatch.setattr(output.threading, "excepthook", lambda _: None)
    for number in range(0, 24):
        run = tmp_path / str(number)
        killed_after(number)
        with pytest.raises(BaseException):  # noqa: B017 - the thread's death reaches the runner in several ways
            render(run, StubPlan(frames=12))
        monkeypatch.setattr(output, "write_png", write)
        monkeypatch.setattr(RunDirectory, "save_checkpoint", save)
        assert contents(render(run, StubPlan(frames=12)))[:12] == unbroken[:12]


@POSIX
def test_ctrl_c_finishes_the_frame_and_leaves_a_playable_video(tmp_path: Path, unbroken: list[bytes]) -> None:
    run = tmp_path / "run"
    child = start(run, seconds=0.05)
    wait_for(run / "frames" / "000004.png")
    child.send_signal(signal.SIGINT)
    words = child.communicate()[1]
    assert child.returncode == 130
    assert f"animate resume {run}" in words
    there = len(contents(RunDirectory(run)))
    assert 5 <= there < FRAMES
    assert f"{there} of {FRAMES} frames" in words
    assert count_frames(run / "video.mp4") == there
    painter = StubPainter()
    directory = render(run, StubPlan(frames=FRAMES), painter)
    assert painter.calls == FRAMES - there  # nothing was lost
    assert contents(directory) == unbroken
    assert count_frames(run / "video.mp4") == FRAMES


@POSIX
def test_a_second_ctrl_c_stops_at_once(tmp_path: Path, unbroken: list[bytes]) -> None:
    run = tmp_path / "run"
    child = start(run, seconds=600)
    wait_for(run / "log.jsonl")
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=120)  # the frame would take longer
    assert child.returncode == 130
    assert contents(render(run, StubPlan(frames=FRAMES))) == unbroken


@POSIX
def test_a_killed_ffmpeg_stops_the_run_and_loses_no_frame(tmp_path: Path, unbroken: list[bytes]) -> None:
    run = tmp_path / "run"
    child = start(run, seconds=0.05)
    wait_for(run / "frames" / "000004.png")
    encoder = subprocess.run(["pgrep", "-P", str(child.pid)], capture_output=True, text=True, check=False).stdout
    os.kill(int(encoder.split()[0]), signal.SIGKILL)
    words = child.communicate()[1]
    assert child.returncode == 1
    assert "ffmpeg was killed by signal 9" in words
    there = len(contents(RunDirectory(run)))
    assert 5 <= there < FRAMES
    painter = StubPainter()
    assert contents(render(run, StubPlan(frames=FRAMES), painter)) == unbroken
    assert painter.calls == FRAMES - there
    assert count_frames(run / "video.mp4") == FRAMES


@pytest.mark.parametrize("victim", ["frame", "checkpoint", "log"])
def test_a_full_disk_stops_the_run_and_loses_nothing(
    tmp_path: Path, unbroken: list[bytes], monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    write, save, note = output.write_png, RunDirectory.save_checkpoint, output.Output.note
    count = iter(range(1000))

    def late(call: object, at: int) -> object:
        def failing(*arguments: object) -> object:
            if next(count) >= at:
                raise full
            return call(*arguments)  # type: ignore[operator]

        return failing

    monkeypatch.setattr(output, "CHECKPOINT_FRAMES", 4)
    if victim == "frame":
        monkeypatch.setattr(output, "write_png", late(write, 10))
    elif victim == "checkpoint":
        monkeypatch.setattr(RunDirectory, "save_checkpoint", late(save, 2))
    else:
        monkeypatch.setattr(output.Output, "note", late(note, 10))
    with pytest.raises(RenderError, match="No space left on device"):
        render(tmp_path / "run", StubPlan(frames=FRAMES))
    there = contents(RunDirectory(tmp_path / "run"))
    assert there == unbroken[: len(there)]
    monkeypatch.undo()
    painter = StubPainter()
    assert contents(render(tmp_path / "run", StubPlan(frames=FRAMES), painter)) == unbroken
    assert painter.calls <= FRAMES - 8


@POSIX
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs rights that are not there")
    try:
        child = start(place / "run", frames=200, seconds=0.0)
        words = child.communicate()[1]
        assert child.returncode == 1, words
        assert "No space left" in words
        assert "Traceback" not in words
        there = contents(RunDirectory(place / "run"))
        assert there
        subprocess.run(["mount", "-o", "remount,size=8m", str(place)], check=True)
        directory = render(place / "run", StubPlan(frames=200))
        assert contents(directory)[: len(there)] == there
        assert count_frames(directory.video("h264")) == 200
    finally:
        subprocess.run(["umount", str(place)], check=False)


def test_files_that_may_not_grow(tmp_path: Path, unbroken: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """ffmpeg's own failure, at the end of the video."""

    def full(self: object) -> None:
        raise EncodeError("video.mp4: No space left on device")

    monkeypatch.setattr("animate.video.writer.VideoWriter.close", full)
    with pytest.raises(EncodeError, match="No space"):
        render(tmp_path / "run", StubPlan(frames=FRAMES))
    monkeypatch.undo()
    painter = StubPainter()
    directory = render(tmp_path / "run", StubPlan(frames=FRAMES), painter)
    assert painter.calls == 0
    assert contents(directory) == unbroken
    assert count_frames(directory.video("h264")) == FRAMES


@POSIX
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RenderError, match=r"cannot be written|is a file"):
        render(tmp_path / "file" / "run", StubPlan())
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(RenderError, match="cannot be written to: Permission denied"):
            render(tmp_path / "locked" / "run", StubPlan())


def test_a_painter_that_fails_keeps_what_was_painted(tmp_path: Path, unbroken: list[bytes]) -> None:
    class Moody(StubPainter):
        def imagine(self, *arguments: object) -> object:  # type: ignore[override]
            if self.calls == 10:
                raise MemoryError("out of it")
            return super().imagine(*arguments)  # type: ignore[arg-type]

    with pytest.raises(RenderError, match="frame 10: the model does not fit into memory"):
        render(tmp_path / "run", StubPlan(frames=FRAMES), Moody())
    assert contents(RunDirectory(tmp_path / "run")) == unbroken[:10]
    assert count_frames(tmp_path / "run" / "video.mp4") == 10
    painter = StubPainter()
    assert contents(render(tmp_path / "run", StubPlan(frames=FRAMES), painter)) == unbroken
    assert painter.calls == FRAMES - 10


def test_two_runs_do_not_share_a_directory(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    with directory.claim(), pytest.raises(RunConflict, match="being rendered by another process"):
        render(tmp_path / "run", StubPlan(frames=2))
    render(tmp_path / "run", StubPlan(frames=2))


def test_another_run_is_refused_with_what_changed(tmp_path: Path) -> None:
    render(tmp_path / "run", StubPlan(frames=5))
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(RunConflict) as refusal:
        render(tmp_path / "run", StubPlan(frames=5, seed=8, size=(48, 32)))
    assert refusal.value.exit_code == 2
    assert "width: 64 → 32" in str(refusal.value)
    assert "seed: frames 0–4 (7 → 8)" in str(refusal.value)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


def test_where_nothing_was_rendered_yet_the_schedule_may_change(tmp_path: Path) -> None:
    class Absent(StubPainter):
        def imagine(self, *_: object) -> object:  # type: ignore[override]
            raise AnimateError("no model")

    with pytest.raises(AnimateError, match="no model"):
        render(tmp_path / "run", StubPlan(frames=5), Absent())
    directory = render(tmp_path / "run", StubPlan(frames=6))
    assert len(contents(directory)) == 6


def test_lost_and_damaged_files_are_named(tmp_path: Path) -> None:
    directory = render(tmp_path / "run", StubPlan(frames=9))
    directory.frame(3).unlink()
    directory.frame(4).write_bytes(directory.frame(4).read_bytes()[:-5])
    with pytest.raises(RenderError, match=r"frames 3–4 missing or damaged"):
        render(tmp_path / "run", StubPlan(frames=9))
    directory.checkpoint.write_bytes(b"PK\3\4 and then nothing")
    with pytest.raises(RenderError, match=r"checkpoint\.npz: cannot be read.*--restart"):
        render(tmp_path / "run", StubPlan(frames=9))
    directory.clear()
    assert len(contents(render(tmp_path / "run", StubPlan(frames=9)))) == 9


def test_a_checkpoint_with_a_byte_changed_is_read_or_told(tmp_path: Path) -> None:
    directory = render(tmp_path / "run", StubPlan(frames=2))
    whole = directory.checkpoint.read_bytes()
    for place in (*range(60), *range(len(whole) - 300, len(whole))):  # what says where and how its parts are stored
        directory.checkpoint.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with suppress(RenderError):
            assert directory.load_checkpoint() is not None
        directory.holds_all(2)


def test_a_picture_that_a_carry_holds_twice_is_saved_once(tmp_path: Path) -> None:
    directory = render(tmp_path / "run", StubPlan(frames=1))
    arrays = directory.load_checkpoint()
    assert arrays is not None
    for name in ("leaving", "colors", "first"):
        assert np.array_equal(arrays[name], arrays["arriving"])
    assert directory.checkpoint.stat().st_size < 1.5 * arrays["arriving"].nbytes


def test_progress_hears_of_every_frame(tmp_path: Path) -> None:
    heard: list[object] = []

    class Ear:
        def begin(self, total: int, done: int) -> None:
            heard.append((total, done))

        def frame(self, index: int, seconds: float, prompt: str) -> None:
            heard.append((index, prompt))

        def say(self, text: str) -> None:
            heard.append(text)

        def end(self) -> None:
            heard.append("end")

    render(tmp_path / "run", StubPlan(frames=3), progress=Ear())
    assert heard == [(3, 0), (0, "number 0"), (1, "number 1"), (2, "number 2"), "end"]


@POSIX
def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from tests.render.stub import *\n"
        "render(Path(sys.argv[1]), StubPlan(frames=int(sys.argv[2])))\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(peak // 1024 if sys.platform == 'darwin' else peak)\n"  # bytes there, kB elsewhere
    )
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", script, str(tmp_path / frames), frames],
                cwd=HOUSE,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for frames in ("100", "800")
    ]
    assert peaks[1] - peaks[0] < 10_000  # kB


def test_emit_is_not_a_question() -> None:
    from animate.render.runner import answered

    with pytest.raises(ValueError, match="Emit has no answer of a painter"):
        answered(Emit(index=0, picture=None, carry=None), StubPainter(), (1, 1))  # type: ignore[arg-type]
