"""Depth of pictures, folders and videos by the embedded network."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch

from animate import depth as depths
from animate.errors import BadInput
from animate.render.depth_maps import maps
from animate.render.progress import Quiet
from animate.video.reader import read_frames
from animate.video.stills import write_png


def land(height: int = 96, width: int = 128) -> np.ndarray:
    """A blue sky over a green ground that coarsens towards the camera."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2] = (120, 170, 230)
    rows = np.arange(height // 2, height)[:, None]
    stripes = 40 * np.sin(4000 / (rows - height // 2 + 6)) * np.ones((1, width))
    picture[height // 2 :, :, 1] = 120 + stripes
    picture[height // 2 :, :, 0] = 60
    return picture


def test_a_picture_gets_a_map_and_a_preview(tmp_path: Path) -> None:
    write_png(tmp_path / "land.png", land())
    found = maps(tmp_path / "land.png", tmp_path / "depth.png")
    depth = cv2.imread(str(found), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
    assert depth.shape == (96, 128)
    assert depth[-8:].mean() > depth[:30].mean() + 20000  # brighter is nearer
    preview = cv2.imread(str(tmp_path / "depth.preview.png"))
    assert preview.shape == (96, 128, 3)


def test_a_folder_gets_a_map_for_each_and_a_video(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for index in range(3):
        write_png(tmp_path / "in" / f"{index}.png", np.roll(land(), 4 * index, axis=1))
    out = maps(tmp_path / "in", tmp_path / "out")
    assert sorted(path.name for path in out.glob("*.png")) == ["000000.png", "000001.png", "000002.png"]
    assert len(list(read_frames(out / "preview.mp4"))) == 3
    means = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED).mean() for path in sorted(out.glob("*.png"))]
    assert max(means) - min(means) < 0.02 * 65535  # it does not pump
    with pytest.raises(BadInput, match="--force writes over its maps"):
        maps(tmp_path / "in", out)
    (tmp_path / "in" / "2.png").unlink()
    (tmp_path / "in" / "1.png").unlink()
    maps(tmp_path / "in", out, force=True)
    assert sorted(path.name for path in out.iterdir()) == ["000000.png", "preview.mp4"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"notes\.txt, which is no map"):
        maps(tmp_path / "in", out, force=True)


def test_maps_that_were_stopped_leave_nothing_behind(tmp_path: Path) -> None:
    class Stopping(Quiet):
        def frame(self, index: int, seconds: float, prompt: str) -> None:
            if index == 1:
                raise KeyboardInterrupt

    (tmp_path / "in").mkdir()
    for index in range(3):
        write_png(tmp_path / "in" / f"{index}.png", land())
    with pytest.raises(KeyboardInterrupt):
        maps(tmp_path / "in", tmp_path / "out", progress=Stopping())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_cut_begins_anew(tmp_path: Path) -> None:
    """Two scenes that have nothing in common: the second is told as it is alone."""
    (tmp_path / "in").mkdir()
    for index in range(2):
        write_png(tmp_path / "in" / f"{index}.png", land())
        write_png(tmp_path / "in" / f"{index + 2}.png", land()[::-1].copy())
    maps(tmp_path / "in", tmp_path / "out")
    maps(tmp_path / "in" / "2.png", tmp_path / "alone.png")
    third = cv2.imread(str(tmp_path / "out" / "000002.png"), cv2.IMREAD_UNCHANGED)
    assert (third == cv2.imread(str(tmp_path / "alone.png"), cv2.IMREAD_UNCHANGED)).all()


def test_what_an_estimator_gets_wrong_is_mended_and_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Holed:
        """Says nothing of one place more in each frame."""

        def __call__(self, pictures: torch.Tensor, frames: Sequence[int]) -> torch.Tensor:
            found = torch.linspace(1, 20, pictures[0, 0].numel()).view_as(pictures[:, :1]).clone()
            found.flatten()[: frames[0]] = torch.nan
            return found

    class Listening(Quiet):
        heard: ClassVar[list[str]] = []

        def say(self, text: str) -> None:
            self.heard.append(text)

    monkeypatch.setattr(depths, "load", lambda name, device: Holed())
    (tmp_path / "in").mkdir()
    for index in range(3):
        write_png(tmp_path / "in" / f"{index}.png", land(16, 16))
    maps(tmp_path / "in", tmp_path / "out", progress=Listening())
    assert [text[:47] for text in Listening.heard] == ["frame 1: depth is not a positive number at 1 of"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not there"):
        maps(tmp_path / "no.png", tmp_path / "depth.png")
