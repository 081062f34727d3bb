"""What a schedule says, under the fields' own names: the document's lines, and over them the overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from animate.errors import Problem, ScheduleError
from animate.schedule import source
from animate.schedule.clock import Clock
from animate.schedule.curve import shown
from animate.schedule.fields import FIELDS
from animate.schedule.names import NAMES, nearest
from animate.schedule.schedule import Written
from animate.schedule.source import Node, Report, Source, Table

OVERRIDE = "--set"
"""Stands for the file in problems with an override."""

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
        for first, again in source.repeated(root.value):
            self.problems.append(
                native.problem(
                    again, again.text, "is written twice", f"first in line {first.line}" if first.line else ""
                )
            )
        for key, value in root.value.pairs:
            if key.text not in NAMES:
                self.problems.append(native.problem(key, key.text[:60], "there is no such field", nearest(key.text)))
                continue
            name, inverted = NAMES[key.text]
            before = self.written.get(name)
            if before is not None and before.spelled != key.text:
                if (name in self.inverted) == inverted and _equal(before.value, value):
                    continue
                what = f"disagrees with {before.spelled}, another name of the same field"
                line = f"in line {before.key.line}" if before.key.line else ""
                self.problems.append(native.problem(key, key.text, what, line))
                continue
            self.written[name] = Written(key.text, key, value, native)
            self.inverted = self.inverted | {name} if inverted else self.inverted - {name}
            self._refuse_repeated(value, key.text, native)

    def _refuse_repeated(self, node: Node, field: str, native: Source) -> None:
        stack = [node]
        while stack:
            value = stack.pop().value
            if isinstance(value, Table):
                for first, again in source.repeated(value):
                    hint = f"first in line {first.line}" if first.line else ""
                    self.problems.append(native.problem(again, field, f"key {again.text} is written twice", hint))
                stack += [content for _, content in value.pairs]
            elif isinstance(value, tuple):
                stack += value

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
                self.problems += [replace(problem, field=spelled) for problem in error.problems]
                continue
            except TypeError as error:
                self.problems.append(place.problem(None, spelled, str(error)))
                continue
            self.written.pop(_INSTEAD.get(name, ""), None)
            self.written[name] = Written(spelled, node, node, place)
            self.inverted = self.inverted | {name} if inverted else self.inverted - {name}
            self._refuse_repeated(node, spelled, place)

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


def override_node(value: Any) -> Node:
    """What an override stands for; texts are read as the command line's. Raises ScheduleError, TypeError."""
    if isinstance(value, Node):
        return value._replace(line=0, column=0)
    if not isinstance(value, str):
        return Node.of(value)
    if value.lstrip()[:1] in ("{", "["):
        return _without_marks(source.parse(value, OVERRIDE))
    return Node(source.scalar(value.strip()), text=value)


def _without_marks(node: Node) -> Node:
    return Node.of(node.plain())


def _equal(a: Node, b: Node) -> bool:
    x, y = a.plain(), b.plain()
    return bool(x == y) and isinstance(x, bool) == isinstance(y, bool)
