"""Files that the command line writes: whole, and never over another without being asked."""

from __future__ import annotations

import argparse
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from animate.errors import BadInput


def add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def refuse_existing(path: Path, force: bool) -> None:
    """Raises BadInput where the file is there and was not asked to be replaced, or can never be."""
    refuse_place(path)
    if path.exists() and not force:
        raise BadInput(f"{path} is there already (--force writes over it, -o names another)")


def refuse_place(path: Path) -> None:
    """Raises BadInput where something that is no folder stands in a path's way, PermissionError where nothing can be
    written."""
    place = path.absolute()
    there = next((folder for folder in (place, *place.parents) if folder.is_dir()), Path(place.anchor))
    blocked = next((folder for folder in place.parents if folder.exists() and not folder.is_dir()), None)
    if blocked is not None:
        raise BadInput(f"{path}: {blocked.name} is a file, not a folder; -o names another place")
    if not os.access(there, os.W_OK) and (path.is_file() or not path.exists() or path.is_dir()):  # no pipe, no device
        raise PermissionError(errno.EACCES, "cannot be written to; -o names another place", str(there))


def refuse_input(output: Path, file: str | Path) -> None:
    """Raises BadInput where a command would write over the file that it reads."""
    if output.exists() and Path(file).exists() and output.samefile(file):
        raise BadInput(f"{output} is what is read; -o names another file")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write to; what was written appears as `path` at the end, and only if nothing went wrong.

    What is there and is no file, such as a pipe, is written straight into. Raises BadInput for a folder.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder; -o names a file")
    refuse_place(path)
    path = Path(os.path.realpath(path))  # a link stays one
    if path.exists() and not path.is_file():
        yield path
        return
    part = path.with_name(f".{path.name}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write(path: Path, text: str) -> None:
    """Write a text file in one piece, with the same line ends on every system."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
