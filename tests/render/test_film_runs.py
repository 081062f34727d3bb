"""A film restyled from end to end: killed and gone on with, in sync, still where it is still, flat in memory."""

import gc
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

import animate
from animate.errors import MissingModel, RunConflict, ScheduleError
from animate.render import restyle
from animate.render.animator import animate as walk
from animate.render.projector import Projector
from animate.render.requests import Emit, Follow, Imagine, Redraw, Watch
from animate.render.run import resume
from animate.video.ffmpeg import executable
from animate.video.reader import measure, read_frames
from animate.video.stills import read_picture
from tests.render.test_restyle import made

FRAMES, RATE = 24, 12
FLASH = 11
"""The frame that is white, and at which the tone begins."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a moving card with a white frame, and a tone from then on."""
    begins = FLASH / RATE
    return made(
        tmp_path_factory.mktemp("film") / "flash.mkv",
        *("-f", "lavfi", "-i", f"testsrc=size=64x64:rate={RATE}:duration={FRAMES / RATE}"),
        *("-f", "lavfi", "-i", f"sine=frequency=880:sample_rate=44100:duration={FRAMES / RATE}"),
        *("-vf", f"drawbox=color=white:t=fill:enable='eq(n,{FLASH})'", "-af", f"volume=0:enable='lt(t,{begins})'"),
        *("-c:v", "ffv1", "-c:a", "pcm_s16le"),
    )


def schedule(film: Path, **fields: object) -> dict[str, object]:
    return {"video": str(film), "width": 64, "height": 64, "seed": 3, "prompts": "a lake", "steps": 1, **fields}


def frames_of(run: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((run / "frames").glob("*.png"))]


@pytest.mark.parametrize("mode", ["carried", "keyed"])
def test_killed_and_gone_on_with_it_is_the_same(film: Path, tmp_path: Path, mode: str) -> None:
    fields = schedule(film, video_mode=mode, diffusion_cadence=5, strength=0.7, noise_warp=True, mask="luma 0..0.8")
    animate.render(fields, tmp_path / "straight")
    (tmp_path / "clip.yaml").write_text(yaml.safe_dump(fields))
    command = [
        sys.executable,
        "-m",
        "animate",
        "render",
        str(tmp_path / "clip.yaml"),
        "-o",
        str(tmp_path / "killed"),
        "-q",
    ]
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(animate.__file__).parents[1])})
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "killed" / "frames").glob("*.png"))) < 8:
        assert child.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    there = len(list((tmp_path / "killed" / "frames").glob("*.png")))
    assert 8 <= there < FRAMES
    resume(tmp_path / "killed")
    assert frames_of(tmp_path / "killed") == frames_of(tmp_path / "straight")
    assert measure(tmp_path / "killed" / "video.mp4")[:2] == (FRAMES, pytest.approx(FRAMES / RATE, abs=0.5 / RATE))


def test_going_on_from_other_files_is_refused(film: Path, tmp_path: Path) -> None:
    """A run that lacks its last frames, and its film, mask or key exchanged for another."""
    own, mask, key = tmp_path / "film.mkv", tmp_path / "mask.png", tmp_path / "key.png"
    shutil.copy(film, own)
    for path in (mask, key):
        cv2.imwrite(str(path), np.full((64, 64), 200, np.uint8))
    fields = schedule(own, video_mode="keyed", style_frames={0: str(key)}, mask=str(mask), max_frames=4)
    animate.render(fields, tmp_path / "run")
    (tmp_path / "run" / "checkpoint.npz").unlink()
    (tmp_path / "run" / "frames" / "000003.png").unlink()
    for path in (own, mask, key):
        before = path.read_bytes()
        path.write_bytes(before + b"more")
        with pytest.raises(RunConflict, match=f"(?s)changed since:.*{path.name}: is another file"):
            resume(tmp_path / "run")
        path.write_bytes(before)
    key.unlink()
    with pytest.raises(RunConflict, match=r"(?s)changed since:.*key\.png: is not there any more"):
        resume(tmp_path / "run")


