"""Two videos held against each other: how they differ, how each flickers, how far each is from its source.

Flicker is the warping error (Lai et al., ECCV 2018, §4): a frame and the one before it, moved by the optical flow of
the source, should look the same; their mean absolute difference over what is not occluded, cuts left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
from torch import Tensor

from animate.errors import BadInput
from animate.interp import cuts
from animate.motion import flow
from animate.picture import convert
from animate.render.interpolate import Source, find
from animate.video.codecs import Encoding
from animate.video.writer import VideoWriter


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one video; mean absolute differences in [0, 1]."""

    flicker: float
    """Between each frame and the one before it, moved as the source moved, where that can be told."""
    motion: float
    """Between each frame and the one before it as it is."""
    change: float | None
    """From the source; None without one."""

    def plain(self) -> dict[str, float | None]:
        return {"flicker": self.flicker, "motion": self.motion, "change": self.change}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Of two videos."""

    frames: int
    difference: float
    """Mean absolute difference of the two, in [0, 1]."""
    a: Figures
    b: Figures

    def plain(self) -> dict[str, object]:
        return {"frames": self.frames, "difference": self.difference, "a": self.a.plain(), "b": self.b.plain()}


def compare(a: Path, b: Path, source: Path | None = None, output: Path | None = None) -> Comparison:
    """Hold `b` against `a`, frame by frame; `b` and `source` are brought to the size of `a`.

    Args:
        a: a video or a folder of pictures.
        b: another.
        source: the film both were made from, whose flow then counts; without it the flow of each is its own.
        output: a video to write: a, b and how they differ, four times as strong, side by side.

    Raises:
        BadInput: nothing there, or the lengths differ.
        VideoError: what is there cannot be read.
    """
    first, second, film = find([a]), find([b]), find([source]) if source else None
    counts: dict[str, list[float]] = {name: [] for name in ("difference", "a", "b", "am", "bm", "ac", "bc")}
    before: tuple[Tensor, Tensor, Tensor | None] | None = None
    frames = 0
    with ExitStack() as stack:
        video = _opened(stack, first, output)
        for triple in _together(first, second, film, source):
            frames += 1
            x, y, z = triple
            counts["difference"].append(float((x - y).abs().mean()))
            if z is not None:
                counts["ac"].append(float((x - z).abs().mean()))
                counts["bc"].append(float((y - z).abs().mean()))
            if before is not None:
                _moved(counts, before, triple)
            if video is not None:
                gap = (4 * (x - y).abs()).clamp(0, 1)
                video.write(np.concatenate([convert.to_uint8(part) for part in (x, y, gap)], axis=1))
            before = triple
    return Comparison(
        frames=frames, difference=_mean(counts["difference"]), a=_figures(counts, "a"), b=_figures(counts, "b")
    )


def warping_error(now: Tensor, before: Tensor, flows: tuple[Tensor, Tensor]) -> float:
    """Mean absolute difference of `now` and `before` moved onto it, both (3, H, W), where nothing is occluded.

    `flows` are those of the source, now → before and before → now.
    """
    there, back = flows
    moved = flow.warp(before, there)
    valid = (~flow.occluded(there.clone(), back.clone())).to(now) * (moved.coverage > 0.5)
    return float(((moved.picture - now).abs() * valid).sum() / (3 * valid.sum()).clamp_min(1))


def _moved(
    counts: dict[str, list[float]],
    before: tuple[Tensor, Tensor, Tensor | None],
    now: tuple[Tensor, Tensor, Tensor | None],
) -> None:
    """Add the flicker of one step of both videos; a cut is none."""
    leads = [(now[2], before[2])] * 2 if now[2] is not None else [(now[0], before[0]), (now[1], before[1])]
    flows = None
    for name, x, x_before, (lead, lead_before) in zip("ab", now, before, leads):
        assert x is not None
        assert x_before is not None
        assert lead is not None
        assert lead_before is not None
        if cuts.is_cut(cuts.glance(lead_before), cuts.glance(lead)):
            continue
        if flows is None or now[2] is None:
            flows = flow.both_ways(lead, lead_before)
        counts[name].append(warping_error(x, x_before, flows))
        counts[f"{name}m"].append(float((x - x_before).abs().mean()))


def _together(
    a: Source, b: Source, film: Source | None, source: Path | None
) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """Frames of the same number, in one size."""
    size = a.height, a.width
    pairs = zip_longest(a.frames(), b.frames())
    films = film.frames() if film else iter(())
    for index, (x, y) in enumerate(pairs):
        if x is None or y is None:
            raise BadInput(f"the two are not equally long: one ends at frame {index}")
        z = next(films, None) if film else None
        if film and z is None:
            raise BadInput(f"{source}: has only {index} frames; the two videos have more")
        yield x, convert.fit(y, *size), None if z is None else convert.fit(z, *size)


def _opened(stack: ExitStack, source: Source, output: Path | None) -> VideoWriter | None:
    if output is None:
        return None
    encoding = Encoding(codec="h264")
    return stack.enter_context(
        VideoWriter(output, width=3 * source.width, height=source.height, fps=source.fps, encoding=encoding)
    )


def _figures(counts: dict[str, list[float]], name: str) -> Figures:
    change = counts[f"{name}c"]
    return Figures(
        flicker=_mean(counts[name]), motion=_mean(counts[f"{name}m"]), change=_mean(change) if change else None
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0
