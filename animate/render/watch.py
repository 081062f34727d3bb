"""Looking into a film without decoding it, for those who read a schedule."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from animate.errors import VideoError
from animate.schedule.film import Seen, WatchError
from animate.video.reader import measure, probe


def watch(path: Path) -> Seen:
    """What is known of a film. Raises WatchError."""
    told = path.stat()
    return _watched(path, told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=32)
def _watched(path: Path, size: int, changed: int) -> Seen:
    try:
        info = probe(path)
        frames, seconds, steady = measure(path)
    except VideoError as error:
        raise WatchError(str(error)) from error
    if not frames or not info.fps:
        raise WatchError(f"{path.name} holds no frames that can be counted")
    return Seen(fps=info.fps, frames=frames, steady=steady, seconds=seconds or info.duration, sound=bool(info.sound))
