"""In-betweens of a run, made as frames arrive: the video shows more frames than are painted.

The frames of the run directory stay the painted ones. What is written depends on the frames alone, so a video that is
begun again after a kill is the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from animate.diffusion import digests
from animate.interp import Interpolator, load
from animate.interp.store import EMBEDDED
from animate.interp.stream import retime
from animate.picture import convert
from animate.schedule.plan import Plan

Frames = Iterable[np.ndarray]
"""uint8 (H, W, 3)."""


def is_on(plan: Plan) -> bool:
    """Whether a plan asks for in-betweens."""
    return str(plan.settings["frame_interpolation_engine"]) != "None" and ratio(plan) > 1


def ratio(plan: Plan) -> int:
    """Shown frames for each painted one."""
    return int(plan.settings["frame_interpolation_x_amount"])


def slower(plan: Plan) -> int:
    """How many times longer the video lasts than its frames were planned for."""
    return int(plan.settings["frame_interpolation_slow_mo_amount"]) if is_on(plan) else 1


def rate(plan: Plan) -> Fraction:
    """Frames a second of the video."""
    return plan.fps * ratio(plan) / slower(plan) if is_on(plan) else plan.fps


def count(plan: Plan) -> int:
    """Frames of the video."""
    return len(plan) * ratio(plan) if is_on(plan) else len(plan)


def engine(name: str, device: str | torch.device, weights: Path | None = None) -> Interpolator:
    """An engine as `animate.interp.load` gives it; the package's own network only as it was shipped.

    Raises MissingModel where weights are not there or were changed.
    """
    found = load(name, weights, device)
    if found.name == "embedded" and weights is None:
        digests.verify(EMBEDDED)
    return found


def of_cadence(plan: Plan, device: str) -> Interpolator | None:
    """What makes the frames that a cadence leaves out; None where a cross-fade does.

    Raises MissingModel where the engine's weights are not there.
    """
    name = str(plan.settings["cadence_tween"])
    return None if name == "warp" or int(plan.settings["diffusion_cadence"]) == 1 else engine(name, device)


def filler(plan: Plan, device: str) -> Callable[[Frames], Iterator[np.ndarray]]:
    """What puts the in-betweens among a run's frames, given in order; the identity for a plan that wants none.

    Raises MissingModel where the engine's weights are not there.
    """
    if not is_on(plan):
        return iter
    between = engine(str(plan.settings["frame_interpolation_engine"]), device)
    cuts = frozenset(np.flatnonzero(plan.cut).tolist())
    return lambda frames: _filled(iter(frames), plan, between, cuts)


def _filled(
    frames: Iterator[np.ndarray], plan: Plan, between: Interpolator, cuts: frozenset[int]
) -> Iterator[np.ndarray]:
    start = list(itertools.islice(frames, 2))
    if len(start) < 2:  # a run that was stopped at once: the one frame stands
        yield from (frame for frame in start for _ in range(ratio(plan)))
        return
    pictures = (convert.from_uint8(frame) for frame in itertools.chain(start, frames))
    end = "loop" if int(plan.settings["loop"]) else "hold"
    for picture in retime(pictures, Fraction(ratio(plan)), between, end=end, cuts=cuts):  # type: ignore[arg-type]
        yield convert.to_uint8(picture)
