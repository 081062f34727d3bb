"""The film of a schedule: `video` and `style_frames` read, and which of its frames each frame of the animation is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from animate.order import by_number
from animate.schedule import files
from animate.schedule.clock import Clock, TimeError, rate
from animate.schedule.fields import FIELDS, Value
from animate.schedule.notation import counted, shown
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table

PARTS = ("file", "from", "to", "every", "fps")
DEFAULTS: Mapping[str, Value] = {
    "animation_mode": "Video Input",
    "seed_behavior": "fixed",
    "color_coherence": "None",
    "noise": 0.0,
    "amount": 0.0,
    "sharpness_coherence": 0.0,
}
"""Fields that a schedule with a film takes otherwise where it is silent: what holds a free flight together would make
a film flicker, and the film holds itself together."""


class WatchError(ValueError):
    """A file that is no film."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of a film before it is decoded."""

    fps: Fraction
    """Frames a second; the mean where the rate varies."""
    frames: int
    """How many are stored to be shown."""
    steady: bool
    """Whether every frame stands, to less than half of one, where an even rate puts it."""
    seconds: float
    sound: bool
    begins: float = 0.0
    """Seconds after the file's beginning, which may be its sound's, at which the first picture is shown."""


Watch = Callable[[Path], Seen]
"""Raises WatchError."""


def blind(path: Path) -> Seen:
    """Sees nothing: for those who read a schedule without the room that reads videos."""
    raise WatchError(f"{path.name} cannot be looked at here")


@dataclass(frozen=True, kw_only=True)
class Film:
    """Which pictures of which file the animation is made from."""

    file: str = ""
    """Absolute; empty without a film."""
    digest: str = ""
    """Of what is in the file."""
    first: int = 0
    """The film's frame that frame 0 is made from."""
    every: int = 1
    """Frame i is made from the film's frame first + i · every."""
    rate: str = ""
    """Frames a second at which the film's frames are counted; empty: each stored frame once."""
    styles: tuple[tuple[int, str, str], ...] = ()
    """(frame, picture, digest) painted by hand, ascending."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Film:
        """The film that `to_json` told."""
        styles = tuple((int(frame), str(path), str(digest)) for frame, path, digest in told["styles"])
        return Film(**{**told, "styles": styles})

    @staticmethod
    def painting(told: Mapping[str, Any]) -> dict[str, Any]:
        """Of what `to_json` told, what decides the pictures: contents, and not where they are."""
        styles = [[frame, digest] for frame, _, digest in told["styles"]]
        return {"first": told["first"], "every": told["every"], "rate": told["rate"], "film": told["digest"]} | (
            {"styles": styles} if styles else {}
        )


NO_FILM = Film()


@dataclass(frozen=True, kw_only=True)
class Show:
    """A film, and what the animation takes from it where the schedule is silent."""

    film: Film = NO_FILM
    fps: Fraction = Fraction(0)
    """Of the animation."""
    frames: int = 0
    """How many frames the film gives the animation; 0 without a film."""
    sound: bool = False
    offset: float = 0.0
    """Seconds of the film's sound at which frame 0 stands."""


def read(node: Node, field: str, report: Report, watch: Watch) -> Show:
    """The film that a schedule names; what cannot be shown is a problem at its place."""
    pairs = node.value.pairs if isinstance(node.value, Table) else ((Node("file", text="file"), node),)
    parts = {key.text: (key, value) for key, value in pairs}
    for name in [name for name in parts if name not in PARTS]:
        report.refuse(parts[name][0], f"{field}.{name[:40]}", "there is no such part", ", ".join(PARTS))
    if "file" not in parts:
        report.refuse(node, field, "names no file", FIELDS["video"].example)
        return Show()
    place = parts["file"][1]
    if isinstance(place.value, tuple | Table | None):
        report.refuse(place, field, f"{shown(place)} is not a path")
        return Show()
    path = files.find(place.text, place, field, report)
    if not path or not Path(path).is_file():
        return Show(film=Film(file=path))
    try:
        seen = watch(Path(path))
    except WatchError as error:
        report.refuse(place, field, str(error))
        return Show()
    return _shown(path, seen, {name: value for name, (_, value) in parts.items()}, field, report)


