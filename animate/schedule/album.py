"""Pictures as keys: which two of them each frame lies between, and how far on the way.

    image_keys: {0: a.png, 48: b.png, 96: a.png}

Each picture stands at its time; between two the way goes as between prompts (`prompt_ease`, `prompt_fixed_ratio`, never
across a cut), and before the first and after the last key that picture stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.schedule import files, notation
from animate.schedule.clock import Clock
from animate.schedule.fields import FIELDS, Value
from animate.schedule.files import fingerprint
from animate.schedule.notation import shown
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table

Array = NDArray[np.float64]

DEFAULTS: Mapping[str, Value] = {"animation_mode": "Interpolation", "seed_behavior": "fixed"}
"""Fields that a schedule with image keys takes otherwise where it is silent: noise that changes would flicker."""


@dataclass(frozen=True)
class Album:
    """The pictures of a schedule, ascending by time."""

    keys: tuple[tuple[int, str, str], ...] = ()
    """(frame, absolute path, digest); without any the schedule has no image keys."""
    first: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    """(n,) number of the picture that each frame comes from."""
    share: Array = field(default_factory=lambda: np.zeros(0))
    """(n,) in [0, 1], of the picture after it."""

    def at(self, index: int) -> tuple[str, str, float]:
        """(path, path of the next, share of the next) of a frame; share 0 is the first picture as it is."""
        number, share = int(self.first[index]), float(self.share[index])
        following = min(number + 1, len(self.keys) - 1)
        if share >= 1:
            return self.keys[following][1], self.keys[following][1], 0.0
        return self.keys[number][1], self.keys[following][1], share

    def to_json(self) -> dict[str, Any]:
        return {
            "keys": [list(key) for key in self.keys],
            "first": self.first.tolist(),
            "share": [round(float(share), 9) for share in self.share],
        }

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Album:
        """The album that `to_json` told."""
        keys = tuple((int(frame), str(path), str(digest)) for frame, path, digest in told["keys"])
        return Album(keys, np.array(told["first"], dtype=np.intp), np.array(told["share"], dtype=np.float64))

    @staticmethod
    def painting(told: Mapping[str, Any]) -> dict[str, Any]:
        """Of what `to_json` told, what decides the pictures: contents, and not where they are."""
        return {"pictures": [digest for _, _, digest in told["keys"]], "first": told["first"], "share": told["share"]}


NO_ALBUM = Album()


def read(node: Node, name: str, clock: Clock, report: Report) -> tuple[tuple[int, str, str], ...]:
    """(frame, path, digest) of the field's pictures, ascending; what cannot be read is a problem, and left out."""
    if not isinstance(node.value, Table) or not node.value.pairs:
        report.refuse(node, name, f"{shown(node)} is not a mapping", FIELDS["image_keys"].example)
        return ()
    found: list[tuple[int, str, str]] = []
    placed: list[tuple[int, Node]] = []
    for key, value in node.value.pairs:
        frame = notation.read_time(key, name, clock, report)
        if isinstance(value.value, tuple | Table | None):
            report.refuse(value, name, f"{shown(value)} is not a path")
            continue
        path = files.find(value.text, value, name, report)
        if frame is None or not path:
            continue
        if frame > clock.max_frames:  # at max_frames one closes a loop
            report.note(key, name, f"the picture at frame {frame} lies past the end")
        found.append((frame, path, fingerprint(Path(path)) if Path(path).is_file() else ""))
        placed.append((frame, key))
    placed.sort(key=lambda one: one[0])
    notation.refuse_equal_frames(placed, name, report)
    return tuple(sorted(found))
