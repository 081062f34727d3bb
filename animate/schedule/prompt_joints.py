"""Prompts that `AND` joins into one text: what is put around or beside such a text is put to each of them.

    sea :0.3 AND storm :0.7     with "4k" behind it:   sea, 4k :0.3 AND storm, 4k :0.7

A weight counts only at the very end of a joined prompt, so whoever adds to the text has to take it off first and put it
back. The notation is the painter's (`diffusion.prompt_steps`, which this room may not import); a test holds the two
readings against each other. An `AND` between square brackets belongs to what they say about the steps and stays there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from animate.schedule.prompt_text import spelled

_MARK = re.compile(r"\\.|[\[\]]|\bAND\b", re.DOTALL)
_WEIGHT = re.compile(r"(.*?)\s*:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\Z", re.DOTALL)
_BRACKET = re.compile(r"\\.?|[()\[\]]", re.DOTALL)
_OPENING = {")": "(", "]": "["}
_AT_THE_END = {"(": ":1.1)", "[": "]"}
"""Said with its weight, a round bracket counts as one left open does, whatever number stands before its end."""
_HERE = "\0"


@dataclass(frozen=True)
class Joined:
    """One of the prompts of a text."""

    text: str
    weight: float | None = None
    """As written behind it; None where nothing is, and where it stands alone."""

    def __str__(self) -> str:
        if self.weight is None and not _WEIGHT.match(self.text):
            return self.text
        return f"{self.text} :{spelled(1.0 if self.weight is None else self.weight)}"


def parted(text: str) -> tuple[Joined, ...]:
    """The prompts that `AND` joins, empty ones left out; at least one.

    >>> parted("sea :0.3 AND storm")
    (Joined(text='sea', weight=0.3), Joined(text='storm', weight=None))
    """
    joints = _joints(text)
    if not joints:
        return (Joined(text),)
    pieces = [text[end:begin] for (_, end), (begin, _) in zip([(0, 0), *joints], [*joints, (len(text), 0)])]
    found = []
    for piece in pieces:
        match = _WEIGHT.match(piece)
        said = Joined(match[1].strip(), float(match[2])) if match else Joined(piece.strip())
        if said.text:
            found.append(said)
    return tuple(found) or (Joined(""),)


def each(text: str, wrap: Callable[[str], str]) -> str:
    """`wrap` put around each of the prompts of a text; what it joins by an `AND` of its own stands once."""
    told = parted(text)
    if told == (Joined(text),) or (mould := wrap(_HERE)) == _HERE:
        return wrap(text)
    around = parted(mould)
    place = next((number for number, part in enumerate(around) if _HERE in part.text), 0)
    wrapped = []
    for part in told:
        whole = wrap(part.text)
        pieces = parted(whole)
        # Brackets that close only behind the prompt can swallow a joint; then all of it is one prompt.
        piece = pieces[place] if len(pieces) == len(around) else Joined(whole)
        wrapped.append(Joined(piece.text, _multiplied(piece.weight, part.weight)))
    return _said((*around[:place], *wrapped, *around[place + 1 :]))


def beside(texts: Sequence[str]) -> str:
    """Texts set one after the other; where some hold several prompts, each with each, and their weights multiplied."""
    some = [text for text in texts if text]
    if len(some) < 2:
        return "".join(some)
    return _said(
        Joined(", ".join(part.text for part in parts if part.text), _multiplied(*(part.weight for part in parts)))
        for parts in product(*map(parted, some))
    )


def weighed(text: str, weight: float) -> str:
    """The text counting so many times, in A1111's brackets."""
    told = parted(text)
    return _said(Joined(f"({closed(part.text)}:{spelled(weight)})", part.weight) for part in told)


def closed(text: str) -> str:
    """The text with all its brackets paired: open ones closed at its end, closing ones without a partner escaped.

    >>> closed("(blur, [dull), a] b)")
    '(blur, [dull), a] b\\\\)'
    >>> closed("((a) b")
    '((a) b:1.1)'
    """
    opened: dict[str, list[int]] = {"(": [], "[": []}  # where the open ones of each kind stand

    def pair(mark: re.Match[str]) -> str:
        found = mark[0]
        if found in opened:
            opened[found].append(mark.start())
        elif found in _OPENING:
            if not opened[_OPENING[found]]:
                return f"\\{found}"
            opened[_OPENING[found]].pop()
        return "\\\\" if found == "\\" else found

    paired = _BRACKET.sub(pair, text)
    left = sorted(((at, bracket) for bracket, places in opened.items() for at in places), reverse=True)
    return paired + "".join(_AT_THE_END[bracket] for _, bracket in left)


def _joints(text: str) -> list[tuple[int, int]]:
    """Where an `AND` begins and ends that is not between square brackets."""
    if "AND" not in text:
        return []
    found: list[tuple[int, int]] = []
    opened: list[int] = []
    for mark in _MARK.finditer(text):
        if mark[0] == "[":
            opened.append(len(found))
        elif mark[0] == "]" and opened:
            del found[opened.pop() :]
        elif mark[0] == "AND":
            found.append(mark.span())
    return found


def _multiplied(*weights: float | None) -> float | None:
    told = [weight for weight in weights if weight is not None]
    return prod(told) if told else None


def _said(parts: Iterable[Joined]) -> str:
    told = list(parts)
    return told[0].text if len(told) == 1 else " AND ".join(map(str, told))
