"""Frames that owe nothing to one another, painted several at once.

A network's rows differ in their last bits with how many there are, so a run has one width: groups begin at multiples of
it, and the last one is filled up with its last frame. So a frame has the same bytes whichever frames are asked for, and
after a resume too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from animate.render.prepare import foretold, sampling

if TYPE_CHECKING:
    from animate.diffusion.models import Paints
    from animate.schedule.plan import Plan

INDEPENDENT = ("None", "Interpolation")
"""Animation modes in which no frame owes anything to another."""


def width_of(plan: Plan) -> int:
    """How many frames of a plan go into the model at once."""
    alone = str(plan.settings["animation_mode"]) not in INDEPENDENT or bool(plan.album.keys) or foretold(plan)
    return 1 if alone else int(plan.settings["batch_size"])


class Groups:
    """Pictures of a plan's independent frames; holds one group at a time."""

    def __init__(self, plan: Plan, painter: Paints, width: int) -> None:
        self._plan, self._painter, self._width = plan, painter, width
        self._number = -1
        self._pictures: Tensor | None = None

    def picture(self, index: int) -> Tensor:
        """(3, H, W) frame `index`, painted with its group."""
        number, place = divmod(index, self._width)
        if self._pictures is None or number != self._number:
            last = len(self._plan) - 1
            frames = [min(number * self._width + row, last) for row in range(self._width)]
            how = [sampling(self._plan, self._plan[frame]) for frame in frames]
            self._pictures, self._number = self._painter.imagine(self._plan.size, how), number
        return self._pictures[place]
