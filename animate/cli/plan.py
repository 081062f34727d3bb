"""Print every value of every frame: --csv for a spreadsheet (the default), --json for a program."""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import overrides
from animate.cli.files import refuse_input, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    overrides.add_schedule(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="one row a frame, one column a field")
    form.add_argument("--json", action="store_true", help="the whole plan, settings included")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write to a file (replaced if it is there)")


def run(args: argparse.Namespace) -> int:
    from animate.schedule.compile import compile

    if args.output:
        refuse_input(args.output, args.file)
    plan = compile(overrides.load(args))
    text = plan.to_json(indent=1) if args.json else plan.to_csv()
    if args.output:
        write(args.output, text)
        print(args.output)
    else:
        print(text, end="" if text.endswith("\n") else "\n")
    return 0
