"""The text of a schedule, read into a tree; and what is to be said about it, gathered.

A file is read once, as JSON (with or without a byte order mark) or as YAML, into `Node`s; nothing of it is interpreted
here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from animate.errors import Problem, ScheduleError
from animate.schedule import json_marks, yaml_marks
from animate.schedule.tree import MAX_DEPTH, MAX_NODES, Node, Table

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)|''")
MAX_BYTES = 10_000_000
MAX_HINTS = 50
"""Problems after which no near names are looked for."""


@dataclass(frozen=True)
class Source:
    """A schedule as written, and where."""

    root: Node
    file: str = ""
    """As the user named it; "" for a Python mapping."""
    folder: Path = Path()
    """Relative paths in the schedule start here."""
    lenient: bool = False
    """An imported file: what its own program repaired is repaired, with a warning, instead of refused."""
    text: str = ""
    """The file as it was read; "" for a Python mapping."""

    @property
    def in_json(self) -> bool:
        return json_marks.begins(self.text.lstrip("\ufeff"))

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def inside(self, node: Node, at: int) -> Node:
        """A text's node, placed at its character `at` (from 0) instead of its beginning, where that can be told."""
        if not 0 < node.line <= len(self.lines):
            return node
        line = self.lines[node.line - 1]
        begin = node.column - 1
        if quoted := line[begin : begin + 1] in ('"', "'"):
            begin += 1
        if quoted and not line.startswith(node.text, begin):
            places, longer = _escapes(line, begin)
            at_in_file = begin + at + longer[bisect_left(places, at)]
        else:
            at_in_file = begin + at
        found = node.text[at : at + 4]
        there = line[at_in_file : at_in_file + 8].replace("\\", "").replace("''", "'")
        return node._replace(column=at_in_file + 1) if found and there.startswith(found) else node

    def problem(self, node: Node | None, field: str, what: str, hint: str = "") -> Problem:
        place = (node.line, node.column) if node else (0, 0)
        return Problem(what=what, hint=hint, field=field, file=self.file, line=place[0], column=place[1])

    def with_root(self, root: Node, lenient: bool | None = None) -> Source:
        return replace(self, root=root, lenient=self.lenient if lenient is None else lenient)


@dataclass(frozen=True)
class Imported:
    """A foreign file in our own names and forms."""

    source: Source
    """Native, and lenient."""
    notes: tuple[Problem, ...] = ()
    """What was repaired or ignored."""
    differs: str = ""
    """A short paragraph: what will look different from the program the file was made for."""
    origin: str = ""
    """That program."""


@lru_cache(maxsize=64)
def _escapes(line: str, begin: int) -> tuple[list[int], list[int]]:
    """Of the escapes in a quoted text that begins at `begin`: where each one's character stands in the text, and by how
    much the line is longer than the text after 0, 1, 2 … of them."""
    places, longer = [], [0]
    for match in _ESCAPE.finditer(line, begin):
        places.append(match.start() - begin - longer[-1])
        longer.append(longer[-1] + len(match[0]) - 1)
    return places, longer


class Report:
    """Collects what is wrong with a source, and what is only worth a word, so that all of it is told at once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []

    @property
    def hints(self) -> bool:
        """Whether near names are still looked for; one takes a millisecond, and a file may be wrong everywhere."""
        return len(self.problems) < MAX_HINTS

    def refuse(self, node: Node | None, field: str, what: str, hint: str = "") -> None:
        self.problems.append(self.source.problem(node, field, what, hint))

    def note(self, node: Node | None, field: str, what: str, hint: str = "") -> None:
        self.notes.append(self.source.problem(node, field, what, hint))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems by line and column, each said once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.column)))


def read(path: str | Path) -> Source:
    """The file as a tree. Raises ScheduleError, with a place, for whatever cannot be read."""
    path = Path(path)
    file = str(path)
    try:
        with path.open("rb") as open_file:
            data = open_file.read(MAX_BYTES + 1)  # not by its size: that of a device or a pipe is 0
        if len(data) > MAX_BYTES:
            size = max(path.stat().st_size, len(data))
            raise _refusal(
                file, f"the file has {size / 1e6:.0f} MB", f"a schedule has at most {MAX_BYTES // 1_000_000} MB"
            )
    except FileNotFoundError:
        raise _refusal(file, "no such file", _nearby(path)) from None
    except OSError as error:
        raise _refusal(file, f"cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a NUL inside the path
        raise _refusal(file, f"cannot be read: {error}") from None
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise _refusal(file, "is not text in UTF-8", "a schedule is a YAML or JSON text file") from None
    return Source(root=parse(text, file), file=file, folder=path.parent, text=text)


def from_mapping(mapping: Mapping[str, object]) -> Source:
    """A Python mapping as a source without lines; relative paths start in the working directory."""
    try:
        return Source(root=Node.of(mapping))
    except (TypeError, RecursionError) as error:
        raise _refusal("", str(error) or "nested too deeply") from None


def parse(text: str, file: str = "") -> Node:
    """JSON where it is JSON, else YAML. Raises ScheduleError; its place is the first character that does not fit."""
    if not text.strip():
        raise _refusal(file, "is empty", "`animate init` writes a commented starter schedule")
    json_error: json_marks.NotJSON | None = None
    if json_marks.begins(text):
        try:
            return _from_json(text, file)
        except json_marks.NotJSON as error:
            json_error = error
    try:
        return yaml_marks.parse(text)
    except yaml_marks.NotYAML as error:
        # A broken JSON file gets JSON's word for it; YAML's complaint about the same brace would mislead.
        if json_error is not None and json_marks.is_meant(text):
            raise _refusal(file, json_error.what, "", json_error.line, json_error.column) from None
        raise _refusal(file, error.what, error.hint, error.line, error.column) from None


def _from_json(text: str, file: str) -> Node:
    count = 0

    def node(value: object, line: int, column: int, written: str) -> Node:
        nonlocal count
        count += 1
        if count > MAX_NODES:
            raise _refusal(file, f"holds more than {MAX_NODES:,} values")
        if isinstance(value, json_marks.Pairs):
            return Node(Table(tuple(value)), line, column)
        if isinstance(value, list):
            return Node(tuple(value), line, column)
        return Node(value, line, column, written)  # type: ignore[arg-type]

    return json_marks.parse(text, node, MAX_DEPTH)


def _nearby(path: Path) -> str:
    """Another file of that name, in case only the ending is wrong."""
    try:
        others = sorted(p.name for p in path.parent.glob(f"{path.stem}.*") if p.is_file())[:2]
    except (OSError, ValueError):
        return ""
    return f"there is {' and '.join(others)}" if others else ""


def _refusal(file: str, what: str, hint: str = "", line: int = 0, column: int = 0) -> ScheduleError:
    return ScheduleError([Problem(what=what, hint=hint, file=file, line=line, column=column)])
