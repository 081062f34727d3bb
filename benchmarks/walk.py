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

from animate.cli.walk import EMBEDDED_BLEND
from animate.diffusion.models import Paints
from animate.picture.sharpen import sharpness
from animate.render import walk
from animate.render.checked import load
from animate.render.groups import Groups, width_of
from animate.render.run import painter_of
from animate.schedule.compile import compile
from animate.schedule.plan import Plan
from benchmarks.rows import Row, paired

PROMPTS = ("a snowy mountain lake at dawn", "a meadow of red flowers on a sunny day", "the sea at sunset, orange sky")
CHAIN = (
    *PROMPTS,
    "a city at night, neon",
    "a forest in autumn, oil painting",
    "a desert under a violet sky",
    "a planet over mountains, watercolour",
)
FRAMES = 60


@cache
def painter() -> Paints:
    return painter_of(compile(load({"prompts": "a lake", "max_frames": 1})))


def plan(wanted: walk.Walk, way: Any = None, **more: Any) -> Plan:
    told = walk.schedule(wanted, wanted.steady() if way is None else way)
    return compile(load({**told, "prompt_interpolation": EMBEDDED_BLEND, **more}))


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
    small = {"width": 128, "height": 128, "steps": 6, "prompt_interpolation": EMBEDDED_BLEND}
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
    """How far the sharpness half-way between two prompts is beyond that of its ends.

    Mist and flowers differ 70-fold: there is no one sharpness of the ends to be near, but all between them is a
    picture of the way, and less than the softer one is the grey mean that a walk must not pass.
    """
    wanted = walk.Walk(prompts=CHAIN, seeds=tuple(range(1, len(CHAIN) + 1)), frames=2 * len(CHAIN) - 1)
    groups = Groups(plan(wanted), painter(), 8)
    found = np.array([sharpness(groups.picture(index)) for index in range(wanted.frames)])
    softer, crisper = np.minimum(found[:-1:2], found[2::2]), np.maximum(found[:-1:2], found[2::2])
    half_way = found[1::2]
    off = np.maximum(softer / half_way, half_way / crisper) - 1
    worst = int(off.argmax())
    return Row(
        name="sharpness half-way, beyond its ends'",
        ours_ms=float(half_way[worst]),
        reference_ms=float(softer[worst] if half_way[worst] < crisper[worst] else crisper[worst]),
        ratio=max(0.0, float(off[worst])),
        goal=0.3,
        better="lower",
        note=f"sharpness and not ms; the worst of {len(off)}, 256²; of the mean of the ends in the median "
        f"{float(np.median(half_way / ((softer + crisper) / 2))):.2f}",
    )


ROWS: dict[str, Callable[[], Row]] = {"walk-batching": batching, "walk-pace": pace, "walk-sharpness": middle}
