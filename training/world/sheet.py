"""A contact sheet to look at: `python -m training.world.sheet out.png --seed 1 [--kind lake] [--style ink]`."""

import argparse
from pathlib import Path

import cv2
import numpy as np

from .render import render
from .scene import KINDS, TIMES, draw
from .styles import STYLES


def sheet(
    seed: int,
    rows: int = 6,
    kind: str | None = None,
    time: str | None = None,
    style: str | None = None,
    size: int = 256,
) -> np.ndarray:
    """uint8 RGB of rows × rows scenes with following seeds; the style "all" takes turns."""
    pictures = []
    for k in range(rows * rows):
        scene = draw(seed + k, kind=kind, time=time)
        view = render(scene.world, scene.camera, size, size)
        picture = view.picture
        name = list(STYLES)[k % len(STYLES)] if style == "all" else style
        if name:
            picture = STYLES[name](picture, view.depth, view.seen, np.random.default_rng(seed + k))
        pictures.append(picture)
    return np.vstack([np.hstack(pictures[r * rows : (r + 1) * rows]) for r in range(rows)])


def main() -> None:
    """Write a sheet."""
    parser = argparse.ArgumentParser(description="Write a contact sheet of the procedural world.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--kind", choices=sorted(KINDS))
    parser.add_argument("--time", choices=TIMES)
    parser.add_argument("--style", choices=[*STYLES, "all"])
    given = parser.parse_args()
    picture = sheet(given.seed, given.rows, given.kind, given.time, given.style, given.size)
    cv2.imwrite(str(given.out), picture[..., ::-1])


if __name__ == "__main__":
    main()
