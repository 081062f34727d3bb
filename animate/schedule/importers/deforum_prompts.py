"""Prompts of Deforum's files.

A file saved by a run holds the joined text (positive, prompt, `--neg`, negative), one saved from the interface holds
the three apart. Only the literal `--neg` splits; backticks stand on both sides of it and are left to the language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction

from animate.errors import Problem, ScheduleError
from animate.schedule.clock import Clock, TimeError
from animate.schedule.prompts import split
from animate.schedule.source import Node, Source, Table


def read(source: Source, values: Mapping[str, Node], frames: int, mode: str, notes: list[Problem]) -> Node:
    """The file's prompts by frame, each as one text, with what belongs to all of them joined in.

    Args:
        values: the file's keys.
        frames: max_frames; prompts at or past it are never reached.
        mode: the animation mode; only "None" (a batch of stills) makes a list of prompts a row of pictures.
        notes: gets one note for each kind of repair.
    """
    key, node = _chosen(values)
    if node is None:
        notes.append(source.problem(None, "prompts", "the file has no prompts", "Deforum would have painted its own"))
        return Node(Table(((Node.of(0), Node.of("")),)))
    positive, negative = _common(values)
    clock = Clock(fps=Fraction(1), max_frames=frames + 1)  # in these keys max_f is max_frames
    texts: dict[int, Node] = {}
    late: list[int] = []
    problems: list[Problem] = []
    for name, text in _entries(source, key, node, mode, notes):
        try:
            frame = clock.frame(_bare(name.text or str(name.value)))
        except TimeError as error:
            problems.append(source.problem(name, key, f"key: {error.what}", error.hint))
            continue
        if 0 <= frame < frames:
            texts[frame] = Node.of(_joined(_text(text), positive, negative), at=text)
        else:
            late.append(frame)
    if problems:
        raise ScheduleError(problems)
    if late:
        which = f"the key {late[0]} lies" if len(late) == 1 else f"{len(late)} keys from {min(late)} on lie"
        notes.append(source.problem(node, key, f"{which} outside the {frames} frames", "ignored"))
    pairs = tuple((Node.of(frame, at=texts[frame]), texts[frame]) for frame in sorted(texts))
    return Node(Table(pairs or ((Node.of(0), Node.of("")),)), node.line, node.column)


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
            return Node.of(json.loads(node.value), at=node)
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


def _common(values: Mapping[str, Node]) -> tuple[str, str]:
    """Texts that belong to every prompt and are not part of them yet."""

    def text(key: str) -> str:
        node = values.get(key)
        return node.value.strip() if node is not None and isinstance(node.value, str) else ""

    positive = text("animation_prompts_positive") or text("positive_prompts")
    negative = text("animation_prompts_negative") or text("negative_prompts")
    return positive, negative


def _joined(text: str, positive: str, negative: str) -> str:
    """`text` with the common texts put in, unless it was saved with them."""
    prompt, against = split(text)
    if positive and positive not in prompt:
        prompt = f"{positive} {prompt}".strip()
    if negative and negative not in against:
        against = f"{against} {negative}".strip()
    return f"{prompt} --neg {against}" if against else prompt
