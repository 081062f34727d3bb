"""A night's work: many schedules rendered one after the other, past those that fail."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from animate.errors import AnimateError, BadInput
from animate.render.checked import refuse_stream, variants
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

    A run that fails becomes a row and the next one begins, and so does a folder without schedules; Ctrl-C ends the
    batch. Run again, each goes on where it stopped.

    Raises:
        BadInput: `output` is a file.
        Interrupted: after a Ctrl-C.
    """
    if output.exists() and not output.is_dir():
        raise BadInput(f"{output} is a file; -o names the folder of the runs")
    rows: list[Row] = []
    told = progress or Quiet()
    taken: set[str] = set()
    for given in files:
        try:
            listed = _listed(given)
        except (BadInput, OSError) as error:
            rows.append(_failed(str(given), error))
            continue
        for file in listed:
            try:
                jobs = _jobs(file, dict(overrides or {}), taken)
            except Exception as error:  # whatever one file does, the night goes on
                rows.append(_failed(file.stem, error))
                continue
            for job in jobs:
                told.say(f"{job.name}")
                rows.append(_run(job, output / job.name, draft, _Counting(told)))
    return rows


def _failed(name: str, error: Exception) -> Row:
    """Of a file or folder that gave no run."""
    return Row(name, False, 0, 0.0, _told(error))


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


def _listed(given: Path) -> list[Path]:
    """The schedules of a folder; anything else by itself. Raises BadInput where there are none."""
    if not given.is_dir():
        return [given]
    found = sorted(path for path in given.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise BadInput(f"{given}: holds no schedules ({', '.join(SUFFIXES)})")
    return found


def _jobs(file: Path, overrides: dict[str, Any], taken: set[str]) -> list[_Job]:
    """The runs of one schedule, each with a name that no other has."""
    refuse_stream(file)
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
