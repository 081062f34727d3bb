"""An imported schedule written as YAML of our own: short, ordered, and with the same plan.

Only what differs from our defaults is written. Deforum's strings become numbers, expressions and keyframes; two things
that are errors in our own forms keep another one: a curve with gaps (frames that are not a number) stays the string it
was, and a curve that leaves its field's range is named in `let` and clipped. A prompt that names what is not there
(a LoRA, a wildcard) is written as it was painted without, with a comment.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from animate.schedule import silence
from animate.schedule.expression import Expression
from animate.schedule.fields import FIELDS, Field
from animate.schedule.keyframes import Keyframes
from animate.schedule.load import PROMPTS
from animate.schedule.prompt_text import NO_SEED, Shelf
from animate.schedule.prompts import PromptKey, Reader
from animate.schedule.schedule import Schedule
from animate.schedule.scope import Scope
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table
from animate.schedule.wildcards import literal
from animate.schedule.words import NO_NUMBER, number

WIDTH = 110
_DECIDED = ("max_frames", "width", "height")
"""Fields that a film or the model may have set otherwise than they are written."""
_UNTOLD = ("vary", "cues", "cuts", "loras", "embeddings", "style_frames")
"""Fields that no importer writes."""


def to_yaml(schedule: Schedule, folder: Path | None = None) -> str:
    """The schedule as YAML.

    Args:
        schedule: an imported one, as loaded.
        folder: where the text will be saved; paths are written relative to it.
    """
    lines = list(_heading(schedule))
    group = ""
    values, comments = _values(schedule, folder or Path())
    for name, value in values.items():
        if FIELDS[name].group != group:
            group = FIELDS[name].group
            lines += ["", f"# {group}"]
        lines += [f"# {_printable(comment)}" for comment in comments.get(name, ())]
        lines += _entry(name, value)
    return "\n".join(lines) + "\n"


def _heading(schedule: Schedule) -> Iterator[str]:
    yield f"# From {Path(schedule.file).name}, {schedule.origin}."
    if schedule.differs:
        yield "#"
        yield from textwrap.wrap(_printable(schedule.differs), WIDTH, initial_indent="# ", subsequent_indent="# ")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _values(schedule: Schedule, folder: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """By field, in the order of the table: all that must be said, in plain Python, and comments on it."""
    size = int(schedule.settings["height"]), int(schedule.settings["width"])
    scope = Scope(schedule.clock, size, schedule.let, schedule.curves, schedule.series, lenient=True)
    let: dict[str, Any] = {name: _form(keyframes, scope, name) for name, keyframes in schedule.let.items()}
    found: dict[str, Any] = {}
    comments: dict[str, list[str]] = {}
    for name, row in FIELDS.items():
        written = schedule.written.get(name)
        if written is None or name in _UNTOLD or name == "let":
            continue
        if row.kind == "curve":
            found[name] = _curve(row, schedule.curves[name], scope, let)
        elif row.kind == "prompts":
            value = written.value
            if name == "prompts" and written.source.lenient:
                value, comments[name] = _readable(schedule, value, folder)
            found[name] = _as_written(value)
        elif row.kind == "text":
            track = schedule.texts[name].keys
            found[name] = track[0][1] if len(track) == 1 else {frame: text for frame, text, _ in track}
        elif row.kind == "file":
            found[name] = _path(str(schedule.settings[name]), folder)
        elif name in _DECIDED:
            found[name] = schedule.settings[name]
        else:
            found[name] = written.value.plain()
        unsaid = silence.value(row, "", schedule.written)
        if found[name] == unsaid == row.default and row.embedded in (None, found[name]):
            del found[name]
    if let:
        found["let"] = let
    return {name: found[name] for name in FIELDS if name in found}, comments


def _readable(schedule: Schedule, prompts: Node, folder: Path) -> tuple[Node, list[str]]:
    """Prompts that our own files may hold, read from `folder`: those that name what is not there as they were painted.

    Returns a comment for each of these, too.
    """
    comments: list[str] = []
    keys = {key.frame: key for key in schedule.prompts.keys}

    def readable(frame: int, node: Node) -> Node:
        report = Report(replace(schedule.source, lenient=False))
        Reader("prompts", schedule.clock, Shelf(folder, schedule.clock.seed), report, PROMPTS).text(node, frame)
        if not report.problems:
            return node
        comments.extend(f"{frame} is written as it was painted: {problem.what}" for problem in report.problems)
        return Node.of(_painted(keys[frame], folder))

    if not isinstance(prompts.value, Table):
        return readable(0, prompts), comments
    texts = {schedule.clock.frame(time.text): text for time, text in prompts.value.pairs}
    pairs = ((Node.of(frame), readable(frame, texts[frame])) for frame in sorted(texts) if frame >= 0)
    return Node(Table(tuple(pairs))), comments


def _painted(key: PromptKey, folder: Path) -> str:
    """A prompt with its chances drawn, the LoRA files it found, and nothing of what it did not find."""
    sides = []
    for side in (key.positive, key.negative):
        parts = [literal(part) if isinstance(part, str) else f"${{{part.text}}}" for part in side.parts]
        worn = [
            f"<lora:{_path(path, folder)}:{f'${{{weight.text}}}' if isinstance(weight, Expression) else weight}>"
            for path, weight in side.loras
        ]
        sides.append(" ".join(["".join(parts), *worn]))
    positive, negative = sides
    positive += f" --seed {key.seed}" if key.seed != NO_SEED else ""
    return f"{positive} --neg {negative}" if negative else positive


def _curve(row: Field, keyframes: Keyframes, scope: Scope, let: dict[str, Any]) -> Any:
    """The form of a field's curve; adds to `let` what must be clipped."""
    form = _form(keyframes, scope, row.name)
    column = scope.column(row.name)
    low, high = column.min(), column.max()
    if low >= row.low - 1e-9 and high <= row.high + 1e-9:
        return form
    if isinstance(form, int | float):
        return _number(float(np.clip(form, row.low, row.high)))
    let[f"raw_{row.name}"] = form
    if np.isinf(row.high):
        return f"max(raw_{row.name}, {_number(row.low)})"
    return f"clip(raw_{row.name}, {_number(row.low)}, {_number(row.high)})"


