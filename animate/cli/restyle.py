"""Restyle a film: the same film in another world, with its rate and its sound.

    animate restyle film.mp4 --prompt "a city in winter, painted" -o out/winter
    animate restyle film.mp4 --prompt "a city in winter, painted" -o out/keys --mode keyed --frames 48:144

DIR becomes a run directory like `render`'s; its schedule.yaml is what was run, to be changed and rendered again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from animate.cli import overrides, reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("film", metavar="FILM", type=Path, help="any file that ffmpeg reads")
    parser.add_argument("--prompt", required=True, help="what to paint; `--neg …` inside it is what to avoid")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="run directory")
    parser.add_argument(
        "--mode",
        choices=("frames", "carried", "keyed"),
        default="carried",
        help="each frame by itself, from the one before, or every eighth carried to those between (carried)",
    )
    parser.add_argument("--strength", type=float, metavar="S", help="1 keeps the film, 0 ignores it (0.5)")
    parser.add_argument(
        "--own",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="share of each frame's own noise: keeps faces (0.5)",
    )
    parser.add_argument("--source", default="", metavar="TEXT", help="what the film shows, for the same")
    parser.add_argument("--seed", type=int, default=1, help="seed of all frames (1)")
    parser.add_argument("--size", metavar="WxH", help="size of the picture (as the film and the model like it)")
    parser.add_argument("--frames", metavar="A:B", help="from frame A of the film up to, without, frame B")
    parser.add_argument("--model", help="the model (embedded)")
    parser.add_argument("--restart", action="store_true", help="discard what an earlier run left in DIR")
    overrides.add_set(parser)
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render import film_schedule
    from animate.render.run import render

    more: dict[str, Any] = {"strength": 0.5 if args.strength is None else args.strength, "seed": args.seed}
    if args.own > 0:
        more["inversion"] = args.own
    if args.source:
        more["source_prompt"] = args.source
    if args.model:
        more["model"] = args.model
    progress = reporting.progress(args)
    document = film_schedule.schedule(
        args.film,
        args.prompt,
        mode=args.mode,
        size=args.size or "",
        frames=args.frames or "",
        more=more,
        say=progress.say,
    )
    reporting.tell_about(overrides.load(args, document), args)
    print(render(document, args.output, overrides=overrides.overrides(args), restart=args.restart, progress=progress))
    return 0
