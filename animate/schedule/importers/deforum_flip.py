"""The perspective flip of Deforum makes the picture a little smaller even at zero angles; that goes into the zoom."""

from __future__ import annotations

import math

from animate.schedule.importers.deforum_settings import constant, whole
from animate.schedule.tree import Node


def shrink(width: float, height: float, fv: float) -> float:
    """Scale of Deforum's perspective flip at zero angles.

    Its projection keeps a 1 at [3, 3], so that even the zero flip scales by h/(h + 1), h = d / (2 sin(fv/2)), d the
    diagonal; ours has no such factor.

    >>> round(shrink(512, 512, 53), 6)
    0.998769
    """
    reach = math.hypot(width, height) / (2 * math.sin(math.radians(fv) / 2))
    return reach / (reach + 1)


def put_into_zoom(pairs: dict[str, Node]) -> dict[str, Node]:
    """Multiply the zoom by the shrink; returns the curves that had to be named for it."""
    zoom, fv = pairs["zoom"], pairs.setdefault("perspective_flip_fv", Node.of(53))
    angle, scale = constant(fv), constant(zoom)
    let: dict[str, Node] = {}
    if angle is not None:
        factor = f"{shrink(whole(pairs['width']), whole(pairs['height']), max(angle, 1)):.12f}"
    else:
        let["deforum_fv"] = fv
        let["deforum_reach"] = Node.of("sqrt(W*W + H*H) / (2*sin(deforum_fv*pi/360))", at=fv)
        factor = "deforum_reach / (deforum_reach + 1)"
        pairs["perspective_flip_fv"] = Node.of("deforum_fv", at=fv)
    if scale is not None and not let:
        pairs["zoom"] = Node.of(scale * float(factor), at=zoom)
        return let
    let["deforum_zoom"] = zoom
    pairs["zoom"] = Node.of(f"deforum_zoom * {factor}", at=zoom)
    return let
