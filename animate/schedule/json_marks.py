"""JSON with a line and a column on every value; the standard library's parser gives none.

JSON as RFC 8259 has it, plus `NaN` and `Infinity`, which Python writes, and what people leave in files that they edit
by hand: comments (`// …`, `/* … */`) and a comma before a closing bracket. Repeated keys are kept in order.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

_BLANK = re.compile(r"(?:[ \t\n\r]+|//[^\n]*|/\*(?s:.*?)\*/)*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}
_WORD = re.compile("|".join(_WORDS))


class Pairs(list[Any]):
    """The pairs of an object, told apart from a list."""


class NotJSON(Exception):
    """The text is not JSON; `what` says why, at `line` and `column`."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(what)
        self.what, self.line, self.column = what, line, column


def begins(text: str) -> bool:
    """Whether a text may be JSON: past blanks and comments it begins with a bracket."""
    return text.startswith(("{", "["), _next(text))


def is_meant(text: str) -> bool:
    """Whether a text is meant as JSON: after the brace stands a name in double quotes, as YAML seldom has it."""
    begin = _next(text)
    return text.startswith("{", begin) and text.startswith('"', _next(text, begin + 1))


def _next(text: str, at: int = 0) -> int:
    """Where the next thing stands that is neither a blank nor a comment."""
    return _BLANK.match(text, at).end()  # type: ignore[union-attr]


def parse(text: str, node: Callable[[Any, int, int, str], Any], max_depth: int) -> Any:
    """The document, each value made by `node(value, line, column, written)`.

    `value` is a scalar, a list of nodes, or `Pairs` of (key node, value node). Raises NotJSON.
    """
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(at: int) -> tuple[int, int]:
        line = bisect_right(starts, at)
        return line, at - starts[line - 1] + 1

    def fail(what: str, at: int) -> NotJSON:
        return NotJSON(f"cannot be read as JSON: {what}", *place(at))

    def string(at: int) -> tuple[str, int]:
        try:
            return scanstring(text, at + 1, False)
        except JSONDecodeError as error:
            raise fail(error.msg.lower(), error.pos) from None

    def value(at: int, depth: int) -> tuple[Any, int]:
        if depth > max_depth:
            raise fail(f"nested more than {max_depth} levels deep", at)
        mark = place(at)
        first = text[at : at + 1]
        if first == '"':
            written, end = string(at)
            return node(written, *mark, written), end
        if first == "{":
            return members(at, mark, depth)
        if first == "[":
            return items(at, mark, depth)
        if match := _WORD.match(text, at):
            return node(_WORDS[match[0]], *mark, match[0]), match.end()
        if match := _NUMBER.match(text, at):
            written = match[0]
            whole = match[1] is None and match[2] is None and len(written) <= 40
            return node(int(written) if whole else float(written), *mark, written), match.end()
        raise fail("a value is missing here", at)

    def members(at: int, mark: tuple[int, int], depth: int) -> tuple[Any, int]:
        pairs = Pairs()
        at = _next(text, at + 1)
        if text[at : at + 1] == "}":
            return node(pairs, *mark, ""), at + 1
        while True:
            if text[at : at + 1] != '"':
                raise fail("a name in double quotes is missing here", at)
            name_mark = place(at)
            written, at = string(at)
            name = node(written, *name_mark, written)
            at = _next(text, at)
            if text[at : at + 1] != ":":
                raise fail("a colon is missing here", at)
            content, at = value(_next(text, at + 1), depth + 1)
            pairs.append((name, content))
            at = _next(text, at)
            follows = text[at : at + 1]
            if follows == "}":
                return node(pairs, *mark, ""), at + 1
            if follows != ",":
                raise fail("a comma or a closing brace is missing here", at)
            at = _next(text, at + 1)
            if text[at : at + 1] == "}":
                return node(pairs, *mark, ""), at + 1

    def items(at: int, mark: tuple[int, int], depth: int) -> tuple[Any, int]:
        found: list[Any] = []
        at = _next(text, at + 1)
        if text[at : at + 1] == "]":
            return node(found, *mark, ""), at + 1
        while True:
            item, at = value(at, depth + 1)
            found.append(item)
            at = _next(text, at)
            follows = text[at : at + 1]
            if follows == "]":
                return node(found, *mark, ""), at + 1
            if follows != ",":
                raise fail("a comma or a closing bracket is missing here", at)
            at = _next(text, at + 1)
            if text[at : at + 1] == "]":
                return node(found, *mark, ""), at + 1

    tree, end = value(_next(text), 0)
    if _next(text, end) != len(text):
        raise fail("there is more after the end", _next(text, end))
    return tree
