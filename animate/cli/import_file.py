"""Turn an old settings file of Deforum into a short schedule of our own that plans the same.

Without -o the schedule is printed. What the old file held and Deforum repaired or ignored is told, and so is what will
differ. An old file can also be rendered as it is: `animate render old_settings.txt -o DIR`.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path

from animate.cli import overrides
from animate.cli.files import add_force, refuse_existing, write
from animate.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the old settings file (.txt or .json)")
    parser.add_argument("-o", "--output", metavar="NEW", type=Path, help="the schedule to write (.yaml)")
    overrides.add_set(parser)
    add_force(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render import checked
    from animate.schedule.importers import native

    if args.output:
        refuse_existing(args.output, args.force)
    schedule = checked.load(args.file, overrides.overrides(args), any_size=True)  # for whichever model it will name
    if not schedule.origin:
        raise BadInput(f"{args.file} is a schedule of animate already; nothing to import")
    text = native.to_yaml(schedule, args.output.parent if args.output else Path())
    for warning in (*schedule.warnings, *checked.misfits(schedule)):
        print(warning, file=sys.stderr)
    if args.output:
        write(args.output, text)
        if schedule.differs:
            print(textwrap.fill(schedule.differs, 100, initial_indent="  ", subsequent_indent="  "))
        print(args.output)
    else:
        print(text, end="")
    return 0
