"""Go on with a render that was interrupted: every frame comes out as if it had never stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path, help="the run directory")
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render.run import resume

    print(resume(args.directory, progress=reporting.progress(args)))
    return 0
