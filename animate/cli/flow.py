"""Show how a video moves: each frame, its optical flow in colours, and in white where the flow is trusted.

animate flow film.mp4                          film.flow.mp4
animate flow film.mp4 -o flow.mp4 --method Farneback
"""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import files, reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("film", metavar="FILM", type=Path, help="a video, or a folder of pictures")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the video to write (FILM.flow.mp4)")
    parser.add_argument("--method", default="DIS", help="DIS, Farneback, RAFT or RAFT small (DIS)")
    files.add_force(parser)
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render.flow_view import view

    output = args.output or args.film.with_name(args.film.stem + ".flow.mp4")
    files.refuse_input(output, args.film)
    files.refuse_existing(output, args.force)
    print(view(args.film, output, method=args.method, progress=reporting.progress(args)))
    return 0
