"""The music of a schedule: `audio` and `stems` read and heard, and the beats that `bpm: auto` counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from animate.schedule import expression, files
from animate.schedule.clock import Clock, TimeError
from animate.schedule.curve import shown
from animate.schedule.fields import FIELDS
from animate.schedule.sound import Listen, ListenError, Sound, grid
from animate.schedule.source import Node, Report, Table

PARTS = ("file", "offset")


@dataclass(frozen=True, kw_only=True)
class Music:
    """The sounds of one schedule."""

    file: str
    """Of `audio`, absolute; empty without one."""
    offset: float
    """Seconds into every sound at which the video begins."""
    sounds: Mapping[str, Sound]
    """By the prefix of their series."""


def read(
    audio: tuple[Node, str, Report] | None,
    stems: Iterable[tuple[Node, Node, str, Report]],
    listen: Listen,
    fps: Fraction,
) -> Music:
    """Hear what a schedule names; what cannot be heard is a problem at its place.

    Args:
        audio: the field's value, the name it was given, where to complain; None without one.
        stems: name, path, the field's name and where to complain, of each.
        listen: hears a file.
        fps: of the video, for an offset told in frames.
    """
    sounds: dict[str, Sound] = {}
    file, offset = "", 0.0
    if audio is not None:
        node, field, report = audio
        parts = {key.text: (key, value) for key, value in _parts(node)}
        for name in [name for name in parts if name not in PARTS]:
            report.refuse(parts[name][0], f"{field}.{name[:40]}", "there is no such part", ", ".join(PARTS))
        if "file" in parts:
            file = _heard("audio", parts["file"][1], field, report, listen, sounds)
        else:
            report.refuse(node, field, "names no file", FIELDS["audio"].example)
        if "offset" in parts:
            try:
                offset = Clock(fps=fps).seconds(parts["offset"][1].text)
            except TimeError as error:
                report.refuse(parts["offset"][1], f"{field}.offset", error.what, error.hint)
    for key, value, field, report in stems:
        if not expression.IDENTIFIER.match(key.text) or key.text in ("audio", *expression.VARIABLES):
            what = f"{key.text[:40]!r} cannot be a sound's name"
            report.refuse(key, field, what, "letters, digits and _, not audio, t, max_f …")
        else:
            _heard(key.text, value, f"{field}.{key.text}", report, listen, sounds)
    return Music(file=file, offset=offset, sounds=sounds)


def counted(heard: Music, named: bool, node: Node, field: str, report: Report) -> tuple[float, tuple[float, ...]]:
    """Tempo and beats of the music, for `bpm: auto`; `named` tells whether there is an `audio` that may be at fault."""
    sound = heard.sounds.get("audio")
    if sound is None:
        if not named:
            report.refuse(node, field, "auto needs a sound to count", "audio: {file: song.wav}")
        return 120.0, ()
    beats = grid(sound, heard.offset)
    if sound.tempo <= 0 or len(beats) < 2:
        report.refuse(node, field, "auto: no beats are heard", "bpm: 120")
        return 120.0, ()
    return sound.tempo, beats


def _heard(name: str, node: Node, field: str, report: Report, listen: Listen, sounds: dict[str, Sound]) -> str:
    """Listen to a file and keep what was heard; returns its path, or "" and a problem."""
    if isinstance(node.value, tuple | Table | None):
        report.refuse(node, field, f"{shown(node)} is not a path")
        return ""
    path = files.find(node.text, node, field, report)
    if path and Path(path).is_file():
        try:
            sounds[name] = listen(Path(path))
        except ListenError as error:
            report.refuse(node, field, error.what, error.hint)
    return path


def _parts(node: Node) -> tuple[tuple[Node, Node], ...]:
    """Parts of a sound; a plain text is its file."""
    if isinstance(node.value, Table):
        return tuple(node.value.pairs)
    return ((Node("file", text="file"), node),)
