"""The music of a schedule: `audio` and `stems` read and heard, and the beats that `bpm: auto` counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from animate.schedule import expression, files
from animate.schedule.clock import Clock, TimeError
from animate.schedule.fields import FIELDS
from animate.schedule.notation import shown
from animate.schedule.sound import Listen, ListenError, Separate, Sound, grid, strikes
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table

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
    stems: tuple[Node, str, Report] | None,
    listen: Listen,
    separate: Separate,
    fps: Fraction,
) -> Music:
    """Hear what a schedule names; what cannot be heard is a problem at its place.

    Args:
        audio, stems: each field's value, the name it was given, where to complain; None without one.
        listen: hears a file.
        separate: takes a song apart.
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
    if stems is not None:
        _hear_stems(*stems, file, listen, separate, sounds)
    return Music(file=file, offset=offset, sounds=sounds)


def _hear_stems(
    node: Node, field: str, report: Report, song: str, listen: Listen, separate: Separate, sounds: dict[str, Sound]
) -> None:
    """`auto`: what the song of `audio` is taken apart into; else files by name."""
    if isinstance(node.value, str) and node.value.strip() == "auto":
        if not song:
            report.refuse(node, field, "auto needs a song to take apart", "audio: {file: song.wav}")
        elif Path(song).is_file():
            try:
                sounds |= {name: listen(path) for name, path in separate(Path(song)).items()}
            except ListenError as error:
                report.refuse(node, field, error.what, error.hint)
        return
    if not isinstance(node.value, Table):
        report.refuse(node, field, f"{shown(node)} is not a mapping", f"auto, or {FIELDS['stems'].example}")
        return
    for key, value in node.value.pairs:
        if not expression.IDENTIFIER.match(key.text) or key.text in ("audio", *expression.VARIABLES):
            what = f"{key.text[:40]!r} cannot be a sound's name"
            report.refuse(key, field, what, "letters, digits and _, not audio, t, max_f …")
        else:
            _heard(key.text, value, f"{field}.{key.text}", report, listen, sounds)


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


ONSETS = ("onsets", "above", "gap")
"""Parts of a cue that is heard."""


def struck(node: Node, field: str, heard: Music, clock: Clock, report: Report) -> tuple[int, ...] | None:
    """Frames of the onsets that a cue asks for: `{onsets: drums, above: 0.3, gap: 0.2s}`; None, and problems."""
    assert isinstance(node.value, Table)
    parts = {key.text: (key, value) for key, value in node.value.pairs}
    for name in [name for name in parts if name not in ONSETS]:
        report.refuse(parts[name][0], field, f"there is no part {name[:40]!r}", ", ".join(ONSETS))
        return None
    of = parts["onsets"][1].text if "onsets" in parts else "audio"
    if of not in heard.sounds:
        hint = ", ".join(heard.sounds) or "audio: {file: song.wav}"
        report.refuse(parts["onsets"][1] if "onsets" in parts else node, field, f"there is no sound {of[:40]!r}", hint)
        return None
    above, gap = 0.3, 0.2
    if "above" in parts:
        value = parts["above"][1]
        if not value.is_number or not 0 <= float(value.text) <= 1:
            report.refuse(value, field, f"above: {shown(value)} is not a loudness", "0 to 1")
            return None
        above = float(value.text)
    if "gap" in parts:
        try:
            gap = clock.lengths.seconds(parts["gap"][1].text)
        except TimeError as error:
            report.refuse(parts["gap"][1], field, f"gap: {error.what}", error.hint)
            return None
    found = strikes(heard.sounds[of], clock, heard.offset, above, gap)
    if not found:
        report.note(node, field, "no onsets are heard", "a smaller `above`")
    return found


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
