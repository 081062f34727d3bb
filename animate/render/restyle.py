"""A film restyled: the animator's step for `animation_mode: Video Input`.

    frames    film(i) ──────────────────────────────────────────────> redraw ─> (blend with moved) ─> frame i
    carried   film(i) ─┐
              frame i−1, moved by the film's flow ─> where trusted ─> redraw ─> (blend with moved) ─> frame i
    keyed     keys redrawn from the film, or painted by hand; a frame between is the key before and the key behind it,
              each moved by the film's flow, by how far it can be trusted and how near it is

A cut in the film, or one that the schedule names, starts afresh: nothing is carried across. By hand, the frames before
a shot's first key and behind its last are that key alone, and a shot without one is the film's own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from animate.interp import cuts
from animate.motion import flow
from animate.picture import blur, mask
from animate.render import masking, prepare
from animate.render.requests import Carry, Follow, Imagine, ReadFrame, Redraw, Request, Watch
from animate.schedule import masks
from animate.schedule.plan import Frame, Plan

Step = Generator[Request, Any, Carry]
Pictured = Generator[Request, Any, Tensor]

KEPT = {"frames": 0.0, "carried": 0.85}
"""By mode, what `temporal_blend: -1` stands for. At 0.9 the flicker of two real clips was 0.28 and 0.45 of what frames
redrawn alone have, at 0.8 it was 0.39 and 0.57; more smears."""
ALIKE, UNLIKE = 0.04, 0.12
"""Mean difference over the colours at which the film's own picture, moved, is fully and no longer trusted: a shadow or
a reflection moves otherwise than the thing it lies on. Set by eye."""
STILL = 0.4
"""Pixels a frame below which noise stays where it is."""


def step(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """One frame of a restyled film."""
    return (yield from MODES[str(plan.settings["video_mode"])](plan, frame, carry))


def shown(plan: Plan, carry: Carry) -> Pictured:
    """(3, H, W) what frame `carry.index` shows: the restyled picture, and where the mask leaves it the film's own."""
    if plan.settings["video_mode"] != "keyed":
        return mask.blend(carry.source, carry.arriving, carry.where) if carry.where.numel() else carry.arriving
    picture = yield from _between(carry)
    if masks.parse(plan.text["mask"][carry.index]) is None:
        return picture
    source = yield Watch(index=carry.index)
    where = yield from masking.of(plan, plan[carry.index], "mask", source, source)
    return picture if where is None else mask.blend(source, picture, where)


# --- frame by frame -------------------------------------------------------------------------------------------------


