"""What a run is: its plan, its model, and whether another plan would paint the same pictures."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animate.schedule.fields import FIELDS

_BESIDE = {row.name for row in FIELDS.values() if row.group in ("output", "batch")} | {
    *("fps", "duration", "max_frames"),  # the columns are as long as the run, and hold what the rate decided
    *("device", "memory"),
}
"""Settings that decide how a run is written, or where it is made, and not what is painted."""

_ASIDE = {"fps", "variables", "seed_drawn", "contents", "settings", "format", "digest"}
"""Parts of a plan that paint nothing, or are looked at by themselves."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a run directory holds the frames of."""

    version: str
    """Of `animate`, when the run began."""
    digest: str
    """`identity` of the plan."""
    painter: str
    """Name of the model."""
    painter_digest: str
    """Of its weights."""
    batch: int = 1
    """How many pictures went into the model at once."""
    source: str = ""
    """The schedule's path where the run began; empty for a mapping."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What was set beside the schedule."""
    plan: Mapping[str, Any]
    """The plan, as data."""

    def same_pictures(self, other: Record) -> bool:
        """Whether both runs make the same frames, to the byte."""
        mine = self.digest, self.painter_digest, self.batch
        return mine == (other.digest, other.painter_digest, other.batch)


def painting(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a plan, as data, that decides the pictures: without encoding, sound, rate and device.

    Files count by what is in them, or by their name, and not by where they are.
    """
    contents = plan.get("contents", {})
    rest = {name: value for name, value in plan.items() if name not in _ASIDE}
    for name in ("loras", "embeddings"):
        if name in rest:
            rest[name] = [[Path(part).name if isinstance(part, str) else part for part in row] for row in rest[name]]
    settings = {
        name: contents.get(name, value) for name, value in plan.get("settings", {}).items() if name not in _BESIDE
    }
    return {"settings": settings, **rest}


def identity(plan: Mapping[str, Any]) -> str:
    """SHA-256 of `painting`: equal for two plans that paint the same pictures."""
    text = json.dumps(painting(plan), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def differences(old: object, new: object, name: str = "") -> list[str]:
    """What changed between two plans as data, one line each: values by name, lists by the frames that differ.

    >>> differences({"width": 256, "zoom": [1, 1, 1, 1]}, {"width": 512, "zoom": [1, 2, 2, 1]})
    ['width: 256 → 512', 'zoom: frames 1–2 (1 → 2)']
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found: list[str] = []
        for key in [*old, *(key for key in new if key not in old)]:
            # The names of the tables that columns stand in say nothing to a user.
            path = str(key) if not name or isinstance(old.get(key, new.get(key)), list) else f"{name}.{key}"
            nested = isinstance(old.get(key), Mapping) and isinstance(new.get(key), Mapping)
            found += differences(old.get(key), new.get(key), "" if nested and not name else path)
        return found
    if _same(old, new):
        return []
    if isinstance(old, list) and isinstance(new, list) and old and new and len(old) != len(new):
        return [f"{name}: {len(old)} → {len(new)} values"]
    if isinstance(old, list) and isinstance(new, list) and old and new:
        changed = [index for index, (a, b) in enumerate(zip(old, new)) if not _same(a, b)]
        first = changed[0]
        return [f"{name}: {ranges(changed)} ({_brief(old[first])} → {_brief(new[first])})"]
    return [f"{name}: {_brief(old)} → {_brief(new)}"]


def ranges(indices: list[int]) -> str:
    """Ascending frame numbers in words.

    >>> ranges([3, 4, 5, 9])
    'frames 3–5, 9'
    """
    spans: list[list[int]] = []
    for index in indices:
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    words = [str(first) if first == last else f"{first}–{last}" for first, last in spans[:5]]
    if len(spans) > 5:
        words.append("…")
    return ("frame " if len(indices) == 1 else "frames ") + ", ".join(words)


def _same(old: object, new: object) -> bool:
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new):
        return True
    return old == new


def _brief(value: object) -> str:
    if value is None:
        return "nothing"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
