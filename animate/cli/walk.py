"""Walk from prompt to prompt: conditioning and noise travel, and every frame is painted by itself.

    animate walk "a lake at dawn" "a lake at night" "a city at night" --frames 60 --seed 1 2 3 -o out/walk

DIR becomes a run directory like `render`'s; its schedule.yaml is the walk as a schedule, to be changed and rendered.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from animate.cli import overrides, reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompts", metavar="PROMPT", nargs="+", help="stations of the walk")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="run directory")
    parser.add_argument("--frames", type=int, default=60, help="how many frames in all (60)")
    parser.add_argument("--fps", default="12", help="frames a second (12)")
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="one for all, or one for each prompt (1)")
    parser.add_argument("--negative", default="", metavar="TEXT", help="what to avoid everywhere")
    parser.add_argument(
        "--blend", choices=("lerp", "slerp", "composable"), default="lerp", help="between prompts (lerp)"
    )
    parser.add_argument("--loop", action="store_true", help="go back to the first prompt, so that the video loops")
    parser.add_argument(
        "--pace",
        choices=("steady", "even"),
        default="steady",
        help="even: frames differ equally; paints up to 4 × as many",
    )
    parser.add_argument("--model", help="the model (embedded)")
    parser.add_argument("--restart", action="store_true", help="discard what an earlier run left in DIR")
    overrides.add_set(parser)
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render import walk
    from animate.render.run import render

    wanted = walk.Walk(prompts=tuple(args.prompts), seeds=tuple(args.seed), frames=args.frames, loop=args.loop)
    extra: dict[str, Any] = {"fps": args.fps, "prompt_interpolation": args.blend}
    if args.negative:
        extra["negative_prompts"] = args.negative
    if args.model:
        extra["model"] = args.model
    said, progress = overrides.overrides(args), reporting.progress(args)
    way = walk.even(wanted, extra, said, progress) if args.pace == "even" else wanted.steady()
    document = {**walk.schedule(wanted, way), **extra}
    print(render(document, args.output, overrides=said, restart=args.restart, progress=progress))
    return 0
