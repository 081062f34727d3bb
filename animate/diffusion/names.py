"""Names of models: what one means on this machine, told without loading anything."""

from __future__ import annotations

import os
import re
from importlib.metadata import entry_points
from pathlib import Path

from animate.errors import near

EMBEDDED = "embedded"
"""The model that ships with the package."""
PLUGINS = "animate.painters"
"""Group of entry points: the name a schedule uses → a factory, called with the device."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
SUFFIXES = frozenset({".safetensors", ".ckpt", ".pt", ".pth", ".bin"})
"""Of models that are one file; capitals do not matter."""


def fault(model: str) -> tuple[str, str]:
    """Why nothing can be meant by a name, and what would be right; two empty texts where something can."""
    if model == EMBEDDED or entry_points(group=PLUGINS, name=model):
        return "", ""
    path = located(model)
    if path is not None and path.is_dir() and not (path / "model_index.json").is_file():
        return f"{model} is a folder without a model", "a folder of diffusers holds a model_index.json"
    if path is not None:
        return "", ""
    if looks_like_path(model):
        return f"there is no model {model[:200]!r} here", f"it was looked for in {Path.cwd()}"
    if HUB_ID.fullmatch(model):
        return "", ""
    kinds = "a folder of diffusers, a .safetensors file, or a hub id, say stabilityai/sd-turbo"
    hint = near(model, [EMBEDDED, *_on_the_shelf(), *_plugins()], f"give {EMBEDDED}, {kinds}")
    return f"there is no model called {model[:200]!r}", hint


def looks_like_path(model: str) -> bool:
    """Whether a name can only have been meant as a file or folder."""
    return model.startswith((".", "/", "~")) or "\\" in model or is_weights(Path(model))


def located(model: str) -> Path | None:
    """The file or folder a name means: as it is, or in the folder of models, with or without its ending."""
    try:
        path = Path(model).expanduser()
        if path.is_file() or path.is_dir():
            return path
        folder = shelf()
        return None if folder is None else _called(folder / model)
    except (OSError, ValueError, RuntimeError):  # too long a name, a NUL in it, a home that nobody has
        return None


def is_weights(path: Path) -> bool:
    """Whether a file's ending is one of models."""
    return path.suffix.casefold() in SUFFIXES


def _called(path: Path) -> Path | None:
    """The file or folder of this name, with or without its ending; capitals count where they tell two apart."""
    wanted = path.name.casefold()
    if not path.parent.is_dir():
        return None
    there = [other for other in path.parent.iterdir() if wanted in (other.name.casefold(), _bare(other).casefold())]
    there = [other for other in there if other.is_file() or other.is_dir()]
    return min(there, key=lambda other: (other.name != path.name, _bare(other) != path.name, other.name), default=None)


def _bare(path: Path) -> str:
    return path.stem if is_weights(path) else path.name


def shelf() -> Path | None:
    """The user's folder of models: `ANIMATE_MODELS`, else `models` where the user stands; None where there is none."""
    named = os.environ.get("ANIMATE_MODELS")
    folder = Path(named).expanduser() if named else Path("models")
    return folder if folder.is_dir() else None


def _on_the_shelf() -> list[str]:
    folder = shelf()
    return [_bare(path) for path in folder.iterdir()] if folder else []


def _plugins() -> list[str]:
    return sorted(entry_points(group=PLUGINS).names)
