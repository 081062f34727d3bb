"""Which weights these are: sha256 of files and folders, remembered, and compared with what a model shipped with.

`python -m animate.diffusion.digests FOLDER` writes `digests.json` into a model's folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from animate import cache
from animate.errors import MissingModel

LIST = "digests.json"
"""File in a model's folder: relative path → sha256 of every other file of the model."""

UNLISTED = frozenset({LIST, "CARD.md", ".DS_Store", "Thumbs.db"})
"""Files of a model's folder that may change without changing the model."""

_REMEMBER_FROM = 50_000_000
"""Smaller files are hashed anew each time: 50 MB take some 50 ms."""


def of_file(path: Path) -> str:
    """sha256 of a file, hexadecimal; of large files remembered by path, size and time."""
    state = path.stat()
    if state.st_size < _REMEMBER_FROM:
        return _hashed(path)
    key = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"
    store = cache.folder() / "digests.json"
    known = _remembered(store)
    if key not in known:
        known[key] = _hashed(path)
        _remember(store, known)
    return known[key]


def of_files(paths: Iterable[Path]) -> str:
    """One digest of several files, in the order given, their names left out."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(bytes.fromhex(of_file(path)))
    return whole.hexdigest()


def listed_files(folder: Path) -> list[Path]:
    """Every file of a model's folder that its digests must name, sorted."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in UNLISTED
        and path.suffix not in {".png", ".jpg", ".md", ".part"}
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
    )


def write(folder: Path) -> Path:
    """Write the list for a folder as it is now; answers the list's path."""
    digests = {path.relative_to(folder).as_posix(): of_file(path) for path in listed_files(folder)}
    target = folder / LIST
    part = target.with_suffix(".part")
    part.write_text(json.dumps(digests, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(target)
    return target


def verify(folder: Path) -> None:
    """Raise `MissingModel` that names every file which is missing, or is not the one the model shipped with."""
    try:
        digests: dict[str, str] = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingModel(f"the model in {folder} is damaged: {LIST} cannot be read ({error})") from error
    faults = []
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif of_file(path) != digest:
            faults.append(f"{name} has been changed")
    if faults:
        raise MissingModel(f"the model in {folder} is damaged: {'; '.join(faults)} (install the package again)")


def of_folder(folder: Path) -> str:
    """One digest of a model's folder: of its list if it has one, else of its weights."""
    if (folder / LIST).is_file():
        return of_file(folder / LIST)
    return of_files(path for path in listed_files(folder) if path.suffix in {".safetensors", ".bin", ".json"})


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remembered(store: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known


def _remember(store: Path, known: dict[str, str]) -> None:
    """Best effort: a read-only home costs a second hash next time, nothing else."""
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        part = store.with_name(f"{store.name}.{os.getpid()}.part")
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(store)
    except OSError:
        return


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        write(Path(argument))