def _followed(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """A frame redrawn by itself, or from the frame before as the film moved it."""
    source = yield Watch(index=frame.index)
    where = yield from masking.of(plan, frame, "mask", source, source)
    if carry is None or frame.cut or cuts.is_cut(cuts.glance(carry.source), cuts.glance(source)):
        painted = yield from _painted(plan, frame, source, source, where, carry, fresh=True)
        more = {"source": source, "left_at": frame.index, "where": _told(where, source)}
        return Carry.opened(frame.index, painted, carry, **more)
    carrying = plan.settings["video_mode"] == "carried"
    kept = frame["temporal_blend"] if frame["temporal_blend"] >= 0 else KEPT[str(plan.settings["video_mode"])]
    start, before, trusted, drift = source, source, source[:1], carry.drift
    if carrying or kept > 0 or plan.settings["noise_warp"] or frame["latent_blend"] > 0:
        flows = yield Follow(index=frame.index, now=source, before=carry.source, since=carry.index)
        before, trusted = moved(carry.arriving, flows, source, carry.source)
        if carry.where.numel():  # what the mask has only now let in was not painted before
            trusted = trusted * flow.read(carry.where, flows[0])
        if plan.settings["noise_warp"]:
            drift = _drifted(drift, flows[0], trusted)
    if carrying:
        start = source + frame["flow_blend"] * trusted * (before - source)
    blend = frame["latent_blend"]
    towards = (before, blend * trusted) if blend > 0 else None
    painted = yield from _painted(
        plan, frame, start, source, where, carry, drift=drift if drift.numel() else None, towards=towards
    )
    if kept > 0:
        painted = painted + kept * trusted * (before - painted)
    return replace(
        carry,
        index=frame.index,
        painted_at=frame.index,
        arriving=painted,
        leaving=painted,
        source=source,
        drift=drift,
        where=_told(where, source),
    )


def _told(where: Tensor | None, like: Tensor) -> Tensor:
    return like.new_empty(0) if where is None else where


def _drifted(drift: Tensor, there: Tensor, trusted: Tensor) -> Tensor:
    """(2, H, W) where the noise comes from now: what moved brings its own, what was uncovered has what lies there.

    What hardly moves does not: flow is not exact, and its errors would add up to noise that wanders over a still wall.
    """
    there = there * (there.square().sum(0, keepdim=True).sqrt() > STILL)
    before = flow.read(drift, there) if drift.numel() else torch.zeros_like(there)
    return torch.where(trusted > 0.5, there + before, torch.zeros_like(there))


def moved(picture: Tensor, flows: Tensor, now: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """What was made from `before`, as it would be made from `now`.

    Args:
        picture: (3, H, W) made from `before`.
        flows: (2, 2, H, W) now → before and before → now.
        now: (3, H, W) the film's picture.
        before: (3, H, W) the film's picture of which `picture` was made.

    Returns:
        (3, H, W) the picture moved, and (1, H, W) in [0, 1] where it can be trusted: flows agree there and back,
        nothing was uncovered, and the film's own picture, moved alike, looks the same.
    """
    there, back = flows
    seen = flow.warp(picture, there)
    gap = (flow.read(before, there) - now).abs().mean(0, keepdim=True)
    alike = 1 - ((gap - ALIKE) / (UNLIKE - ALIKE)).clamp(0, 1)
    agree = 1 - flow.occluded(there, back).to(now)
    return seen.picture, _softened(seen.coverage * agree * alike).minimum(agree)


def _softened(mask: Tensor) -> Tensor:
    """(1, H, W) with soft edges."""
    weights = blur.gaussian(5, 1.0)
    return blur.separable(mask, weights, weights, "replicate")


# --- by keys --------------------------------------------------------------------------------------------------------


def _keyed(plan: Plan, frame: Frame, carry: Carry | None) -> Step:
    """The keys on both sides of a frame; most frames need none that was not there for the one before."""
    index = frame.index
    if carry is not None and index <= carry.until:
        return replace(carry, index=index)
    before = None if carry is None or (yield from _cut_before(plan, index)) else carry
    last = yield from _in_shot(plan, index, _aim(plan, index, before))
    if plan.film.styles and not _by_hand(plan, last):
        return (yield from _beyond(index, last, before, carry))
    source = yield Watch(index=last, ahead=True)
    painted = yield from _key(plan, last, source, carry, fresh=before is None)
    if before is None:
        opened = Carry.opened(last, painted, carry, source=source, behind=source, left_at=last, until=last)
        return replace(opened, index=index)
    return replace(
        before,
        index=index,
        painted_at=last,
        left_at=before.painted_at,
        arriving=painted,
        leaving=before.arriving,
        source=source,
        behind=before.source,
        until=last,
    )


def _beyond(index: int, last: int, before: Carry | None, carry: Carry | None) -> Step:
    """Frames `index` to `last`, for which the shot has no further picture by hand: its last alone, or the film's own.

    Args:
        index: the first of them.
        last: the last that is known to be of this shot.
        before: what the frame before handed on; None where a shot opens.
        carry: the same, of another shot too.
    """
    if before is None:
        own = yield Watch(index=index)
        return Carry.opened(index, own, carry, left_at=index, until=last)
    return replace(
        before,
        index=index,
        left_at=before.painted_at,
        leaving=before.arriving,
        behind=before.source,
        until=last,
    )


def _aim(plan: Plan, index: int, before: Carry | None) -> int:
    """Where the key at or after frame `index` is to be, if its shot lasts so long.

    That is the next picture by hand; without any the first frame of a shot, then `diffusion_cadence` frames on.
    """
    if plan.film.styles:
        return min((key for key, _, _ in plan.film.styles if key >= index), default=index)
    if before is None:
        return index
    return min(before.painted_at + int(plan.settings["diffusion_cadence"]), len(plan) - 1)


def _in_shot(plan: Plan, index: int, aim: int) -> Generator[Request, Any, int]:
    """`aim`, or the last frame of the shot of frame `index` where that comes before it."""
    for place in range(index + 1, aim + 1):
        if (yield from _cut_before(plan, place)):
            return place - 1
    return aim


def _cut_before(plan: Plan, index: int) -> Generator[Request, Any, bool]:
    """Whether a shot begins with frame `index`."""
    if index == 0 or plan.cut[index]:
        return True
    before = yield Watch(index=index - 1, ahead=True)
    now = yield Watch(index=index, ahead=True)
    return cuts.is_cut(cuts.glance(before), cuts.glance(now))


def _by_hand(plan: Plan, index: int) -> str:
    """The picture that was painted by hand for frame `index`; "" without."""
    return next((picture for key, picture, _ in plan.film.styles if key == index), "")


def _key(plan: Plan, index: int, source: Tensor, carry: Carry | None, fresh: bool) -> Pictured:
    """The picture by hand, or the film's redrawn."""
    picture = _by_hand(plan, index)
    if picture:
        return (yield ReadFrame(index=index, file=picture, fit=str(plan.settings["video_fit"])))
    where = yield from masking.of(plan, plan[index], "mask", source, source)
    return (yield from _painted(plan, plan[index], source, source, where, carry, fresh=fresh))


def _between(carry: Carry) -> Pictured:
    """(3, H, W) a frame between two keys, or beside one; where its shot has none, the film's own."""
    index, first, last = carry.index, carry.left_at, carry.painted_at
    if not carry.source.numel():
        return (yield Watch(index=index))
    if index == last:
        return carry.arriving
    if index == first:
        return carry.leaving
    now = yield Watch(index=index)
    keys = {first: (carry.leaving, carry.behind), last: (carry.arriving, carry.source)}
    total, weights = torch.zeros_like(now), torch.zeros_like(now[:1])
    for key, (picture, source) in keys.items():
        flows = yield Follow(index=index, now=now, before=source, since=key)
        seen, trusted = moved(picture, flows, now, source)
        near = 1 - abs(index - key) / (last - first) if first != last else 1.0
        weight = near * (trusted + 0.01)  # where neither can be trusted, by their distance alone
        total, weights = total + weight * seen, weights + weight
    return total / weights


# --- a picture ------------------------------------------------------------------------------------------------------


def _painted(
    plan: Plan,
    frame: Frame,
    start: Tensor,
    source: Tensor,
    where: Tensor | None,
    carry: Carry | None,
    fresh: bool = False,
    drift: Tensor | None = None,
    towards: tuple[Tensor, Tensor] | None = None,
) -> Pictured:
    """`start` (3, H, W) redrawn within the mask `where`; depth is that of `source`.

    `drift` is that of the noise; `towards` a picture that the latent is drawn towards, and how far.
    """
    if frame["strength"] >= 1:
        return start
    if where is not None and not bool((where > 0).any()):
        return start
    how = prepare.sampling(plan, frame)
    depth = yield from prepare.structure(plan, frame, source)
    if frame["strength"] <= 0 and plan.settings["strength_0_no_init"] and where is None:
        painted = yield Imagine(index=frame.index, how=how, depth=depth, drift=drift)
    else:
        ready = yield from prepare.prepared(plan, frame, start)
        painted = yield Redraw(
            index=frame.index,
            picture=ready,
            strength=frame["strength"],
            how=how,
            within=masking.support(where),
            depth=depth,
            drift=drift,
            towards=towards[0] if towards else None,
            share=towards[1] if towards else None,
        )
    if plan.settings["color_coherence"] == "Image":
        colors = yield ReadFrame(index=frame.index, file=str(plan.settings["color_coherence_image"]))
        painted = prepare.matcher(plan, colors)(painted)
    elif carry is not None and not fresh:
        painted = prepare.matcher(plan, carry.colors)(painted)
    return prepare.greyed(plan, painted)


MODES: dict[str, Callable[[Plan, Frame, Carry | None], Step]] = {
    "frames": _followed,
    "carried": _followed,
    "keyed": _keyed,
}
"""By `video_mode`."""
