"""Walk from prompt to prompt: conditioning and noise travel, and every frame is painted by itself.

    animate walk "a lake at dawn" "a lake at night" "a city at night" --frames 60 --seed 1 2 3 -o out/walk
    animate walk a.png b.png c.png --prompt "an oil painting" -o out/pictures
    animate walk "a lake" "a city" --audio song.mp3 -o out/song    # as long as the song, fast where much is struck

DIR becomes a run directory like `render`'s; its schedule.yaml is the walk as a schedule, to be changed and rendered.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from animate.cli import overrides, reporting
from animate.errors import BadInput
from animate.schedule.files import PICTURES

EMBEDDED_BLEND = "composable"
"""The embedded painter's small text encoder has little to say of the mean of two prompts: its sharpness fell to 0.4 of
the softer one's. Both prompts' noise together is a picture of both."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("prompts", metavar="PROMPT", nargs="+", help="stations of the walk: prompts, or pictures")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="run directory")
    parser.add_argument("--frames", type=int, help="how many frames in all (60, or as many as the sound lasts)")
    parser.add_argument("--audio", metavar="FILE", type=Path, help="sound that tells the pace, and is the soundtrack")
    parser.add_argument("--fps", default="12", help="frames a second (12)")
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="one for all, or one for each prompt (1)")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="between pictures: what is painted there")
    parser.add_argument("--negative", default="", metavar="TEXT", help="what to avoid everywhere")
    parser.add_argument(
        "--blend",
        choices=("lerp", "slerp", "composable"),
        help="between prompts (composable with the embedded model; else lerp, at two thirds of the cost)",
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

    frames = 60 if args.frames is None else args.frames
    if pictures := _pictures(args):
        way = walk.through_pictures(pictures, frames, prompt=args.prompt, seed=args.seed[0], loop=args.loop)
        return _render({**way, **_extra(args)}, args)
    extra = _extra(args)
    if args.audio:
        if args.pace == "even":
            raise BadInput("--pace even and --audio both tell the pace; one of the two is enough")
        if not args.audio.is_file():
            raise BadInput(f"{args.audio}: there is no such file")
        lasting = 0 if args.frames is None else args.frames
        told = walk.to_music(args.prompts, args.seed, args.audio, frames=lasting, fps=args.fps, loop=args.loop)
        return _render({**told, **extra}, args)
    wanted = walk.Walk(prompts=tuple(args.prompts), seeds=tuple(args.seed), frames=frames, loop=args.loop)
    if args.pace == "even":
        wanted = wanted.drawn()  # the noise that the pace is measured with
        steps = walk.even(wanted, extra, overrides.overrides(args), reporting.progress(args))
    else:
        steps = wanted.steady()
    return _render({**walk.schedule(wanted, steps), **extra}, args)


def _render(document: dict[str, Any], args: argparse.Namespace) -> int:
    from animate.render.run import render

    reporting.tell_about(overrides.load(args, document), args)
    said, progress = overrides.overrides(args), reporting.progress(args)
    print(render(document, args.output, overrides=said, restart=args.restart, progress=progress))
    return 0


def _extra(args: argparse.Namespace) -> dict[str, Any]:
    """Fields beside the walk itself."""
    model = overrides.overrides(args).get("model", args.model or "embedded")
    blend = args.blend or (EMBEDDED_BLEND if model == "embedded" else "lerp")
    extra: dict[str, Any] = {"fps": args.fps, "prompt_interpolation": blend}
    if args.negative:
        extra["negative_prompts"] = args.negative
    if args.model:
        extra["model"] = args.model
    return extra


def _pictures(args: argparse.Namespace) -> list[Path]:
    """The stations as pictures; empty where they are prompts. Raises BadInput where they are some of both."""
    found = [Path(text) for text in args.prompts if Path(text).suffix.lower() in PICTURES]
    if not found:
        if args.prompt:
            raise BadInput("--prompt stands between pictures; prompts are stations by themselves")
        return []
    if len(found) < len(args.prompts):
        raise BadInput("a walk goes from prompt to prompt or from picture to picture, not from one to the other")
    if missing := [str(path) for path in found if not path.is_file()]:
        raise BadInput(f"{missing[0]}: there is no such file")
    if args.pace == "even" or len(args.seed) > 1 or args.audio:
        raise BadInput("from picture to picture the pace is steady, and one seed is enough")
    return found
