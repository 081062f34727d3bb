"""Listening, for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from animate.audio.listen import listen
from animate.audio.separate import separate
from animate.schedule.sound import Sound


def hear(path: Path) -> Sound:
    """What is heard in a file. Raises ListenError."""
    return listen(path)


def parts(path: Path) -> Mapping[str, Path]:
    """A song taken apart: files by name. Raises ListenError."""
    return separate(path)
