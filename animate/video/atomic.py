"""Files that appear whole or not at all: written under another name, then renamed."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

PART = ".part"
"""Ending of a file that is being written."""

_PATIENCE_SECONDS = 5.0


def write_whole(path: Path, data: bytes | memoryview, *, durable: bool = False) -> None:
    """Write `data` as the file `path`, replacing one that is there.

    After a kill at any moment the file is the old one or the new one. With `durable` that also holds after a power
    failure, at the price of waiting for the disk. Raises OSError; nothing half-written stays behind then.
    """
    part = path.with_name(path.name + PART)
    try:
        with open(part, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        put_in_place(part, path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    if durable:
        settle_folder(path.parent)


def put_in_place(part: Path, path: Path) -> None:
    """Rename `part` to `path`, replacing what is there."""
    if sys.platform != "win32":
        part.replace(path)
        return
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:  # a viewer or a virus scanner may hold the old file open for a moment
        try:
            part.replace(path)
            return
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def settle(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))  # Windows flushes only what is open for writing
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle_folder(folder: Path) -> None:
    """Wait until the folder's names are on the disk; Windows does that by itself."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
