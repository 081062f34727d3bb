"""How steady a restyled film is, how much it is changed, how near it stays, and what it costs: every mode, real clips.

    python -m benchmarks.films [--frames 24] [--clips carphone bigbuckbunny] [--run out/films] [--sheet docs/films.jpg]

prints a table and draws a sheet. Flicker is the warping error over what is not occluded, by the flow of the source;
change is the mean absolute difference from the source; VGG is the distance of normalised VGG-16 features, where the
trainers' weights are (`training/README.md`). All in thousandths; a mode is worth what it flickers less at equal change.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.motion import flow
from animate.picture import convert
from animate.render import restyle
from animate.render.compare import warping_error
from animate.render.film_schedule import fitting
from animate.render.projector import Projector
from animate.render.run import render
from animate.render.run_dir import RunDirectory
from animate.schedule.film import Film
from animate.video.reader import probe
from animate.video.stills import read_picture
from benchmarks.clips import CLIPS
from benchmarks.interpolation import vgg
from benchmarks.rows import Row, within

ROOT = Path(__file__).resolve().parent.parent
FRAMES = 24
FIRST = {"carphone": 60, "bigbuckbunny": 24}
"""Where each clip is begun: a head that turns, and a walk with leaves that move."""
CLIPS_USED = tuple(FIRST)
PROMPT = {
    "carphone": "a portrait of a man, oil painting",
    "bigbuckbunny": "a meadow with trees in autumn, oil painting",
}
SOURCE = {"carphone": "a photograph of a man in a car", "bigbuckbunny": "a meadow with trees"}
MODES: Mapping[str, Mapping[str, Any]] = {
    "frames": {"video_mode": "frames"},
    "frames, other noise": {"video_mode": "frames", "seed_behavior": "iter"},
    "frames, warped noise": {"video_mode": "frames", "noise_warp": True},
    "frames, latents blended": {"video_mode": "frames", "latent_blend": 0.3},
    "frames, own noise": {"video_mode": "frames", "inversion": 1.0},
    "carried": {"video_mode": "carried"},
    "carried, warped noise": {"video_mode": "carried", "noise_warp": True},
    "carried, half own noise": {"video_mode": "carried", "inversion": 0.5},
    "keyed": {"video_mode": "keyed", "diffusion_cadence": 8},
    "hybrid": {
        "animation_mode": "2D",
        "seed_behavior": "fixed",
        "hybrid_motion": "Optical Flow",
        "hybrid_composite": "Normal",
        "hybrid_alpha": 0.6,
        "color_coherence": "None",
        "noise": 0,
        "init_strength": 0.5,
    },
}
STRENGTH = 0.5
SHOWN = (0, 8, 16, 23)
"""Frames of the sheet."""


@dataclass(frozen=True)
class Measured:
    """A mode on a clip; means over its frames, in [0, 1]."""

    flicker: float
    change: float
    far: float | None
    """VGG distance to the source; None without the weights."""
    seconds: float
    """A frame, all told, on this machine."""
    frames: Path


def measured(clip: str, mode: str, frames: int, folder: Path) -> Measured:
    """Render a clip in a mode into `folder`, or take what an earlier call left there, and measure it."""
    path, first = CLIPS[clip].file(), FIRST[clip]
    width, height = _size(path)
    fields = {"width": width, "height": height, "seed": 7, "strength": STRENGTH, "codec": "png", **MODES[mode]}
    if fields.get("inversion"):
        fields["source_prompt"] = SOURCE[clip]
    video = {"file": str(path), "from": first, "to": first + frames}
    run = RunDirectory(folder / f"{clip}-{mode}".replace(", ", "-").replace(" ", "-"))
    started = time.perf_counter()
    render({"video": video, "prompts": PROMPT[clip], **fields}, run.path)
    seconds = (time.perf_counter() - started) / frames
    pictures = (convert.from_uint8(read_picture(run.frame(index))) for index in range(frames))
    return _judged(pictures, source(clip, frames), seconds, run.frames)


def source(clip: str, frames: int) -> list[Tensor]:
    """The clip's own pictures (3, H, W), in the size that is painted."""
    path = CLIPS[clip].file()
    width, height = _size(path)
    with Projector(Film(file=str(path), first=FIRST[clip]), (height, width), frames=frames) as show:
        return [show(index) for index in range(frames)]


def _size(path: Path) -> tuple[int, int]:
    info = probe(path)
    return fitting(info.height, round(info.width * info.aspect), "embedded")


def _judged(pictures: Iterator[Tensor], film: list[Tensor], seconds: float, frames: Path) -> Measured:
    far = vgg()
    shown = list(pictures)
    flicker = [
        warping_error(now, before, flow.both_ways(film[index + 1], film[index]))
        for index, (before, now) in enumerate(pairwise(shown))
    ]
    pairs = list(zip(shown, film))
    return Measured(
        flicker=statistics.mean(flicker),
        change=statistics.mean(float((a - b).abs().mean()) for a, b in pairs),
        far=statistics.mean(far(a, b) for a, b in pairs[::6]) if far else None,
        seconds=seconds,
        frames=frames,
    )


