"""Render many schedules one after the other, each into its own run directory, and go on past one that fails.

A schedule with lists under `vary:` becomes one run for every combination. At the end stands a table; the exit code is 1
if any of them failed. The same command again goes on where it stopped.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from animate.cli import overrides, reporting, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", type=_named, help="schedules, or folders of them")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path("batch"), help="holds the run directories (batch)"
    )
    parser.add_argument("--draft", action="store_true", help="small and with few steps, to see it soon")
    overrides.add_set(parser)
    reporting.add_progress(parser)


def _named(text: str) -> Path:
    """A path; of an unset variable none is left, which would mean all that lies here."""
    if not text:
        raise argparse.ArgumentTypeError("a name is empty; the folder one stands in is .")
    return Path(text)


def run(args: argparse.Namespace) -> int:
    from animate.render.batch import batch

    rows = batch(
        args.files,
        args.output,
        overrides=overrides.overrides(args),
        draft=args.draft,
        progress=reporting.progress(args),
    )
    head = ["run", "result", "frames", "time", ""]
    failed = [row for row in rows if not row.ok]
    cells = [
        [
            row.name,
            "done" if row.ok else "failed",
            str(row.frames),
            f"{row.seconds:.1f} s",
            row.message if row.ok else "see below",
        ]
        for row in rows
    ]
    print(table.columns([head, *cells]))
    for row in failed:
        print(f"\n{row.name}\n{textwrap.indent(row.message, '  ')}")
    return 1 if failed else 0
