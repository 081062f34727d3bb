"""When each frame of a video is shown, for videos whose rate varies."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from animate.errors import VideoError
from animate.video.ffmpeg import PROTOCOLS, Ffmpeg, FfmpegFailed, file_argument

_UNIT = "1/360000"
"""Seconds: whole in it are frames of 24000/1001 up to 120000/1001 and thousandths. Older ffmpegs do not take the file's
own unit."""
_SHOWN_AT = 2
"""Column of ffmpeg's list of frames."""


def stamps(path: Path) -> list[Fraction]:
    """Seconds at which each frame of `read_frames` is shown, ascending; the first may be any.

    By decoding them, since packets do not tell which of them are cut away. Raises VideoError.
    """
    child = Ffmpeg(
        [
            *("-v", "error", *PROTOCOLS, "-i", file_argument(path), "-map", "0:v:0"),
            *("-fps_mode", "passthrough", "-enc_time_base", _UNIT),
            *("-c:v", "wrapped_avframe", "-f", "framecrc", "pipe:1"),
        ],
        listen=True,
    )
    unit = Fraction(1)
    found: list[Fraction] = []
    try:
        for line in child.answers:
            told = line.decode().strip()
            if told.startswith("#tb 0: "):
                unit = Fraction(told[7:])
            elif told and not told.startswith("#"):
                stamp = int(told.split(",")[_SHOWN_AT]) * unit
                found.append(max(stamp, found[-1]) if found else stamp)  # a damaged file may go back
        child.finish()
    except FfmpegFailed as error:
        raise VideoError(f"{path}: cannot be read: {error}") from error
    finally:
        child.kill()
    return found
