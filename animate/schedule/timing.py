"""Time as a schedule tells it: its rate, length, beats, cues and cuts, and the sounds that they follow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from animate.schedule import music, notation
from animate.schedule.clock import Clock, TimeError, rate
from animate.schedule.fields import FIELDS
from animate.schedule.film import Show
from animate.schedule.music import Music
from animate.schedule.notation import shown
from animate.schedule.schedule import Setting
from animate.schedule.senses import Senses
from animate.schedule.taken import Taken
from animate.schedule.tree import Table

_LENGTHS = "240, 20s or 32b"


def hear(taken: Taken, senses: Senses, show: Show) -> Music:
    """The sounds of `audio` and `stems`, heard."""
    audio = taken.report("audio") if "audio" in taken.written else None
    stems = taken.report("stems") if "stems" in taken.written else None
    return music.read(audio, stems, senses.listen, senses.separate, _rate(taken, show))


def clock_of(taken: Taken, settings: Mapping[str, Setting], heard: Music, show: Show) -> Clock:
    fps = show.fps or Fraction(str(FIELDS["fps"].default))
    if "fps" in taken.written:
        node, field, report = taken.report("fps")
        try:
            fps = rate(node.text)
        except TimeError as error:
            is_many = isinstance(node.value, tuple | Table)
            report.refuse(node, field, f"{shown(node)} is not a frame rate" if is_many else error.what, error.hint)
    bpm: float | str | bool = settings["bpm"]
    beats: tuple[float, ...] = ()
    if bpm == "auto":
        bpm, beats = music.counted(heard, "audio" in taken.written, *taken.report("bpm"))
    clock = Clock(
        fps=fps,
        max_frames=int(settings["max_frames"]),
        bpm=float(bpm),
        seed=int(settings["seed"]),
        beats=beats,
    )
    if "duration" in taken.written:
        clock = _with_duration(taken, clock)
    return _with_cues(taken, clock, heard)


def seconds(taken: Taken, name: str, clock: Clock) -> float:
    if name not in taken.written:
        return 0.0
    node, field, report = taken.report(name)
    if isinstance(node.value, tuple | Table | None):
        report.refuse(node, field, f"{shown(node)} is not a time", FIELDS[name].example)
        return 0.0
    try:
        return clock.seconds(node.text)
    except TimeError as error:
        report.refuse(node, field, error.what, error.hint)
        return 0.0


def cuts(taken: Taken, clock: Clock) -> tuple[int, ...]:
    if "cuts" not in taken.written:
        return ()
    node, field, report = taken.report("cuts")
    items = node.value if isinstance(node.value, tuple) else (node,)
    frames = set()
    for item in items:
        if isinstance(item.value, tuple | Table | None):
            report.refuse(item, field, f"{shown(item)} is not a time", FIELDS["cuts"].example)
            continue
        if item.text in clock.groups:
            frames |= set(clock.groups[item.text]) - {0}
            continue
        frame = notation.read_time(item, field, clock, report)
        if frame is not None and frame > clock.last:
            report.note(item, field, f"{item.text} lies past the end")
        elif frame is not None:
            frames.add(frame)
    return tuple(sorted(frames))


def _rate(taken: Taken, show: Show) -> Fraction:
    """Frames a second as far as they can be read; `clock_of` tells what is wrong with them."""
    try:
        return rate(taken.written["fps"].value.text)
    except (KeyError, TimeError):
        return show.fps or Fraction(str(FIELDS["fps"].default))


def _with_duration(taken: Taken, clock: Clock) -> Clock:
    node, field, report = taken.report("duration")
    if isinstance(node.value, tuple | Table | None) or not node.text.strip():
        report.refuse(node, field, f"{shown(node)} is not a time", _LENGTHS)
        return clock
    if re.search(r"%|\bmax_f\b", node.text):
        report.refuse(node, field, f"{shown(node)} counts by the length, which is what it should say", _LENGTHS)
        return clock
    try:
        frames = clock.frame(node.text)
    except TimeError as error:
        report.refuse(node, field, error.what, error.hint)
        return clock
    row = FIELDS["max_frames"]
    if not row.low <= frames <= row.high:
        report.refuse(node, field, f"{node.text} are {frames} frames", f"{row.low} to {row.high:,}")
        return clock
    if "max_frames" in taken.written and frames != clock.max_frames:
        other = taken.written["max_frames"]
        what = f"{node.text} are {frames} frames, but {other.spelled} says {clock.max_frames}"
        report.refuse(node, field, what, "one of the two is enough")
    return replace(clock, max_frames=frames)


def _with_cues(taken: Taken, clock: Clock, heard: Music) -> Clock:
    if "cues" not in taken.written:
        return clock
    node, field, report = taken.report("cues")
    if not isinstance(node.value, Table):
        report.refuse(node, field, f"{shown(node)} is not a mapping", FIELDS["cues"].example)
        return clock
    cues: dict[str, int] = {}
    groups: dict[str, tuple[int, ...]] = {}
    for key, value in node.value.pairs:
        name = key.text
        if not notation.may_be_named(key, field, "a cue", report):
            continue
        if isinstance(value.value, Table):
            frames = music.struck(value, f"{field}.{name}", heard, clock, report)
            if frames is not None:
                groups[name] = frames
                cues |= {f"{name}{number}": frame for number, frame in enumerate(frames, start=1)}
            continue
        if isinstance(value.value, tuple | None):
            report.refuse(value, f"{field}.{name}", f"{shown(value)} is not a time", "48, 2s, 4b, 50%")
            continue
        below = frozenset(node.value.names()) - cues.keys()
        frame = notation.read_time(value, f"{field}.{name}", replace(clock, cues=cues, below=below), report)
        if frame is not None:
            cues[name] = frame
    return replace(clock, cues=cues, groups=groups)
