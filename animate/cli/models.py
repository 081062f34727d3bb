"""List the models that can be used here, or hold their files against their checksums.

animate models            everything that was found, with the name to write after `model:`
animate models verify     checks the embedded models; a NAME after it checks one
"""

from __future__ import annotations

import argparse

from animate.cli import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", choices=("list", "verify"), default="list", help="default: list")
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="with verify: only this model")


def run(args: argparse.Namespace) -> int:
    from animate.render import models

    if args.what == "list":
        rows = [[model.name, model.kind, model.note] for model in models.found()]
        print(table.columns([["model", "kind", ""], *rows]) if rows else "No models were found.")
        return 0
    checked = models.verified(args.name)
    if not checked:
        print("No model here has checksums.")
        return 1
    print(table.columns([[part.file, "fine" if part.ok else "damaged", part.note] for part in checked]))
    return 0 if all(part.ok for part in checked) else 1
