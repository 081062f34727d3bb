"""The options of every command that takes a schedule: the file, and `--set name=value`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animate.render.checked import Document
    from animate.schedule.schedule import Schedule


def add_schedule(parser: argparse.ArgumentParser) -> None:
    """Ask for a schedule and its overrides."""
    parser.add_argument("file", metavar="FILE", help="a schedule (YAML), or an old Deforum settings file")
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    """Ask for overrides."""
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        dest="overrides",
        type=_pair,
        action="append",
        default=[],
        help="use this value instead of the schedule's; can be given again",
    )


def load(args: argparse.Namespace, document: Document | None = None) -> Schedule:
    """The schedule that the options name; `document` stands in for `args.file` where there is none, or several."""
    from animate.render.checked import load as load_file

    return load_file(args.file if document is None else document, overrides(args))


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """What `--set` asked for; of two values for one name the last one counts."""
    return dict(args.overrides)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as fps=24")
    return name.strip(), value.strip()
