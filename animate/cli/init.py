"""Write a commented schedule to start from; it renders as it is, on the model that comes with animate."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from animate.cli.files import add_force, refuse_existing, write
from animate.errors import BadInput

STARTER = """\
# A schedule of animate. Render it as it is:   animate render {name} -o {stem}
# See what it does first:                      animate check {name}   ·   animate plot {name}
# Every field with its unit and range:         animate fields   ·   animate fields zoom

max_frames: 96        # or a time: `duration: 8s`
fps: 12
seed: 7               # the same seed gives the same video; -1 draws another one each time

# What to paint, from which frame on. Keys are frames (48), seconds (4s), shares (50%), or beats (8b, with `bpm: 120`).
# ` --neg ` inside a prompt splits off what to avoid. Between two prompts the picture travels from one to the other.
prompts:
  0: a lake between snowy mountains at dawn
  4s: a lake between green mountains on a sunny day
  75%: a lake between mountains at sunset, orange sky

# How each frame moves against the one before. A value is a number, an expression of the frame `t` …
zoom: 1.01                          # 1 % closer every frame
angle: 0.3*sin(2*pi*t/48)           # degrees; sways, once every 48 frames

# … or keyframes, straight from one to the next unless `ease` says otherwise.
translation_x: {{0: 0, 48: {{value: 1.5, ease: in_out_cubic}}, max_f: 0}}    # pixels to the right
border: reflect                     # what fills the edges that a move uncovers: replicate, wrap, reflect

# How much of the frame before is kept when the model redraws it: 1 keeps all, 0 ignores it.
strength: {{0: 0.6, 48: 0.5, 52: 0.62}}

# The model. `embedded` needs no download; others: a diffusers folder, a .safetensors file, a hub id.
# model: models/dreamshaper_8.safetensors
# width: 512
# height: 512
# steps: 20
# sampler: DPM++ 2M Karras

# More to try: cuts, cues, let (curves of your own), loop, diffusion_cadence, saturation, hue, soundtrack …
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="where to write it; default: schedule.yaml")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the same")
    add_force(parser)


def run(args: argparse.Namespace) -> int:
    if args.file and args.output:
        raise BadInput(f"give {args.file} or -o {args.output}, not both")
    path = args.file or args.output or Path("schedule")
    path = path if path.suffix else path.with_suffix(".yaml")
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise BadInput(f"{path}: a schedule is a YAML file: animate init {shlex.quote(str(path.with_suffix('.yaml')))}")
    refuse_existing(path, args.force)
    file, folder = shlex.quote(str(path)), shlex.quote(str(path.with_suffix("")))
    write(path, STARTER.format(name=file, stem=folder))
    print(f"wrote {path}\n\n  animate check {file}\n  animate render {file} -o {folder}")
    return 0
