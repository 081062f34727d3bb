"""What commands read that take films: a video, a folder of pictures, pictures, or a run, which stands for its video."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from torch import Tensor

from animate.errors import BadInput, VideoError
from animate.order import by_number
from animate.picture import convert
from animate.render.run_dir import RunDirectory
from animate.render.watch import watch
from animate.schedule.files import PICTURES
from animate.schedule.film import WatchError
from animate.video.codecs import CODECS
from animate.video.reader import probe, read_frames
from animate.video.stamps import stamps

STILLS_FPS = Fraction(12)
"""Rate that pictures are taken to have; a video says its own."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is read: how many frames, how fast, from where."""

    fps: Fraction
    """Frames a second; the mean where the rate varies."""
    count: int
    width: int
    """As it is to be seen, with square pixels."""
    height: int
    video: Path | None = None
    square: bool = True
    """Whether the video's pixels are so already."""
    moments: tuple[Fraction, ...] | None = None
    """Where the rate varies: when each frame is shown and when the last has been, in frames at `fps`."""
    sound: bool = False
    begins: float = 0.0
    """Seconds of the file, and so of its sound, before the first picture is shown."""
    pictures: tuple[Path, ...] = ()
    named: bool = False
    """The pictures were named one by one: they are to be joined, however little they have in common."""

    def frames(self) -> Iterator[Tensor]:
        """(3, H, W) in [0, 1], one by one."""
        if self.video is not None:
            scaled = None if self.square else lambda *_: (self.height, self.width)
            yield from map(convert.from_uint8, read_frames(self.video, scaled=scaled))
        else:
            yield from map(convert.read_picture, self.pictures)

    def expected(self, ratio: Fraction, end: str) -> int:
        """How many frames of the result will come."""
        moments = self.moments or range(self.count + 1)
        if end == "stop":
            return int(moments[self.count - 1] * ratio) + 1
        return math.ceil(moments[self.count] * ratio)


def find(inputs: Sequence[Path], least: int = 2) -> Source:
    """What the paths hold: a video, a folder of pictures, pictures, or a run directory, which stands for its video.

    Raises:
        BadInput: nothing there, or fewer than `least` pictures.
        VideoError: a file that cannot be read.
    """
    if not inputs:
        raise BadInput("name a video, a folder of pictures, or two pictures")
    for path in inputs:
        if not path.exists():
            raise BadInput(f"{path} is not there")
    if len(inputs) == 1:
        inputs = [_of_run(inputs[0])]
    if len(inputs) == 1 and not inputs[0].is_dir() and inputs[0].suffix.lower() not in PICTURES:
        return _of_video(inputs[0])
    pictures = _in_folder(inputs[0]) if len(inputs) == 1 and inputs[0].is_dir() else tuple(inputs)
    if len(pictures) < least:
        which = "holds one picture" if inputs[0].is_dir() else "is one picture"
        raise BadInput(f"{inputs[0]} {which}; two are needed")
    height, width = _size(pictures)
    return Source(
        fps=STILLS_FPS, count=len(pictures), width=width, height=height, pictures=pictures, named=len(inputs) > 1
    )


def _of_run(path: Path) -> Path:
    """The video of a run directory, or its frames where it has none; anything else as it is."""
    if not (path / "plan.json").is_file() or not (path / "frames").is_dir():
        return path
    run = RunDirectory(path)
    videos = (run.video(codec) for codec in CODECS)
    return next((video for video in videos if video.is_file()), run.frames)


def _of_video(path: Path) -> Source:
    info = probe(path)
    try:
        seen = watch(path)
    except WatchError as error:
        raise VideoError(str(error)) from error
    count, fps, moments = seen.frames, seen.fps, None
    if not seen.steady:
        shown = stamps(path)
        count = len(shown)
        if count > 1 and shown[-1] > shown[0]:
            fps, moments = _moments(shown)
    return Source(
        fps=fps,
        count=count,
        width=round(info.width * info.aspect),
        height=info.height,
        video=path,
        square=info.aspect == 1,
        moments=moments,
        sound=seen.sound,
        begins=seen.begins,
    )


def _moments(shown: Sequence[Fraction]) -> tuple[Fraction, tuple[Fraction, ...]]:
    """The mean rate of frames shown at these seconds, and their moments in frames at it.

    The last frame is shown as long as most are. Moments are exact at whatever rate they are counted: it may be rounded
    to one that can be written down.
    """
    usual = statistics.median_low(after - before for before, after in pairwise(shown))
    fps = (len(shown) / (shown[-1] - shown[0] + usual)).limit_denominator(1001)
    return fps, tuple(fps * (second - shown[0]) for second in (*shown, shown[-1] + usual))


def _size(pictures: Sequence[Path]) -> tuple[int, int]:
    """(height, width) of all the pictures. Raises BadInput where they are not alike."""
    first = convert.size_of(pictures[0])
    for path in pictures[1:]:
        if (size := convert.size_of(path)) != first:
            raise BadInput(
                f"{path} is {size[1]} × {size[0]} px, {pictures[0].name} is {first[1]} × {first[0]}: "
                "bring them to one size first"
            )
    return first


def _in_folder(folder: Path) -> tuple[Path, ...]:
    found = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES]
    if not found:
        raise BadInput(f"{folder} holds no pictures ({', '.join(PICTURES)})")
    return tuple(sorted(found, key=by_number))
