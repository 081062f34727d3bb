"""Two videos held against each other: how they differ, how each flickers, how far each is from its source.

Flicker is the warping error (Lai et al., ECCV 2018, §4): a frame and the one before it, moved by the optical flow of
the source, should look the same; their mean absolute difference over what is not occluded, cuts left out.

Which frame of the source goes with which of theirs is in the plan of the run that one of them is in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat, zip_longest
from pathlib import Path

import numpy as np
from torch import Tensor

from animate.errors import BadInput, RenderError
from animate.interp import cuts
from animate.motion import flow
from animate.picture import convert
from animate.render import film_schedule
from animate.render.checked import load
from animate.render.projector import Projector
from animate.render.run_dir import RunDirectory
from animate.render.source import Source, find
from animate.schedule.compile import compile
from animate.schedule.files import fingerprint
from animate.schedule.plan import Plan
from animate.video.codecs import Encoding, codec_for
from animate.video.reader import read_frames
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


def compare(
    a: Path,
    b: Path,
    source: Path | None = None,
    output: Path | None = None,
    *,
    frames_of_source: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Hold `b` against `a`, frame by frame; `b` and `source` are brought to the size of `a`.

    Args:
        a: a video or a folder of pictures.
        b: another.
        source: the film both were made from, whose flow then counts; without it the flow of each is its own.
        output: a video to write: a, b and how they differ, four times as strong, side by side.
        frames_of_source: `A:B`, the part they were made from; empty where the run that they are in tells it, or all of
            it is meant.
        say: hears where that part reaches past the end.

    Raises:
        BadInput: nothing there, or the lengths differ.
        VideoError: what is there cannot be read.
    """
    first, second = find([a]), find([b])
    counts: dict[str, list[float]] = {name: [] for name in ("difference", "a", "b", "am", "bm", "ac", "bc")}
    before: tuple[Tensor, Tensor, Tensor | None] | None = None
    frames = 0
    with ExitStack() as stack:
        films = _films(stack, source, (a, b), first, frames_of_source, say) if source else repeat(None)
        video = _opened(stack, first, output)
        for triple in _together((a, b), first, second, films):
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
    valid = (~flow.occluded(there, back)).to(now) * (moved.coverage > 0.5)
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
    paths: tuple[Path, Path], a: Source, b: Source, films: Iterator[Tensor | None]
) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """Frames of the same number, in one size."""
    for index, (x, y) in enumerate(zip_longest(_frames(a), _frames(b))):
        if x is None or y is None:
            short, long = paths if x is None else paths[::-1]
            raise BadInput(f"{short} has {index} frames, {long} has more; frames of the same number are compared")
        yield x, convert.fit(y, a.height, a.width), next(films)


def _frames(video: Source) -> Iterator[Tensor]:
    """(3, H, W) each frame, its colours brought to full size as a projector's are; plainly read, they are blocks."""
    if video.video is None:
        return video.frames()
    size = video.height, video.width
    return map(convert.from_uint8, read_frames(video.video, scaled=lambda *_: size))


def _films(
    stack: ExitStack, source: Path, paths: tuple[Path, Path], a: Source, part: str, say: Callable[[str], None]
) -> Iterator[Tensor]:
    """(3, H, W) the picture of `source` that each frame was made from, in the size of `a`.

    Raises BadInput where it has another number of them.
    """
    size = a.height, a.width
    if source.is_dir():
        if part:
            raise BadInput(f"--frames {part}: {source} is a folder; name the film, or a folder of that part alone")
        pictures = find([source])
        _refuse_length(source, pictures.count, a.count)
        return (convert.fit(picture, *size) for picture in pictures.frames())
    film_schedule.length(source)  # what is no film is told as it was named
    plan = None if part else _run(source, paths)
    if plan is None:
        video = {"file": str(source.absolute()), **(film_schedule.part(part, source, say) if part else {})}
        plan = compile(load({"video": video}))
        _refuse_length(source, len(plan), a.count, part)
    elif a.count > len(plan):
        raise BadInput(
            f"{paths[0]} has {a.count} frames, {len(plan)} were made from {source}; "
            "in-betweens have no frame of it: compare the folders `frames` of the runs"
        )
    reel = stack.enter_context(Projector(plan.film, size, str(plan.settings["video_fit"]), frames=len(plan)))
    return map(reel, range(a.count))


def _refuse_length(source: Path, there: int, wanted: int, part: str = "") -> None:
    """Raise BadInput where the source, or the part of it that was named, has not as many frames as there should be."""
    if there == wanted:
        return
    if part:
        raise BadInput(f"--frames {part}: are {there} frames of {source}, for the {wanted} of the videos")
    raise BadInput(
        f"{source} has {there} frames for the {wanted} of the videos; "
        "say which part of it they were made from (--frames 48:144)"
    )


def _run(source: Path, paths: tuple[Path, Path]) -> Plan | None:
    """The plan by which one of the two was made from `source`; None where neither is in a run of it."""
    found = []
    for path in paths:
        try:
            record = RunDirectory(path.absolute().parent).record()
        except RenderError:  # a file of that name that is not ours
            continue
        plan = Plan.from_json(json.dumps(record.plan)) if record else None
        if plan is not None and plan.film.digest == fingerprint(source):
            found.append(plan)
    parts = {(plan.film.first, plan.film.every, plan.film.rate) for plan in found}
    if len(parts) > 1:
        raise BadInput(f"{paths[0]} and {paths[1]} were made from different parts of {source}")
    return found[0] if found else None


def _opened(stack: ExitStack, source: Source, output: Path | None) -> VideoWriter | None:
    if output is None:
        return None
    encoding = Encoding(codec=codec_for(output))
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
