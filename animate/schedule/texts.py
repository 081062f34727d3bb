"""Texts over time, such as the sampler.

    sampler: DDIM
    sampler: {0: DDIM, 24: Euler a}
    sampler: '0: ("DDIM"), 24: ("Euler a")'      as in Deforum

Each holds until the next key; before the first key stands the first text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from animate.schedule import deforum_string, notation
from animate.schedule.clock import Clock
from animate.schedule.fields import Field
from animate.schedule.kinds import chosen
from animate.schedule.notation import counted, shown
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table


@dataclass(frozen=True)
class TextTrack:
    """A text that changes at times and holds in between: (frame, text, node), in the order of time, at least one."""

    keys: tuple[tuple[int, str, Node], ...]

    def column(self, n: int) -> tuple[str, ...]:
        """(n,) the text of every frame."""
        found: list[str] = []
        for (_, text, _), (end, _, _) in zip(self.keys, [*self.keys[1:], (n, "", None)]):
            found += [text] * (min(end, n) - len(found))
        return tuple(found)


def read(node: Node, field: str, row: Field, known: Collection[str], clock: Clock, report: Report) -> TextTrack | None:
    """The texts of a field, each one of `known` unless that is empty; None, and problems, where there are none."""
    if isinstance(node.value, Table):
        keys_and_values = node.value.last_of_each()
        pairs = [(notation.read_time(key, field, clock, report), key, value) for key, value in keys_and_values]
    elif isinstance(node.value, str) and _DEFORUM.match(node.value):
        pairs = _pieces(node, field, clock, report)
    else:
        pairs = [(0, node, node)]
    keys = []
    for frame, key, value in pairs:
        if isinstance(value.value, tuple | Table | None) or not value.text.strip():
            report.refuse(value if value.line else key, field, f"{shown(value)} is not a text", row.example)
            continue
        text = value.text.strip()
        if known and report.source.lenient:
            text = _known(text, known, row, value, field, report)
        elif known:
            text = chosen(text, known, value, field, report) or text
        if frame is not None:
            keys.append((frame, text, value if value.line else key))
    keys.sort(key=lambda key: key[0])
    notation.refuse_equal_frames([(frame, node) for frame, _, node in keys], field, report)
    if not pairs:
        report.refuse(node, field, "has no keys", f"{{0: {row.example}}}")
    inside = [key for key in keys if key[0] <= clock.last]
    if len(inside) < len(keys):
        report.note(keys[-1][2], field, f"{counted(len(keys) - len(inside), 'key lies', 'keys lie')} past the end")
    if not keys:
        return None
    first, *others = inside or keys[:1]
    return TextTrack(((0, *first[1:]), *others))  # before the first key stands the first text


def _known(text: str, known: Collection[str], row: Field, node: Node, field: str, report: Report) -> str:
    """What a foreign file says as one of `known`: what it begins with (`DDIM CFG++`), what is near, or the default."""
    folded = {name.casefold(): name for name in known}
    said = text.casefold()
    if said in folded:
        return folded[said]
    begins = [name for name in folded if said.startswith(f"{name} ")]
    near = [max(begins, key=len)] if begins else get_close_matches(said, list(folded), 1, 0.6)
    used = folded[near[0]] if near else str(row.default)
    report.note(node, field, f"{shown(node._replace(text=text))} is not known here", f"{used} is used")
    return used


_DEFORUM = re.compile(r"\s*[\"'(]*(?:\d+|max_f\b[^:]*)[\"')]*\s*:")


def _pieces(node: Node, field: str, clock: Clock, report: Report) -> list[tuple[int | None, Node, Node]]:
    """The pieces of `0: ("Euler a"), 20: ("DDIM")`; of two equal keys the last wins, keys past the end are ignored."""
    found: dict[int, tuple[int | None, Node, Node]] = {}
    repeated = late = 0
    for _, piece in deforum_string.split(str(node.value)):
        time, _, text = piece.partition(":")
        key = node._replace(value=time.strip(" \n\t\"'()"), text=time.strip(" \n\t\"'()"))
        text = text.strip().translate(str.maketrans("", "", "\"'()")).strip()
        frame = notation.read_time(key, field, clock, report)
        if frame is None:
            continue
        if frame >= clock.max_frames:
            late += 1
            continue
        repeated += frame in found
        found[frame] = (frame, node, node._replace(value=text, text=text))
    if repeated:
        report.note(node, field, f"{counted(repeated, 'key is', 'keys are')} written twice; the last one counts")
    if late:
        report.note(node, field, f"{counted(late, 'key', 'keys')} at or past max_frames ({clock.max_frames}) ignored")
    return list(found.values())
