"""Curves: what a user may write where a number can change over time.

    zoom: 1.02                                              a number
    zoom: 1.02 + 0.01*sin(2*pi*t/48)                        an expression
    zoom: {0: 1, 2s: 1.05, max_f: 1}                        keyframes
    zoom: {0: 1, 4b: {value: 1.05, ease: in_out_cubic}}     keyframes with the shape of the way to them
    zoom: "0: (1), 48: (1.02+0.01*sin(t/8))"                a Deforum string

All become `Keyframes`.
"""

from __future__ import annotations

from itertools import pairwise

from animate.errors import near
from animate.schedule import deforum_string, notation
from animate.schedule.clock import Clock
from animate.schedule.expression import Expression
from animate.schedule.fields import Field, in_words
from animate.schedule.keyframes import Key, Keyframes
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table


def read(
    node: Node, field: str, clock: Clock, report: Report, row: Field | None = None, opposite: bool = False
) -> Keyframes | None:
    """The curve of a field; None, and problems in the report, where it cannot be read.

    Args:
        row: the field, so that the numbers beside an unreadable key are held against its range; those of a curve that
            can be read are, where it is evaluated.
        opposite: it is written under a name of the opposite sense.
    """
    if isinstance(node.value, Table):
        keys, whole = _read_map(node, field, clock, report)
        found = Keyframes(tuple(keys), node, complement=opposite)
    elif isinstance(node.value, str) and deforum_string.is_one(node.value):
        keys, whole = deforum_string.read(node, field, clock, report)
        found = Keyframes(tuple(keys), node, dialect="deforum", complement=opposite)
    else:
        value = notation.read_value(node, field, report)
        return None if value is None else Keyframes((Key(0, value, node),), node, complement=opposite)
    if whole:
        return found
    for key, number in found.beyond(row.low, row.high) if row and not report.source.lenient else ():
        report.refuse(key.node, field, notation.out_of_range(number, key.frame), in_words(row))  # type: ignore[arg-type]
    return None


def _read_map(node: Node, field: str, clock: Clock, report: Report) -> tuple[list[Key], bool]:
    """The keys of a mapping that can be read, and whether these are all."""
    assert isinstance(node.value, Table)
    if not node.value.pairs:
        report.refuse(node, field, "has no keyframes", "{0: 1, 48: 1.05}")
        return [], False
    keys: list[Key] = []
    complete = True
    for name, content in node.value.last_of_each():
        frame = notation.read_time(name, field, clock, report)
        shape = "linear"
        if isinstance(content.value, Table):
            shape = _read_shape(content, field, report)
            inner = content.value.get("value")
            if inner is None:
                report.refuse(
                    content, field, "a keyframe with a shape needs a value", "{value: 1.05, ease: in_out_cubic}"
                )
                complete = False
                continue
            content = inner
        value = notation.read_value(content, field, report)
        if frame is None or value is None:
            complete = False
        else:
            keys.append(Key(frame, value, name if content.line == 0 else content, shape))
    keys.sort(key=lambda key: key.frame)
    complete &= not notation.refuse_equal_frames([(key.frame, key.node) for key in keys], field, report)
    if not complete:
        return keys, False
    past = [key for key in keys if key.frame > clock.last]
    if past:
        what = f"the key at frame {past[0].frame} lies past the end and only shapes the way there"
        if len(past) > 1:
            what = f"{len(past)} keys lie past the end and only shape the way there"
        report.note(past[0].node, field, what)
    for before, key in pairwise(keys):
        if key.shape != "linear" and isinstance(before.value, Expression):
            report.note(
                key.node, field, f"ease: {key.shape} has no effect after an expression, which jumps to its next key"
            )
    return keys, True


def _read_shape(node: Node, field: str, report: Report) -> str:
    assert isinstance(node.value, Table)
    for name, _ in node.value.pairs:
        if name.text not in ("value", "ease"):
            report.refuse(
                name,
                field,
                f"a keyframe has no {name.text!r}",
                near(name.text, ["value", "ease"], "value, ease"),
            )
    ease = node.value.get("ease")
    if ease is None:
        return "linear"
    return notation.read_ease(ease, field, report)
