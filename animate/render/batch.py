"""A night's work: many schedules rendered one after the other, past those that fail."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animate.errors import AnimateError, BadInput
from animate.render.checked import variants
from animate.render.progress import Progress, Quiet
from animate.render.run import render
from animate.render.runner import Interrupted

SUFFIXES = (".yaml", ".yml", ".json", ".txt")
"""What is taken for a schedule in a folder."""


@dataclass(frozen=True)
class Row:
    """What became of one run."""

    name: str
    ok: bool
    frames: int
    """That were there at the end."""
    seconds: float
    message: str
    """Where the video is, or what went wrong."""


@dataclass(frozen=True)
class _Job:
    name: str
    file: Path
    overrides: Mapping[str, Any]


class _Counting:
    """Passes progress on and keeps count."""

    def __init__(self, told: Progress) -> None:
        self.told = told
        self.frames = 0

    def begin(self, total: int, done: int) -> None:
        self.frames = done
        self.told.begin(total, done)

    def frame(self, index: int, seconds: float, prompt: str) -> None:
        self.frames += 1
        self.told.frame(index, seconds, prompt)

    def say(self, text: str) -> None:
        self.told.say(text)

    def end(self) -> None:
        self.told.end()


def batch(
    files: Sequence[Path],
    output: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    draft: bool = False,
    progress: Progress | None = None,
) -> list[Row]:
    """Render schedules, folders of them, and what their `vary:` multiplies, each into its own directory in `output`.

    A run that fails becomes a row and the next one begins; Ctrl-C ends the batch. Run again, each goes on where it
    stopped.

    Raises:
        BadInput: a folder without schedules, or `output` is a file.
        Interrupted: after a Ctrl-C.
    """
    if output.exists() and not output.is_dir():
        raise BadInput(f"{output} is a file; -o names the folder of the runs")
    rows: list[Row] = []
    told = progress or Quiet()
    taken: set[str] = set()
    for file in _listed(files):
        try:
            jobs = _jobs(file, dict(overrides or {}), taken)
        except Exception as error:  # whatever one file does, the night goes on
            rows.append(Row(file.stem, False, 0, 0.0, _told(error)))
            continue
        for job in jobs:
            told.say(f"{job.name}")
            rows.append(_run(job, output / job.name, draft, _Counting(told)))
    return rows


def _run(job: _Job, place: Path, draft: bool, told: _Counting) -> Row:
    started = time.monotonic()
    try:
        message, ok = str(render(job.file, place, job.overrides, draft=draft, progress=told)), True
    except Interrupted:
        raise
    except Exception as error:
        message, ok = _told(error), False
    return Row(job.name, ok, told.frames, time.monotonic() - started, message)


def _told(error: Exception) -> str:
    """What an error says; one that nobody raised on purpose says its kind, too."""
    if isinstance(error, AnimateError | OSError):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}"


def _listed(files: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for file in files:
        if file.is_dir():
            inside = sorted(path for path in file.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
            if not inside:
                raise BadInput(f"{file}: holds no schedules ({', '.join(SUFFIXES)})")
            found += inside
        else:
            found.append(file)
    return found


def _jobs(file: Path, overrides: dict[str, Any], taken: set[str]) -> list[_Job]:
    """The runs of one schedule, each with a name that no other has."""
    jobs = []
    for values in variants(file, overrides):
        name = "-".join([file.stem, *(f"{field}={_short(value)}" for field, value in values.items())])
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name}-{number}", number + 1
        taken.add(unique)
        jobs.append(_Job(unique, file, {**overrides, **values}))
    return jobs


def _short(value: object) -> str:
    """A value as part of a folder's name, on every system."""
    text = "".join(letter if letter.isalnum() or letter in ".-+" else "_" for letter in str(value))
    return text[:40]
