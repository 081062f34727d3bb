"""The animator: a plan walked frame by frame.

A pure step. It knows no clock, file, model, device or random state of its own; it asks for pictures (`requests`) and a
runner answers. One diffused frame is

    warp(previous) → match colour → grade → sharpen → add noise → redraw → match colour → match sharpness → mask → emit
                                                                                               → becomes previous

With a cadence of n only every n-th frame is redrawn. A redrawn picture fades in over n frames, then stands alone and is
what the next one starts from; the frames between are the two neighbours carried along the plan's motion.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animate.diffusion.sampling import Sampling
from animate.motion import matrix
from animate.motion.warp import move, warp
from animate.picture import holes, mask, noise, sharpen
from animate.render import finish, guides, hybrid, masking, prepare, restyle, view
from animate.render.requests import Carry, Emit, EstimateDepth, Imagine, ReadFrame, Redraw, Request, Tween, Watch
from animate.schedule.plan import Frame, Plan

Step = Generator[Request, Any, Carry]


def animate(plan: Plan, carry: Carry | None = None) -> Generator[Request, Any, None]:
    """Ask for everything that the frames after `carry.index` need, and emit each of them.

    Args:
        plan: every value of every frame.
        carry: where to go on; None begins at frame 0. Going on from the carry of any frame gives the straight run.
    """
    step = STEPS[str(plan.settings["animation_mode"])]
    for index in range(carry.index + 1 if carry else 0, len(plan)):
        before = carry
        carry = yield from step(plan, plan[index], carry)
        filmed = plan.settings["animation_mode"] == "Video Input"
        shown = yield from (restyle.shown if filmed else _shown)(plan, carry)
        told = before.told if before and not _apart(plan, index) else carry.told[:0]
        picture, nearness, told = yield from finish.finished(plan, plan[index], shown, told)
        carry = replace(carry, told=told)
        yield Emit(index=index, picture=picture, carry=carry, nearness=nearness)


def _apart(plan: Plan, index: int) -> bool:
    """Whether a frame has nothing to do with the one before it."""
    return plan[index].cut or plan.settings["animation_mode"] == "None"


def _moved(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """One frame of a 2D animation: the motion is gathered in matrices, pictures are read once when they are needed."""
    if carry is None or frame.cut:
        return (yield from _opened(plan, frame, carry))
    move = matrix.of_frame(frame, plan.size)
    carry = replace(carry, index=frame.index, arriving_by=move @ carry.arriving_by, leaving_by=move @ carry.leaving_by)
    carry = yield from hybrid.moved(plan, frame, carry)
    return (yield from _repainted(plan, frame, carry))


def _flown(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """One frame of a 3D animation: both pictures are seen anew by the camera that has moved."""
    if carry is None or frame.cut:
        return (yield from _opened(plan, frame, carry))
    depth = torch.ones_like(carry.arriving[:1])
    if plan.settings["use_depth_warping"] and plan.settings["depth_algorithm"] != "flat":
        depth = yield EstimateDepth(index=frame.index - 1, picture=carry.arriving)  # what is flown through is behind us
    flight = view.of_frame(plan, frame, depth, carry.depth)
    arriving = flight.see(carry.arriving)
    unseen = carry.unseen
    if plan.settings["holes"] == "paint":
        before = flight.see(unseen).picture if unseen.numel() else 0.0
        unseen = (flight.uncovered() + before).clamp(0, 1)
    carry = replace(
        carry,
        index=frame.index,
        arriving=arriving.picture,
        leaving=flight.see(carry.leaving).picture,
        unseen=unseen,
        depth=flight.depth_after(),
    )
    carry = yield from hybrid.moved(plan, frame, carry)
    return (yield from _repainted(plan, frame, carry))


def _repainted(plan: Plan, frame: Frame, carry: Carry) -> Step:
    """The model's part of a frame; `carry` has been moved to it already."""
    if guides.started(plan, frame.index):
        return (yield from _opened(plan, frame, carry))
    if not frame.redrawn:
        return carry
    carry = replace(carry, leaving=carry.arriving, leaving_by=carry.arriving_by, painted_at=frame.index)
    fresh = bool(frame["strength"] <= 0 and plan.settings["strength_0_no_init"])
    unseen = carry.unseen[:0] if fresh else _unseen(plan, carry)
    hole = holes.there(unseen)
    if frame["strength"] >= 1 and not hole:  # carried on, untouched by the model
        return carry
    moved = view.moved_by(plan, carry.arriving, carry.arriving_by)
    if hole:
        moved, unseen = yield from _filled(plan, frame, moved, unseen)
    if frame["strength"] >= 1:
        return replace(carry, arriving=prepare.greyed(plan, moved), arriving_by=np.eye(3), unseen=unseen)
    if not fresh:
        moved = _led_back(plan, frame, carry, moved)
    moved = yield from hybrid.laid_in(plan, frame, moved, "Normal")
    where = yield from masking.of(plan, frame, "mask", moved)
    colors = carry.colors
    if where is not None and not bool((where > 0).any()):
        painted = moved
    elif fresh and where is None:
        depth = yield from prepare.structure(plan, frame, moved)
        picture = yield Imagine(index=frame.index, how=prepare.sampling(plan, frame), depth=depth)
        painted, colors = yield from _beginning(plan, frame, picture)
    else:
        painted = yield from _redrawn(plan, frame, carry, moved, where)
        if where is not None:
            painted = mask.blend(moved, painted, where)
    painted = yield from hybrid.laid_in(plan, frame, painted, "After Generation")
    return replace(carry, arriving=painted, arriving_by=np.eye(3), colors=colors, unseen=unseen)


