"""Files that a schedule names, looked into before anything is rendered: whether they are what their field wants.

Whether they are there is asked where the schedule is read. Nothing heavy is imported, for `animate check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from animate.errors import DAMAGED, EncodeError, Problem, VideoError
from animate.order import by_number
from animate.schedule import masks
from animate.schedule.files import PICTURES
from animate.schedule.schedule import Schedule
from animate.schedule.tree import Node
from animate.video.codecs import CODECS
from animate.video.reader import probe, read_frames
from animate.video.stills import has_alpha, is_picture
from animate.video.writer import Soundtrack, check_sound

DEPTHS = (".png", ".tif", ".tiff", ".exr", ".jpg", ".jpeg", ".npy")
"""Endings of depth maps that are no videos; `animate.depth.file` has the same, but imports torch."""
LOOKED_AT = 20
"""Of many files as many are looked into, as each takes its time."""


def faults(schedule: Schedule) -> Iterator[Problem]:
    """What stands against the files of a schedule, at the fields that name them, but for those that are not there."""
    yield from _of_pictures(schedule)
    yield from _of_depth(schedule)
    yield from _of_masks(schedule)
    yield from _of_sound(schedule)


def _of_pictures(schedule: Schedule) -> Iterator[Problem]:
    settings = schedule.settings
    named = {"init_image": [str(settings["init_image"])]}
    if settings["color_coherence"] == "Image":
        named["color_coherence_image"] = [str(settings["color_coherence_image"])]
    series = {"image_keys": schedule.images, "init_images": schedule.guides, "style_frames": schedule.film.styles}
    named |= {name: [path for _, path, _ in keys] for name, keys in series.items()}
    for name, files in named.items():
        yield from (schedule.problem(name, what) for what in _found(files, _of_picture))


def _of_depth(schedule: Schedule) -> Iterator[Problem]:
    """Of a folder, its maps in the order of their numbers."""
    if schedule.settings["depth_algorithm"] != "file" or not schedule.settings["depth_file"]:
        return
    file = Path(str(schedule.settings["depth_file"]))
    maps = [file]
    if file.is_dir():
        maps = sorted((path for path in file.iterdir() if path.suffix.lower() in DEPTHS), key=by_number)
        if not maps:
            yield schedule.problem("depth_file", f"{file.name} holds no maps of depth", ", ".join(DEPTHS))
    yield from (schedule.problem("depth_file", what) for what in _found(maps, _of_map))


def _of_masks(schedule: Schedule) -> Iterator[Problem]:
    """Those of fields that are looked at; each file once a field, where it is named first."""
    through = schedule.film.file or str(schedule.settings["init_image"])
    for name in masks.FIELDS:
        if not masks.is_on(name, schedule.settings):
            continue
        named: dict[masks.Term, Node] = {}
        for _, text, node in schedule.texts[name].keys:
            for term in masks.terms(masks.parse(text)):
                named.setdefault(term, node)
        for term, node in named.items():
            what = ""
            if term.kind == "file":
                what = next(_found([term.text], _of_mask), "")
            elif term.kind == "alpha":
                what = next(_found([through], _of_alpha), "") if through else NOTHING_TO_SEE_THROUGH
            if what:
                yield schedule.problem(name, what, node=node)


NOTHING_TO_SEE_THROUGH = "alpha needs a film or an init_image to be transparent"


def _of_sound(schedule: Schedule) -> Iterator[Problem]:
    settings = schedule.settings
    codec, sound = CODECS.get(str(settings["codec"])), str(settings["soundtrack"])
    if codec is None or not codec.sound or not Path(sound).is_file():
        return
    name = "soundtrack" if "soundtrack" in schedule.written else "audio"
    try:
        check_sound(Soundtrack(path=Path(sound), offset=float(settings["soundtrack_offset"])))
    except EncodeError as error:
        if name == "soundtrack" or error.__cause__ is None:  # what cannot be read, who listened to `audio` has told
            yield schedule.problem(name, str(error).removeprefix("soundtrack "))


# --- one file -------------------------------------------------------------------------------------------------------


def _found(files: Iterable[str | Path], fault: Callable[[Path], str]) -> Iterator[str]:
    """What is wrong with the first of these files that are there."""
    there = [path for path in map(Path, files) if path.is_file()]
    yield from (what for path in there[:LOOKED_AT] if (what := fault(path)))


def _of_picture(path: Path) -> str:
    return "" if is_picture(path) else f"{path.name} is not a picture, or is damaged"


def _of_map(path: Path) -> str:
    if path.suffix.lower() == ".npy":
        return _of_array(path)
    return _of_picture(path) if path.suffix.lower() in DEPTHS else _of_video(path)


def _of_array(path: Path) -> str:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGED:
        return f"{path.name} is not an array, or is damaged"
    return "" if isinstance(array, np.ndarray) else f"{path.name} holds several arrays; a map is one"


def _of_mask(path: Path) -> str:
    return _of_picture(path) if path.suffix.lower() in PICTURES else _of_video(path)


def _of_alpha(path: Path) -> str:
    still = path.suffix.lower() in PICTURES
    what = _of_picture(path) if still else _of_video(path)
    if what or (has_alpha(path) if still else probe(path).alpha):
        return what
    return f"{path.name} has no alpha to mask by; take luma, or a mask in a file of its own"


def _of_video(path: Path) -> str:
    told = path.stat()
    return _first_picture(path, told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=32)
def _first_picture(path: Path, size: int, changed: int) -> str:
    """Why a video's first picture cannot be had; "" where it can, whatever follows it."""
    frames = read_frames(path, damaged=lambda _: None)
    try:
        return "" if next(frames, None) is not None else f"{path.name} holds no picture that can be read"
    except VideoError as error:
        return str(error).replace(f"{path}: ", f"{path.name} ", 1)
    finally:
        frames.close()  # type: ignore[attr-defined]
