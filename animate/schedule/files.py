"""Files a schedule names: found from where the schedule lies, and missed with a hint."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from animate.errors import near
from animate.schedule.source import Report
from animate.schedule.tree import Node

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Endings of pictures."""
WHOLE = 64 << 20
"""Bytes up to which a file is read whole for its digest; of longer ones both ends and the middle."""
SAMPLE = 8 << 20


def find(text: str, node: Node, field: str, report: Report, folders: bool = False) -> str:
    """The absolute path of a file, or of a folder where those will do; "", and a problem, if it cannot be one.

    A file that does not exist is a problem too, but only a note for an imported schedule, whose path is kept.
    """
    path = inside(report.source.folder, text)
    if path is not None and (path.is_file() or (folders and path.is_dir())):
        return str(path.absolute())
    miss(text, node, field, report)
    return "" if path is None else str(path.absolute())


def miss(text: str, node: Node, field: str, report: Report) -> None:
    """Tell that a file is not there, with the nearest one that is."""
    path = inside(report.source.folder, text)
    tell = report.note if report.source.lenient else report.refuse
    if path is not None and path.exists():
        tell(node, field, f"{text[:200]} {'is a folder' if path.is_dir() else 'is not a file'}")
    else:
        tell(node, field, f"{text[:200]} does not exist", "" if path is None else _beside(path))


def inside(folder: Path, text: str) -> Path | None:
    """A path as seen from a folder; None for what cannot be a path here."""
    try:
        path = folder / os.path.expanduser(text)
        path.exists()
        return path
    except (OSError, ValueError, RuntimeError):
        return None


def fingerprint(path: Path) -> str:
    """SHA-256 of a file; of a long one, of its length, both ends and the middle; of a folder, of all files in it."""
    if path.is_dir():
        inside = (file for file in sorted(path.iterdir()) if file.is_file())
        listed = "".join(f"{file.name} {fingerprint(file)}\n" for file in inside)
        return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()
    told = path.stat()
    return _of_file(str(path), told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=64)
def _of_file(path: str, size: int, changed: int) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        if size <= WHOLE:
            return hashlib.file_digest(file, "sha256").hexdigest()
        found.update(str(size).encode())
        for start in (0, (size - SAMPLE) // 2, size - SAMPLE):
            file.seek(start)
            found.update(file.read(SAMPLE))
    return found.hexdigest()


def _beside(path: Path) -> str:
    """Hint with a file of a similar name in the same folder."""
    try:
        there = [other.name for other in path.parent.iterdir()]
    except (OSError, ValueError):
        return ""
    return near(path.name, there, f"it was looked for in {path.parent.absolute()}")