def _redrawn(
    plan: Plan, frame: Frame, carry: Carry, moved: Tensor, where: Tensor | None
) -> Generator[Request, Any, Tensor]:
    """`moved` (3, H, W) redrawn, where `where` says so."""
    colors = carry.colors
    led = guides.of(plan, frame)
    start = moved
    if led is not None:
        guide = yield ReadFrame(index=frame.index, file=led.file)
        start = moved.lerp(guide, led.share)
        colors = colors.lerp(guide, max(frame["color_correction_factor"], led.share))
    match = prepare.matcher(plan, colors)
    redrawn = yield Redraw(
        index=frame.index,
        picture=(yield from prepare.prepared(plan, frame, match(start))),
        strength=frame["strength"],
        how=prepare.sampling(plan, frame),
        within=masking.support(where),
        depth=(yield from prepare.structure(plan, frame, start)),
    )
    reference = carry.first if plan.settings["color_coherence"] == "Image" else colors
    painted = sharpen.match_sharpness(match(redrawn), reference, frame["sharpness_coherence"])
    return prepare.greyed(plan, painted)


def _unseen(plan: Plan, carry: Carry) -> Tensor:
    """(1, H, W) in [0, 1], how much of each place of frame `carry.index` was never seen; empty where all of it was.

    A move of less than half a pixel uncovers a part of one, and that is stretched: parts are gathered from frame to
    frame until they are worth painting.
    """
    if plan.settings["holes"] != "paint":
        return carry.unseen[:0]
    uncovered = 1 - warp(torch.ones_like(carry.arriving[:1]), carry.arriving_by).coverage
    if carry.unseen.numel():
        uncovered = (uncovered + move(carry.unseen, carry.arriving_by, sampling="bilinear")).clamp(0, 1)
    return uncovered if bool((uncovered > 0).any()) else carry.unseen[:0]


def _filled(plan: Plan, frame: Frame, moved: Tensor, unseen: Tensor) -> Generator[Request, Any, tuple[Tensor, Tensor]]:
    """`moved` (3, H, W) with what was never seen of it invented, and what is still unseen after that.

    Invented from its surroundings and noise alone, it is then redrawn with the rest as if it had always been there: so
    there is no seam, and the frame's own strength stays what it is.
    """
    within = holes.softened(unseen)
    invented = yield Redraw(
        index=frame.index,
        picture=moved,
        strength=frame["hole_strength"],
        how=_elsewhere(prepare.sampling(plan, frame), frame.index),
        within=within,
    )
    left = unseen * (1 - within)
    return invented, left if bool((left > 0).any()) else left[:0]


def _elsewhere(how: Sampling, index: int) -> Sampling:
    """The same from other noise: a place must not be redrawn from the noise that it was invented from."""
    return replace(how, seed=int(noise.rng(how.seed, index, "holes").integers(2**32)))


