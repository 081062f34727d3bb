"""Fields with one value for the whole run: how each kind is read from a node, and what it refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any

from animate.errors import near
from animate.schedule import deforum_string, words
from animate.schedule.fields import Field, in_words
from animate.schedule.fields import Value as Setting
from animate.schedule.names import NAMES
from animate.schedule.notation import shown
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table
from animate.schedule.words import NO_NUMBER

_NONE_WORDS = {"none", "null", "off", "no", "false", "~", ""}


def _number(row: Field, node: Node, field: str, report: Report) -> Setting | None:
    if node.value in row.words:
        return str(node.value)
    value = _plain_number(node)
    if value is None:
        what = f"{shown(node)} is not a number"
        if isinstance(node.value, Table) or (isinstance(node.value, str) and deforum_string.is_one(node.value)):
            what = "is one number for the whole run and cannot change over time"
        report.refuse(node, field, what, row.example)
        return None
    if not math.isfinite(value) or not row.low <= value <= row.high:
        report.refuse(node, field, f"{node.text[:40]} is out of range", in_words(row))
        return None
    if re.match(r"[-+]?0\d", node.text):
        report.note(node, field, f"{node.text} is read as {value:g}")
    return float(value)


def _plain_number(node: Node) -> float | int | None:
    """A number in any notation, also as text."""
    value: Any = node.value
    if isinstance(value, str):
        value = words.number(value.strip())
        value = None if value is NO_NUMBER else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > 10**300:
        return math.inf
    return value


def _integer(row: Field, node: Node, field: str, report: Report) -> Setting | None:
    value = _plain_number(node)
    if value is not None and math.isfinite(value) and value != int(value):
        curves = get_close_matches(f"{row.name}_schedule", list(NAMES), 1, 0.95)
        report.refuse(
            node, field, f"{node.text} is not a whole number", f"{curves[0]} takes fractions" if curves else row.example
        )
        return None
    found = _number(row, node, field, report)
    return None if found is None or value is None else int(value)


def _size(row: Field, node: Node, field: str, report: Report) -> Setting | None:
    found = _integer(row, node, field, report)
    if found is not None and int(found) % row.multiple:
        below = int(found) // row.multiple * row.multiple
        what = f"{found} is not a multiple of {row.multiple}, which the model needs"
        report.refuse(node, field, what, f"{below} or {below + row.multiple}")
        return None
    return found


def _flag(row: Field, node: Node, field: str, report: Report) -> Setting | None:
    value: Any = node.value
    if isinstance(value, str):
        value = words.scalar(value.strip())
    if isinstance(value, bool) or (value in (0, 1) and isinstance(value, int)):
        return bool(value)
    report.refuse(node, field, f"{shown(node)} is neither true nor false", "true or false")
    return None


def _choice(row: Field, node: Node, field: str, report: Report) -> Setting | None:
    if isinstance(node.value, tuple | Table):
        report.refuse(node, field, f"is {shown(node)}", ", ".join(row.choices))
        return None
    text = node.text.strip()
    if "None" in row.choices and (node.value in (None, False) or text.lower() in _NONE_WORDS):
        return "None"
    return chosen(text, row.choices, node, field, report)


def chosen(text: str, known: Collection[str], node: Node, field: str, report: Report) -> str | None:
    """`text` as the list of choices spells it; None, and a problem, if it is none of them."""
    folded = {name.casefold(): name for name in known}
    if text.casefold() in folded:
        return folded[text.casefold()]
    hint = near(text, known if report.hints else (), ", ".join(list(known)[:12]))
    report.refuse(node, field, f"{shown(node)} is not one of the choices", hint)
    return None


def _string(row: Field, node: Node, field: str, report: Report) -> Setting | None:
    if isinstance(node.value, tuple | Table):
        report.refuse(node, field, f"is {shown(node)}, not a text", row.example)
        return None
    if node.value is None:
        return ""
    return node.text


READERS: Mapping[str, Callable[[Field, Node, str, Report], Setting | None]] = {
    "number": _number,
    "integer": _integer,
    "size": _size,
    "flag": _flag,
    "choice": _choice,
    "string": _string,
    "file": _string,
}
"""By kind, how a value is read: None, and a problem in the report, where it cannot be."""
