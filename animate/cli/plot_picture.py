"""A chart as PNG or SVG, by matplotlib."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animate.cli.chart import Chart, Panel, Words
from animate.cli.palette import Palette
from animate.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INCHES = 13.0
"""Width of the picture."""
BAND, CURVE = 0.72, 1.15
"""Heights of a band of texts and of a panel of curves, in inches."""
ABOVE, BELOW, BETWEEN = 0.98, 0.66, 0.14
LEFT, RIGHT = 1.72, 1.2
MOST_TEXTS = 200
"""More could not be read."""
FONTS = ["DejaVu Sans"]


def draw(chart: Chart, path: Path, palette: Palette) -> None:
    """Write the chart; the suffix of `path` chooses the format.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        hint = "`pip install 'animate[plot]'`, or write an .html plot, which needs nothing"
        raise MissingExtra(f"a plot as {path.suffix} needs matplotlib ({hint})") from None
    heights = [BAND] * len(chart.words) + [CURVE] * len(chart.panels)
    below = BELOW + 0.2 * len(_footer(chart))
    height = ABOVE + sum(heights) + BETWEEN * (len(heights) - 1) + below
    with rc_context({"font.family": FONTS, "font.size": 9, "svg.fonttype": "path", "svg.hashsalt": "animate"}):
        figure = Figure(figsize=(INCHES, height), facecolor=palette.paper)
        FigureCanvasAgg(figure)
        rows = _rows(figure, heights, height, palette)
        for axes, words in zip(rows, chart.words):
            _draw_words(axes, words, chart, palette)
        for axes, panel in zip(rows[len(chart.words) :], chart.panels):
            _draw_panel(axes, panel, chart, palette)
        for axes in rows:
            _draw_marks(axes, chart, palette, curves=axes in rows[len(chart.words) :])
        _draw_time(rows[-1], chart, palette)
        _draw_titles(figure, rows[0], chart, height, palette)
        figure.savefig(path, dpi=144, facecolor=palette.paper, metadata=_no_date(path))


def _no_date(path: Path) -> dict[str, Any]:
    return {"Date": None} if path.suffix.lower() == ".svg" else {}


def _rows(figure: Figure, heights: list[float], height: float, palette: Palette) -> list[Axes]:
    """One pair of axes a row, all with the same time axis."""
    rows = []
    top = height - ABOVE
    for row in heights:
        box = (LEFT / INCHES, (top - row) / height, (INCHES - LEFT - RIGHT) / INCHES, row / height)
        axes = figure.add_axes(box, facecolor=palette.panel)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, colors=palette.faint, labelsize=8)
        axes.set_xticks([])
        rows.append(axes)
        top -= row + BETWEEN
    return rows


def _draw_words(axes: Axes, words: Words, chart: Chart, palette: Palette) -> None:
    """A band whose colour is the mixture of the texts at each frame, each text where it is strongest."""
    strip = words.mixture(palette.bands())[None]
    axes.imshow(strip, aspect="auto", extent=(-0.5, chart.frames - 0.5, 0, 1), interpolation="nearest")
    axes.set(xlim=(-0.5, chart.frames - 0.5), ylim=(0, 1), yticks=[])
    inches = (INCHES - LEFT - RIGHT) / chart.frames
    for first, last, text in words.spans()[:MOST_TEXTS]:
        shown = _fitted(text, (last - first + 1) * inches - 0.16, lines=3)
        if shown:
            axes.text(
                first - 0.5 + 0.08 / inches, 0.5, shown, va="center", ha="left", color=palette.text, fontsize=8,
                linespacing=1.25, clip_on=True, parse_math=False,
            )  # fmt: skip
        if first > 0:
            axes.axvline(first - 0.5, color=palette.text, alpha=0.25, linewidth=0.8)
    axes.annotate(
        words.name, (0, 0.5), xytext=(-12, 0), xycoords="axes fraction", textcoords="offset points", ha="right",
        va="center", color=palette.text, fontsize=9,
    )  # fmt: skip


def _fitted(text: str, room: float, lines: int) -> str:
    """As much of the text as fits into a width of `room` inches and so many lines; "" where nothing does."""
    letters = int(room / 0.068)  # mean width of a letter at 8 points
    if letters < 4:
        return ""
    text = " ".join(text.split()) or "(empty)"
    return "\n".join(textwrap.wrap(text, letters, max_lines=lines, placeholder=" …", break_long_words=True))


