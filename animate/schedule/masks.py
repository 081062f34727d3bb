"""Where something applies, as a schedule says it: `mask`, `noise_mask`, `hybrid_mask`.

    sky.png                     a picture or a video: its alpha if that says anything, else its brightness; white is 1
    alpha                       what the film, or the init image, shows through
    luma    luma 0.6..1         brightness, or 1 where it lies between the two
    depth   depth 0.7..1        nearness (0 the farthest point, 1 the nearest), or 1 where it lies between the two
    word:the sky                what a segmentation model finds for the words
    difference                  with hybrid_mask: how far the film and the animation are apart
    0.5                         the same everywhere
    none                        no mask

Combined with `!` not, `&` and, `^` either but not both, `|` or, binding in this order, and brackets. `[a file.png]` and
`<the sky>` are Deforum's spellings for files and words, and take names with such signs in them; `]` in a file's name is
written twice. `luma`, `depth` and `word:` are of the picture that is redrawn, with `hybrid_mask` of the film;
`film.depth` and `picture.depth` say which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from animate.schedule import files
from animate.schedule.source import Report
from animate.schedule.tree import Node
from animate.schedule.words import NO_NUMBER, number

FIELDS = ("mask", "noise_mask", "hybrid_mask")
NONE = "none"
DEEPEST = 40
"""Brackets and negations inside each other."""

Kind = Literal["file", "alpha", "luma", "depth", "word", "difference", "number"]
Of = Literal["", "film", "picture"]


class MaskError(ValueError):
    """A text that is no mask."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class Term:
    """One mask."""

    kind: Kind
    text: str = ""
    """A path, words, a number."""
    of: Of = ""
    """Which picture it is read from; "" leaves that to the field."""
    low: float = 0.0
    high: float = 1.0
    ranged: bool = False
    """Whether it is 1 between `low` and `high`, and not the value itself."""

    def __str__(self) -> str:
        if self.kind == "file":
            return f"[{self.text.replace(']', ']]')}]"
        head = f"{self.of}.{self.kind}" if self.of else self.kind
        if self.kind == "word":
            return f"{self.of}.<{self.text}>" if self.of else f"<{self.text}>"
        if self.kind == "number":
            return self.text
        return f"{head} {self.low:g}..{self.high:g}" if self.ranged else head


@dataclass(frozen=True)
class Not:
    """1 − part."""

    part: Mask

    def __str__(self) -> str:
        return f"!{_bracketed(self.part)}"


@dataclass(frozen=True)
class Both:
    """Two masks combined by `&`, `^` or `|`."""

    how: str
    first: Mask
    second: Mask

    def __str__(self) -> str:
        return f"{_bracketed(self.first)}{self.how}{_bracketed(self.second)}"


Mask = Term | Not | Both


def is_on(name: str, settings: Mapping[str, Any]) -> bool:
    """Whether a field's mask is looked at."""
    return name != "hybrid_mask" or settings["hybrid_composite"] != "None"


def terms(mask: Mask | None) -> Iterator[Term]:
    """Every single mask in one; none for None."""
    if isinstance(mask, Term):
        yield mask
    elif isinstance(mask, Not):
        yield from terms(mask.part)
    elif isinstance(mask, Both):
        yield from terms(mask.first)
        yield from terms(mask.second)


@lru_cache(maxsize=256)
def parse(text: str) -> Mask | None:
    """The mask that a text says; None for "none" and for nothing. Raises MaskError."""
    if text.strip().lower() in ("", NONE):
        return None
    reading = _Reading(text)
    mask = reading.either(0)
    if reading.token is not None:
        raise MaskError(f"{reading.token.strip()[:40]!r} cannot stand where it stands", "& | ^ between two masks")
    return mask


def read(text: str, node: Node, field: str, report: Report, filmed: bool) -> str:
    """A mask's text with its files found, absolute; "none", and a problem, where it is no mask.

    Of lenient sources the problem is a note. `filmed`: the schedule has a film.
    """
    tell = report.note if report.source.lenient else report.refuse
    try:
        mask = parse(text)
        for term in terms(mask):
            if (term.kind == "difference" or term.of == "film") and not filmed:
                raise MaskError(f"{term} needs a film", "video: film.mp4")
    except MaskError as error:
        tell(node, field, error.what, error.hint)
        return NONE
    return NONE if mask is None else str(_found(mask, node, field, report))


