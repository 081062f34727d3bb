"""Masks of a frame: what `mask`, `noise_mask` and `hybrid_mask` say, looked up in pictures, files and models.

All are (1, H, W) in [0, 1], 1 where something applies. `luma`, `depth` and words are read from the picture at hand.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor

from animate import depth as depths
from animate.errors import BadInput
from animate.picture import color
from animate.picture import mask as masks
from animate.render.requests import EstimateDepth, ReadMask, Request, Segment, Watch
from animate.schedule import masks as said
from animate.schedule.plan import Frame, Plan

Masked = Generator[Request, Any, Tensor | None]

EDGE = 0.04
"""Width over which a range begins and ends, so that a picture's own grain does not tear its edge."""
FAR_APART = 0.25
"""Mean difference over the colours at which two pictures are altogether different."""


def wanted(plan: Plan, kind: str) -> bool:
    """Whether some frame's mask has a term of this kind."""
    texts = {text for name in said.FIELDS if said.is_on(name, plan.settings) for text in plan.text[name]}
    return any(term.kind == kind for text in texts for term in said.terms(said.parse(text)))


def files(plan: Plan) -> list[tuple[str, bool]]:
    """The files that masks are read from, and whether for their alpha alone."""
    texts = dict.fromkeys(text for name in said.FIELDS if said.is_on(name, plan.settings) for text in plan.text[name])
    found = dict.fromkeys(term for text in texts for term in said.terms(said.parse(text)))
    named = [(term.text, False) for term in found if term.kind == "file"]
    return named + [(_shown_through(plan), True) for term in found if term.kind == "alpha"]


def of(plan: Plan, frame: Frame, name: str, picture: Tensor, film: Tensor | None = None) -> Masked:
    """The mask that a field says for a frame, grown and softened; None where it says none.

    Args:
        name: the field.
        picture: (3, H, W) what is masked.
        film: (3, H, W) the film's picture, for what is said of it; asked for where it is needed.
    """
    tree = said.parse(plan.text[name][frame.index])
    if tree is None:
        return None
    if film is None and any(term.of == "film" or term.kind == "difference" for term in said.terms(tree)):
        film = yield Watch(index=frame.index)
    shown = {"picture": picture, "film": picture if film is None else film}
    default = "film" if name == "hybrid_mask" else "picture"
    found = yield from _of(tree, plan, frame, shown, default)
    found = masks.grow(found, frame["mask_grow"]) if name == "mask" else found
    return masks.feather(found, frame["mask_feather"]) if name == "mask" else found


def _of(
    tree: said.Mask, plan: Plan, frame: Frame, shown: Mapping[str, Tensor], default: str
) -> Generator[Request, Any, Tensor]:
    if isinstance(tree, said.Not):
        part = yield from _of(tree.part, plan, frame, shown, default)
        return 1 - part
    if isinstance(tree, said.Both):
        first = yield from _of(tree.first, plan, frame, shown, default)
        second = yield from _of(tree.second, plan, frame, shown, default)
        return combined(tree.how, first, second)
    return (yield from _term(tree, plan, frame, shown, default))


def support(where: Tensor | None) -> Tensor | None:
    """All of the places that a mask lets be painted: its soft edge is laid over what is painted, once."""
    return None if where is None else (where > 0).to(where)


def combined(how: str, a: Tensor, b: Tensor) -> Tensor:
    """Two masks by `&`, `|` or `^`; on 0 and 1 as in logic, between in order."""
    if how == "&":
        return torch.minimum(a, b)
    if how == "|":
        return torch.maximum(a, b)
    return torch.maximum(torch.minimum(a, 1 - b), torch.minimum(1 - a, b))


def _term(
    term: said.Term, plan: Plan, frame: Frame, shown: Mapping[str, Tensor], default: str
) -> Generator[Request, Any, Tensor]:
    picture = shown[term.of or default]
    if term.kind == "number":
        return picture.new_full((1, *picture.shape[-2:]), float(term.text))
    if term.kind == "file":
        return (yield ReadMask(index=frame.index, file=term.text))
    if term.kind == "alpha":
        return (yield ReadMask(index=frame.index, file=_shown_through(plan), alpha=True))
    if term.kind == "word":
        return (yield Segment(index=frame.index, picture=picture, words=term.text))
    if term.kind == "difference":
        apart = (shown["film"] - shown["picture"]).abs().mean(0, keepdim=True) / FAR_APART
        value = apart.clamp(0, 1)
    elif term.kind == "depth":
        depth = yield EstimateDepth(index=frame.index, picture=picture)
        value = depths.to_disparity(depth[None])[0]
    else:
        value = sum(weight * plane for weight, plane in zip(color.LUMA, picture))[None]
    return within(value, term.low, term.high) if term.ranged else value


def within(value: Tensor, low: float, high: float) -> Tensor:
    """1 where `value` in [0, 1] lies between both, 0 beyond them; an end at 0 or 1 is open."""
    above = ((value - low) / EDGE + 0.5).clamp(0, 1) if low > 0 else torch.ones_like(value)
    below = ((high - value) / EDGE + 0.5).clamp(0, 1) if high < 1 else torch.ones_like(value)
    return torch.minimum(above, below)


def _shown_through(plan: Plan) -> str:
    """The file whose alpha counts."""
    if plan.film.file:
        return plan.film.file
    if plan.settings["init_image"]:
        return str(plan.settings["init_image"])
    raise BadInput("mask: alpha needs a film or an init_image to be transparent")