def _draw_panel(axes: Axes, panel: Panel, chart: Chart, palette: Palette) -> None:
    frames = np.arange(chart.frames)
    axes.set(xlim=(-0.5, chart.frames - 0.5), ylim=(panel.low, panel.high))
    axes.yaxis.tick_right()
    ticks = panel.ticks()
    axes.set_yticks(ticks, [f"{tick:.5g}" for tick in ticks])
    axes.grid(axis="y", color=palette.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for line in panel.lines:
        color = palette.curve(line.color)
        style = {"drawstyle": "steps-mid"} if line.held else {}
        axes.plot(frames, line.values, color=color, linewidth=1.7, solid_capstyle="round", **style)  # type: ignore[arg-type]
        axes.fill_between(
            frames, line.values, panel.rest, color=color, alpha=0.1, linewidth=0, step="mid" if line.held else None
        )
    _draw_names(axes, panel, palette)


def _draw_names(axes: Axes, panel: Panel, palette: Palette) -> None:
    """The names of the curves at the left, in their colours; below them the unit, or the group where there is none."""
    step = 12.5
    entries = [(line.label, palette.curve(line.color), 9.0) for line in panel.lines]
    entries.append((panel.unit or panel.group, palette.faint, 7.5))
    for index, (label, color, size) in enumerate(entries):
        axes.annotate(
            label, (0, 0.5), xytext=(-12, (len(entries) - 1) * step / 2 - index * step), xycoords="axes fraction",
            textcoords="offset points", ha="right", va="center", color=color, fontsize=size,
        )  # fmt: skip


def _draw_marks(axes: Axes, chart: Chart, palette: Palette, curves: bool) -> None:
    """Beats behind the curves, cuts and cues across everything."""
    if curves and 0 < len(chart.beats) <= 400:
        for count, beat in enumerate(chart.beats):
            axes.axvline(beat, color=palette.grid, linewidth=1.6 if count % 4 == 0 else 0.7, zorder=0.5)
    for frame in chart.lone_cues:
        axes.axvline(frame, color=palette.faint, linewidth=0.9, linestyle=(0, (1, 2)), zorder=3)
    for cut in chart.cuts:
        axes.axvline(cut - 0.5, color=palette.cut, linewidth=1.1, linestyle=(0, (5, 3)), zorder=3)


def _draw_time(axes: Axes, chart: Chart, palette: Palette) -> None:
    """Seconds in large, frames in small, below the last row."""
    marks = chart.time_marks()
    axes.set_xticks([mark * chart.fps for mark in marks], [f"{mark:g} s\n{mark * chart.fps:.0f}" for mark in marks])
    axes.tick_params(axis="x", pad=6, colors=palette.faint, labelsize=8)


def _draw_titles(figure: Figure, first: Axes, chart: Chart, height: float, palette: Palette) -> None:
    left, right = LEFT / INCHES, 1 - RIGHT / INCHES
    figure.text(left, 1 - 0.36 / height, chart.title, color=palette.text, fontsize=15, fontweight="bold", va="center")
    figure.text(left, 1 - 0.63 / height, chart.subtitle, color=palette.faint, fontsize=9, va="center")
    for kind, text, frame in chart.flags():
        first.annotate(
            text, (frame, 1), xytext=(3, 4), xycoords=("data", "axes fraction"), textcoords="offset points",
            color=palette.cut if kind == "cut" else palette.faint, fontsize=8, va="bottom", ha="left",
        )  # fmt: skip
    for index, line in enumerate(reversed(_footer(chart))):
        figure.text(left, (0.2 + 0.2 * index) / height, line, color=palette.faint, fontsize=8, va="center")
    figure.text(right, 0.2 / height, "seconds, frames", color=palette.faint, fontsize=8, va="center", ha="right")


def _footer(chart: Chart) -> list[str]:
    """What does not change, wrapped."""
    if not chart.constants:
        return []
    text = "constant:  " + "   ".join(f"{name} {value}".replace(" ", "\u00a0") for name, value in chart.constants)
    return textwrap.wrap(text, 130)
