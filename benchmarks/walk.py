"""Latent walks: what painting several frames at once saves, how even the pace is, and whether the middle is a picture.

All on the embedded painter; the second and third row measure pictures and not time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from statistics import median
from typing import Any

import numpy as np
from torch import Tensor

from animate.diffusion.models import Paints
from animate.picture.sharpen import sharpness
from animate.render import walk
from animate.render.checked import load
from animate.render.groups import Groups, width_of
from animate.render.run import painter_of
from animate.schedule.plan import Plan, compile
from benchmarks.rows import Row, paired

PROMPTS = ("a snowy mountain lake at dawn", "a meadow of red flowers on a sunny day", "the sea at sunset, orange sky")
FRAMES = 60


@cache
def painter() -> Paints:
    return painter_of(compile(load({"prompts": "a lake", "max_frames": 1})))


def plan(wanted: walk.Walk, way: Any = None, **more: Any) -> Plan:
    return compile(load({**walk.schedule(wanted, wanted.steady() if way is None else way), **more}))


def batching() -> Row:
    """One group of a walk of 60 frames against its frames one by one; the groups' last four places are wasted."""
    whole = plan(walk.Walk(prompts=PROMPTS, seeds=(1, 2, 3), frames=FRAMES))
    width = width_of(whole)
    groups = -(-FRAMES // width)

    def at_once() -> list[Tensor]:
        some = Groups(whole, painter(), width)
        return [some.picture(index) for index in range(width)]

    def singly() -> list[Tensor]:
        return [Groups(whole, painter(), 1).picture(index) for index in range(width)]

    difference = max(float((a - b).abs().max()) for a, b in zip(at_once(), singly()))
    assert difference < 0.02, difference
    ours, reference, ratio = paired(at_once, singly, rounds=3, warmups=0)
    return Row(
        name=f"walk of {FRAMES} frames, {width} at once",
        ours_ms=ours * groups,
        reference_ms=reference * FRAMES / width,
        ratio=ratio * groups * width / FRAMES,
        goal=0.9,
        better="lower",
        note=f"256², equal to {difference:.0e}; from one group of {width}, paired",
    )


def pace() -> Row:
    """Largest step between consecutive frames of an evenly paced walk, in median steps."""
    wanted = walk.Walk(prompts=PROMPTS[:2], seeds=(5,), frames=24)
    small = {"width": 128, "height": 128, "steps": 6}
    way = walk.even(wanted, small, {})
    groups = Groups(plan(wanted, way, **small), painter(), 8)
    pictures = [groups.picture(index).clone() for index in range(wanted.frames)]
    steps = [float((a - b).abs().mean()) for a, b in itertools.pairwise(pictures)]
    return Row(
        name="even pace, largest ÷ median step",
        ours_ms=max(steps),
        reference_ms=median(steps),
        ratio=max(steps) / median(steps),
        goal=1.5,
        better="lower",
        note="mean absolute differences and not ms; 24 frames, 128²",
    )


def middle() -> Row:
    """How far the sharpness half-way between two prompts is from that of its ends."""
    wanted = walk.Walk(prompts=PROMPTS, seeds=(1, 2, 3), frames=9)
    groups = Groups(plan(wanted), painter(), 8)
    found = np.array([sharpness(groups.picture(index)) for index in range(wanted.frames)])
    ends = (found[[0, 4]] + found[[4, 8]]) / 2
    off = np.abs(found[[2, 6]] / ends - 1)
    return Row(
        name="sharpness half-way, off its ends'",
        ours_ms=float(found[[2, 6]].mean()),
        reference_ms=float(ends.mean()),
        ratio=float(off.max()),
        goal=0.3,
        better="lower",
        note="sharpness and not ms; the worse of two, 256²",
    )


ROWS: dict[str, Callable[[], Row]] = {"walk-batching": batching, "walk-pace": pace, "walk-sharpness": middle}