def table(frames: int, clips: tuple[str, ...], folder: Path) -> dict[tuple[str, str], Measured]:
    """Every mode on every clip, printed as they are done."""
    found: dict[tuple[str, str], Measured] = {}
    print("| clip | mode | flicker | ÷ frames | change | ÷ frames | VGG | s/frame |\n|---|---|---|---|---|---|---|---|")
    for clip in clips:
        film = source(clip, frames)
        own = _judged(iter(film), film, 0.0, folder)
        print(f"| {clip} | the film itself | {1000 * own.flicker:.1f} | | 0 | | 0 | |", flush=True)
        for mode in MODES:
            one = found[clip, mode] = measured(clip, mode, frames, folder)
            base = found[clip, "frames"]
            distance = "–" if one.far is None else f"{1000 * one.far:.0f}"
            print(
                f"| {clip} | {mode} | {1000 * one.flicker:.1f} | {one.flicker / base.flicker:.2f} | "
                f"{1000 * one.change:.0f} | {one.change / base.change:.2f} | {distance} | {one.seconds:.2f} |",
                flush=True,
            )
    return found


def sheet(found: Mapping[tuple[str, str], Measured], frames: int) -> np.ndarray:
    """The film and every mode as rows of a few frames, uint8 (H, W, 3), RGB; a block a clip."""
    blocks = []
    for clip in dict.fromkeys(clip for clip, _ in found):
        film = source(clip, frames)
        at = [index for index in SHOWN if index < frames]
        rows = [_row("the film", [convert.to_uint8(film[index]) for index in at])]
        for (other, mode), one in found.items():
            if other == clip:
                rows.append(_row(mode, [read_picture(one.frames / f"{index:06d}.png") for index in at]))
        blocks.append(np.vstack(rows))
    tall = max(block.shape[0] for block in blocks)
    return np.hstack([np.pad(b, ((0, tall - b.shape[0]), (0, 0), (0, 0))) for b in blocks])


def _row(name: str, pictures: list[np.ndarray], height: int = 120) -> np.ndarray:
    cells = [
        cv2.resize(p, (round(p.shape[1] * height / p.shape[0]), height), interpolation=cv2.INTER_AREA) for p in pictures
    ]
    row = np.hstack(cells)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(row, name, (5, height - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, width, cv2.LINE_AA)
    return row


# --- rows of the benchmark ------------------------------------------------------------------------------------------

SHORT = 12
"""Frames of a row: the ratios of 24 differ from it by a few hundredths."""


@cache
def _short(clip: str, mode: str) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        return measured(clip, mode, SHORT, Path(folder))


def _steadier(clip: str) -> Callable[[], Row]:
    def row() -> Row:
        frames, carried = _short(clip, "frames"), _short(clip, "carried")
        return Row(
            name=f"flicker of carried ÷ frames, {clip} (thousandths)",
            ours_ms=1000 * carried.flicker,
            reference_ms=1000 * frames.flicker,
            ratio=carried.flicker / frames.flicker,
            goal=0.5,
            better="lower",
            note="warping error by the film's flow",
        )

    return row


def _changed(clip: str) -> Callable[[], Row]:
    def row() -> Row:
        frames, carried = _short(clip, "frames"), _short(clip, "carried")
        return Row(
            name=f"change of carried ÷ frames, {clip} (thousandths)",
            ours_ms=1000 * carried.change,
            reference_ms=1000 * frames.change,
            ratio=carried.change / frames.change,
            goal=0.8,
            better="higher",
            note="not steady by doing nothing",
        )

    return row


def beside_the_model() -> Row:
    """Decoding, flow both ways, trust and warp of one frame at 512², without the model."""
    path = CLIPS["bigbuckbunny"].file()
    show = Projector(Film(file=str(path)), (512, 512), frames=100)
    place = {"index": 1}
    show(0)

    def one() -> None:
        now, before = show(place["index"]), show(place["index"] - 1)
        flows = torch.stack(flow.both_ways(now, before))
        restyle.moved(before, flows, now, before)
        place["index"] += 1

    with show:
        return within("decode, flow and warp of a film's frame, 512²", one, budget_ms=60.0, rounds=12)


ROWS = {
    **{f"film-flicker-{clip}": _steadier(clip) for clip in CLIPS_USED},
    **{f"film-change-{clip}": _changed(clip) for clip in CLIPS_USED},
    "film-beside-the-model": beside_the_model,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--clips", nargs="+", default=list(CLIPS_USED), choices=CLIPS_USED)
    parser.add_argument("--run", type=Path, default=ROOT / "out" / "films")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    found = table(options.frames, tuple(options.clips), options.run)
    if options.sheet:
        picture = sheet(found, options.frames)
        cv2.imwrite(str(options.sheet), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
        print(options.sheet)


if __name__ == "__main__":
    main()
