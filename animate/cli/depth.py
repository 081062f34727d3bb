"""Tell how near everything is in a picture, a folder of pictures or a video.

animate depth photo.jpg                        photo.depth.png (16 bits, brighter is nearer) and a coloured preview
animate depth clip.mp4 -o depth/               a file for each frame, and preview.mp4
animate depth photo.jpg --model depth-anything/Depth-Anything-V2-Small-hf

What it writes can be given to a schedule: `depth_algorithm: file` with `depth_file: depth/`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import files, reporting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="IN", type=Path, help="a picture, a folder of pictures, or a video")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, help="a PNG file, or a folder for several")
    parser.add_argument(
        "--model", default="embedded", help="embedded, or a depth model of transformers by folder or hub id"
    )
    parser.add_argument("--device", default="auto", help="where the model runs: auto, cuda, mps, cpu")
    files.add_force(parser)
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    from animate.render.depth_maps import maps
    from animate.schedule.files import PICTURES

    single = args.input.is_file() and args.input.suffix.lower() in PICTURES
    output = args.output or args.input.with_name(args.input.stem + (".depth.png" if single else ".depth"))
    files.refuse_input(output, args.input)
    files.refuse_place(output)
    if single:
        files.refuse_existing(output, args.force)
    told = reporting.progress(args)
    print(maps(args.input, output, algorithm=args.model, device=args.device, force=args.force, progress=told))
    return 0
