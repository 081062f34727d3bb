"""Hold two videos against each other: how they differ, how much each flickers, how far each is from its source.

    animate compare frames/video.mp4 carried/video.mp4 --source film.mp4
    animate compare a.mp4 b.mp4 -o beside.mp4      also written: a, b and their difference, side by side

All figures are mean absolute differences, in levels of 255. Flicker is measured along the motion of the source.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from animate.cli import files, reporting
from animate.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", type=Path, help="a video, or a folder of pictures")
    parser.add_argument("b", metavar="B", type=Path, help="another, equally long")
    parser.add_argument("--source", metavar="FILM", type=Path, help="the film both were made from")
    parser.add_argument(
        "--frames", metavar="A:B", help="the part of FILM they were made from (as their run says; else all of it)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write a video of both side by side")
    parser.add_argument("--json", action="store_true", help="the figures as JSON, in shares of 1")
    files.add_force(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render.compare import compare

    if args.frames and not args.source:
        raise BadInput("--frames is the part of a film that is named with --source")
    if args.output:
        for read in (args.a, args.b, args.source):
            if read is not None:
                files.refuse_input(args.output, read)
        files.refuse_existing(args.output, args.force)
    part = args.frames or ""
    found = compare(args.a, args.b, args.source, args.output, frames_of_source=part, say=reporting.complain)
    if args.json:
        print(json.dumps(found.plain()))
        return 0
    print(f"{found.frames} frames, differing by {255 * found.difference:.2f} levels of 255")
    print(f"{'':10} {'flicker':>9} {'motion':>9} {'change':>9}")
    names = [path.stem for path in (args.a, args.b)]
    if names[0] == names[1]:
        names = [path.resolve().parent.name for path in (args.a, args.b)]
    for name, figures in zip(names, (found.a, found.b)):
        change = "–" if figures.change is None else f"{255 * figures.change:.2f}"
        print(f"{name[:10]:10} {255 * figures.flicker:9.2f} {255 * figures.motion:9.2f} {change:>9}")
    return 0
