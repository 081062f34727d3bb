"""Pictures by hand that an animation starts from, or is led towards, at times: `init_images`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from animate.schedule.plan import Frame, Plan

FAINT = 0.07
"""Deforum's share of the picture where no blending goes on."""


@dataclass(frozen=True)
class Guide:
    """A picture that leads a frame."""

    file: str
    share: float
    """How much of it is in what is redrawn, in [0, 1]."""


def started(plan: Plan, index: int) -> str:
    """The picture that frame `index` starts from; "" for none. At frame 0 that is `init_image` where it is given."""
    if index == 0 and plan.settings["init_image"]:
        return str(plan.settings["init_image"])
    for frame, file, _ in plan.guides:
        if frame == index and (frame == 0 or plan.settings["init_images_mode"] == "start"):
            return file
    return ""


def of(plan: Plan, frame: Frame) -> Guide | None:
    """What leads a frame; None where nothing does."""
    if not plan.guides or plan.settings["init_images_mode"] == "start":
        return None
    find = _as_deforum if plan.settings["init_images_mode"] == "deforum" else _nearest
    guide = find(plan, frame)
    return guide if guide is not None and guide.share > 0 else None


def _nearest(plan: Plan, frame: Frame) -> Guide | None:
    """The picture of the nearest key: its share rises to `blend_factor_max` at the key and falls behind it.

    Over `tweening_frames` to each side, along a cosine: nothing jumps.
    """
    span = frame["tweening_frames"]
    away, file = min((abs(frame.index - at), file) for at, file, _ in plan.guides)
    if away > 0 and away >= span:
        return None
    near = math.cos(math.pi / 2 * away / span) ** 2 if away else 1.0
    return Guide(file, near * min(1.0, max(0.0, frame["blend_factor_max"])))


def _as_deforum(plan: Plan, frame: Frame) -> Guide:
    """Deforum's guided images: that of the last key is blended in over the first frames after it, else faintly.

    Share = max − slope · cos((f mod tween) / (tween / 2)) while f mod (length of the gap) ≤ tween, an angle in radians.
    """
    keys = [at for at, _, _ in plan.guides]
    place = sum(at <= frame.index for at in keys[1:])
    ends = [*keys[1:], len(plan) - 1]
    interval = max(1, ends[place] - keys[place])
    tween = int(frame["tweening_frames"])
    share = FAINT
    if tween > 0 and frame.index % interval <= tween:
        angle = (frame.index % tween) / (tween / 2)
        share = frame["blend_factor_max"] - frame["blend_factor_slope"] * math.cos(angle)
    return Guide(plan.guides[place][1], min(1.0, max(0.0, share)))