def _form(keyframes: Keyframes, scope: Scope, name: str) -> Any:
    """A number, an expression, a mapping of keyframes, or the string as it was."""
    scope.column(name)
    if name in scope.filled or keyframes.dialect == "native":
        return _as_written(keyframes.node)
    points: dict[int, Any] = {}
    held = False
    for key in keyframes.keys:
        value, holds = _point(key.value)
        points[key.frame] = {"value": value, "ease": "hold"} if held else value
        held = holds
    points = _thinned(points)
    values = list(points.values())
    if len(values) == 1 or (_still(values[0]) and all(value == values[0] for value in values)):
        return values[0]
    return points


def _point(value: float | Expression) -> tuple[Any, bool]:
    """A keyframe's value, and whether it must be told to hold: Deforum holds `(1e-3)`, to us it is a number."""
    if not isinstance(value, Expression):
        return _number(value), False
    text = _unbracketed(value.text.strip())
    bare = number(text)
    if bare is NO_NUMBER:
        return text, False
    return _number(float(bare)), True  # type: ignore[arg-type]


def _unbracketed(text: str) -> str:
    """An expression without the brackets around all of it."""
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for index, letter in enumerate(text):
            depth += (letter == "(") - (letter == ")")
            if depth == 0 and index < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text


def _thinned(points: Mapping[int, Any]) -> dict[int, Any]:
    """Keyframes without those in the middle, or at the end, of a run of equal numbers."""
    frames = list(points)
    kept: dict[int, Any] = {}
    for index, frame in enumerate(frames):
        around = [points[other] for other in frames[max(index - 1, 0) : index + 2]]
        same = index > 0 and _still(points[frame]) and all(value == points[frame] for value in around)
        if not same:
            kept[frame] = points[frame]
    return kept


def _still(value: object) -> bool:
    return isinstance(value, int | float)


def _number(value: float) -> int | float:
    """A whole number without its point."""
    value = float(value)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _as_written(node: Node) -> Any:
    """A value in plain Python, with the frames of a mapping as numbers; what is there from the start needs no frame."""
    if not isinstance(node.value, Table):
        return node.plain()
    found = {int(key.text) if key.text.isdigit() else key.text: value.plain() for key, value in node.value.pairs}
    return found[0] if list(found) == [0] and not isinstance(found[0], dict) else found


def _path(path: str, folder: Path) -> str:
    """A path as it is seen from `folder`, with slashes that every system reads."""
    try:
        seen = os.path.relpath(path, folder)
    except ValueError:  # another drive
        return path
    return Path(seen).as_posix() if not seen.startswith("..") else path


# --- YAML -----------------------------------------------------------------------------------------------------------


def _entry(name: str, value: Any) -> Iterator[str]:
    """The lines of one field: on one line where it fits, texts in blocks, long curves wrapped."""
    if not isinstance(value, dict):
        yield from _block(name, value)
    elif any(isinstance(text, str) and len(text) > 40 for text in value.values()) or name == "let":
        yield f"{name}:"
        for key, content in value.items():
            yield from (f"  {line}" for line in _block(key, content))
    else:
        yield from _flow(name, value)


def _block(key: object, content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        yield from _flow(str(key), content)
        return
    line = f"{_plain(key)}: {_plain(content)}"
    plain = isinstance(content, str) and content.split() and " ".join(content.split()) == content
    if len(line) <= WIDTH or not plain:
        yield line
        return
    yield f"{_plain(key)}: >-"
    yield from textwrap.wrap(
        content, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _flow(name: str, value: Mapping[Any, Any]) -> Iterator[str]:
    """`name: {0: 1, 48: 2}`, wrapped between its items."""
    items = [f"{_scalar(key)}: {_scalar(content)}" for key, content in value.items()]
    line = f"{name}: {{"
    for index, item in enumerate(items):
        ending = "}" if index == len(items) - 1 else ","
        if len(line) + len(item) + 2 > WIDTH and not line.endswith("{"):
            yield line.rstrip()
            line = "  "
        line += item + ending + " "
    yield line.rstrip()


def _plain(value: Any) -> str:
    """A value that stands alone on its line."""
    return yaml.safe_dump(value, width=10**9, allow_unicode=True).removesuffix("...\n").strip()


def _scalar(value: Any) -> str:
    """A value inside a flow mapping, quoted where YAML needs it."""
    dumped = yaml.safe_dump([value], default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False)
    return dumped.strip()[1:-1]
