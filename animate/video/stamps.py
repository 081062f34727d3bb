"""When each frame of a video is shown, for videos whose rate varies."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from pathlib import Path

from animate.video.framecrc import SHOWN, listed

_UNIT = "1/360000"
"""Seconds: whole in it are frames of 24000/1001 up to 120000/1001 and thousandths. Older ffmpegs do not take the file's
own unit."""


def stamps(path: Path) -> list[Fraction]:
    """Seconds at which each frame of `read_frames` is shown, ascending; the first may be any.

    By decoding them, since packets do not tell which of them are cut away. Raises VideoError.
    """
    frames = ("-fps_mode", "passthrough", "-enc_time_base", _UNIT, "-c:v", "wrapped_avframe")
    unit, table = listed(path, *frames)
    return [stamp * unit for stamp in accumulate(table[:, SHOWN].tolist(), max)]  # a damaged file may go back
