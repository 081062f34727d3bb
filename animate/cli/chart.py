"""What a plot shows of a plan, before anything is drawn: panels, prompts, marks and constants.

Both drawings (matplotlib and HTML) are made from this, so they tell the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from animate.schedule.fields import FIELDS, INF

if TYPE_CHECKING:
    from animate.schedule.plan import Plan


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
    """The texts in the order in which they first appear."""
    weights: np.ndarray
    """(n, texts): the share of each text in each frame; rows sum to 1."""

    def spans(self, index: int) -> list[tuple[int, int]]:
        """(first, last) of each run of frames in which this text has the largest share."""
        leads = np.flatnonzero(self.weights.argmax(axis=1) == index)
        if not len(leads):
            return []
        breaks = np.flatnonzero(np.diff(leads) > 1)
        starts, ends = [0, *(breaks + 1)], [*breaks, len(leads) - 1]
        return [(int(leads[start]), int(leads[end])) for start, end in zip(starts, ends)]


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
    cues: tuple[tuple[str, float], ...]
    """(name, frame)."""
    constants: tuple[tuple[str, str], ...]
    """(name, value) of fields that do not change and that are not as they would be without being said."""

    def time_marks(self) -> list[float]:
        """Round times in seconds for the axis, at most fifteen."""
        seconds = self.frames / self.fps
        step = next((step for step in TIME_STEPS if seconds / step <= 14), seconds / 10)
        marks = np.arange(0, seconds + 1e-9, step)
        return [float(mark) for mark in marks if mark * self.fps <= self.frames - 0.5]


TIME_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds between the marks of a time axis."""


def of_plan(plan: Plan, title: str) -> Chart:
    """The chart of a plan: only what changes is drawn, the rest is listed."""
    frames = len(plan)
    fps = float(plan.fps)
    size = f"{plan.settings['width']} × {plan.settings['height']}"
    bpm = float(plan.settings.get("bpm") or 0)
    beats = np.arange(0, frames, fps * 60 / bpm) if bpm else np.empty(0)
    rate = f"{fps:g} frames/s" + (f" · {bpm:g} beats/min" if bpm else "")
    return Chart(
        title=title,
        subtitle=f"{frames} frames · {frames / fps:.4g} s · {rate} · {size} · {plan.settings['animation_mode']}",
        frames=frames,
        fps=fps,
        panels=_panels(plan),
        words=(_prompts(plan), *_texts(plan)),
        cuts=tuple(int(frame) for frame in np.flatnonzero(plan.cut) if frame > 0),
        beats=beats,
        cues=tuple(plan.cues.items()),
        constants=_constants(plan),
    )


def changing(plan: Plan) -> list[str]:
    """Names of the curve fields that are not the same in every frame, in the order of the table."""
    names = []
    for field in FIELDS.values():
        if field.kind != "curve":
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


def _prompts(plan: Plan) -> Words:
    rows = [plan[index].prompts for index in range(len(plan))]
    return _weighted("prompts", [[(positive, weight) for positive, _, weight in row] for row in rows])


def _texts(plan: Plan) -> list[Words]:
    """Text fields that change."""
    found = []
    for name, texts in plan.text.items():
        if len(set(texts)) > 1:
            found.append(_weighted(name, [[(text, 1.0)] for text in texts]))
    return found


def _weighted(name: str, rows: Sequence[Sequence[tuple[str, float]]]) -> Words:
    order: dict[str, int] = {}
    for row in rows:
        for text, _ in row:
            order.setdefault(text, len(order))
    weights = np.zeros((len(rows), max(len(order), 1)))
    for index, row in enumerate(rows):
        for text, weight in row:
            weights[index, order[text]] += weight
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return Words(name=name, texts=tuple(order), weights=weights)


def _constants(plan: Plan) -> tuple[tuple[str, str], ...]:
    moving = set(changing(plan))
    model = str(plan.settings.get("model", ""))
    shown = []
    for field in FIELDS.values():
        if field.kind == "curve" and field.name not in moving and len(plan):
            value = float(plan[field.name][0])
            if value != field.default_for(model):
                shown.append((field.name, f"{value:.6g}"))
    return tuple(shown)
