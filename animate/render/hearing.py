"""Listening, for the command line."""

from __future__ import annotations

from pathlib import Path

from animate.audio.listen import listen
from animate.schedule.sound import Sound


def hear(path: Path) -> Sound:
    """What is heard in a file. Raises ListenError."""
    return listen(path)
