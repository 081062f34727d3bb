"""YAML with a line and a column on every value, bounded before memory is spent.

Plain words are typed by our own table (`words`); a node also keeps its text, for fields that want a word.
Tags other than YAML's own, recursive anchors, and anchors that expand without end are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from animate.schedule.tree import MAX_DEPTH, MAX_NODES, Node, Table
from animate.schedule.words import scalar

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class NotYAML(Exception):
    """The text is not YAML that a schedule may be; `what` says why, at `line` and `column`, both 0 for all of it."""

    def __init__(self, what: str, hint: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(what)
        self.what, self.hint, self.line, self.column = what, hint, line, column


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    node: Any
    is_map: bool
    anchor: str | None
    items: list[Node]
    size: int = 1


def parse(text: str) -> Node:
    """The document. Raises NotYAML."""
    try:
        return _build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = (error.problem or error.context or "is not YAML").strip()
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise NotYAML(f"cannot be read as YAML: {what}", _HINTS.get(what, ""), *place) from None
    except (yaml.reader.ReaderError, UnicodeEncodeError):
        # The error's own position counts bytes with libyaml, characters without it.
        strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
        at = strange.start() if strange else 0
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        raise NotYAML("holds a character that a text file cannot have", "", line, column) from None


_HINTS = {
    "mapping values are not allowed here": 'a value with a colon needs quotes: zoom: "0: (1), 48: (1.02)"',
    "mapping values are not allowed in this context": 'a value with a colon needs quotes: zoom: "0: (1), 48: (1.02)"',
    "found character that cannot start any token": "indent with blanks, not tabs; quote what begins with @, ` or %",
    "found a tab character that violates indentation": "indent with blanks, not tabs",
    "found character '\\t' that cannot start any token": "indent with blanks, not tabs",
    "did not find expected alphabetic or numeric character": "a value that begins with * or & needs quotes",
    "did not find expected key": "check the indentation of this line and of the one before",
    "could not find expected ':'": "every line of a mapping is `name: value`",
}


def _build(text: str) -> Node:
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
            node = _scalar_node(event, line, column)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise NotYAML(f"*{event.anchor} refers to an anchor that is not defined", "", line, column)
            known = anchors[event.anchor]
            if known is None:
                raise NotYAML(f"*{event.anchor} contains itself", "", line, column)
            node, size = known
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            _check_tag(event, line, column, "map" if isinstance(event, yaml.MappingStartEvent) else "seq")
            if len(stack) >= MAX_DEPTH:
                raise NotYAML(f"is nested more than {MAX_DEPTH} levels deep", "", line, column)
            if event.anchor:
                anchors[event.anchor] = None
            stack.append(_Open((line, column), isinstance(event, yaml.MappingStartEvent), event.anchor, []))
            continue
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            done = stack.pop()
            node, size = _closed(done), done.size
            if done.anchor:
                anchors[done.anchor] = (node, size)
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise NotYAML("holds more than one YAML document", "one schedule a file", line, column)
            continue
        else:
            continue
        if isinstance(event, yaml.ScalarEvent) and event.anchor:
            anchors[event.anchor] = (node, 1)
        if stack:
            stack[-1].items.append(node)
            stack[-1].size += size
            if stack[-1].size > MAX_NODES:
                raise NotYAML(
                    f"expands to more than {MAX_NODES:,} values", "anchors multiply what they name", line, column
                )
        else:
            root = node
    return root if root is not None else Node(None)


def _closed(done: _Open) -> Node:
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
                    raise NotYAML(what, hint, table.line, table.column)
                pairs += [pair for pair in table.value.pairs if pair[0].text not in own]
                own |= set(table.value.names())
    return Node(Table(tuple(pairs)), line, column)


def _scalar_node(event: Any, line: int, column: int) -> Node:
    written: str = event.value
    tag = _check_tag(event, line, column, "")
    if tag == "str" or (event.style and not tag):
        return Node(written, line, column, written)
    value = scalar(written)
    if tag in ("int", "float", "bool", "null"):
        kinds = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        if not isinstance(value, kinds[tag]) or (tag in ("int", "float") and isinstance(value, bool)):  # type: ignore[arg-type]
            raise NotYAML(f"{written!r} is not what its tag !!{tag} says", "", line, column)
    return Node(value, line, column, written)


def _check_tag(event: Any, line: int, column: int, fits: str) -> str:
    """The short name of YAML's own tag; "" without one. Everything else would be a way to name code, and is refused."""
    if event.tag is None or event.tag == "!":
        return "str" if event.tag == "!" and not fits else ""
    tag = _TAGS.get(event.tag, "")
    if not tag or (fits and tag != fits) or (not fits and tag in ("map", "seq")):
        shown = event.tag.replace("tag:yaml.org,2002:", "!!")
        raise NotYAML(f"the tag {shown[:80]} is not allowed", "a schedule holds plain values only", line, column)
    return tag
