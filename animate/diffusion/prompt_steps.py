"""Prompts that change while one picture is painted, in the notation of A1111.

    [a:b:0.5]  [a:b:10]    a up to half of the steps, up to step 10; then b
    [b:0.5]    [a::0.5]    b comes, a goes
    [a|b|c]                one after the other, a new one every step
    a :0.7 AND b :0.3      two prompts at once, each pulling by its weight (1 if none is given)

Positions count the steps that are run for the picture, so in a redrawn frame too `0.5` is half-way. A number below 1 is
a share of them, any other a step; up to and with that step the first text stands. Brackets nest; one without a partner,
or with something else inside, is left to the weights (`prompt_weights`). Nothing fails.

`AND` is read after the steps, so `[a AND b:c:0.5]` works. A weight behind a text counts only beside an `AND`: a prompt
of its own may end in `12:30`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, pairwise

from animate.diffusion.prompt_weights import LIMIT

DEEPEST = 60
"""Brackets inside one another; further ones are ordinary characters."""

_MARK = re.compile(r"\\.|[\[\]():|]|[^\\\[\]():|]+|.", re.DOTALL)
_WHEN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*\Z")
_AND = re.compile(r"\bAND\b")
_SHARE = re.compile(r"(.*?)\s*:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class _Turn:
    """`[before:after:when]`"""

    before: tuple[_Piece, ...]
    after: tuple[_Piece, ...]
    when: float


@dataclass(frozen=True)
class _Round:
    """`[a|b|…]`"""

    options: tuple[tuple[_Piece, ...], ...]


_Piece = str | _Turn | _Round


def spans(prompt: str, steps: int) -> tuple[tuple[int, str], ...]:
    """The texts of a prompt over `steps` ≥ 1 steps: (last step, counted from 1; text), ascending, the last at `steps`.

    >>> spans("a [b:c:0.5] d", 10)
    ((5, 'a b d'), (10, 'a c d'))
    >>> spans("[fe|]male", 3)
    ((1, 'female'), (2, 'male'), (3, 'female'))
    """
    pieces = _parsed(prompt)
    if all(isinstance(piece, str) for piece in pieces):
        return ((steps, prompt),)
    texts = [_at(pieces, step, steps) for step in range(1, steps + 1)]
    found, last = [], 0
    for text, run in groupby(texts):
        last += len(list(run))
        found.append((last, text))
    return tuple(found)


def together(prompt: str) -> tuple[tuple[str, float], ...]:
    """(text, weight) of the prompts that `AND` joins, without those of weight 0; one of weight 1 where it joins none.

    >>> together("a sea :0.7 AND a storm")
    (('a sea', 0.7), ('a storm', 1.0))
    """
    parts = _AND.split(prompt)
    if len(parts) == 1:
        return ((prompt, 1.0),)
    found = []
    for part in parts:
        match = _SHARE.match(part)
        text, weight = (match[1], float(match[2])) if match else (part, 1.0)
        if text.strip():
            found.append((text.strip(), max(-LIMIT, min(LIMIT, weight))))
    return tuple(part for part in found if part[1] != 0) or tuple(found[:1]) or (("", 1.0),)


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass
class _Open:
    """A bracket that has not been closed; the pieces since, parted at `:` and `|`."""

    bracket: str
    parts: list[list[_Piece]] = field(default_factory=lambda: [[]])
    marks: list[str] = field(default_factory=list)
    """The separators between the parts."""

    def put(self, *pieces: _Piece) -> None:
        for piece in pieces:
            last = self.parts[-1]
            if isinstance(piece, str) and last and isinstance(last[-1], str):
                last[-1] += piece
            else:
                last.append(piece)

    def plain(self) -> Iterator[_Piece]:
        """All pieces, separators as the characters they are."""
        for mark, part in zip(["", *self.marks], self.parts):
            if mark:
                yield mark
            yield from part


@lru_cache(maxsize=512)
def _parsed(prompt: str) -> tuple[_Piece, ...]:
    opened = [_Open("")]
    for token in _MARK.findall(prompt):
        if token in "[(" and len(opened) <= DEEPEST:
            opened.append(_Open(token))
        elif token in ":|" and len(opened) > 1:
            opened[-1].marks.append(token)
            opened[-1].parts.append([])
        elif token in "])" and any(one.bracket == "[("["])".index(token)] for one in opened):
            _close(opened, token)
        else:
            opened[-1].put(token)
    while len(opened) > 1:
        _spill(opened)
    return tuple(opened[0].plain())


def _spill(opened: list[_Open]) -> None:
    """A bracket that found no partner: its separators are those of the bracket around it."""
    lost = opened.pop()
    around = opened[-1]
    around.put(lost.bracket)
    for mark, part in zip(["", *lost.marks], lost.parts):
        if mark and len(opened) > 1:
            around.marks.append(mark)
            around.parts.append([])
        elif mark:
            around.put(mark)
        around.put(*part)


def _close(opened: list[_Open], token: str) -> None:
    wanted = "[" if token == "]" else "("
    while opened[-1].bracket != wanted:
        _spill(opened)
    inside = opened.pop()
    found = _meaning(inside) if token == "]" else None
    if found is not None:
        opened[-1].put(found)
    else:
        opened[-1].put(wanted, *inside.plain(), token)


def _meaning(inside: _Open) -> _Turn | _Round | None:
    """What a pair of square brackets says about the steps; None for a plain pair."""
    colons = [at for at, mark in enumerate(inside.marks) if mark == ":"]
    if 1 <= len(colons) <= 2 and colons[-1] == len(inside.marks) - 1:
        last = inside.parts[-1]
        match = _WHEN.match(last[0]) if len(last) == 1 and isinstance(last[0], str) else None
        if match:
            begins = colons[0] + 1 if len(colons) == 2 else 0
            before = _between(inside, 0, begins) if begins else ()
            return _Turn(before, _between(inside, begins, len(inside.parts) - 1), float(match[1]))
    if "|" in inside.marks:
        cuts = [0, *(at + 1 for at, mark in enumerate(inside.marks) if mark == "|"), len(inside.parts)]
        return _Round(tuple(_between(inside, a, b) for a, b in pairwise(cuts)))
    return None


def _between(inside: _Open, first: int, end: int) -> tuple[_Piece, ...]:
    """Parts `first` up to `end`, with the separators between them."""
    some = _Open("", inside.parts[first:end], inside.marks[first : end - 1])
    joined = _Open("")
    joined.put(*some.plain())
    return tuple(joined.parts[0])


# --- by step --------------------------------------------------------------------------------------------------------


def _at(pieces: tuple[_Piece, ...], step: int, steps: int) -> str:
    """The text at a step, counted from 1."""
    found = []
    for piece in pieces:
        if isinstance(piece, _Turn):
            # 1e-9: 0.29 of 100 steps are 29
            when = piece.when * steps + 1e-9 if piece.when < 1 else piece.when
            found.append(_at(piece.before if step <= int(when) else piece.after, step, steps))
        elif isinstance(piece, _Round):
            found.append(_at(piece.options[(step - 1) % len(piece.options)], step, steps))
        else:
            found.append(piece)
    return "".join(found)