def _shown(path: str, seen: Seen, parts: Mapping[str, Node], field: str, report: Report) -> Show:
    counted_at, total, resampled = seen.fps, seen.frames, not seen.steady
    if "fps" in parts:
        try:
            counted_at, resampled = rate(parts["fps"].text), True
        except TimeError as error:
            report.refuse(parts["fps"], f"{field}.fps", error.what, error.hint)
    if resampled:
        length = seen.frames / seen.fps if seen.steady else Fraction(seen.seconds)
        total = max(1, round(length * counted_at))
    every = 1
    if "every" in parts:
        node = parts["every"]
        if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 1:
            every = node.value
        else:
            report.refuse(node, f"{field}.every", f"{shown(node)} is not a whole number of frames", "1 or more")
    clock = Clock(fps=counted_at, max_frames=total)
    first, end = _time(parts, "from", 0, clock, field, report), _time(parts, "to", total, clock, field, report)
    if not 0 <= first < total:
        report.refuse(parts["from"], f"{field}.from", f"frame {first} is not in the film", f"it has {total} frames")
        first = 0
    if end > total:
        report.note(parts["to"], f"{field}.to", f"frame {end} lies past the end", f"it has {total} frames")
        end = total
    if end <= first:
        node = parts.get("to", parts.get("from", Node(None)))
        report.refuse(node, f"{field}.to", f"frame {end} is not after from ({first})", "`to` is the first left out")
        end = total
    return Show(
        film=Film(
            file=path,
            digest=files.fingerprint(Path(path)),
            first=first,
            every=every,
            rate=str(counted_at) if resampled else "",
        ),
        fps=counted_at / every,
        frames=math.ceil((end - first) / every),
        sound=seen.sound,
        offset=seen.begins + float(first / counted_at),
    )


def _time(parts: Mapping[str, Node], name: str, silent: int, clock: Clock, field: str, report: Report) -> int:
    if name not in parts:
        return silent
    node = parts[name]
    try:
        if isinstance(node.value, tuple | Table | None):
            raise TimeError(f"{shown(node)} is not a time", "48, 2.5s, 50%")
        return clock.frame(node.text)
    except TimeError as error:
        report.refuse(node, f"{field}.{name}", error.what, error.hint)
        return silent


def read_pictures(node: Node, field: str, clock: Clock, report: Report) -> tuple[tuple[int, str, str], ...]:
    """(frame, picture, digest) of `style_frames` and `init_images`, ascending.

    A folder's pictures are spread evenly, in the order of their names. Of two pictures for one frame a lenient source's
    last one counts.
    """
    if isinstance(node.value, str):
        return _of_folder(node, field, clock, report)
    if not isinstance(node.value, Table) or not node.value.pairs:
        report.refuse(node, field, f"{shown(node)} is not a mapping", FIELDS["style_frames"].example)
        return ()
    found: dict[int, tuple[int, str, str]] = {}
    late = 0
    for key, value in node.value.pairs:
        try:
            frame = clock.frame(key.text)
        except TimeError as error:
            report.refuse(key, field, error.what, error.hint)
            continue
        if frame in found and not report.source.lenient:
            report.refuse(key, field, f"two pictures stand at frame {frame}")
            continue
        path = "" if isinstance(value.value, tuple | Table | None) else files.find(value.text, value, field, report)
        late += frame > clock.last
        if path and 0 <= frame <= clock.last:
            found[frame] = (frame, path, files.fingerprint(Path(path)) if Path(path).is_file() else "")
    if late:
        report.note(node, field, f"{counted(late, 'picture lies', 'pictures lie')} past the end")
    return tuple(found[frame] for frame in sorted(found))


def _of_folder(node: Node, field: str, clock: Clock, report: Report) -> tuple[tuple[int, str, str], ...]:
    folder = files.inside(report.source.folder, node.text)
    if folder is None or not folder.is_dir():
        report.refuse(node, field, f"{shown(node)} is neither a folder nor pictures by frame", "{0: a.png, 48: b.png}")
        return ()
    inside = (path for path in folder.iterdir() if path.suffix.lower() in files.PICTURES and path.is_file())
    found = sorted(inside, key=by_number)
    if not found:
        report.refuse(node, field, f"{node.text[:60]} holds no pictures", ", ".join(files.PICTURES))
    if len(found) > clock.max_frames:
        what = f"{node.text[:60]} holds {len(found)} pictures for {clock.max_frames} frames"
        report.note(node, field, what, f"the first {clock.max_frames} are taken")
    count = min(len(found), clock.max_frames)
    places = (round(number * clock.max_frames / count) for number in range(count))
    return tuple((at, str(path.absolute()), files.fingerprint(path)) for at, path in zip(places, found))
