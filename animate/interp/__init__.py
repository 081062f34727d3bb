"""Between pictures: any number of in-betweens of two pictures, and of a stream of them.

    interpolate = load("auto")
    quarter, half = interpolate(a, b, [0.25, 0.5])

An engine predicts the pictures strictly between two others; `Interpolator` puts round it what all engines owe their
callers. To add one: a module with a class and a function `load`, and one line in `ENGINES`; or an entry point in the
group `animate.interp`. The contract suite in `tests/interp/test_engines.py` runs over the table.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from animate.errors import BadInput, MissingModel, near
from animate.interp import store
from animate.interp.interpolator import Interpolator

__all__ = ["ENGINES", "Interpolator", "best", "load"]


class Engine(Protocol):
    """What one in-between method must do; nothing else is asked of it."""

    def __call__(self, a: Tensor, b: Tensor, times: Sequence[float]) -> Iterable[Tensor]:
        """The pictures at `times`, each strictly between 0 (which is `a`) and 1 (`b`), ascending.

        `a` and `b` are (3, H, W) float32 in [0, 1], of one size, finite, not equal, on the engine's device. A result
        may leave [0, 1] a little; it is clamped. An engine that is a generator sees the pair once and holds one
        picture, however many are asked for.
        """
        ...


ENGINES: dict[str, str] = {
    "film": "animate.interp.film:load",
    "film-halving": "animate.interp.film:load_halving",
    "rife": "animate.interp.rife:load",
    "embedded": "animate.interp.embedded:load",
    "flow": "animate.interp.tween:dis",
    "farneback": "animate.interp.tween:farneback",
    "blend": "animate.interp.tween:blend",
    "hold": "animate.interp.tween:hold",
}
"""Name → `module:function (weights, device, dtype) → Engine`; imported when chosen."""


def load(
    name: str = "auto",
    weights: str | Path | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Interpolator:
    """An interpolator by its name.

    Args:
        name: a key of `ENGINES`, the name of an entry point in the group `animate.interp`, or `auto` (see `best`).
        weights: a weight file for an engine that has one; None looks where `animate models get` puts it.
        device: where the pictures are made.
        dtype: precision of the network's weights; flows are float32 in any case.

    Raises:
        BadInput: no engine of this name.
        MissingModel: its weights are not there or do not fit.
    """
    if name == "auto":
        if weights is not None:
            raise BadInput("weights belong to an engine: name it (film, rife) instead of auto")
        name = best()
    plugins = {point.name: point.value for point in entry_points(group="animate.interp")}
    place = ENGINES.get(name) or plugins.get(name)
    if place is None:
        known = [*ENGINES, *plugins]
        hint = near(name, known, f"there are auto, {', '.join(known)}")
        raise BadInput(f"there is no interpolation engine {name!r}; {hint}")
    module, _, function = place.partition(":")
    make = getattr(importlib.import_module(module), function)
    where = torch.device(device)
    return Interpolator(name, make(None if weights is None else Path(weights), where, dtype), where)


def best() -> str:
    """What `auto` means: the user's FILM or RIFE if there, else the embedded network if it passed its gate, else flow.

    So it is never worse than flow tweening.
    """
    for name in ("film", "rife"):
        if store.find(name) is not None:
            return name
    return "embedded" if _gate_passed() else "flow"


def _gate_passed() -> bool:
    """Whether the embedded network's card says that it beats flow tweening on real clips."""
    try:
        return bool(store.embedded_card().get("passed_gate", False))
    except MissingModel:
        return False
