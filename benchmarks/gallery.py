"""The pictures of the README: every schedule of `keyframes/`, and one depth under four prompts.

    python -m benchmarks.gallery [--out out/keyframes] [schedules structure]

Schedules are rendered whole, each into a run directory of its own (those that are there already are gone on with), and
looked at in strips of six frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from animate import depth
from animate.diffusion import models
from animate.diffusion.sampling import Prompt, Sampling
from animate.picture import convert
from animate.render.progress import Bar
from animate.render.run import render
from animate.render.run_dir import RunDirectory
from animate.video.stills import read_picture

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FRAMES, SIDE, ACROSS = 6, 112, 2
PROMPTS = (
    "green hills and a river on a sunny day",
    "green hills and a river in winter, snow",
    "red desert at sunset, orange sky",
    "a watercolour of hills at dawn",
    "hills at night with stars",
)
"""The first is painted from noise; its depth is what the others are held to."""


def strip(name: str, run: RunDirectory) -> NDArray[np.uint8]:
    """Six frames of a run side by side, its name in a corner; BGR."""
    count = sum(1 for _ in run.frames.glob("*.png"))
    shown = [read_picture(run.frame(int(place))) for place in np.linspace(0, count - 1, FRAMES)]
    row = np.hstack([cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in shown])[..., ::-1]
    row = np.ascontiguousarray(row)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(row, name, (5, SIDE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, width, cv2.LINE_AA)
    return row


def schedules(out: Path) -> None:
    """docs/keyframes.jpg"""
    rows = []
    for path in sorted((ROOT / "keyframes").glob("*.yaml")):
        render(path, out / path.stem, progress=Bar())
        rows.append(strip(path.stem, RunDirectory(out / path.stem)))
    rows += [np.zeros_like(rows[0])] * (-len(rows) % ACROSS)
    columns = [np.vstack(rows[place::ACROSS]) for place in range(ACROSS)]
    gap = np.full((columns[0].shape[0], 8, 3), 255, np.uint8)
    cv2.imwrite(str(DOCS / "keyframes.jpg"), np.hstack([columns[0], gap, columns[1]]), [cv2.IMWRITE_JPEG_QUALITY, 88])


def structure(out: Path) -> None:
    """docs/depth2img.jpg: a picture, its depth, and that depth alone (strength 0) under other prompts."""
    painter = models.load("embedded")
    first, *others = (
        Sampling(prompts=(Prompt(text),), seed=4, sampler="DDIM", steps=12, cfg_scale=4.5, guidance_rescale=0.7)
        for text in PROMPTS
    )
    picture = painter.imagine((256, 256), [first])
    found = depth.load("embedded")(picture, [0])
    held = painter.imagine((256, 256), others, found.expand(len(others), -1, -1, -1))  # type: ignore[call-arg]
    shown = torch.cat([picture, depth.to_disparity(found).expand(-1, 3, -1, -1), held])
    sheet = np.hstack([convert.to_uint8(one) for one in shown])[..., ::-1]
    cv2.imwrite(str(DOCS / "depth2img.jpg"), sheet, [cv2.IMWRITE_JPEG_QUALITY, 90])


PARTS = {"schedules": schedules, "structure": structure}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path, default=Path("out/keyframes"))
    options = parser.parse_args()
    for name in options.parts or PARTS:
        PARTS[name](options.out)


if __name__ == "__main__":
    main()
