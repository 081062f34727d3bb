"""The text of a schedule as a tree that remembers where everything was written.

A file is read once, as JSON (with or without a byte order mark) or as YAML, into `Node`s; nothing of it is interpreted
here. Repeated keys are kept, so that the loader can refuse them (a native file) or take the last (an imported one).

YAML's surprises end here: plain words are typed by our own table, in which `1e-3` is a number, `012` is twelve, and
`1:30` is text; `off` and `no` are false, but a node also keeps its text, so that a field which wants a word gets it.
Tags other than YAML's own, recursive anchors, and anchors that expand without end are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from animate.errors import Problem, ScheduleError
from animate.schedule import json_marks

MAX_BYTES = 10_000_000
MAX_NODES = 1_000_000
"""Values in a schedule after anchors are expanded; 6 fields × 6,001 keys are 72,000."""
MAX_DEPTH = 40
MAX_HINTS = 50
"""Problems after which no near names are looked for."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        return _from_python(value, (at.line, at.column) if at else (0, 0), 0)

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
        return _from_yaml(text, file)
    except ScheduleError:
        # A broken JSON file gets JSON's word for it; YAML's complaint about the same brace would mislead.
        if json_error is not None and json_marks.is_meant(text):
            raise ScheduleError(
                [Problem(what=json_error.what, file=file, line=json_error.line, column=json_error.column)]
            ) from None
        raise


# --- JSON ---------------------------------------------------------------------------------------------------------


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


# --- YAML ---------------------------------------------------------------------------------------------------------

_INTEGER = re.compile(r"[-+]?[0-9][0-9_]{0,40}\Z")
_BASED = re.compile(r"[-+]?0[xob][0-9a-fA-F_]{1,40}\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = {f"{sign}{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")} | {
    word: float("nan") for word in (".nan", ".NaN", ".NAN")
}
_MEANT: dict[str, bool | None] = {
    "null": None,
    "true": True,
    "yes": True,
    "on": True,
    "false": False,
    "no": False,
    "off": False,
}
_WORDS: dict[str, bool | None] = {"": None, "~": None}
for _word, _meaning in _MEANT.items():
    _WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _meaning)
_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}
NO_NUMBER = object()


def number(text: str) -> float | int | object:
    """The number a plain word stands for, in decimal (`012` is twelve), or `NO_NUMBER`."""
    if _INTEGER.match(text):
        return int(text.replace("_", ""))
    if _BASED.match(text):
        try:
            return int(text.replace("_", ""), 0)
        except ValueError:
            return NO_NUMBER
    if _FLOAT.match(text) and len(text) <= 400:
        return float(text.replace("_", ""))
    return _SPECIAL.get(text, NO_NUMBER)


def scalar(text: str) -> bool | int | float | str | None:
    """What a plain (unquoted) word of YAML means to a schedule."""
    if text in _WORDS:
        return _WORDS[text]
    found = number(text)
    return text if found is NO_NUMBER else found  # type: ignore[return-value]


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    node: Any
    is_map: bool
    anchor: str | None
    items: list[Node]
    size: int = 1


