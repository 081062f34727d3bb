"""Fill in-betweens into a video, a folder of pictures, or between stills.

animate interpolate clip.mp4 -o smooth.mp4 --fps 60         any rate above the source's, evenly spaced
animate interpolate frames/ -o more/ --times 4              four frames for each; the given ones among them, unchanged
animate interpolate a.png b.png -o morph.mp4 --times 24     from one still to another
animate interpolate clip.mp4 -o slow.mp4 --slow 4           lasts four times as long; the sound is dropped or stretched

Cuts are found and never blended across; a rate that varies becomes even, and pixels square. --engine names the method:
flow needs nothing; rife needs `animate models get rife` once; film needs a weight file (--weights film_net_fp32.pt).
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

from animate.cli import files, reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", metavar="IN", type=Path, nargs="+", help="a video, a folder of pictures, or stills")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, required=True, help="a video (.mp4, .webm, .mov, .gif), or a folder"
    )
    parser.add_argument("--fps", type=_number, help="frames a second of the result; 24000/1001 stays exact")
    parser.add_argument("--times", type=_number, metavar="N", help="frames of the result for each of the source")
    parser.add_argument("--slow", type=_number, metavar="N", help="last N times as long")
    parser.add_argument(
        "--engine",
        default="auto",
        help="auto, film, film-halving, rife, embedded, flow, farneback, blend, hold, or one of another package",
    )
    parser.add_argument("--weights", metavar="FILE", type=Path, help="weight file of the engine")
    parser.add_argument("--device", default="auto", help="where the engine runs: auto, cuda, mps, cpu")
    parser.add_argument("--loop", action="store_true", help="go on from the last frame to the first")
    parser.add_argument("--across-cuts", action="store_true", help="do not look for cuts")
    parser.add_argument("--retime-repeats", action="store_true", help="put motion in the place of repeated frames")
    parser.add_argument("--sound", choices=("keep", "stretch", "drop"), help="default: keep; drop in slow motion")
    files.add_force(parser)
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    files.refuse_place(args.output)
    if args.output.is_file():
        files.refuse_existing(args.output, args.force)
    from animate.render.interpolate import Rate, interpolate

    written = interpolate(
        args.inputs,
        args.output,
        Rate(fps=args.fps, times=args.times, slow=args.slow),
        engine=args.engine,
        weights=args.weights,
        device=args.device,
        end="loop" if args.loop else None,
        cuts=not args.across_cuts,
        repeats="retime" if args.retime_repeats else "keep",
        sound=args.sound,
        force=args.force,
        progress=reporting.progress(args),
    )
    print(written)
    return 0


def _number(text: str) -> Fraction:
    """A whole number, a decimal, or a fraction such as 24000/1001."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; give 60, 23.976 or 24000/1001") from error
