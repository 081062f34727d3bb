"""What a frame must show to be of its kind: how much land and water, and whether the water ends at the sky.

A shore seen from the land is a coast, land seen from the water is an island, water behind which land closes is a lake.
Without this a coast may be all water and a lake lie behind a hill, and the caption is a lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Span = tuple[float, float]
_ANY: Span = (0.0, 1.0)


@dataclass(frozen=True)
class Sight:
    """Lowest and highest share of a frame."""

    land: Span = _ANY
    water: Span = _ANY
    horizon: Span = _ANY
    """Of the columns: where water ends at the sky, or at a thin line of land before it."""
    ground: Span = _ANY
    """Of the lowest row: what is land."""


SIGHTS: Mapping[str, Sight] = {
    "sea": Sight(land=(0.0, 0.05), horizon=(0.8, 1.0)),
    "coast": Sight(land=(0.2, 0.6), water=(0.15, 0.6), horizon=(0.15, 0.85), ground=(0.3, 1.0)),
    "islands": Sight(land=(0.08, 0.35), water=(0.25, 0.7), horizon=(0.15, 0.9), ground=(0.0, 0.15)),
    "lake": Sight(land=(0.15, 0.7), water=(0.14, 0.6), horizon=(0.0, 0.06)),
    "valley": Sight(land=(0.3, 0.7), water=(0.1, 0.4), horizon=(0.0, 0.06)),
}
"""Kinds that are told apart by where land and water lie."""


def shares(what: np.ndarray) -> dict[str, float]:
    """The shares of a frame (H, W) of 0 sky, 1 land, 2 water, 3 things."""
    below = np.argmax(what != 0, axis=0) + max(len(what) // 24, 1)
    first = np.take_along_axis(what, below.clip(max=len(what) - 1)[None], 0)[0]
    return {
        "land": float((what == 1).mean()),
        "water": float((what == 2).mean()),
        "horizon": float((first == 2).mean()),
        "ground": float((what[-1] == 1).mean()),
    }


def lacking(kind: str, seen: Mapping[str, float]) -> float:
    """How far, in all, the shares of a frame lie outside those of its kind; 0 where it shows it."""
    spans = vars(SIGHTS.get(kind, Sight()))
    return sum(max(low - seen[name], 0.0) + max(seen[name] - high, 0.0) for name, (low, high) in spans.items())
