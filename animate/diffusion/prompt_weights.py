"""How much each part of a prompt counts, in the notation of A1111: `(x)`, `((x))`, `[x]`, `(x:1.3)`.

Every text is a prompt: brackets without a partner never fail. An opening one counts up to the end of the text, a
closing one is an ordinary character; `\\(` `\\)` `\\[` `\\]` `\\\\` are the characters themselves. The word `BREAK`
starts a new window of tokens.

The parse is two steps, so that the notation can grow: `_marks` cuts the text into plain pieces and marks, `parse`
gives the marks their meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

MORE = 1.1
"""Factor of one pair of round brackets; square ones divide by it."""

DEEPEST = 60
"""Brackets inside one another; further ones are ordinary characters, as in `prompt_steps`: 49 pairs reach `LIMIT`."""

LIMIT = 100.0
"""Weights are held within ± this: beyond it every picture is noise, and half precision overflows."""


@dataclass(frozen=True)
class Part:
    """A piece of text that counts `weight` times."""

    text: str
    weight: float = 1.0


BREAK = Part("", float("-inf"))
"""Stands between parts where a new window begins."""

_MARK = re.compile(
    r"""
      \\(?P<escaped>[()\[\]\\])
    | :\s*(?P<weight>[+-]?(?:\d+\.?\d*|\.\d+))\s*\)
    | (?P<bracket>[()\[\]])
    | \b(?P<break>BREAK)\b
    | (?P<text>(?:(?!\\[()\[\]\\]|:\s*[+-]?(?:\d|\.\d)|[()\[\]]|\bBREAK\b).)+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def parse(prompt: str) -> tuple[Part, ...]:
    """The parts of a prompt in order, neighbours of one weight joined; at least one part.

    >>> parse("a (red:1.5) fox, [dull]")
    (Part(text='a ', weight=1.0), Part(text='red', weight=1.5), Part(text=' fox, ', weight=1.0), \
Part(text='dull', weight=0.9090909090909091))
    >>> parse("((a")
    (Part(text='a', weight=1.2100000000000002),)
    """
    texts: list[str] = []
    weights: list[float] = []
    opened: list[tuple[str, int]] = []

    def close(kind: str, factor: float) -> bool:
        """Weigh everything since the last open bracket of this kind; False if none is open."""
        for at in range(len(opened) - 1, -1, -1):
            if opened[at][0] == kind:
                _scale(weights, opened.pop(at)[1], factor)
                return True
        return False

    for mark, value in _marks(prompt):
        if mark == "bracket" and value in "([" and len(opened) < DEEPEST:
            opened.append((value, len(texts)))
            continue
        closed = (
            (mark == "weight" and close("(", float(value.strip(": )\t\r\n"))))
            or (value == ")" and mark == "bracket" and close("(", MORE))
            or (value == "]" and mark == "bracket" and close("[", 1 / MORE))
        )
        if not closed:
            texts.append(BREAK.text if mark == "break" else value)
            weights.append(BREAK.weight if mark == "break" else 1.0)
    for kind, since in opened:
        _scale(weights, since, MORE if kind == "(" else 1 / MORE)
    return _joined([Part(text, weight) for text, weight in zip(texts, weights)])


def _marks(prompt: str) -> Iterator[tuple[str, str]]:
    """(kind, text) of each piece; kinds: escaped, weight, bracket, break, text."""
    for match in _MARK.finditer(prompt):
        kind = match.lastgroup or "text"
        yield kind, match.group() if kind == "weight" else match.group(kind)


def _scale(weights: list[float], since: int, factor: float) -> None:
    for at in range(since, len(weights)):
        if isfinite(weights[at]):
            weights[at] = max(-LIMIT, min(LIMIT, weights[at] * factor))


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    joined: list[Part] = []
    for part in parts:
        if joined and part is not BREAK and joined[-1].weight == part.weight and isfinite(part.weight):
            joined[-1] = Part(joined[-1].text + part.text, part.weight)
        elif part.text or not isfinite(part.weight):
            joined.append(part if isfinite(part.weight) else BREAK)
    return tuple(joined) or (Part(""),)
