"""Prompts of Deforum's files.

A file saved by a run holds the joined text (positive, prompt, `--neg`, negative), one saved from the interface holds
the three apart. Only the literal `--neg` splits; backticks stand on both sides of it and are left to the language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from animate.errors import Problem, ScheduleError
from animate.schedule.clock import Clock, TimeError
from animate.schedule.importers.deforum_settings import unpacked
from animate.schedule.prompts import split
from animate.schedule.source import Source
from animate.schedule.tree import Node, Table


def read(
    source: Source, values: Mapping[str, Node], frames: int, mode: str, notes: list[Problem], filmed: bool = False
) -> Node:
    """The file's prompts by frame, each as one text, with what belongs to all of them joined in.

    Args:
        values: the file's keys.
        frames: max_frames; prompts at or past it are never reached, but travelled to in the mode Interpolation.
        mode: the animation mode; only "None" (a batch of stills) makes a list of prompts a row of pictures.
        notes: gets one note for each kind of repair.
        filmed: there are as many frames as a film has, whatever `frames` says; how many is not known here, so keys that
            count by them stay as they are, and none is past the end.
    """
    key, node = _chosen(values)
    if node is None:
        notes.append(source.problem(None, "prompts", "the file has no prompts", "Deforum would have painted its own"))
        return Node(Table(((Node.of(0), Node.of("")),)))
    positive, negative = _apart(values, "animation_prompts_positive"), _apart(values, "animation_prompts_negative")
    clock = Clock(fps=Fraction(1), max_frames=frames + 1)  # in these keys max_f is max_frames
    texts: dict[int, Node] = {}
    counted: dict[int | str, Node] = {}
    late: dict[int, Node] = {}
    problems: list[Problem] = []
    for name, text in _entries(source, key, node, mode, notes):
        time = _bare(name.text or str(name.value))
        try:
            frame = clock.frame(time)
        except TimeError as error:
            problems.append(source.problem(name, key, f"key: {error.what}", error.hint))
            continue
        whole = Node.of(_joined(_text(text), positive, negative), at=text)
        if filmed and _LAST.search(time):
            counted[_LAST.sub("(max_f + 1)", time)] = whole
        else:
            (texts if frame >= 0 and (filmed or frame < frames) else late)[frame] = whole
    if problems:
        raise ScheduleError(problems)
    past = [frame for frame in late if frame >= 0]
    if past and (mode == "Interpolation" or not texts):  # what is travelled to; or what Deforum shows from the start
        texts[min(past) if texts else 0] = late.pop(min(past))
    if late:
        which = f"the key {min(late)} lies" if len(late) == 1 else f"{len(late)} keys from {min(late)} on lie"
        notes.append(source.problem(node, key, f"{which} outside the {frames} frames", "ignored"))
    by_time: dict[int | str, Node] = {frame: texts[frame] for frame in sorted(texts)}
    by_time |= counted
    pairs = tuple((Node.of(time, at=text), text) for time, text in by_time.items())
    return Node(Table(pairs or ((Node.of(0), Node.of("")),)), node.line, node.column)


_LAST = re.compile(r"\bmax_f\b")


def _chosen(values: Mapping[str, Node]) -> tuple[str, Node | None]:
    """The key that Deforum would read, with its value unpacked from JSON inside a string."""
    for key in ("animation_prompts", "prompts", "cond_prompts"):
        node = values.get(key)
        if node is None:
            continue
        node = _unpacked(node)
        if (isinstance(node.value, Table) and node.value.pairs) or (isinstance(node.value, str | tuple) and node.value):
            return key, node
    return "prompts", None


def _unpacked(node: Node) -> Node:
    if isinstance(node.value, str) and node.value.lstrip()[:1] in ("{", "["):
        try:
            return Node.of(unpacked(node.value), at=node)
        except ValueError:  # a prompt that begins with a bracket
            return node
    return node


def _entries(source: Source, key: str, node: Node, mode: str, notes: list[Problem]) -> list[tuple[Node, Node]]:
    if isinstance(node.value, Table):
        return list(node.value.pairs)
    if not isinstance(node.value, tuple):
        return [(Node.of(0, at=node), node)]
    if mode != "None" and len(node.value) > 1:
        notes.append(source.problem(node, key, f"a list of {len(node.value)} prompts without frames", "only the first"))
        return [(Node.of(0, at=node), node.value[0])]
    return [(Node.of(index, at=node), item) for index, item in enumerate(node.value)]


def _bare(key: str) -> str:
    """A key without the quotes and brackets around it."""
    key = key.strip().strip("\"'").strip()
    return re.sub(r"[()]", "", key) if re.fullmatch(r"[(\s]*-?\d+[)\s]*", key) else key


def _text(node: Node) -> str:
    if isinstance(node.value, tuple):
        return ", ".join(_text(item) for item in node.value)
    return "" if node.value is None else str(node.value if isinstance(node.value, str) else node.plain())


def _apart(values: Mapping[str, Node], key: str) -> str:
    """A text that belongs to every prompt, in a file saved from the interface."""
    node = values.get(key)
    return node.value.strip() if node is not None and isinstance(node.value, str) else ""


def _joined(text: str, positive: str, negative: str) -> str:
    """`text` with the common texts put in."""
    prompt, against = split(text)
    prompt, against = f"{positive} {prompt}".strip(), f"{against} {negative}".strip()
    return f"{prompt} --neg {against}" if against else prompt
