"""Does a long zoom wash out? `python -m benchmarks.drift [-o docs/drift.png]` renders one and draws the curve.

240 frames of zoom 1.01 under one prompt, all else as the defaults have it, on the embedded painter (about a second a
frame on one core). Sharpness (variance of the Laplacian of the grey picture) and saturation (mean of HSV's) of every
later frame must stay within ±15 % of frame 10's. Exit status 1 if they do not.

A run that was stopped goes on where it was (`--run`); `--set` tries other values of any field.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from animate.cli import overrides, reporting
from animate.render.run import render
from animate.video.stills import read_picture

FRAMES = 240
SCHEDULE = {
    "max_frames": FRAMES,
    "fps": 24,
    "seed": 11,
    "zoom": 1.01,
    "prompts": "a lake between green mountains on a sunny day",
    "codec": "png",
}
REFERENCE = 10
SMOOTHED = 24
ALLOWED = 0.15

Array = NDArray[np.float64]


def sharpness(frame: np.ndarray) -> float:
    """Variance of the Laplacian of uint8 (H, W, 3), RGB, in grey levels²."""
    return float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def saturation(frame: np.ndarray) -> float:
    """Mean saturation, 0 to 1."""
    return float(cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)[..., 1].mean() / 255)


def contrast(frame: np.ndarray) -> float:
    """Standard deviation of the grey picture, in grey levels."""
    return float(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).std())


MEASURES = {"sharpness": sharpness, "saturation": saturation, "contrast": contrast}
HELD = ("sharpness", "saturation")
"""What the goal names."""


def measured(frames: Sequence[Path]) -> dict[str, Array]:
    """Each measure of each frame, against that of frame `REFERENCE`."""
    pictures = [read_picture(path) for path in frames]
    found = {name: np.array([measure(picture) for picture in pictures]) for name, measure in MEASURES.items()}
    return {name: values / values[REFERENCE] for name, values in found.items()}


def smoothed(values: Array) -> Array:
    """Mean over the `SMOOTHED` frames around each, fewer at the ends."""
    frames = np.arange(len(values))
    low, high = np.maximum(frames - SMOOTHED // 2, 0), np.minimum(frames + SMOOTHED // 2, len(values))
    total = np.concatenate([[0.0], np.cumsum(values)])
    return (total[high] - total[low]) / (high - low)


def farthest(values: Array) -> float:
    """How far any frame after the reference goes from 1."""
    return float(np.abs(values[REFERENCE:] - 1).max())


def draw(curves: dict[str, Array], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 3.6), dpi=110, layout="constrained")
    axes.axhspan(1 - ALLOWED, 1 + ALLOWED, color="0.93", label=f"±{ALLOWED:.0%}")
    axes.axvline(REFERENCE, color="0.8", linewidth=1)
    for (name, values), color in zip(curves.items(), ("#d1495b", "#2e86ab", "#8a8a8a")):
        axes.plot(values, color=color, linewidth=0.6, alpha=0.5)
        axes.plot(smoothed(values), color=color, linewidth=2, label=f"{name} (farthest {farthest(values):.0%})")
    frames = len(next(iter(curves.values())))
    axes.set(xlim=(0, frames - 1), xlabel="frame", ylabel=f"÷ frame {REFERENCE}")
    axes.set_title(f"{frames} frames of zoom 1.01 under one prompt", loc="left", fontsize=10)
    axes.legend(frameon=False, ncols=2, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Sharpness and saturation over a long zoom.")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/drift.png"), help="the curve")
    parser.add_argument("--run", type=Path, default=Path("out/drift"), help="where the frames are, or will be")
    overrides.add_set(parser)
    reporting.add_progress(parser)
    options = parser.parse_args(arguments)

    render(SCHEDULE, options.run, overrides.overrides(options), progress=reporting.progress(options))
    curves = measured(sorted((options.run / "frames").glob("*.png")))
    draw(curves, options.output)
    for name, values in curves.items():
        every = " ".join(f"{value:.2f}" for value in smoothed(values)[REFERENCE :: len(values) // 8])
        print(f"{name:<11} farthest {farthest(values):5.1%}   {every}")
    return 0 if all(farthest(curves[name]) <= ALLOWED for name in HELD) else 1


if __name__ == "__main__":
    sys.exit(main())
