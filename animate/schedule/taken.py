"""What a schedule says, under the fields' own names: the document's lines, and over them the overrides."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from animate.errors import Problem, ScheduleError
from animate.schedule import source, tree, words
from animate.schedule.clock import Clock
from animate.schedule.fields import FIELDS
from animate.schedule.names import NAMES, nearest
from animate.schedule.notation import shown
from animate.schedule.schedule import Written
from animate.schedule.source import Report, Source
from animate.schedule.tree import Node, Table

OVERRIDE = "--set"
"""Stands for the file in problems with an override."""

_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""Control characters, but those that part words and lines, and halves of a pair of UTF-16."""

_INSTEAD = {"duration": "max_frames", "max_frames": "duration"}
"""Fields that say the same thing: to override one drops the other."""


class Taken:
    """The fields that are written, and the complaints about them."""

    def __init__(self, native: Source) -> None:
        self.source = native
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.written: dict[str, Written] = {}
        self.inverted: set[str] = set()

    def take(self, native: Source) -> None:
        """Every field of a document under its own name."""
        root = native.root
        if not isinstance(root.value, Table):
            what = "is empty" if root.value is None else "is not a schedule: there are no `field: value` lines in it"
            hint = "`animate init` writes a commented starter schedule"
            self.problems.append(native.problem(root if root.line else None, "", what, hint))
            return
        for first, again in tree.repeated(root.value):
            self.problems.append(
                native.problem(
                    again, again.text, "is written twice", f"first in line {first.line}" if first.line else ""
                )
            )
        for key, value in root.value.pairs:
            if key.text not in NAMES:
                hint = nearest(key.text) if len(self.problems) < source.MAX_HINTS else ""
                self.problems.append(native.problem(key, key.text[:60], "there is no such field", hint))
                continue
            name, inverted = NAMES[key.text]
            before = self.written.get(name)
            if before is not None and before.spelled != key.text:
                if _equal(before.value, value, opposite=(name in self.inverted) != inverted):
                    continue
                what = f"disagrees with {before.spelled}, another name of the same field"
                line = f"in line {before.key.line}" if before.key.line else ""
                self.problems.append(native.problem(key, key.text, what, line))
                continue
            value = self._legible(value, key.text, native)
            self.written[name] = Written(key.text, key, value, native)
            self.inverted = self.inverted | {name} if inverted else self.inverted - {name}
            self._refuse_repeated(value, key.text, native)

    def _refuse_repeated(self, node: Node, field: str, native: Source) -> None:
        for part in _parts(node):
            if isinstance(part.value, Table):
                for first, again in tree.repeated(part.value):
                    hint = f"first in line {first.line}" if first.line else ""
                    self.problems.append(native.problem(again, field, f"key {again.text} is written twice", hint))

    def _legible(self, node: Node, field: str, native: Source) -> Node:
        """`node` without what neither a frame's file nor a plan can hold: refused, but left out of a foreign file."""
        unfit = [part for part in _parts(node) if _UNFIT.search(part.text)]
        for part in unfit:
            what = f"holds {_UNFIT.findall(part.text)[0]!a}, a character that a text cannot have"
            if native.lenient:
                self.notes.append(native.problem(part, field, what, "left out"))
            else:
                hint = "inside double quotes a backslash is written twice"
                self.problems.append(native.problem(part, field, what, hint))
        return _changed(node, _fit) if unfit else node

    def override(self, overrides: Mapping[str, Any]) -> None:
        """Fields given on the command line or by the caller, in place of the document's."""
        place = Source(root=Node(None), file=OVERRIDE, folder=Path.cwd())
        for spelled, value in overrides.items():
            if spelled not in NAMES:
                self.problems.append(
                    place.problem(None, str(spelled)[:60], "there is no such field", nearest(str(spelled)))
                )
                continue
            name, inverted = NAMES[spelled]
            try:
                node = override_node(value)
            except ScheduleError as error:
                self.problems += [replace(problem, field=spelled, line=0, column=0) for problem in error.problems]
                continue
            except TypeError as error:
                self.problems.append(place.problem(None, spelled, str(error)))
                continue
            node = self._legible(node, spelled, place)
            self._replace(name, inverted, Written(spelled, node, node, place))
            self._refuse_repeated(node, spelled, place)

    def choose(self, chosen: Mapping[str, Node]) -> None:
        """One value of each list in `vary`, in place of what the document says elsewhere."""
        place = replace(self.source, folder=Path.cwd())  # `batch` hands them to the render as overrides
        for spelled, node in chosen.items():
            self._replace(*NAMES[spelled], Written(f"vary.{spelled}", node, node, place))

    def _replace(self, name: str, inverted: bool, written: Written) -> None:
        self.written.pop(_INSTEAD.get(name, ""), None)
        self.written[name] = written
        self.inverted = self.inverted | {name} if inverted else self.inverted - {name}

    def report(self, name: str) -> tuple[Node, str, Report]:
        written = self.written[name]
        report = Report(written.source)
        report.problems, report.notes = self.problems, self.notes
        return written.value, written.spelled, report

    def with_clock(self, name: str, clock: Clock) -> tuple[Node, str, Clock, Report]:
        node, field, report = self.report(name)
        return node, field, clock, report

    def entries(self, name: str) -> Iterable[tuple[Node, Node, str, Report]]:
        if name not in self.written:
            return
        node, field, report = self.report(name)
        if not isinstance(node.value, Table):
            report.refuse(node, field, f"{shown(node)} is not a mapping", FIELDS[name].example)
            return
        for key, value in node.value.pairs:
            yield key, value, field, report


