"""A schedule as a tree that remembers where everything was written.

Repeated keys are kept, so that the loader can refuse them (a native file) or take the last (an imported one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

MAX_NODES = 1_000_000
"""Values in a schedule after anchors are expanded; 6 fields × 6,001 keys are 72,000."""
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping as written: pairs in order, repeated keys included."""

    pairs: tuple[tuple[Node, Node], ...] = ()

    def get(self, name: str) -> Node | None:
        """Value of the last pair of this name."""
        for key, value in reversed(self.pairs):
            if key.text == name:
                return value
        return None

    def last_of_each(self) -> list[tuple[Node, Node]]:
        """Pairs, of repeated keys the last."""
        return list({key.text: (key, value) for key, value in self.pairs}.values())

    def names(self) -> list[str]:
        return [key.text for key, _ in self.pairs]


class Node(NamedTuple):
    """A value and where it stands. A list is a tuple of nodes, a mapping a `Table`."""

    value: bool | int | float | str | tuple[Any, ...] | Table | None
    line: int = 0
    """1-based; 0 where the value was not written in a file."""
    column: int = 0
    text: str = ""
    """A scalar as it was written, without its quotes."""

    @staticmethod
    def of(value: object, at: Node | None = None) -> Node:
        """Python's dicts, lists and scalars as a node that stands at `at`. Raises TypeError for any other object."""
        return from_python(value, (at.line, at.column) if at else (0, 0), 0)

    def plain(self) -> Any:
        """Dicts, lists and scalars; the last of repeated keys wins."""
        if isinstance(self.value, Table):
            return {key.text: value.plain() for key, value in self.value.pairs}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value

    @property
    def is_number(self) -> bool:
        return isinstance(self.value, int | float) and not isinstance(self.value, bool)


def from_python(value: object, place: tuple[int, int], depth: int) -> Node:
    """Python's dicts, lists and scalars as nodes that all stand at one place. Raises TypeError for any other object."""
    if depth > MAX_DEPTH:
        raise TypeError(f"is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Node):
        return value
    if value is None or isinstance(value, bool | str):
        return Node(value, *place, str(value))
    if isinstance(value, int | float):
        return Node(value, *place, str(value))
    if isinstance(value, Path):
        return Node(str(value), *place, str(value))
    if isinstance(value, Mapping):
        pairs = tuple((from_python(k, place, depth + 1), from_python(v, place, depth + 1)) for k, v in value.items())
        return Node(Table(pairs), *place)
    if isinstance(value, list | tuple):
        return Node(tuple(from_python(item, place, depth + 1) for item in value), *place)
    item = getattr(value, "item", None)  # numbers of numpy
    if callable(item) and getattr(value, "shape", None) == ():
        return from_python(item(), place, depth + 1)
    raise TypeError(f"holds a {type(value).__name__}, which a schedule cannot")


def repeated(table: Table) -> list[tuple[Node, Node]]:
    """Keys that are written more than once, each with the one before it."""
    places: dict[str, list[Node]] = {}
    for key, _ in table.pairs:
        places.setdefault(key.text, []).append(key)
    return [(first, again) for keys in places.values() for first, again in pairwise(keys)]
