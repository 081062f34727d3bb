"""The pictures of the README: every schedule of `keyframes/`, and one depth under four prompts.

    python -m benchmarks.gallery [--out out/keyframes] [schedules structure]

Schedules are rendered whole, each into a run directory of its own (those that are there are shown as they are), and
looked at in strips of six frames.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animate import depth
from animate.diffusion import models
from animate.diffusion.sampling import Prompt
from animate.picture import convert
from animate.render import prepare
from animate.render.checked import load
from animate.render.progress import Bar
from animate.render.run import render
from animate.render.run_dir import RunDirectory
from animate.schedule.compile import compile as compile_plan
from animate.video.stills import read_picture

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FRAMES, SIDE, ACROSS = 6, 112, 2
PROMPTS = (
    "green hills on a sunny day, blue sky",
    "red rocks in a desert at sunset, orange sky",
    "a watercolour of hills at dawn, pink sky",
    "hills at night, stars",
)
"""Of the pictures that are held to one depth."""


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
        if not (out / path.stem / "video.mp4").exists():
            render(path, out / path.stem, progress=Bar())
        rows.append(strip(path.stem, RunDirectory(out / path.stem)))
    rows += [np.full_like(rows[0], 255)] * (-len(rows) % ACROSS)
    columns = [np.vstack(rows[place::ACROSS]) for place in range(ACROSS)]
    gap = np.full((columns[0].shape[0], 8, 3), 255, np.uint8)
    cv2.imwrite(str(DOCS / "keyframes.jpg"), np.hstack([columns[0], gap, columns[1]]), [cv2.IMWRITE_JPEG_QUALITY, 88])


def two_hills(side: int) -> Tensor:
    """(1, 1, side, side) depth drawn by hand: a near hill, a farther peak, ground before them, and sky."""
    y, x = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    nearness = (0.1 + 2.5 * (y - 0.7)).where(y > 0.7, torch.zeros_like(y))
    for middle, height, width, near in ((0.72, 0.52, 0.16, 0.2), (0.2, 0.38, 0.22, 0.38)):
        top = 0.78 - height * torch.exp(-(((x - middle).abs() / width) ** 1.6))
        nearness = nearness.clamp_min(near).where(y > top, nearness)
    return 1 / nearness.clamp(0.003, 1)[None, None]


def structure(out: Path) -> None:
    """docs/depth2img.jpg: a depth, and that alone (strength 0) under four prompts."""
    painter = models.load("embedded")
    plan = compile_plan(load({"max_frames": 1}))  # the embedded painter's own settings
    orders = [
        replace(prepare.sampling(plan, plan[0]), prompts=(Prompt(text),), seed=9, steps=14, depth_scale=14.0)
        for text in PROMPTS
    ]
    found = two_hills(256)
    held = painter.imagine((256, 256), orders, found.expand(len(orders), -1, -1, -1))  # type: ignore[call-arg]
    shown = torch.cat([depth.to_disparity(found).expand(-1, 3, -1, -1), held])
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
