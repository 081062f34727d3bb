"""What each in-between engine makes of a render, to be looked at: docs/inbetweens.jpg.

    python -m benchmarks.inbetweens [--run out/inbetweens]

Two shots that move sideways by 20 px a frame, painted at 12 frames a second and played at 48. Upper block: the pair of
the first shot between which most moves; lower block: the pair on both sides of the cut. A row is an engine, a column a
quarter of a frame; the outer columns are the painted frames.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animate.interp import Interpolator
from animate.interp.stream import retime
from animate.motion import flow
from animate.picture import convert
from animate.render.progress import Bar
from animate.render.run import render
from animate.render.run_dir import RunDirectory
from animate.video.stills import read_picture
from benchmarks.interpolation import available

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("hold", "blend", "flow", "embedded", "rife", "film")
CUT = 12
"""Frame with which the second shot begins."""
SHOTS = {
    "max_frames": 16,
    "seed": 17,
    "fps": 12,
    "cuts": [CUT],
    "zoom": 1,
    "translation_x": -20,
    "border": "reflect",
    "strength": 0.7,
    "prompts": {0: "mountains over a lake at sunset", CUT: "a forest in winter at dawn, ink"},
}
TIMES, SIDE = 4, 160


def row(name: str, pair: list[Tensor], between: Interpolator) -> NDArray[np.uint8]:
    """A pair and what `retime` puts between, its engine's name on it; RGB."""
    played = list(retime(pair, Fraction(TIMES), between, end="stop"))
    cells = [cv2.resize(convert.to_uint8(picture), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in played]
    picture = np.hstack(cells)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, name, (5, SIDE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, width, cv2.LINE_AA)
    return picture


def most_moved(frames: list[Tensor]) -> int:
    """Where the pair begins between which the median point moves farthest."""
    return int(np.argmax([float(flow.estimate(a, b).norm(dim=0).median()) for a, b in pairwise(frames)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=ROOT / "out" / "inbetweens")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "inbetweens.jpg")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    render(SHOTS, options.run, progress=Bar())
    run = RunDirectory(options.run)
    frames = [convert.from_uint8(read_picture(run.frame(index))) for index in range(SHOTS["max_frames"])]
    start = most_moved(frames[:CUT])
    blocks = []
    for first in (start, CUT - 1):
        pair = frames[first : first + 2]
        blocks.append(np.vstack([row(name, pair, between) for name, between in available(ENGINES).items()]))
        blocks.append(np.full((8, blocks[0].shape[1], 3), 255, np.uint8))
    sheet = np.vstack(blocks[:-1])
    cv2.imwrite(str(options.out), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{options.out}: frames {start} and {start + 1}; the cut before {CUT}")


if __name__ == "__main__":
    main()
