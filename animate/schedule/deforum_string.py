"""Deforum's strings of keyframes, `0: (1), 48: (1.02+0.01*sin(t/8))`, read to the letter of their own rules.

A value is a keyframe only if, stripped of quotes and brackets, it looks like `-1.5`; all else holds until the next key.
Of two equal keys the last counts, keys past the end are ignored; what is repaired is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from animate.schedule import expression
from animate.schedule.clock import Clock, TimeError
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.keyframes import Key
from animate.schedule.notation import counted, short
from animate.schedule.source import Report
from animate.schedule.tree import Node

_BRACKETS = re.compile(r"[()\[\],]")
_STRIPPED = str.maketrans("", "", "'\"()")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)\Z", re.ASCII)
"""No exponent, no blank, no bare point at the end: all else holds."""
_FRAME = re.compile(r"\d+(?:\.0*)?\Z", re.ASCII)
_KEY = re.compile(r"[\s\"'(]*[\w/*+-]+[\"')\s]*:")
_LOST_KEY = re.compile(r"(.*\S)\s+[\"'(]*\d+[\"')]*\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """One `key: (value)` of a Deforum string."""

    key: str
    """Without quotes and brackets."""
    value: str
    """As written, without white space around it."""
    number: float | None
    """The number it is a keyframe of; None for what holds until the next key."""
    at: int
    """Where it begins in the string, from 0."""


def is_one(text: str) -> bool:
    """Whether a text is a Deforum string: it has a colon outside brackets, which no expression has."""
    colon = text.find(":")
    return (
        colon >= 0
        and text.count("(", 0, colon) == text.count(")", 0, colon)
        and not re.fullmatch(r"\s*\d+:\d\d(:\d\d)?\s*", text)
    )


def split(text: str) -> list[tuple[int, str]]:
    """A text cut at its commas outside brackets, or where a key follows: a bracket was forgotten; each piece with its
    place, from 0. Empty pieces are left out."""
    depth, start, found = 0, 0, []
    for match in _BRACKETS.finditer(text):
        sign = match[0]
        if sign == ",":
            if depth == 0 or _KEY.match(text, match.end()):
                found.append((start, text[start : match.start()]))
                start, depth = match.end(), 0
        else:
            depth = max(0, depth + (1 if sign in "([" else -1))
    found.append((start, text[start:]))
    return [(at + len(piece) - len(piece.lstrip()), piece) for at, piece in found if piece.strip()]


def pieces(text: str) -> tuple[list[Piece], list[str]]:
    """The pieces of a Deforum string in the order they are written, and what had to be repaired to read them.

    Raises ExpressionError for a piece without a colon.
    """
    found: list[Piece] = []
    repairs: list[str] = []
    dropped = 0
    for at, piece in split(text):
        fields = piece.split(":")
        if len(fields) < 2:
            if not found and "," not in text:
                raise ExpressionError(f"{short(piece)} has no key", '"0: (1), 48: (1.02)"')
            raise ExpressionError(f"{short(piece)} has no key", "check the brackets and commas before it")
        value = fields[1].strip()
        if len(fields) > 2:
            if match := _LOST_KEY.match(value):
                lost = value[match.end(1) :].strip()
                repairs.append(f"a comma is missing before key {lost}, which is lost")
                value = match[1]
            else:
                dropped += 1
        stripped = value.translate(_STRIPPED)
        is_number = _NUMBER.match(stripped)
        key = fields[0].translate(_STRIPPED).strip()
        found.append(Piece(key, value, float(stripped) if is_number else None, at))
    if dropped:
        repairs.append(f"{counted(dropped, 'piece has', 'pieces have')} a second colon; what follows it is ignored")
    return found, repairs


def read(node: Node, field: str, clock: Clock, report: Report) -> tuple[list[Key], bool]:
    """The keys of a string that can be read, in the order of time, and whether these are all that count."""
    assert isinstance(node.value, str)
    try:
        found, repairs = pieces(node.value)
    except ExpressionError as error:
        report.refuse(node, field, error.what, error.hint)
        return [], False
    keys: dict[int, Key] = {}
    repeated, late, early, refused = 0, 0, 0, 0
    for piece in found:
        place = report.source.inside(node, piece.at)
        try:
            frame = int(float(piece.key)) if _FRAME.match(piece.key) else clock.frame(piece.key)
        except (TimeError, OverflowError) as error:
            what = error.what if isinstance(error, TimeError) else "is too far away"
            report.refuse(place, field, f"key: {what}", error.hint if isinstance(error, TimeError) else "")
            refused += 1
            continue
        if frame >= clock.max_frames or frame < 0:
            late += frame >= 0
            early += frame < 0
            continue
        value: float | Expression | None = piece.number
        if value is None:
            value = _expression(piece, place, field, report)
        repeated += frame in keys
        if value is None:
            refused += 1
        else:
            keys[frame] = Key(frame, value, place)
    for repair in repairs:
        report.note(node, field, repair)
    if repeated:
        report.note(node, field, f"{counted(repeated, 'key is', 'keys are')} written twice; the last one counts")
    if late:
        report.note(node, field, f"{counted(late, 'key', 'keys')} at or past max_frames ({clock.max_frames}) ignored")
    if early:
        report.note(node, field, f"{counted(early, 'key', 'keys')} before frame 0 ignored")
    if not keys and not refused:
        report.refuse(node, field, "has no key before the end")
    return [keys[frame] for frame in sorted(keys)], bool(keys) and not refused


def _expression(piece: Piece, place: Node, field: str, report: Report) -> Expression | None:
    text = piece.value.strip("'\"")
    try:
        return expression.parse(text)
    except ExpressionError as error:
        report.refuse(place, field, f"key {piece.key}: {short(text)}: {error.what}", error.hint)
        return None
