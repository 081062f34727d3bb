"""What a run is: its plan, its model, and how another plan differs from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from animate.schedule.identity import painting


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


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changed from one plan, as data, to another, one line a field: its value, or the frames that differ.

    >>> differences({"width": 256, "zoom": [1, 1, 1, 1]}, {"width": 512, "zoom": [1, 2, 2, 1]})
    ['width: 256 → 512', 'zoom: frames 1–2 (1 → 2)']
    """
    before, after = _flat(painting(old)), _flat(painting(new))
    names = [*before, *(name for name in after if name not in before)]
    return [line for name in names if (line := _difference(name, before.get(name), after.get(name)))]


def _flat(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by name: one value, or one for each frame. The tables they stand in say nothing to a user."""
    fields: dict[str, Any] = {}
    for name, value in plan.items():
        if name == "prompts":
            fields[name] = _prompts(value, plan["frames"])
        elif name in ("cuts", "loras", "embeddings", "guides"):  # lists of something else than frames
            fields[name] = ", ".join(map(str, value)) or "none"
        else:
            fields |= value if isinstance(value, Mapping) else {name: value}
    return fields


def _prompts(told: Mapping[str, Any], frames: int) -> list[str]:
    """What each frame's prompt says, its parts side by side."""
    texts = told["texts"]
    found: list[list[str]] = [[] for _ in range(frames)]
    for positive, negative, weight in zip(told["positive"], told["negative"], told["weight"]):
        for index in range(frames):
            against, share = texts[_at(negative, index)], _at(weight, index)
            text = texts[_at(positive, index)] + (f" --neg {against}" if against else "")
            if share > 0 and text not in found[index]:
                found[index].append(text)
    return [" | ".join(sorted(parts)) for parts in found]


def _at(column: Any, index: int) -> Any:
    """A frame's value of a column, which is one value where it never changes."""
    return column[index] if isinstance(column, list) else column


def _difference(name: str, old: Any, new: Any) -> str:
    lengths = [len(value) for value in (old, new) if isinstance(value, list)]
    if not lengths or old is None or new is None:
        return "" if old == new else f"{name}: {_brief(old)} → {_brief(new)}"
    changed = [index for index in range(min(lengths)) if _at(old, index) != _at(new, index)]
    if not changed:  # frames more or less are told by their number
        return ""
    first = changed[0]
    return f"{name}: {ranges(changed)} ({_brief(_at(old, first))} → {_brief(_at(new, first))})"


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


def _brief(value: object) -> str:
    if value is None:
        return "nothing"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
