"""The schedule that restyles a film, for those who only name the film and a prompt."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from animate.errors import BadInput, VideoError
from animate.render.checked import load
from animate.render.watch import watch
from animate.schedule.film import WatchError
from animate.video.reader import probe

AREA = {"embedded": 256 * 256}
"""Pixels that a model likes; of all others half a megapixel is left for a film."""
KEYS = 8
"""Frames from key to key."""


def schedule(
    film: Path,
    prompt: str,
    *,
    mode: str = "carried",
    size: str = "",
    frames: str = "",
    more: Mapping[str, Any],
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The content of a schedule.

    Args:
        film: the file.
        prompt: what to paint.
        mode: as the field `video_mode`.
        size: `WxH`; empty takes the film's shape at the area the model likes.
        frames: `A:B`, from frame A of the film up to, without, B; either may be missing.
        more: further fields.
        say: hears where the frames reach past the film's end.

    Raises:
        BadInput: the film, the size or the frames cannot be used.
    """
    if film.is_dir():
        made = shlex.join(["animate", "interpolate", str(film), "-o", f"{film.name}.mp4", "--times", "1"])
        raise BadInput(f"{film} is a folder, not a film; `{made}` makes one of pictures, by the numbers in their names")
    try:
        info = probe(film)
    except VideoError as error:
        raise BadInput(str(error)) from error
    model = str(more.get("model", "embedded"))
    width, height = _size(size) if size else fitting(info.height, round(info.width * info.aspect), model)
    video: dict[str, Any] = {"file": str(film.absolute())}
    if frames:
        video |= part(frames, film, say)
    found: dict[str, Any] = {
        "video": video,
        "video_mode": mode,
        "width": width,
        "height": height,
        "prompts": prompt,
        **more,
    }
    if mode == "keyed":
        found["diffusion_cadence"] = KEYS
    return found


def fitting(height: int, width: int, model: str) -> tuple[int, int]:
    """(width, height) of this shape that the model likes: sides divide by 16."""
    scale = (AREA.get(model, 768 * 512) / (height * width)) ** 0.5
    return max(64, round(width * scale / 16) * 16), max(64, round(height * scale / 16) * 16)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*(\d{1,5})\s*[xX×]\s*(\d{1,5})\s*", text)
    if match is None:
        raise BadInput(f"--size {text}: is no size (512x288)")
    return int(match[1]), int(match[2])


def part(text: str, film: Path, say: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """`A:B` of a film as parts of the field `video`; `say` hears where B lies past its end. Raises BadInput."""
    match = re.fullmatch(r"\s*(\d{0,9})\s*:\s*(\d{0,9})\s*", text)
    if match is None:
        raise BadInput(f"--frames {text}: is no range of frames (48:144)")
    count = length(film)
    first, end = int(match[1] or 0), int(match[2] or count)
    if first >= count:
        raise BadInput(f"--frames {text}: {film} has {count} frames, of which the last is {count - 1}")
    if end <= first:
        raise BadInput(f"--frames {text}: leaves no frame; 48:144 is from 48 up to, without, 144")
    if end > count:
        say(f"--frames {text}: {film} has {count} frames; it is taken up to its end")
    return {"from": first, "to": min(end, count)}


def length(film: Path) -> int:
    """Frames of a film, as a schedule counts them. Raises BadInput where it is none."""
    if not film.is_file():
        raise BadInput(f"{film}: there is no such file")
    try:
        watch(film)
    except WatchError as error:
        raise BadInput(str(error)) from error
    return load({"video": str(film.absolute())}).clock.max_frames
