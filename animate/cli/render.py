"""Render a schedule to a video. An old Deforum settings file renders as it is.

DIR becomes a run directory: the frames, the video, the schedule as given, the plan, a contact sheet and a log. The same
command again goes on where it stopped; Ctrl-C ends the frame and closes the video so that it plays.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import overrides, reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    overrides.add_schedule(parser)
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="run directory; default: FILE's name, here")
    parser.add_argument("--draft", action="store_true", help="small and with few steps, to see it soon")
    parser.add_argument("--restart", action="store_true", help="discard what an earlier run left in DIR")
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    schedule = overrides.load(args)  # mistakes are told before the model's libraries are loaded
    reporting.tell_about(schedule, args)
    from animate.render.run import render

    output = args.output or Path(Path(args.file).stem + ("-draft" if args.draft else ""))
    video = render(
        args.file,
        output,
        overrides=overrides.overrides(args),
        draft=args.draft,
        restart=args.restart,
        progress=reporting.progress(args),
    )
    print(video)
    return 0