def test_a_broken_key_is_told_before_the_model_loads(film: Path, tmp_path: Path) -> None:
    (tmp_path / "key.png").write_bytes(b"no picture")
    with pytest.raises(ScheduleError, match=r"style_frames: key\.png is not a picture"):
        animate.render(schedule(film, video_mode="keyed", style_frames={12: str(tmp_path / "key.png")}), tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("part", [{}, {"from": 5, "to": 20}])
def test_sound_and_picture_are_at_most_a_frame_apart(film: Path, tmp_path: Path, part: dict[str, int]) -> None:
    video = animate.render(schedule(film, video={"file": str(film), **part}, strength=1), tmp_path / "run")
    light = [float(frame.mean()) for frame in read_frames(video)]
    flash = int(np.argmax(light))
    assert flash == FLASH - part.get("from", 0)
    told = [executable(), "-v", "error", "-i", str(video), "-f", "s16le", "-ac", "1", "-ar", "44100", "pipe:1"]
    heard = np.abs(np.frombuffer(subprocess.run(told, check=True, capture_output=True).stdout, np.int16).astype(float))
    begins = float(np.argmax(heard > 0.3 * heard.max())) / 44100
    assert abs(begins - flash / RATE) <= 1 / RATE
    assert len(heard) / 44100 == pytest.approx(len(light) / RATE, abs=1 / RATE)


@pytest.mark.parametrize("mode", ["frames", "carried", "keyed"])
def test_a_film_that_stands_still_stays_still(mode: str, tmp_path: Path) -> None:
    rough = np.random.default_rng(3).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "still.png"), cv2.resize(rough, (64, 64), interpolation=cv2.INTER_CUBIC))
    film = made(
        tmp_path / "still.mkv", "-loop", "1", "-r", "10", "-t", "0.8", "-i", str(tmp_path / "still.png"), "-c:v", "ffv1"
    )
    more = {"noise_warp": True, "latent_blend": 0.3} if mode != "keyed" else {}
    animate.render(schedule(film, video_mode=mode, steps=3, strength=0.5, codec="png", **more), tmp_path / "run")
    pictures = [read_picture(path).astype(float) for path in sorted((tmp_path / "run" / "frames").glob("*.png"))]
    assert len(pictures) == 8
    changes = [np.abs(a - b).mean() for a, b in itertools.pairwise(pictures)]
    assert max(changes[2:]) <= 1  # what is blended with the frame before glides from the first frame to where it stays
    assert changes == sorted(changes, reverse=True)
    assert np.abs(pictures[0] - cv2.imread(str(tmp_path / "still.png"))[..., ::-1]).mean() > 2


@pytest.mark.parametrize("mode", restyle.MODES)
def test_memory_does_not_grow_with_the_film(film: Path, mode: str) -> None:
    """Bytes of all tensors alive, each time a frame is done: half a run later it is the same, to two pictures."""
    fields = schedule(film, video_mode=mode, diffusion_cadence=4, noise_warp=True, latent_blend=0.2, mask="luma")
    plan = animate.plan(fields)
    alive, answer = [], None
    show, scout = (Projector(plan.film, plan.size, frames=FRAMES) for _ in range(2))
    with show, scout:
        steps = walk(plan)
        while len(alive) < FRAMES:
            request, answer = steps.send(answer), None
            if isinstance(request, Emit):
                gc.collect()
                # By type(): a dead weak reference of another test answers isinstance with an error.
                arrays = [o for o in gc.get_objects() if issubclass(type(o), torch.Tensor | np.ndarray)]
                # Sparse tensors, which other tests' libraries leave behind, have no size of their own.
                alive.append(sum(o.nbytes for o in arrays if isinstance(o, np.ndarray) or o.layout == torch.strided))
                del arrays
            elif isinstance(request, Watch):
                answer = (scout if request.ahead else show)(request.index)
            elif isinstance(request, Follow):
                answer = torch.zeros(2, 2, 64, 64)
            else:
                assert isinstance(request, Redraw | Imagine)
                answer = torch.zeros(3, 64, 64)
    assert max(alive[12:]) <= max(alive[:12]) + 2 * 4 * 3 * 64 * 64


@pytest.mark.skipif(not shutil.which("pgrep"), reason="asks pgrep for children")
def test_a_model_that_is_missing_leaves_no_film_running(film: Path, tmp_path: Path) -> None:
    def children() -> str:
        return subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True, check=False).stdout

    before = children()
    words = schedule(film, mask="word:sky", mask_model=str(tmp_path / "none"))
    with pytest.raises(MissingModel) as refusal:  # what it holds is alive until the end
        animate.render(words, tmp_path / "run")
    assert children() == before, refusal
