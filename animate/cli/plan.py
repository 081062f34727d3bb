"""Print every value of every frame: --csv for a spreadsheet (the default), --json for a program."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from animate.cli import overrides
from animate.cli.files import write
from animate.schedule.fields import FIELDS

if TYPE_CHECKING:
    from animate.schedule.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    overrides.add_schedule(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="one row a frame, one column a field")
    form.add_argument("--json", action="store_true", help="the whole plan, settings included")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write to a file (replaced if it is there)")


def run(args: argparse.Namespace) -> int:
    from animate.schedule.plan import compile

    plan = compile(overrides.load(args))
    text = plan.to_json() if args.json else table(plan)
    if args.output:
        write(args.output, text)
        print(args.output)
    else:
        print(text, end="" if text.endswith("\n") else "\n")
    return 0


def table(plan: Plan) -> str:
    """The plan as CSV: frame, time, cut, every curve and text, and the prompts with their weights."""
    curves = [field.name for field in FIELDS.values() if field.kind == "curve"]
    columns = [plan[name].tolist() for name in curves]
    texts = list(plan.text)
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["frame", "seconds", "cut", *curves, *texts, "prompts"])
    for index in range(len(plan)):
        said = [_prompt(*prompt) for prompt in plan[index].prompts]
        rows.writerow(
            [index, f"{index / float(plan.fps):.6g}", int(plan.cut[index])]
            + [f"{column[index]:.10g}" for column in columns]
            + [plan.text[name][index] for name in texts]
            + [" | ".join(said)]
        )
    return out.getvalue()


def _prompt(positive: str, negative: str, weight: float) -> str:
    share = "" if weight == 1 else f"{weight:.4g} × "
    return f"{share}{positive}{' --neg ' + negative if negative else ''}"
