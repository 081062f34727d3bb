"""Draw a schedule: its curves by group, its prompts, cuts, beats and cues over the time.

The suffix of -o chooses the format. An .html plot tells the values under the pointer; .png and .svg need matplotlib. A
plot is drawn anew over an older one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import overrides
from animate.cli.files import refuse_input, whole
from animate.cli.palette import THEMES
from animate.errors import BadInput

FORMATS = (".png", ".svg", ".html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    overrides.add_schedule(parser)
    parser.add_argument("-o", "--output", metavar="PLOT", type=Path, help="default: FILE's name with .plot.png, here")
    parser.add_argument("--theme", choices=tuple(THEMES), default="dark", help="default: dark")


def run(args: argparse.Namespace) -> int:
    output = args.output or Path(
        f"{Path(args.file).stem}.plot.png"
    )  # the bare name may be the picture that the schedule begins with
    if output.suffix.lower() not in FORMATS:
        raise BadInput(f"{output}: a plot is one of {', '.join(FORMATS)}")
    refuse_input(output, args.file)
    from animate.cli import chart
    from animate.schedule.compile import compile

    schedule = overrides.load(args)
    drawing = chart.of(schedule, compile(schedule))
    with whole(output) as part:
        if output.suffix.lower() == ".html":
            from animate.cli import plot_page

            plot_page.draw(drawing, part, THEMES[args.theme])
        else:
            from animate.cli import plot_picture

            plot_picture.draw(drawing, part, THEMES[args.theme])
    print(output)
    return 0
