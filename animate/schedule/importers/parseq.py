"""Parseq documents: what the editor sd-parseq renders for Deforum, one row of values a frame.

The rendered frames are authoritative; the formulas they were computed from are not read. Motion comes from the `_delta`
columns, as Deforum takes it: Parseq's authors think in absolute values, the renderer in changes from frame to frame.
Facts about the format were read in sd-parseq 0.1.112 and in Deforum's adapter for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from animate.errors import Problem, ScheduleError
from animate.schedule.fields import FIELDS
from animate.schedule.source import Imported, Source
from animate.schedule.tree import Node, Table

ORIGIN = "a document of Parseq"

_NAMES = {"scale": "cfg_scale", "seed": "seed_schedule", "clipskip": "clip_skip"} | {
    f"antiblur_{name}": name for name in ("kernel", "sigma", "amount", "threshold")
}
"""Parseq's names that are not ours."""
_BY_DELTA = {
    "angle", "zoom", "translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y",
    "rotation_3d_z", "perspective_flip_theta", "perspective_flip_phi", "perspective_flip_gamma",
}  # fmt: skip
_ASIDE = re.compile(r"frame|deforum_prompt|subseed(_strength)?|prompt_weight_\d+|info|near|far|.*_(delta|pc|i)")
"""Columns that say nothing of their own."""
_THREE_D = ("translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z")
_PART = re.compile(r"(.*?)\s*:\s*([0-9.]+)\s*")


def recognise(source: Source) -> bool:
    """Whether the file is a Parseq document, rendered or not."""
    if not isinstance(source.root.value, Table):
        return False
    names = set(source.root.value.names())
    return "rendered_frames" in names or {"keyframes", "managedFields"} <= names


def read(source: Source) -> Imported:
    """The document as a schedule: length, rate, cadence, beats, and every managed field.

    Raises:
        ScheduleError: the document has not been rendered.
    """
    document = source.root.plain()
    notes: list[Problem] = []
    pairs, left = fields(source, document, notes)
    if not pairs:
        hint = "press Render in Parseq and save the output"
        raise ScheduleError(
            [source.problem(source.root, "rendered_frames", "the document has no rendered frames", hint)]
        )
    if pairs["animation_mode"].value == "3D":
        pairs["projection"] = Node.of("deforum")
    else:
        pairs["sampling_mode"] = Node.of("bilinear")
    root = Node(Table(tuple((Node.of(name), pairs[name]) for name in FIELDS if name in pairs)))
    differs = f"Managed in Parseq and not carried over: {', '.join(left)}." if left else ""
    return Imported(source=source.with_root(root, lenient=True), notes=tuple(notes), differs=differs, origin=ORIGIN)


def fields(
    source: Source, document: Mapping[str, Any], notes: list[Problem], deltas: bool = True
) -> tuple[dict[str, Node], list[str]]:
    """Our fields that a document sets, and the names of those it manages that we do not have.

    Args:
        source: where to place what is worth a note.
        document: the document; one without rendered frames sets nothing.
        deltas: take motion from the `_delta` columns where there are any.
    """
    rows = _rows(source, document.get("rendered_frames"), notes)
    if not rows:
        return {}, []
    frames = [int(row["frame"]) for row in rows]
    pairs: dict[str, Node] = {"max_frames": Node.of(frames[-1] + 1)}
    left: list[str] = []
    for name in rows[0]:  # a field is managed if the first frame has it
        if _ASIDE.fullmatch(name):
            continue
        ours = _NAMES.get(name, name)
        if ours not in FIELDS or FIELDS[ours].kind != "curve":
            left.append(name)
            continue
        column = f"{name}_delta" if deltas and name in _BY_DELTA and f"{name}_delta" in rows[0] else name
        pairs[ours] = _curve(frames, [row.get(column) for row in rows])
    if "seed_schedule" in pairs:
        pairs["seed_behavior"] = Node.of("schedule")
    moving = any(name in pairs and pairs[name].value != 0 for name in _THREE_D)
    pairs["animation_mode"] = Node.of("3D" if moving else "2D")
    _options(pairs, document.get("options"))
    prompts = [str(row.get("deforum_prompt") or "") for row in rows]
    if any(prompts):
        pairs["prompts"], fades = _prompts(frames, prompts)
        pairs["prompt_interpolation"] = Node.of("composable" if fades else "hold")
    return pairs, left


