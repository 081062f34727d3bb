"""Chance in prompts: `{a|b}` and `__name__`, drawn once for each prompt of a schedule, the same for the same seed.

    a {red|blue|{light|dark} green} bird      one of them
    {3::oak|birch}                            the oak three times as often
    {2$$mist|rain|snow}  {1-2$$ and $$a|b}    several, joined by ", " or by what is said
    __birds__                                 a line of wildcards/birds.txt beside the schedule

Lines of a file may hold all of this again; empty ones and those that begin with # are left out. Braces without a
partner, or without anything to choose from, are ordinary characters; so are `\\{` `\\}`, and `\\__birds__` is a word;
formulas (`${…}`) and what stands in square brackets ([a|b] alternates while a picture is painted) are not touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

DEEPEST = 20
"""Braces and files inside one another."""
LONGEST = 20_000
"""Characters that a prompt may grow to."""

_NAME = r"[^\W_](?:[\w/-]*?[^\W_])?"
_TOKEN = re.compile(
    rf"(?P<kept>\$\{{[^{{}}]*\}}|`[^`]*`)|\\(?P<escaped>[{{}}]|__(?={_NAME}__(?!\w)))|(?<!\w)__(?P<name>{_NAME})__(?!\w)"
    r"|(?P<mark>[{}|\[\]])|(?P<text>[^\\${}|\[\]`_]+|.)",
    re.DOTALL,
)
_MANY = re.compile(r"\s*(?:(\d{1,3})|(\d{0,3})-(\d{0,3}))\$\$(?:([^$]*)\$\$)?")
_OFTEN = re.compile(r"\s*(\d+(?:\.\d+)?)::")


class WildcardError(ValueError):
    """A prompt whose chances cannot be drawn: `what` is wrong, and `hint` how to help it."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class _File:
    name: str


@dataclass(frozen=True)
class _Choice:
    options: tuple[tuple[float, tuple[_Piece, ...]], ...]
    """(how often, what)"""
    least: int = 1
    most: int = 1
    joiner: str = ", "


_Piece = str | _File | _Choice


def drawn(text: str, chance: Callable[[], float], lines: Callable[[str], Sequence[str]]) -> str:
    """`text` with every choice made.

    Args:
        text: a prompt.
        chance: a number in [0, 1), another one at each call.
        lines: the lines of a wildcard's file; raises WildcardError.

    Raises:
        WildcardError: a file is missing or empty, or files name one another without end.
    """
    return _said(_parsed(text), chance, lines, 0)


def literal(text: str) -> str:
    """What `text` must be written as so that nothing of it is chance.

    >>> literal("a {red|blue} __bird__")
    'a \\\\{red|blue\\\\} \\\\__bird__'
    """

    def told(match: re.Match[str]) -> str:
        chancy = match["name"] or match["escaped"] or match["mark"] in ("{", "}")
        return f"\\{match.group()}" if chancy else match.group()

    return _TOKEN.sub(told, text)


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass
class _Open:
    """A brace that has not been closed."""

    options: list[list[_Piece]] = field(default_factory=lambda: [[]])
    square: int = 0
    """Square brackets open inside it: their bars belong to them."""

    def put(self, piece: _Piece) -> None:
        last = self.options[-1]
        if isinstance(piece, str) and last and isinstance(last[-1], str):
            last[-1] += piece
        else:
            last.append(piece)


def _parsed(text: str) -> tuple[_Piece, ...]:
    opened = [_Open()]
    for match in _TOKEN.finditer(text):
        here, mark = opened[-1], match["mark"]
        if match["name"]:
            here.put(_File(match["name"]))
        elif mark == "{" and len(opened) <= DEEPEST:
            opened.append(_Open())
        elif mark == "}" and len(opened) > 1:
            closed = opened.pop()
            for piece in _meaning(closed):
                opened[-1].put(piece)
        elif mark == "|" and len(opened) > 1 and not here.square:
            here.options.append([])
        else:
            here.square = max(0, here.square + {"[": 1, "]": -1}.get(mark or "", 0))
            here.put(match["escaped"] or match.group())
    while len(opened) > 1:
        lost = opened.pop()
        for piece in _plain(lost, "{", ""):
            opened[-1].put(piece)
    return tuple(opened[0].options[0])


def _plain(of: _Open, before: str, after: str) -> list[_Piece]:
    """What braces hold as the characters it was."""
    pieces: list[_Piece] = [before]
    for number, option in enumerate(of.options):
        pieces += ["|"] * (number > 0) + option
    return [*pieces, *([after] if after else [])]


def _meaning(closed: _Open) -> list[_Piece]:
    first = closed.options[0]
    many = _MANY.match(first[0]) if first and isinstance(first[0], str) else None
    if many is None and len(closed.options) == 1:
        return _plain(closed, "{", "}")
    least = most = 1
    if many is not None:
        first[0] = str(first[0])[many.end() :]
        least, most = int(many[1] or many[2] or 0), int(many[1] or many[3] or 999)
    options = tuple(_weighed(option) for option in closed.options)
    joiner = many[4] if many is not None and many[4] is not None else ", "
    return [_Choice(options, min(least, most), max(least, most), joiner)]


def _weighed(option: list[_Piece]) -> tuple[float, tuple[_Piece, ...]]:
    """How often an option is taken, and the option."""
    match = _OFTEN.match(option[0]) if option and isinstance(option[0], str) else None
    if match is not None:
        option[0] = str(option[0])[match.end() :]
    return (float(match[1]) if match else 1.0), tuple(piece for piece in option if piece != "")


# --- drawing --------------------------------------------------------------------------------------------------------


def _said(
    pieces: Sequence[_Piece], chance: Callable[[], float], lines: Callable[[str], Sequence[str]], deep: int
) -> str:
    if deep > DEEPEST:
        raise WildcardError("wildcards name one another without end")
    found = ""
    for piece in pieces:
        if isinstance(piece, _File):
            some = lines(piece.name)
            piece = _said(_parsed(some[int(chance() * len(some))]), chance, lines, deep + 1)
        elif isinstance(piece, _Choice):
            piece = _chosen(piece, chance, lines, deep)
        found += piece
        if len(found) > LONGEST:
            raise WildcardError(f"a prompt of more than {LONGEST:,} characters comes out")
    return found


def _chosen(of: _Choice, chance: Callable[[], float], lines: Callable[[str], Sequence[str]], deep: int) -> str:
    options = list(of.options)
    if (
        (of.least, of.most) != (1, 1)
        and len(options) == 1
        and len(options[0][1]) == 1
        and isinstance(options[0][1][0], _File)
    ):
        options = [(1.0, _parsed(line)) for line in lines(options[0][1][0].name)]  # {2$$__birds__}: two lines of it
    most = min(of.most, len(options))
    least = min(of.least, most)
    count = least + int(chance() * (most - least + 1)) if most > least else most
    taken: list[str] = []
    while options and len(taken) < count:
        total = sum(often for often, _ in options)
        mark = chance() * total
        at = 0
        while at < len(options) - 1 and mark >= options[at][0]:
            mark -= options[at][0]
            at += 1
        taken.append(_said(options.pop(at)[1], chance, lines, deep + 1).strip())
    return of.joiner.join(taken)
