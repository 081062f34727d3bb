"""Go on with a render that was interrupted: every frame comes out as if it had never stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path, help="the run directory")
    parser.add_argument("--restart", action="store_true", help="discard the frames that are there and begin anew")
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render.run import resume

    print(resume(args.directory, restart=args.restart, progress=reporting.progress(args)))
    return 0
