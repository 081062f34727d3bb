"""Looking into a film without decoding it, for those who read a schedule."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from animate.errors import VideoError
from animate.schedule.film import Seen, WatchError
from animate.video.reader import Measured, measure, probe

SLOWEST = 600
"""Seconds a frame, beyond which a film's times are taken for damaged."""


def watch(path: Path) -> Seen:
    """What is known of a film. Raises WatchError."""
    told = path.stat()
    return _watched(path, told.st_size, told.st_mtime_ns)


def measured(path: Path) -> Measured:
    """The frames of a film by their times, looked at once as long as the file is the same. Raises VideoError."""
    if not path.is_file():
        return measure(path)  # which says what is there instead
    told = path.stat()
    return _measured(path, told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=32)
def _measured(path: Path, size: int, changed: int) -> Measured:
    return measure(path)


@lru_cache(maxsize=32)
def _watched(path: Path, size: int, changed: int) -> Seen:
    try:
        info = probe(path)
        found = _measured(path, size, changed)
    except VideoError as error:
        raise WatchError(str(error)) from error
    if not found.frames or not found.rate:
        raise WatchError(f"{path.name} holds no frames that can be counted")
    if found.seconds > SLOWEST * found.frames:
        raise WatchError(
            f"{path.name}: {found.frames} frames in {found.seconds / 3600:.0f} hours, its times cannot be right "
            "(`ffmpeg -r 25 -i FILE NEW.mp4` gives it new ones)"
        )
    return Seen(
        fps=found.rate,
        frames=found.frames,
        steady=found.steady,
        seconds=found.seconds or info.duration,
        sound=bool(info.sound),
        begins=found.begins,
    )
