"""How a command that takes its time tells where it is."""

from __future__ import annotations

import argparse
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from animate.render.progress import Progress
    from animate.schedule.schedule import Schedule


def add_progress(parser: argparse.ArgumentParser) -> None:
    """Ask how progress is shown."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-q", "--quiet", action="store_true", help="no progress, only errors")
    how.add_argument("--progress-json", action="store_true", help="progress as lines of JSON instead, for programs")


def progress(args: argparse.Namespace) -> Progress:
    """A bar for people, lines of JSON for programs, or nothing."""
    from animate.render import progress as ways

    if args.quiet:
        return ways.Quiet()
    return ways.Lines(sys.stdout) if args.progress_json else ways.Bar(sys.stderr)


def complain(text: str) -> None:
    """Say on stderr what a command that shows no progress has to say."""
    print(text, file=sys.stderr)


def tell_about(schedule: Schedule, args: argparse.Namespace) -> None:
    """Say on stderr what is worth a word before a render: warnings, and what will differ for an old file."""
    if args.quiet:
        return
    for warning in schedule.warnings:
        print(warning, file=sys.stderr)
    if schedule.vary:
        print("vary: only `animate batch` multiplies it out; this renders the schedule once", file=sys.stderr)
    if schedule.differs:
        print(textwrap.fill(schedule.differs, 100), file=sys.stderr)
