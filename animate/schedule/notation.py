"""How one thing is written: a value, a time, an easing, a name; and how it is quoted in messages."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from animate.schedule import easing, expression
from animate.schedule.clock import Clock, TimeError
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table
from animate.schedule.words import NO_NUMBER, number

SHAPES = ("linear", "hold", "cubic")
"""Ways to a key that are not easings."""


def read_time(name: Node, field: str, clock: Clock, report: Report) -> int | None:
    """The frame a key stands for; None, and a problem, where it stands for none."""
    try:
        frame = clock.frame(
            name.value if isinstance(name.value, int) and not isinstance(name.value, bool) else name.text
        )
    except TimeError as error:
        report.refuse(name, field, f"key: {error.what}", error.hint)
        return None
    if frame < 0:
        report.refuse(name, field, f"key {name.text}: frame {frame} lies before the beginning")
        return None
    if re.match(r"[-+]?0\d", name.text):
        report.note(name, field, f"{name.text} is read as {name.value}")
    return frame


def refuse_equal_frames(placed: list[tuple[int, Node]], field: str, report: Report) -> bool:
    """Whether two keys land on one frame, which is a problem; `placed` in the order of time."""
    equal = [(a, b) for a, b in pairwise(placed) if a[0] == b[0]]
    for (frame, first), (_, second) in equal:
        report.refuse(max(first, second, key=lambda n: (n.line, n.column)), field, f"two keys land on frame {frame}")
    return bool(equal)


def read_value(node: Node, field: str, report: Report) -> float | Expression | None:
    """A number in any notation, or an expression."""
    if node.is_number:
        try:
            value = float(node.value)  # type: ignore[arg-type]
        except OverflowError:
            value = np.inf
        if not np.isfinite(value):
            report.refuse(node, field, f"{node.text[:40]} is not a finite number")
            return None
        if re.match(r"[-+]?0\d", node.text):
            report.note(node, field, f"{node.text} is read as {value:g}")
        return value
    if not isinstance(node.value, str):
        what = "is missing" if node.value is None else f"{shown(node)} is not a number"
        report.refuse(
            node, field, what, "a number, an expression such as 1 + 0.1*sin(t/8), or keyframes {0: 1, 48: 1.05}"
        )
        return None
    text = node.value.strip()
    bare = number(_unbracketed(text))
    if bare is not NO_NUMBER:
        value = float(bare)  # type: ignore[arg-type]
        if not np.isfinite(value):
            report.refuse(node, field, f"{text[:40]} is not a finite number")
            return None
        return value
    return _read_expression(text, node, field, report)


def _read_expression(text: str, node: Node, field: str, report: Report) -> Expression | None:
    try:
        return expression.parse(text)
    except ExpressionError as error:
        hint = error.hint
        if re.fullmatch(r"\d+:\d\d(:\d\d)?", text):
            hint = "a time is written 90s; keyframes are {0: 1, 2s: 1.05}"
        elif text.count("(") > text.count(")") and _ends_at_a_comma(text, node, report):
            hint = "inside { } an expression with a comma needs quotes"
        report.refuse(node, field, f"{short(text)}: {error.what}", hint)
        return None


def _ends_at_a_comma(text: str, node: Node, report: Report) -> bool:
    """Whether a text was cut off by a comma, as YAML does it inside { }."""
    lines = report.source.lines
    return 0 < node.line <= len(lines) and lines[node.line - 1][node.column - 1 + len(text) :].lstrip()[:1] == ","


def read_ease(node: Node, field: str, report: Report) -> str:
    """The name of a shape or an easing; `linear`, and a problem, if there is none of that name."""
    name = node.text.strip() if not isinstance(node.value, tuple | Table) else ""
    if name in SHAPES:
        return name
    try:
        easing.named(name)
    except ValueError as error:
        report.refuse(node, field, f"there is no easing {shown(node)}", str(error))
        return "linear"
    return name


def _unbracketed(text: str) -> str:
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text


def may_be_named(key: Node, field: str, what: str, report: Report) -> bool:
    """Whether expressions can call something by this name; if not, that is reported."""
    if expression.IDENTIFIER.match(key.text) and key.text not in expression.VARIABLES:
        return True
    must = "letters, digits and _, not one of t, max_f, s …"
    report.refuse(key, field, f"{key.text[:40]!r} cannot be {what}'s name", must)
    return False


def shown(node: Node) -> str:
    """A value as it is quoted in messages."""
    if isinstance(node.value, tuple):
        return "a list"
    if isinstance(node.value, Table):
        return "a mapping"
    return short(node.text)


def short(text: str) -> str:
    """A text as it is quoted in messages: on one line, not too long."""
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:57] + "…")


def counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def out_of_range(value: float, frame: int) -> str:
    return f"{value:.6g} at frame {frame} is out of range"