def _rows(source: Source, rendered: object, notes: list[Problem]) -> list[dict[str, Any]]:
    """The rendered frames in order, each once."""
    if not isinstance(rendered, Sequence) or isinstance(rendered, str):
        return []
    rows = [row for row in rendered if isinstance(row, dict) and _finite(row.get("frame"))]
    if len(rows) < len(rendered):
        what = f"{len(rendered) - len(rows)} of {len(rendered)} rows have no frame number"
        notes.append(source.problem(None, "rendered_frames", what, "ignored"))
    once = {int(row["frame"]): row for row in rows if row["frame"] >= 0}
    if len(once) < len(rows):
        notes.append(
            source.problem(None, "rendered_frames", f"{len(rows) - len(once)} frames stand twice", "the last counts")
        )
    missing = max(once, default=-1) + 1 - len(once)
    if missing:
        notes.append(source.problem(None, "rendered_frames", f"{missing} frames are missing", "filled linearly"))
    return [once[frame] for frame in sorted(once)]


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _options(pairs: dict[str, Node], options: object) -> None:
    if not isinstance(options, Mapping):
        return
    for name, field in (("output_fps", "fps"), ("cadence", "diffusion_cadence"), ("bpm", "bpm")):
        value = options.get(name)
        if isinstance(value, int | float) and 0 < value < math.inf:
            pairs[field] = Node.of(int(value) if field == "diffusion_cadence" else value)


def _curve(frames: Sequence[int], values: Sequence[Any]) -> Node:
    """A number, or keyframes without those on the straight line between their neighbours."""
    known = [(frame, float(value)) for frame, value in zip(frames, values) if isinstance(value, int | float)]
    if not known:
        return Node.of(0)
    at, value = (np.array(side) for side in zip(*known))
    if np.ptp(value) == 0:
        return Node.of(_number(value[0]))
    bend = np.abs(np.diff(np.diff(value) / np.diff(at))) > 1e-12 * np.abs(value).max()
    kept = np.flatnonzero(np.concatenate([[True], bend, [True]]))
    if np.abs(np.interp(at, at[kept], value[kept]) - value).max() > 1e-9 * np.abs(value).max():
        kept = np.arange(len(at))
    return Node.of({int(at[index]): _number(value[index]) for index in kept})


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _prompts(frames: Sequence[int], prompts: Sequence[str]) -> tuple[Node, bool]:
    """Keys at both ends of each stretch of one prompt, so that the frames between fade; whether they all did.

    Prompts that overlap in another way stand as they were rendered, joined by `AND`, a key wherever they change.
    """
    keys: dict[int, str] = {}
    fades = True
    rows = [(frame, *_parts(text)) for frame, text in zip(frames, prompts)]
    for text, stretch in groupby(rows, key=lambda row: row[1]):
        run = list(stretch)
        if text is not None:
            keys[run[0][0]] = keys[run[-1][0]] = text
        else:
            fades &= all(len(row[2]) == 2 for row in run)
    if fades and keys:
        return Node.of(keys), True
    changed = [index for index, text in enumerate(prompts) if index == 0 or text != prompts[index - 1]]
    return Node.of({frames[index]: prompts[index] for index in changed}), False


def _parts(prompt: str) -> tuple[str | None, list[tuple[str, float]]]:
    """The prompt if it is one, else None and its (text, weight) parts: `A: 0.5 AND B: 0.5 --neg …`."""
    positive, _, negative = prompt.partition("--neg")
    parts = [part for part in _weighted(positive) if part[1] > 0]
    if len(parts) > 1:
        return None, parts
    against = " ".join(text for text, weight in _weighted(negative) if weight > 0)
    text = parts[0][0] if parts else positive.strip()
    return (f"{text} --neg {against}" if against else text), parts


def _weighted(text: str) -> Iterator[tuple[str, float]]:
    several = " AND " in text
    for part in text.split(" AND "):
        match = _PART.fullmatch(part.strip())
        if several and match:
            yield match[1].strip(), float(match[2])
        elif part.strip():
            yield part.strip(), 1.0
