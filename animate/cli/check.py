"""List every mistake of a schedule at its line, or show on one screen what it does; of several, on a line each.

Nothing is rendered and no model is loaded. Exit code 2 where there are mistakes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animate.cli import chart, overrides
from animate.errors import BadInput
from animate.schedule.fields import FIELDS

if TYPE_CHECKING:
    from animate.schedule.plan import Plan
    from animate.schedule.schedule import Schedule

BARS = "▁▂▃▄▅▆▇█"
CURVE = 40
"""Width of a small curve, in letters."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="a schedule (YAML), or an old Deforum settings file; several"
    )
    overrides.add_set(parser)


def run(args: argparse.Namespace) -> int:
    codes = [_checked(file, args) for file in args.files]
    return max(codes)


def _checked(file: str, args: argparse.Namespace) -> int:
    from animate.schedule.compile import compile

    try:
        schedule = overrides.load(args, file)
        runs = _runs(file, args, schedule)
    except BadInput as error:
        print(error, file=sys.stderr)
        return error.exit_code
    plan = compile(schedule)
    if len(args.files) == 1:
        print("\n".join([*summary(file, schedule, plan), *runs]))
    else:
        warned = f", {len(plan.warnings)} warnings" if plan.warnings else ""
        print(f"{file}: {chart.of(schedule, plan).subtitle}{warned}")
    return 0


def summary(file: str, schedule: Schedule, plan: Plan) -> Iterator[str]:
    """The screen, line by line."""
    drawing = chart.of(schedule, plan)
    yield file
    yield f"  {drawing.subtitle}"
    yield f"  {_work(plan)}"
    yield from _curves(drawing)
    if drawing.constants:
        yield from _paragraph("constant", "   ".join(f"{name} {value}" for name, value in drawing.constants))
    yield from _prompts(drawing)
    if drawing.cuts:
        yield from _paragraph("cuts", ", ".join(str(cut) for cut in drawing.cuts))
    cues = [f"{name} at {frame:g}" for name, frame in drawing.cues]
    cues += [f"{name}1 to {name}{count} (onsets)" for name, count in drawing.onsets if count]
    if cues:
        yield from _paragraph("cues", ", ".join(cues))
    if schedule.differs:
        yield from _paragraph("differs", schedule.differs)
    warnings = [str(warning) for warning in plan.warnings] + _lacking(plan)
    if warnings:
        yield ""
        yield f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}"
        yield from (f"  {warning}" for warning in warnings)


def _lacking(plan: Plan) -> list[str]:
    """What this disk has too little of; a render may go to another, and is refused only there."""
    from animate.render.run_dir import RunDirectory

    height, width = plan.size
    lacking = RunDirectory(Path()).lacks(len(plan), height * width)
    return [f"{lacking} (-o on another disk)"] if lacking else []


def _runs(file: str, args: argparse.Namespace, schedule: Schedule) -> list[str]:
    """What `vary:` multiplies out; each run is checked as well."""
    if not schedule.vary:
        return []
    from animate.render.checked import variants

    count = len(variants(file, overrides.overrides(args)))
    factors = " × ".join(f"{len(values)} {name}" for name, values in schedule.vary.items())
    return list(_paragraph("vary", f"{count} runs under `animate batch`: {factors}"))


def _work(plan: Plan) -> str:
    """What will be painted, with which model."""
    seed = f"seed {plan.settings['seed']}{' (drawn by chance)' if plan.seed_drawn else ''}"
    return f"{int(plan.redrawn.sum())} of {len(plan)} frames painted by {plan.settings['model']}, {seed}"


def _curves(drawing: chart.Chart) -> Iterator[str]:
    lines = [line for panel in drawing.panels for line in panel.lines]
    if not lines:
        yield from _paragraph("animated", "nothing: every value is the same in all frames")
        return
    yield ""
    width = max(len(line.name) for line in lines)
    for line in lines:
        low, high = line.values.min(), line.values.max()
        unit = FIELDS[line.name].unit
        yield f"  {line.name:<{width}}  {_small(line.values)}  {low:.5g} … {high:.5g} {unit}".rstrip()


def _small(values: np.ndarray) -> str:
    """A curve in a row of letters: the mean of each stretch, between the smallest and the largest value."""
    edges = np.linspace(0, len(values), min(CURVE, len(values)) + 1).astype(int)
    means = np.add.reduceat(values, edges[:-1]) / np.diff(edges)
    low, high = values.min(), values.max()
    heights = ((means - low) / (high - low) * (len(BARS) - 1)).round().astype(int) if high > low else means * 0
    return "".join(BARS[int(height)] for height in heights).ljust(CURVE)


def _prompts(drawing: chart.Chart) -> Iterator[str]:
    """Each text at its key."""
    for words in drawing.words:
        yield ""
        yield f"  {words.name}"
        keys = list(zip(words.frames, words.texts))
        for first, text in keys[:MOST_PROMPTS]:
            start = f"  {first:>7}  {_clock(first / drawing.fps):>8}  "
            yield from textwrap.wrap(
                " ".join(text.split()) or "(empty)", _width(), initial_indent=start,
                subsequent_indent=" " * len(start), max_lines=3, placeholder=" …",
            )  # fmt: skip
        if len(keys) > MOST_PROMPTS:
            yield f"  {'':>7}  {'':>8}  … and {len(keys) - MOST_PROMPTS} more"


MOST_PROMPTS = 12


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:05.2f}" if minutes else f"{rest:.2f} s"


def _paragraph(head: str, text: str) -> Iterator[str]:
    yield ""
    yield from textwrap.wrap(text, _width(), initial_indent=f"  {head:<9} ", subsequent_indent=" " * 12)


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 110) if sys.stdout.isatty() else 100
