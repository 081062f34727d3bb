"""Show the motion of a schedule alone, on a test card or any picture: exactly the warp of a render, and no model."""

from __future__ import annotations

import argparse
from pathlib import Path

from animate.cli import files, overrides, reporting
from animate.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    overrides.add_schedule(parser)
    parser.add_argument(
        "-o", "--output", metavar="VIDEO", type=Path, help="default: FILE's name with -preview.mp4, here"
    )
    parser.add_argument("--picture", metavar="PICTURE", type=Path, help="move this picture instead of the test card")
    reporting.add_progress(parser)


def run(args: argparse.Namespace) -> int:
    reporting.tell_about(overrides.load(args), args)
    from animate.render.preview import preview

    output = args.output or Path(f"{Path(args.file).stem}-preview.mp4")
    for read in (args.file, args.picture):
        if read is not None:
            files.refuse_input(output, read)
    files.refuse_place(output)
    if output.is_dir():
        raise BadInput(f"{output} is a folder; -o names a video")
    video = preview(
        args.file,
        output,
        overrides=overrides.overrides(args),
        picture=args.picture,
        progress=reporting.progress(args),
    )
    print(video)
    return 0
