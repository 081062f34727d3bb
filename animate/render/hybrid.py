"""A film beside an animation: laid into it, and its motion taken up.

moved(by the schedule) ─> film laid in: Before Motion ─> moved as the film moves ─> film laid in: Normal
                                                      ─> redraw ─> film laid in: After Generation
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor

from animate.motion import flow, follow
from animate.picture import blur, mask
from animate.render import masking
from animate.render.requests import Carry, Follow, Request, Watch
from animate.render.view import moved_by
from animate.schedule import masks
from animate.schedule.plan import Frame, Plan

Pictured = Generator[Request, Any, Tensor]
STEADY = 2.0
"""Standard deviation, px, of the blur over what is thought to be consistent."""


@lru_cache(maxsize=8)
def is_on(plan: Plan) -> bool:
    """Whether a film is looked at beside an animation that moves by itself."""
    if not plan.film.file or plan.settings["animation_mode"] not in ("2D", "3D"):
        return False
    laid_in = plan.settings["hybrid_composite"] != "None" or plan.settings["hybrid_motion"] != "None"
    return laid_in or _masked(plan)


def _masked(plan: Plan) -> bool:
    texts = {text for name in ("mask", "noise_mask") for text in plan.text[name]}
    return any(term.of == "film" for text in texts for term in masks.terms(masks.parse(text)))


def opens_with_film(plan: Plan) -> bool:
    """Whether a shot begins with the film's picture."""
    return is_on(plan) and bool(plan.settings["hybrid_use_first_frame_as_init_image"])


def laid_in(plan: Plan, frame: Frame, picture: Tensor, when: str) -> Pictured:
    """`picture` (3, H, W) with the film laid in, if this is the time for it."""
    if not is_on(plan) or plan.settings["hybrid_composite"] != when or frame["hybrid_alpha"] <= 0:
        return picture
    film = yield Watch(index=frame.index)
    where = yield from masking.of(plan, frame, "hybrid_mask", picture, film)
    share = frame["hybrid_alpha"] if where is None else frame["hybrid_alpha"] * where
    return mask.blend(picture, film, picture.new_ones(1, *picture.shape[-2:]) * share)


def moved(plan: Plan, frame: Frame, carry: Carry) -> Generator[Request, Any, Carry]:
    """The carry, moved by the schedule already, as the film moves it on."""
    if not is_on(plan):
        return carry
    if frame.redrawn and plan.settings["hybrid_composite"] == "Before Motion":
        here = moved_by(plan, carry.arriving, carry.arriving_by)
        here = yield from laid_in(plan, frame, here, "Before Motion")
        carry = replace(carry, arriving=here, arriving_by=np.eye(3))
    kind = str(plan.settings["hybrid_motion"])
    if kind == "None":
        return carry
    now = yield Watch(index=frame.index)
    if plan.settings["hybrid_motion_use_prev_img"]:
        before, since = moved_by(plan, carry.arriving, carry.arriving_by), -1
    else:
        before, since = (yield Watch(index=frame.index - 1)), frame.index - 1
    if kind != "Optical Flow":
        return _by_matrix(plan, carry, follow.between(before, now, kind))
    there, back = yield Follow(index=frame.index, now=now, before=before, since=since)
    factor = frame["hybrid_flow_factor"]
    if plan.settings["hybrid_flow_consistency"]:
        agree = 1 - flow.occluded(there, back).to(now)
        weights = blur.gaussian(9, STEADY)
        there = there * blur.separable(agree, weights, weights, "replicate")
    seen = [
        flow.warp(moved_by(plan, picture, by), there * factor).picture
        for picture, by in ((carry.arriving, carry.arriving_by), (carry.leaving, carry.leaving_by))
    ]
    still = np.eye(3)
    return replace(carry, arriving=seen[0], arriving_by=still, leaving=seen[1], leaving_by=still, depth=carry.depth[:0])


def _by_matrix(plan: Plan, carry: Carry, by: np.ndarray) -> Carry:
    if plan.settings["animation_mode"] == "2D":  # gathered, and read once
        return replace(carry, arriving_by=by @ carry.arriving_by, leaving_by=by @ carry.leaving_by)
    return replace(
        carry,
        arriving=moved_by(plan, carry.arriving, by),
        leaving=moved_by(plan, carry.leaving, by),
        depth=carry.depth[:0],
    )