def by_content(text: str, contents: Mapping[str, str]) -> str:
    """A mask's text with the digest of each file instead of its place."""
    return _FILE.sub(lambda match: str(Term("file", contents.get(_path(match[0]), _path(match[0])))), text)


def _path(token: str) -> str:
    """What stands between the brackets of a file; in a name `]` is written twice."""
    return token[1:-1].replace("]]", "]").strip()


def _found(mask: Mask, node: Node, field: str, report: Report) -> Mask:
    if isinstance(mask, Not):
        return Not(_found(mask.part, node, field, report))
    if isinstance(mask, Both):
        return replace(
            mask, first=_found(mask.first, node, field, report), second=_found(mask.second, node, field, report)
        )
    if mask.kind != "file":
        return mask
    return replace(mask, text=files.find(mask.text, node, field, report))


_FILE = re.compile(r"\[(?:[^\]]|\]\])*\]")
_TOKEN = re.compile(r"\s*(?:(?:(?:film|picture)\.)?<[^>]*>|\[(?:[^\]]|\]\])*\]|[&|^!()]|[^&|^!()\[\]<>]+)\s*")
_TERM = re.compile(r"(?:(film|picture)\.)?(luma|depth|difference)(?:\s+([\d.]+)\s*\.\.\s*([\d.]+))?")
_WORD = re.compile(r"(?:(film|picture)\.)?(?:words?:\s*(.*)|<(.*)>)")


class _Reading:
    """A descent through the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.token: str | None = None
        self._next()

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None and self._text[self._at :].strip():
            raise MaskError(f"{self._text[self._at :][:40]!r} is not closed", "[file.png], <the sky>")
        self.token = match[0].strip() if match else None
        self._at = match.end() if match else len(self._text)

    def either(self, depth: int) -> Mask:
        return self._chain("|", depth)

    def _chain(self, how: str, depth: int) -> Mask:
        tighter = {"|": "^", "^": "&"}.get(how)
        mask = self._chain(tighter, depth) if tighter else self._one(depth)
        while self.token == how:
            self._next()
            mask = Both(how, mask, self._chain(tighter, depth) if tighter else self._one(depth))
        return mask

    def _one(self, depth: int) -> Mask:
        token = self.token
        if depth > DEEPEST:
            raise MaskError("is nested too deeply", f"at most {DEEPEST} levels")
        if token is None:
            raise MaskError("ends where a mask should stand", "& | ^ stand between two masks")
        self._next()
        if token == "!":
            return Not(self._one(depth + 1))
        if token == "(":
            mask = self.either(depth + 1)
            if self.token != ")":
                raise MaskError("has a bracket that is not closed")
            self._next()
            return mask
        if token in "&|^)":
            raise MaskError(f"{token} stands where a mask should stand", "& | ^ stand between two masks")
        return _term(token)


def _term(token: str) -> Term:
    if token.startswith("["):
        return Term("file", _path(token))
    if (match := _TERM.fullmatch(token)) is not None:
        of: Of = match[1] or ""  # type: ignore[assignment]
        kind: Kind = match[2]  # type: ignore[assignment]
        if match[3] is None:
            return Term(kind, of=of)
        low, high = (number(end) for end in (match[3], match[4]))
        if low is NO_NUMBER or high is NO_NUMBER or not 0 <= low < high <= 1:  # type: ignore[operator]
            raise MaskError(f"{token}: is no range", "two numbers from 0 to 1, the smaller first: luma 0.6..1")
        return Term(kind, of=of, low=float(low), high=float(high), ranged=True)  # type: ignore[arg-type]
    if (match := _WORD.fullmatch(token)) is not None:
        words = (match[2] if match[3] is None else match[3]).strip()
        if not words:
            raise MaskError("names no words", "word:the sky")
        return Term("word", words, match[1] or "")  # type: ignore[arg-type]
    if token == "alpha":
        return Term("alpha")
    value = number(token)
    if value is NO_NUMBER:
        return Term("file", token)
    if not 0 <= float(value) <= 1:  # type: ignore[arg-type]
        raise MaskError(f"{token} is out of range", "a mask lies between 0 and 1")
    return Term("number", f"{float(value):g}")  # type: ignore[arg-type]


def _bracketed(mask: Mask) -> str:
    return f"({mask})" if isinstance(mask, Both) else str(mask)
