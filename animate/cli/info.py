"""Read back what made a picture, a video or a run directory: prompt, settings, seed, model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from animate.cli import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="a picture, a video, or a run directory")
    parser.add_argument("--json", action="store_true", help="for programs")


def run(args: argparse.Namespace) -> int:
    from animate.render.info import info

    found = info(args.file)
    if args.json:
        print(json.dumps(dict(found), ensure_ascii=False, indent=1))
        return 0
    short = [[key, text] for key, text in found if "\n" not in text]
    print(table.columns(short))
    for key, text in found:
        if "\n" in text:
            print(f"\n{key}\n" + "\n".join(f"  {line}" for line in text.splitlines()))
    return 0
