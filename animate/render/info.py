"""What made a picture, a video or a run: read back from the texts inside it. Data only; nothing is executed."""

from __future__ import annotations

import json
from pathlib import Path

from animate.errors import BadInput, VideoError
from animate.render.run_dir import RunDirectory
from animate.schedule.files import PICTURES
from animate.video.reader import probe
from animate.video.stills import read_picture, read_text


def info(path: Path) -> list[tuple[str, str]]:
    """Names and texts, in the order in which they tell a story.

    Raises:
        BadInput: nothing is there.
        VideoError: it is neither a picture, nor a video, nor a run directory.
    """
    if not path.exists():
        raise BadInput(f"{path}: there is no such file or folder")
    if path.is_dir():
        return _of_run(RunDirectory(path))
    if path.suffix.lower() in PICTURES:
        height, width = read_picture(path).shape[:2]
        texts = read_text(path) if path.suffix.lower() == ".png" else {}
        return [("size", f"{width} × {height}"), *texts.items()]
    found = probe(path)
    return [
        ("size", f"{found.width} × {found.height}"),
        ("frames a second", f"{float(found.fps):g}"),
        ("duration", f"{found.duration:.2f} s"),
        ("codec", f"{found.codec}, {found.pixels}" + (f", sound {found.sound}" if found.sound else "")),
        *found.metadata.items(),
    ]


def _of_run(directory: RunDirectory) -> list[tuple[str, str]]:
    try:
        record = json.loads(directory.plan.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        why = (
            "it has no plan.json" if isinstance(error, FileNotFoundError) else f"its plan.json cannot be read ({error})"
        )
        raise VideoError(f"{directory.path}: no run directory, {why}") from error
    there = len(list(directory.frames.glob("*.png")))
    rows = [("frames", f"{there} on disk")]
    rows += [(name, str(value)) for name, value in record.items() if isinstance(value, str | int | float)]
    rows += [("overrides", json.dumps(record["overrides"], ensure_ascii=False))] if record.get("overrides") else []
    return rows
