"""Music as the language hears it: tempo, beats, onsets and named series, all in seconds of the file.

Another room listens (`animate/audio/listen.py`); here its answer is put on the frames of a schedule. A frame shows the
mean of a series over the time that the frame lasts, exactly, whatever the two rates are; before and after the sound
there is silence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from animate.schedule.clock import Clock

Array = NDArray[np.float64]

SERIES: Mapping[str, str] = {
    "rms": "loudness",
    "onset": "how much begins",
    "bass": "energy below 150 Hz",
    "mid": "energy from 150 Hz to 2 kHz",
    "treble": "energy above 2 kHz",
    "percussive": "energy of what is struck rather than held",
}
"""What is heard in every sound, each from 0 to 1, the largest value in the file; `audio_rms` in expressions."""
BEAT, TRAVEL = "beat", "travel"
DERIVED: Mapping[str, str] = {
    BEAT: "1 on the frame that holds a beat, else 0",
    TRAVEL: "from 0 at the first frame to 1 at the last, fast where much is struck",
}
"""What is made of it for the frames of one schedule."""


class ListenError(Exception):
    """A sound cannot be used: `what` is wrong, and `hint` how to help it."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True, kw_only=True)
class Sound:
    """What was heard in a file."""

    seconds: float
    tempo: float
    """Beats a minute; 0 where none are heard."""
    beats: Array
    """(k,) seconds, rising."""
    onsets: Array
    """(m,) seconds, rising."""
    rate: float
    """Values of a series a second."""
    series: Mapping[str, Array]
    """By name of `SERIES`, (n,) in [0, 1]."""


Listen = Callable[[Path], Sound]
"""Raises ListenError."""


Separate = Callable[[Path], Mapping[str, Path]]
"""Takes a song apart into files by name. Raises ListenError."""


def whole(path: Path) -> Mapping[str, Path]:
    """Takes nothing apart: for those who read a schedule without the room that listens."""
    raise ListenError(f"{path.name} cannot be taken apart here")


def deaf(path: Path) -> Sound:
    """Hears nothing: for those who read a schedule without the room that listens."""
    raise ListenError(f"{path.name} cannot be heard here")


def by_frame(sound: Sound, prefix: str, clock: Clock, offset: float) -> dict[str, Array]:
    """Every series of a sound, (max_frames,) each, under `prefix`_rms, …; frame 0 stands `offset` seconds into it."""
    edges = offset + np.arange(clock.max_frames + 1) / float(clock.fps)
    found = {name: _means(values, edges * sound.rate) for name, values in sound.series.items()}
    found[BEAT] = np.zeros(clock.max_frames)
    inside = np.searchsorted(edges, sound.beats + 1e-9, side="right") - 1
    found[BEAT][inside[(inside >= 0) & (inside < clock.max_frames)]] = 1.0
    found[TRAVEL] = _travel(found["percussive"])
    return {f"{prefix}_{name}": values for name, values in found.items()}


def grid(sound: Sound, offset: float) -> tuple[float, ...]:
    """Seconds of the video at which the beats 0, 1, 2 … stand, from the first one in sight."""
    times = sound.beats - offset
    return tuple(times[times >= -1e-3].tolist())


def strikes(sound: Sound, clock: Clock, offset: float, above: float, gap: float) -> tuple[int, ...]:
    """Frames of the onsets that are louder than `above` and at least `gap` seconds after the one before, ascending."""
    found: list[float] = []
    strength = sound.series.get("onset", np.zeros(0))
    for second in sound.onsets.tolist():
        at = round(second * sound.rate)
        loud = float(strength[max(0, at - 2) : at + 3].max(initial=0.0))
        if loud >= above and (not found or second - found[-1] >= gap):
            found.append(second)
    frames = (math.floor((second - offset) * float(clock.fps) + 1e-6) for second in found)
    return tuple(dict.fromkeys(frame for frame in frames if 0 <= frame <= clock.last))


def _means(values: Array, edges: Array) -> Array:
    """(n,) means of a step function between its `edges` (n + 1,), in steps; 0 outside."""
    whole = np.concatenate([[0.0], np.cumsum(values)])
    until = np.interp(edges, np.arange(len(whole)), whole)
    return np.clip(np.diff(until) / np.diff(edges), 0.0, 1.0)


def _travel(energy: Array) -> Array:
    """(n,) from 0 to 1 as energy adds up; evenly where there is silence all along."""
    steps = energy[:-1]
    if not steps.sum() > 0:
        return np.linspace(0.0, 1.0, len(energy))
    return np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