def _still(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """One frame that owes nothing to the frame before."""
    if plan.album.keys:
        return (yield from _pictured(plan, frame, carry))
    return (yield from _opened(plan, frame, carry))


def _pictured(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """One frame between two pictures that are keys.

    At its own time a picture stands as it is. On the way the two are mixed and redrawn, and 4w(1 − w) of what
    `strength` gives up half-way is given up: so it leaves one picture and arrives at the other without a jump.
    """
    here, following, share = plan.album.at(frame.index)
    picture = yield ReadFrame(index=frame.index, file=here)
    if share > 0:
        picture = yield Redraw(
            index=frame.index,
            picture=picture,
            strength=1 - (1 - frame["strength"]) * 4 * share * (1 - share),
            how=prepare.sampling(plan, frame),
            other=(yield ReadFrame(index=frame.index, file=following)),
            mix=share,
        )
    return Carry.opened(frame.index, prepare.greyed(plan, picture), carry, colors=picture)


def _opened(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """The first frame of a shot: from a picture if there is one for it, else from noise."""
    how = prepare.sampling(plan, frame)
    init = guides.started(plan, frame.index)
    if init or hybrid.opens_with_film(plan):
        start = yield ReadFrame(index=frame.index, file=init) if init else Watch(index=frame.index)
        where = yield from masking.of(plan, frame, "mask", start)
        picture = start
        if frame["init_strength"] < 1 and (where is None or bool((where > 0).any())):
            depth = yield from prepare.structure(plan, frame, start)
            strength = frame["init_strength"]
            picture = yield Redraw(
                index=frame.index, picture=start, strength=strength, how=how, within=masking.support(where), depth=depth
            )
        if where is not None:
            picture = mask.blend(start, picture, where)
    else:
        depth = None
        if prepare.foretold(plan):
            depth = yield from prepare.structure(plan, frame, torch.zeros(3, *plan.size))
        picture = yield Imagine(index=frame.index, how=how, depth=depth)
    picture, colors = yield from _beginning(plan, frame, picture)
    return Carry.opened(frame.index, picture, carry, colors=colors)


def _beginning(plan: Plan, frame: Frame, picture: Tensor) -> Generator[Request, Any, tuple[Tensor, Tensor]]:
    """A picture that owes nothing to the one before, as it begins anew; and whose colours the frames after it keep."""
    if plan.settings["color_coherence"] != "Image":
        picture = prepare.greyed(plan, picture)
        return picture, picture
    colors = yield ReadFrame(index=frame.index, file=str(plan.settings["color_coherence_image"]))
    return prepare.greyed(plan, prepare.matcher(plan, colors)(picture)), colors


STEPS: dict[str, Callable[[Plan, Frame, Carry | None], Step]] = {
    "2D": _moved,
    "3D": _flown,
    "None": _still,
    "Interpolation": _still,
    "Video Input": restyle.step,
}


def _shown(plan: Plan, carry: Carry) -> Generator[Request, Any, Tensor]:
    """(3, H, W) what frame `carry.index` shows: the arriving picture, on its way from the leaving one over the cadence.

    Both are where the plan's motion has taken them by now; what an engine is asked for is what moves beside that.
    """
    arriving = view.moved_by(plan, carry.arriving, carry.arriving_by)
    weight = (carry.index - carry.painted_at + 1) / int(plan.settings["diffusion_cadence"])
    if weight >= 1:
        return arriving
    leaving = view.moved_by(plan, carry.leaving, carry.leaving_by)
    if plan.settings["cadence_tween"] == "warp":
        return leaving.lerp(arriving, weight)
    return (yield Tween(index=carry.index, before=leaving, after=arriving, time=weight))


def _led_back(plan: Plan, frame: Frame, carry: Carry, picture: Tensor) -> Tensor:
    """`picture` drawn towards where frame 0 must be seen from here, so that the motion still to come ends on it.

    Over the last `loop` frames the share of frame 0 grows to 1; it is seen through the inverse of the remaining motion,
    and only where that view covers the picture.
    """
    left = len(plan) - frame.index
    span = int(plan.settings["loop"])
    if left > span or plan.settings["animation_mode"] != "2D":
        return picture
    back = np.linalg.inv(_ahead(plan)[left - 1])
    target = warp(carry.first, back, border="replicate", sampling=str(plan.settings["sampling_mode"]))
    share = (1 - left / (span + 1)) * target.coverage
    return picture + share * (target.picture - picture)


@lru_cache(maxsize=8)
def _ahead(plan: Plan) -> list[np.ndarray]:
    """The motion that is still to come until frame 0 is there again: from the last frame, from the one before …"""
    found = [matrix.of_frame(plan[0], plan.size)]
    for left in range(1, min(int(plan.settings["loop"]), len(plan))):
        found.append(found[-1] @ matrix.of_frame(plan[len(plan) - left], plan.size))
    return found
