"""Tracks of prompts that overlap with the main one: each from a time to a time, faded in and out.

    prompt_tracks:
      rain: {prompts: heavy rain, from: 2s, to: 6s, fade_in: 1s, fade_out: 12, weight: 0.5+0.5*audio_rms}
      people: {negative_prompts: "people, text", from: 4s}

A track's share grows from 0 at `from` over `fade_in`, and falls to 0 at `to` over `fade_out`, times its weight (1). The
prompts of the schedule have the share 1, and at every frame all shares together are brought to 1: under a track of
weight 1 the main prompt keeps a half. A negative track is added to what every prompt avoids.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from animate.schedule import curve
from animate.schedule.clock import TimeError
from animate.schedule.fields import FIELDS
from animate.schedule.keyframes import Keyframes, constant
from animate.schedule.notation import shown
from animate.schedule.prompts import PromptTrack, Reader
from animate.schedule.tree import Node, Table

Array = NDArray[np.float64]

PARTS = ("prompts", "negative_prompts", "from", "to", "fade_in", "fade_out", "weight")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A further track."""

    name: str
    track: PromptTrack
    negative: bool
    """Its texts are to be avoided."""
    first: int
    end: int
    """The first frame after it."""
    fade_in: int
    """Frames."""
    fade_out: int
    weight: Keyframes

    def share(self, weight: Array) -> Array:
        """(n,) its share at every frame; `weight` (n,) are the values of its curve."""
        frames = np.arange(len(weight))
        found = np.where((frames >= self.first) & (frames < self.end), np.maximum(weight, 0.0), 0.0)
        if self.fade_in:
            found = found * np.clip((frames - self.first) / self.fade_in, 0, 1)
        if self.fade_out:
            found = found * np.clip((self.end - frames) / self.fade_out, 0, 1)
        return found


def read(node: Node, reader: Reader) -> tuple[Layer, ...]:
    """The tracks of the field; what cannot be read is a problem, and left out."""
    if not isinstance(node.value, Table):
        reader.report.refuse(node, reader.name, f"{shown(node)} is not a mapping", FIELDS["prompt_tracks"].example)
        return ()
    found = []
    for number, (key, content) in enumerate(node.value.pairs):
        layer = _layer(key, content, replace(reader, name=f"{reader.name}.{key.text[:40]}", salt=reader.salt + number))
        if layer is not None:
            found.append(layer)
    return tuple(found)


def _layer(key: Node, content: Node, reader: Reader) -> Layer | None:
    report, clock = reader.report, reader.clock
    if not isinstance(content.value, Table):
        content = Node(Table(((Node("prompts", text="prompts"), content),)), content.line, content.column)
        assert isinstance(content.value, Table)
    parts = {part.text: (part, value) for part, value in content.value.pairs}
    for name in [name for name in parts if name not in PARTS]:
        report.refuse(parts[name][0], reader.name, f"there is no part {name[:40]!r}", ", ".join(PARTS))
    sides = {"prompts", "negative_prompts"} & parts.keys()
    if len(sides) != 1:
        report.refuse(key, reader.name, "needs either prompts or negative_prompts", FIELDS["prompt_tracks"].example)
        return None
    side = sides.pop()
    track = reader.track(parts[side][1])
    weight: Keyframes | None = constant(1.0)
    if "weight" in parts:
        weight = curve.read(parts["weight"][1], f"{reader.name}.weight", clock, report)
    frames = {"from": 0, "to": clock.max_frames, "fade_in": 0, "fade_out": 0}
    for name in frames.keys() & parts.keys():
        value = parts[name][1]
        place = f"{reader.name}.{name}"
        try:
            if isinstance(value.value, tuple | Table | None):
                raise TimeError(f"{shown(value)} is not a time", "48, 2s, 4b, 50%")
            counted = clock.lengths if name in ("fade_in", "fade_out") else clock
            frames[name] = counted.frame(value.value if isinstance(value.value, int) else value.text)
            if frames[name] < 0:
                raise TimeError(f"{value.text} lies before the beginning")
        except TimeError as error:
            report.refuse(value, place, error.what, error.hint)
            return None
    if track is None or weight is None:
        return None
    if frames["to"] <= frames["from"]:
        report.refuse(key, reader.name, f"ends at frame {frames['to']}, not after it begins ({frames['from']})")
        return None
    if frames["from"] > clock.last:
        report.note(key, reader.name, "begins past the end")
    return Layer(
        name=key.text,
        track=track,
        negative=side == "negative_prompts",
        first=frames["from"],
        end=frames["to"],
        fade_in=frames["fade_in"],
        fade_out=frames["fade_out"],
        weight=weight,
    )