def _from_yaml(text: str, file: str) -> Node:
    try:
        return _build(text, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = (error.problem or error.context or "is not YAML").strip()
        raise ScheduleError(
            [
                Problem(
                    what=f"cannot be read as YAML: {what}",
                    hint=_YAML_HINTS.get(what, ""),
                    file=file,
                    line=mark.line + 1 if mark else 0,
                    column=mark.column + 1 if mark else 0,
                )
            ]
        ) from None
    except (yaml.reader.ReaderError, UnicodeEncodeError):
        # The error's own position counts bytes with libyaml, characters without it.
        strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
        at = strange.start() if strange else 0
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise _refusal(file, "holds a character that a text file cannot have", "", line, column) from None


_YAML_HINTS = {
    "mapping values are not allowed here": 'a value with a colon needs quotes: zoom: "0: (1), 48: (1.02)"',
    "mapping values are not allowed in this context": 'a value with a colon needs quotes: zoom: "0: (1), 48: (1.02)"',
    "found character that cannot start any token": "indent with blanks, not tabs; quote what begins with @, ` or %",
    "found a tab character that violates indentation": "indent with blanks, not tabs",
    "found character '\\t' that cannot start any token": "indent with blanks, not tabs",
    "did not find expected alphabetic or numeric character": "a value that begins with * or & needs quotes",
    "did not find expected key": "check the indentation of this line and of the one before",
    "could not find expected ':'": "every line of a mapping is `name: value`",
}


def _build(text: str, file: str) -> Node:
    """Walks the parser's events with a stack of its own, so that depth and size are bounded before memory is spent."""
    stack: list[_Open] = []
    anchors: dict[str, tuple[Node, int] | None] = {}  # None while the anchored collection is still open
    root: Node | None = None
    documents = 0

    for event in yaml.parse(text, Loader=_LOADER):
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        size = 1
        if isinstance(event, yaml.ScalarEvent):
            node = _scalar_node(event, file, line, column)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise _refusal(file, f"*{event.anchor} refers to an anchor that is not defined", "", line, column)
            known = anchors[event.anchor]
            if known is None:
                raise _refusal(file, f"*{event.anchor} contains itself", "", line, column)
            node, size = known
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            _check_tag(event, file, line, column, "map" if isinstance(event, yaml.MappingStartEvent) else "seq")
            if len(stack) >= MAX_DEPTH:
                raise _refusal(file, f"is nested more than {MAX_DEPTH} levels deep", "", line, column)
            if event.anchor:
                anchors[event.anchor] = None
            stack.append(_Open((line, column), isinstance(event, yaml.MappingStartEvent), event.anchor, []))
            continue
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = stack.pop()
            node, size = _closed(done, file), done.size
            if done.anchor:
                anchors[done.anchor] = (node, size)
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refusal(file, "holds more than one YAML document", "one schedule a file", line, column)
            continue
        else:
            continue
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            anchors[event.anchor] = (node, 1)
        if stack:
            stack[-1].items.append(node)
            stack[-1].size += size
            if stack[-1].size > MAX_NODES:
                raise _refusal(
                    file, f"expands to more than {MAX_NODES:,} values", "anchors multiply what they name", line, column
                )
        else:
            root = node
    return root if root is not None else Node(None)


def _closed(done: _Open, file: str) -> Node:
    line, column = done.node
    if not done.is_map:
        return Node(tuple(done.items), line, column)
    pairs = list(zip(done.items[::2], done.items[1::2]))
    merged = [value for key, value in pairs if key.text == "<<"]
    if merged:  # YAML's merge key: what is written here wins over what is merged in
        pairs = [pair for pair in pairs if pair[0].text != "<<"]
        own = {key.text for key, _ in pairs}
        for value in merged:
            tables = value.value if isinstance(value.value, tuple) else (value,)
            for table in tables:
                if not isinstance(table.value, Table):
                    what, hint = "<< takes in a mapping, or a list of them", "<<: *base"
                    raise _refusal(file, what, hint, table.line, table.column)
                pairs += [pair for pair in table.value.pairs if pair[0].text not in own]
                own |= set(table.value.names())
    return Node(Table(tuple(pairs)), line, column)


def _scalar_node(event: Any, file: str, line: int, column: int) -> Node:
    written: str = event.value
    tag = _check_tag(event, file, line, column, "")
    if tag == "str" or (event.style and not tag):
        return Node(written, line, column, written)
    value = scalar(written)
    if tag in ("int", "float", "bool", "null"):
        kinds = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        if not isinstance(value, kinds[tag]) or (tag in ("int", "float") and isinstance(value, bool)):  # type: ignore[arg-type]
            raise _refusal(file, f"{written!r} is not what its tag !!{tag} says", "", line, column)
    return Node(value, line, column, written)


def _check_tag(event: Any, file: str, line: int, column: int, fits: str) -> str:
    """The short name of YAML's own tag; "" without one. Everything else would be a way to name code, and is refused."""
    if event.tag is None or event.tag == "!":
        return "str" if event.tag == "!" and not fits else ""
    tag = _TAGS.get(event.tag, "")
    if not tag or (fits and tag != fits) or (not fits and tag in ("map", "seq")):
        shown = event.tag.replace("tag:yaml.org,2002:", "!!")
        raise _refusal(file, f"the tag {shown[:80]} is not allowed", "a schedule holds plain values only", line, column)
    return tag


# --- Python -------------------------------------------------------------------------------------------------------


def _from_python(value: object, place: tuple[int, int], depth: int) -> Node:
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
        pairs = tuple((_from_python(k, place, depth + 1), _from_python(v, place, depth + 1)) for k, v in value.items())
        return Node(Table(pairs), *place)
    if isinstance(value, list | tuple):
        return Node(tuple(_from_python(item, place, depth + 1) for item in value), *place)
    item = getattr(value, "item", None)  # numbers of numpy
    if callable(item) and getattr(value, "shape", None) == ():
        return _from_python(item(), place, depth + 1)
    raise TypeError(f"holds a {type(value).__name__}, which a schedule cannot")


def _nearby(path: Path) -> str:
    """Another file of that name, in case only the ending is wrong."""
    try:
        others = sorted(p.name for p in path.parent.glob(f"{path.stem}.*") if p.is_file())[:2]
    except (OSError, ValueError):
        return ""
    return f"there is {' and '.join(others)}" if others else ""


def _refusal(file: str, what: str, hint: str = "", line: int = 0, column: int = 0) -> ScheduleError:
    return ScheduleError([Problem(what=what, hint=hint, file=file, line=line, column=column)])


def repeated(table: Table) -> list[tuple[Node, Node]]:
    """Keys that are written more than once, each with the one before it."""
    places: dict[str, list[Node]] = {}
    for key, _ in table.pairs:
        places.setdefault(key.text, []).append(key)
    return [(first, again) for keys in places.values() for first, again in pairwise(keys)]
