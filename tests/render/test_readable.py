"""Files that a schedule names and that are not what they are named for are told before anything is rendered."""

import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from animate import cli
from animate.depth import file as depth_file
from animate.errors import ScheduleError
from animate.render import checked, readable
from animate.render.run import render
from animate.video.writer import VideoWriter


def told(file: Path) -> list[str]:
    with pytest.raises(ScheduleError) as caught:
        checked.load(file)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("init_image: text.mp4", "init_image: text.mp4 is not a picture"),
        ("image_keys: {0: text.mp4, 4: good.tiff}", "image_keys: text.mp4 is not a picture"),
        ("init_images: {0: text.mp4}", "init_images: text.mp4 is not a picture"),
        ("soundtrack: text.mp4", "soundtrack: "),
        ("audio: {file: short.wav, offset: 5s}", "audio: "),
        ("audio: text.mp4", "audio: text.mp4 holds no sound"),
        ("{color_coherence: Image, color_coherence_image: text.mp4, prompts: x}", "color_coherence_image: text.mp4"),
        ("init_image: good.tiff", ""),
        ("soundtrack: short.wav", ""),
    ],
)
def test_pictures_and_sounds_that_are_none_are_told_with_their_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "text.mp4").write_text("no picture")
    cv2.imwrite(str(tmp_path / "good.tiff"), np.zeros((8, 8, 3), np.float32))
    with wave.open(str(tmp_path / "short.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    file = tmp_path / "s.yaml"
    file.write_text(line if line.startswith("{") else f"prompts: x\n{line}\n", encoding="utf-8")
    if not said:
        assert checked.load(file)
        return
    (problem,) = told(file)
    assert said in problem
    assert problem.startswith(f"{file}:{1 if line.startswith('{') else 2}:")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Good and bad pictures, videos and maps of depth."""
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "empty.png").touch()
    np.savez(tmp_path / "two.npz", a=np.zeros((4, 4)), b=np.zeros((4, 4)))
    (tmp_path / "two.npz").rename(tmp_path / "two.npy")
    np.save(tmp_path / "good.npy", np.zeros((4, 4)))
    cv2.imwrite(str(tmp_path / "opaque.png"), np.zeros((8, 8, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "glass.png"), np.zeros((8, 8, 4), np.uint8))
    with VideoWriter(tmp_path / "good.mp4", width=16, height=16, fps=8) as video:
        for _ in range(3):
            video.write(np.zeros((16, 16, 3), np.uint8))
    whole = (tmp_path / "good.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "no maps").mkdir()
    (tmp_path / "maps").mkdir()
    cv2.imwrite(str(tmp_path / "maps" / "0.png"), np.zeros((8, 8), np.uint16))
    (tmp_path / "maps" / "1.png").write_text("no map")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("depth_file: text.mp4", "depth_file: text.mp4 cannot be read as a video"),
        ("depth_file: cut.mp4", "depth_file: cut.mp4 "),
        ("depth_file: text.npy", "depth_file: text.npy is not an array"),
        ("depth_file: two.npy", "depth_file: two.npy holds several arrays"),
        ("depth_file: empty.png", "depth_file: empty.png is not a picture"),
        ("depth_file: maps", "depth_file: 1.png is not a picture"),
        ("depth_file: no maps", "depth_file: no maps holds no maps of depth"),
        ("depth_file: good.npy", ""),
        ("depth_file: good.mp4", ""),
        ("mask: text.png", "mask: text.png is not a picture"),
        ("mask: text.mp4", "mask: text.mp4 cannot be read as a video"),
        ("mask: {0: opaque.png, 4: luma & cut.mp4}", "mask: cut.mp4 "),
        ("noise_mask: '!text.png'", "noise_mask: text.png is not a picture"),
        ("mask: good.mp4", ""),
        ("hybrid_mask: text.png", ""),
        ("{prompts: x, init_image: opaque.png, mask: alpha}", "mask: opaque.png has no alpha"),
        ("{prompts: x, init_image: glass.png, mask: alpha}", ""),
        ("{prompts: x, video: good.mp4, mask: alpha}", "mask: good.mp4 has no alpha"),
        ("{prompts: x, video: good.mp4, hybrid_composite: Normal, hybrid_mask: text.png}", "hybrid_mask: text.png"),
        ("mask: alpha", "mask: alpha needs a film or an init_image"),
    ],
)
def test_masks_and_maps_that_cannot_be_read_are_told_with_their_line(
    files: Path, line: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = files / "s.yaml"
    depth_of = "depth_algorithm: file\n" if line.startswith("depth_file") else ""
    file.write_text(line if line.startswith("{") else f"prompts: x\n{depth_of}{line}\n", encoding="utf-8")
    if not said:
        assert checked.load(file)
        return
    (problem,) = told(file)
    place = file.read_text(encoding="utf-8").splitlines().index(line) + 1
    assert problem.startswith(f"{file}:{place}:")
    assert said in problem
    with pytest.raises(ScheduleError, match=str(file)):
        render(file, files / "out")
    assert not (files / "out").exists()
    assert cli.main(["check", str(file)]) == 2
    out, err = capfd.readouterr()
    assert (out, err) == ("", f"{problem}\n")  # and nothing of OpenCV's or ffmpeg's own


def test_maps_are_those_that_depth_reads() -> None:
    assert readable.DEPTHS == depth_file.PICTURES
