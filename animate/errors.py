"""What can go wrong, said so that a user can act on it.

Every error that `animate` raises on purpose derives from `AnimateError`; its text says where, what, and what to do.
`exit_code` is what the command line returns for it: 1 failed, 2 bad input.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

DAMAGED = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for files that it wrote and that were cut short or changed since, found by changing bytes."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a schedule, at the place where the user wrote it."""

    what: str
    """What is wrong, in one clause."""
    hint: str = ""
    """What would be right; empty if nothing useful can be said."""
    field: str = ""
    """The field as the user spelled it; empty for the file as a whole."""
    file: str = ""
    line: int = 0
    """1-based; 0 where the source has no lines (a Python mapping, an override)."""
    column: int = 0
    """1-based; 0 as for `line`."""

    def __str__(self) -> str:
        place = self.file or "schedule"
        if self.line:
            place += f":{self.line}:{self.column}"
        subject = f"{self.field}: " if self.field else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {subject}{self.what}{hint}"


def near(name: str, known: Iterable[str], otherwise: str = "", *, cutoff: float = 0.6) -> str:
    """Hint with the known name that is nearest to `name`, whatever the case; `otherwise` where none is near.

    >>> near("Zooom", ["zoom", "angle"]), near("x", ["zoom"], "`animate fields` lists them all")
    ('did you mean zoom?', '`animate fields` lists them all')
    """
    by_plain = {word.casefold(): word for word in known}
    found = get_close_matches(name.casefold(), by_plain, 1, cutoff)
    return f"did you mean {by_plain[found[0]]}?" if found else otherwise


class AnimateError(Exception):
    """Anything `animate` refuses or fails to do; the message is meant for the user."""

    exit_code = 1


class BadInput(AnimateError):
    """The user's input cannot be used: a wrong option, a file that is not what it should be."""

    exit_code = 2


class ScheduleError(BadInput):
    """A schedule with mistakes; `problems` holds all of them, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RunConflict(BadInput):
    """A run directory holds another run than the one asked for."""


class MissingModel(AnimateError):
    """A model, or a part of one, is not there, is damaged, or is of a kind that cannot be used."""


class MissingExtra(AnimateError):
    """An optional package is needed for what was asked."""


class VideoError(BadInput):
    """A video or picture that was given cannot be read."""


class EncodeError(AnimateError):
    """ffmpeg could not write what was asked; the message ends with ffmpeg's own words."""


class RenderError(AnimateError):
    """A render stopped; what was rendered is kept and can be resumed."""
