"""What a plot shows of a plan, before anything is drawn: panels, prompts, marks and constants.

Both drawings (matplotlib and HTML) are made from this, so they tell the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from animate.schedule.clock import Clock
from animate.schedule.fields import FIELDS, INF
from animate.schedule.plan import Plan
from animate.schedule.prompts import Text, Voice, moving
from animate.schedule.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Line:
    """One field that changes."""

    name: str
    values: np.ndarray
    """(n,) float64."""
    held: bool
    """A whole-numbered field: drawn in steps."""
    color: int
    """Number of its colour; runs on from panel to panel."""

    @property
    def label(self) -> str:
        """The name as it stands beside the panel."""
        return self.name.replace("perspective_flip", "flip")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Fields of one group that share a unit, and so a scale."""

    group: str
    unit: str
    lines: tuple[Line, ...]
    low: float
    high: float
    """Ends of the scale, with a margin."""

    @property
    def rest(self) -> float:
        """Where the area below a curve ends: 0 where the scale has it, else the lower end."""
        return 0.0 if self.low < 0 < self.high else self.low

    def ticks(self) -> list[float]:
        """At most four round numbers inside the scale."""
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 2))
        for factor in (1, 2, 5, 10):
            first = math.ceil(self.low / (step * factor))
            ticks = [round(count * step * factor, 10) for count in range(first, int(self.high // (step * factor)) + 1)]
            if len(ticks) <= 4:
                break
        return ticks


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text that changes: the prompts, or a field such as the sampler."""

    name: str
    texts: tuple[str, ...]
    """One for each key, in the order of time."""
    frames: tuple[int, ...]
    """The frames of the keys."""
    first: np.ndarray
    """(n,) number of the key that each frame comes from."""
    share: np.ndarray
    """(n,) share of the key after it, in [0, 1]."""

    @cached_property
    def colors(self) -> list[int]:
        """Number of each key's colour; equal texts have the same."""
        numbers: dict[str, int] = {}
        return [numbers.setdefault(text, len(numbers)) for text in self.texts]

    @cached_property
    def leading(self) -> np.ndarray:
        """(n,) number of the key with the largest share."""
        return self.first + (self.share > 0.5)

    def spans(self) -> list[tuple[int, int, str]]:
        """(first frame, last frame, text) of each stretch in which one text has the largest share."""
        leading = self.leading
        starts = [0, *(np.flatnonzero(np.diff(leading)) + 1).tolist()]
        ends = [*(start - 1 for start in starts[1:]), len(leading) - 1]
        return [(start, end, self.texts[leading[start]]) for start, end in zip(starts, ends)]

    def mixture(self, colors: Sequence[np.ndarray]) -> np.ndarray:
        """(n, 3) colour of each frame, from the colours (3,) of the palette."""
        own = np.array([colors[number % len(colors)] for number in self.colors])  # (k, 3)
        after = own[np.minimum(self.first + 1, len(own) - 1)]
        return own[self.first] + self.share[:, None] * (after - own[self.first])


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Everything that is drawn."""

    title: str
    subtitle: str
    frames: int
    fps: float
    panels: tuple[Panel, ...]
    words: tuple[Words, ...]
    cuts: tuple[int, ...]
    """First frames of the shots after the first."""
    beats: np.ndarray
    """Positions of the beats in frames."""
    cues: tuple[tuple[str, int], ...]
    """(name, frame)."""
    onsets: tuple[tuple[str, int], ...]
    """Cues that are heard, and how many there are of each; too many to be named one by one."""
    constants: tuple[tuple[str, str], ...]
    """(name, value) of fields that do not change and that are not as they would be without being said."""

    @property
    def lone_cues(self) -> list[int]:
        """Frames of the cues that do not fall on a cut."""
        return [frame for _, frame in self.cues if frame not in self.cuts]

    def flags(self) -> list[tuple[str, str, float]]:
        """(kind, text, frame) of the words above the first row; a cue at a cut shares its flag."""
        named = {frame: name for name, frame in self.cues}
        flags = [("cut", f"{named[cut]} (cut)" if cut in named else "cut", cut - 0.5) for cut in self.cuts]
        flags += [("cue", name, float(frame)) for name, frame in self.cues if frame not in self.cuts]
        shown: list[tuple[str, str, float]] = []
        for flag in sorted(flags, key=lambda flag: flag[2]):
            if not shown or flag[2] - shown[-1][2] > 0.011 * self.frames * (len(shown[-1][1]) + 1):
                shown.append(flag)
        return shown

    def time_marks(self) -> list[float]:
        """Round times in seconds for the axis, at most fifteen."""
        seconds = self.frames / self.fps
        step = next((step for step in TIME_STEPS if seconds / step <= 14), seconds / 10)
        marks = np.arange(0, seconds + 1e-9, step)
        return [float(mark) for mark in marks if mark * self.fps <= self.frames - 0.5]


TIME_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds between the marks of a time axis."""


def of(schedule: Schedule, plan: Plan) -> Chart:
    """The chart of a schedule and its plan: only what changes is drawn, the rest is listed."""
    frames = len(plan)
    fps, bpm = float(plan.fps), schedule.clock.bpm
    rate = f"{fps:.5g} frames/s" + (f" · {bpm:g} beats/min" if bpm else "")
    height, width = plan.size
    clock = schedule.clock
    heard = {f"{name}{number}" for name, found in clock.groups.items() for number in range(1, len(found) + 1)}
    return Chart(
        title=Path(schedule.file).name or "schedule",
        subtitle=f"{frames} frames · {plan.seconds:.4g} s · {rate} · {width} × {height}"
        f" · {plan.settings['animation_mode']}",
        frames=frames,
        fps=fps,
        panels=_panels(plan),
        words=(_prompts(schedule, plan), *_tracks(schedule, plan), *_texts(schedule, plan)),
        cuts=tuple(np.flatnonzero(plan.cut).tolist()),
        beats=_beats(clock, frames),
        cues=tuple((name, frame) for name, frame in clock.cues.items() if name not in heard),
        onsets=tuple((name, len(frames)) for name, frames in clock.groups.items()),
        constants=_constants(plan),
    )


def changing(plan: Plan) -> list[str]:
    """Names of the curve fields that change and take effect, in the order of the table."""
    names = []
    for field in FIELDS.values():
        if field.kind != "curve" or (field.name == "subseed" and not plan["subseed_strength"].any()):
            continue
        values = plan[field.name]
        if len(values) and np.ptp(values) > 1e-9 * max(1.0, float(np.abs(values).max())):
            names.append(field.name)
    return names


def _panels(plan: Plan) -> tuple[Panel, ...]:
    shared: dict[tuple[object, ...], list[str]] = {}
    for name in changing(plan):
        field = FIELDS[name]
        scale = field.unit or (field.low, field.high if field.high < INF else name)
        shared.setdefault((field.group, scale, field.whole), []).append(name)
    panels: list[Panel] = []
    for (group, *_), names in shared.items():
        drawn = sum(len(panel.lines) for panel in panels)
        lines = tuple(
            Line(name=name, values=plan[name], held=FIELDS[name].whole, color=drawn + index)
            for index, name in enumerate(names)
        )
        low = min(float(line.values.min()) for line in lines)
        high = max(float(line.values.max()) for line in lines)
        margin = 0.08 * (high - low)
        panels.append(
            Panel(group=str(group), unit=FIELDS[names[0]].unit, lines=lines, low=low - margin, high=high + margin)
        )
    return tuple(panels)


def _beats(clock: Clock, frames: int) -> np.ndarray:
    """Frames of the beats: where they are heard, else evenly."""
    fps = float(clock.fps)
    if clock.beats:
        return np.array([second * fps for second in clock.beats if second * fps < frames])
    return np.arange(0, frames, fps * 60 / clock.bpm) if clock.bpm else np.empty(0)


def _prompts(schedule: Schedule, plan: Plan) -> Words:
    settings = plan.settings
    track = schedule.prompts
    ratio, ease = float(settings["prompt_fixed_ratio"]), str(settings["prompt_ease"])
    way = moving(track.times, plan.cut, str(settings["prompt_interpolation"]), ratio, ease)
    voice = Voice(track, *way, np.ones(len(plan))).travelled(
        plan["prompt_travel"], held=settings["prompt_interpolation"] == "hold"
    )
    texts = tuple(_said(key.positive) for key in track.keys)
    return Words(name="prompts", texts=texts, frames=tuple(track.times), first=voice.key, share=voice.coming)


def _tracks(schedule: Schedule, plan: Plan) -> list[Words]:
    """Tracks beside the prompts, each from nothing to its first text by its fades; without their weights."""
    found = []
    for layer in schedule.layers:
        text = _said(layer.track.keys[0].positive)
        fade = layer.share(np.ones(len(plan)))
        name = f"not: {layer.name}" if layer.negative else layer.name
        still = np.zeros(len(plan), np.intp)
        found.append(Words(name=name, texts=("", text), frames=(0, max(layer.first, 1)), first=still, share=fade))
    return found


def _said(text: Text) -> str:
    """A prompt as it was written, expressions included."""
    return "".join(part if isinstance(part, str) else f"`{part.text}`" for part in text.parts)


def _texts(schedule: Schedule, plan: Plan) -> list[Words]:
    """Text fields that change."""
    found = []
    for name, track in schedule.texts.items():
        if len(set(plan.text[name])) > 1:
            times = tuple(frame for frame, _, _ in track.keys)
            first = np.clip(np.searchsorted(times, np.arange(len(plan)), side="right") - 1, 0, None)
            texts = tuple(text for _, text, _ in track.keys)
            found.append(Words(name=name, texts=texts, frames=times, first=first, share=np.zeros(len(plan))))
    return found


def _constants(plan: Plan) -> tuple[tuple[str, str], ...]:
    moving = set(changing(plan))
    model = str(plan.settings.get("model", ""))
    shown = []
    for field in FIELDS.values():
        if field.kind == "curve" and field.name not in moving and field.name != "subseed":
            value = float(plan[field.name][0])
            if value != field.default_for(model):
                shown.append((field.name, f"{value:.6g}"))
    return tuple(shown)
