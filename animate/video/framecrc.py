"""ffmpeg's list of a video's packets or frames, a line each (its muxer `framecrc`)."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from animate.errors import VideoError
from animate.video.ffmpeg import PROTOCOLS, Ffmpeg, FfmpegFailed, file_argument

STORED, SHOWN, LENGTH = range(3)
"""Columns of the list."""
_DISCARDED = 4
"""The flag of a packet that is only decoded for others: an MP4 that was cut without being encoded anew has such."""


def listed(path: Path, *arguments: str) -> tuple[Fraction, np.ndarray]:
    """The unit of time in seconds, and in it int64 (n, 3) when each packet or frame of a video is decoded, when it is
    shown, and for how long; in the order they are stored, without those that are not shown.

    Args:
        path: the video.
        arguments: of ffmpeg, for the list: `-c copy` lists packets, an encoder what it makes of the frames.

    Raises:
        VideoError: it cannot be read.
    """
    source = ["-v", "error", *PROTOCOLS, "-i", file_argument(path), "-map", "0:v:0"]
    child = Ffmpeg([*source, *arguments, "-f", "framecrc", "pipe:1"], listen=True)
    unit, found = Fraction(1), []
    try:
        for line in child.answers:
            told = line.decode().strip()
            if told.startswith("#tb 0: "):
                unit = Fraction(told[7:])
            elif told and not told.startswith("#"):
                flags = re.search(r", F=0x(\w+)", told)
                if flags is None or not int(flags[1], 16) & _DISCARDED:
                    found.append([int(number) for number in told.split(",")[1:4]])
        child.finish()
    except FfmpegFailed as error:
        raise VideoError(f"{path}: cannot be read: {error}") from error
    finally:
        child.kill()
    return unit, np.array(found, np.int64).reshape(-1, 3)
