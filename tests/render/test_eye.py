"""The video of depth that a render reads."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animate import depth
from animate.render import eye


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "depth.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for i in range(4):
        frame = np.zeros((48, 64, 3), np.uint8)
        frame[:, : 16 * (i + 1)] = 255
        writer.write(frame)
    writer.release()
    return path


def test_of_a_damaged_video_the_map_before_stands_and_it_is_told_once(video: Path) -> None:
    *before, third, fourth = video.read_bytes().split(b"00dc", 5)  # behind each such word a picture, but for the first
    video.write_bytes(b"00dc".join([*before, third[:4] + bytes(len(third) - 4), fourth]))
    said: list[str] = []
    estimate = depth.load("file", file=str(video), film=eye.film(video, said.append))
    near = [(estimate(torch.zeros(1, 3, 48, 64), [i]) < 3).float().mean().item() for i in (0, 1, 2, 3, 0)]
    assert near == pytest.approx([0.25, 0.5, 0.5, 0, 0.25], abs=0.05)  # the fourth is the same everywhere
    (line,) = said
    assert line.startswith(f"{video}: is damaged; for what is lost of it the map before stands (")
