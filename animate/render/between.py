"""In-betweens of a run, made as frames arrive: the video shows more frames than are painted.

The frames of the run directory stay the painted ones. What is written depends on the frames and the plan alone, so a
video that is begun again after a kill is the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from animate.diffusion import digests
from animate.interp import Interpolator, load
from animate.interp.cuts import glance, is_cut
from animate.interp.store import EMBEDDED
from animate.interp.stream import Event, log, retime
from animate.picture import convert
from animate.render.progress import Warned
from animate.render.projector import Projector
from animate.schedule.plan import Plan

Frames = Iterable[np.ndarray]
"""uint8 (H, W, 3)."""


def _wanted(plan: Plan) -> bool:
    return str(plan.settings["frame_interpolation_engine"]) != "None"


def ratio(plan: Plan) -> int:
    """Shown frames for each painted one; 1 without in-betweens."""
    return int(plan.settings["frame_interpolation_x_amount"]) if _wanted(plan) else 1


def slower(plan: Plan) -> int:
    """How many times longer the video lasts than its frames were planned for."""
    return int(plan.settings["frame_interpolation_slow_mo_amount"]) if _wanted(plan) else 1


def rate(plan: Plan) -> Fraction:
    """Frames a second of the video."""
    return plan.fps * ratio(plan) / slower(plan)


def count(plan: Plan) -> int:
    """Frames of the video."""
    return len(plan) * ratio(plan)


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


def filler(
    plan: Plan, device: str, say: Callable[[str], None] = lambda _: None
) -> Callable[[Frames], Iterator[np.ndarray]]:
    """What puts the in-betweens among a run's frames, given in order; the identity for a plan that wants none.

    `say` hears, in the thread that takes the frames, once of motion that is too large to be trusted. There the engine
    has as many of torch's threads as there are here.
    Raises MissingModel where the engine's weights are not there.
    """
    if ratio(plan) == 1:
        return iter
    between = engine(str(plan.settings["frame_interpolation_engine"]), device)
    warned = Warned(say)

    def tell(event: Event) -> None:
        if event.kind == "large motion":
            warned(event.frame, event.text)
        else:
            log(event)

    threads = torch.get_num_threads()

    def filled(frames: Frames) -> Iterator[np.ndarray]:
        # Told to this thread: it would begin with what the loop has just then, which is one while it moves pictures.
        torch.set_num_threads(threads)
        yield from _filled(iter(frames), plan, between, tell)

    return filled


def _filled(
    frames: Iterator[np.ndarray], plan: Plan, between: Interpolator, tell: Callable[[Event], None]
) -> Iterator[np.ndarray]:
    start = list(itertools.islice(frames, 2))
    if len(start) < 2:  # a run that was stopped at once: the one frame stands
        yield from (frame for frame in start for _ in range(ratio(plan)))
        return
    pictures = (convert.from_uint8(frame) for frame in itertools.chain(start, frames))
    end: Literal["loop", "hold"] = "loop" if int(plan.settings["loop"]) else "hold"
    with _shots(plan) as begins:
        for picture in retime(pictures, Fraction(ratio(plan)), between, end=end, cuts=begins, tell=tell):
            yield convert.to_uint8(picture)


@contextmanager
def _shots(plan: Plan) -> Iterator[Callable[[int], bool]]:
    """Whether a shot begins with a frame: one of the plan, or of the film that is restyled.

    The film is watched for it once more, since its pictures tell and the painted ones may not: a style can make two
    shots alike, or two neighbours unlike.
    """
    if plan.settings["animation_mode"] != "Video Input":
        yield lambda index: index < len(plan) and bool(plan.cut[index])  # a loop ends with its first frame once more
        return
    with Projector(plan.film, plan.size, str(plan.settings["video_fit"]), frames=len(plan)) as film:

        def begins(index: int) -> bool:
            if index >= len(plan):
                return False
            return bool(plan.cut[index]) or is_cut(glance(film(index - 1)), glance(film(index)))

        yield begins