def merged(document: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule's content with the overrides, which are known to be right, in it.

    >>> merged({"duration": "2s", "strength_schedule": 0.5, "steps": 9}, {"max_frames": "48", "strength": "0.3"})
    {'steps': 9, 'max_frames': 48, 'strength': 0.3}
    """
    found = dict(document)
    for spelled, value in overrides.items():
        name, _ = NAMES[spelled]
        replaced = (name, _INSTEAD.get(name))
        found = {key: part for key, part in found.items() if NAMES.get(str(key), ("",))[0] not in replaced}
        found[spelled] = _placed(override_node(value).plain(), folders=FIELDS[name].kind in ("file", "mapping"))
    return found


def _placed(value: Any, folders: bool) -> Any:
    """A value with the files in it by their absolute paths: the schedule it goes into will lie elsewhere."""
    if isinstance(value, dict):
        return {key: _placed(part, folders) for key, part in value.items()}
    if isinstance(value, list):
        return [_placed(part, folders) for part in value]
    there = isinstance(value, str) and value and (os.path.isfile(value) or (folders and os.path.isdir(value)))
    return os.path.abspath(value) if there else value


def _parts(node: Node) -> Iterator[Node]:
    """A node, and all that is in it, keys too."""
    stack = [node]
    while stack:
        part = stack.pop()
        yield part
        if isinstance(part.value, Table):
            stack += [each for pair in part.value.pairs for each in pair]
        elif isinstance(part.value, tuple):
            stack += part.value


def _changed(node: Node, change: Callable[[Node], Node]) -> Node:
    """A node with a change made to it and to all that is in it, keys too."""
    value = node.value
    if isinstance(value, Table):
        value = Table(tuple((_changed(key, change), _changed(content, change)) for key, content in value.pairs))
    elif isinstance(value, tuple):
        value = tuple(_changed(item, change) for item in value)
    return change(node._replace(value=value))


def _fit(node: Node) -> Node:
    value = _UNFIT.sub("", node.value) if isinstance(node.value, str) else node.value
    return node._replace(value=value, text=_UNFIT.sub("", node.text))


def _unmarked(node: Node) -> Node:
    return node._replace(line=0, column=0)


def override_node(value: Any) -> Node:
    """What an override stands for; texts are read as the command line's. Raises ScheduleError, TypeError."""
    if not isinstance(value, str):
        return Node.of(value)
    if value.lstrip()[:1] in ("{", "["):
        return _changed(source.parse(value, OVERRIDE), _unmarked)
    return Node(words.scalar(value.strip()), text=value)


def _equal(a: Node, b: Node, opposite: bool) -> bool:
    """Whether two nodes say the same, one of them perhaps under a name of the opposite sense."""
    x, y = a.plain(), b.plain()
    if opposite:
        return a.is_number and b.is_number and math.isclose(x, 1 - y, abs_tol=1e-9)
    return bool(x == y) and isinstance(x, bool) == isinstance(y, bool)
