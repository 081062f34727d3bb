"""The models of this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from animate.diffusion import digests, names

EMBEDDED = Path(__file__).parent.parent / "models" / "painter"
"""The model that ships with the package."""


@dataclass(frozen=True)
class Found:
    """A model on this machine."""

    name: str
    """What a schedule calls it."""
    path: Path
    size: int
    """Bytes."""
    licence: str
    """As the model's card says; empty if it says nothing."""
    digest: str
    """sha256; empty where it would have to be computed over gigabytes first."""


def find() -> list[Found]:
    """The models of this machine: those of the package, of the folder `ANIMATE_MODELS`, and of the hub's cache."""
    found = []
    for card in sorted(EMBEDDED.parent.glob("*/CARD.md")):
        folder = card.parent
        name = "embedded" if folder == EMBEDDED else f"embedded {folder.name}"
        listed = digests.of_folder(folder) if (folder / digests.LIST).is_file() else ""
        found.append(Found(name, folder, _size(folder), _licence(card), listed))
    shelf = names.shelf()
    for path in sorted(shelf.iterdir()) if shelf is not None else []:
        if names.is_weights(path) or (path / "model_index.json").is_file():
            found.append(Found(path.name, path, _size(path), _licence(path / "README.md"), ""))
    for index in sorted(Path(_hub_cache()).glob("models--*/snapshots/*/model_index.json")):
        name = index.parents[2].name.removeprefix("models--").replace("--", "/")
        found.append(Found(name, index.parent, _size(index.parent), _licence(index.parent / "README.md"), ""))
    return found


def _hub_cache() -> str:
    from huggingface_hub.constants import HF_HUB_CACHE

    return HF_HUB_CACHE


def _size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _licence(card: Path) -> str:
    """The `license:` line of a model card."""
    try:
        head = card.read_text(encoding="utf-8")[:4000]
    except OSError:
        return ""
    said = re.search(r"^licen[cs]e:\s*(.+)$", head, re.MULTILINE | re.IGNORECASE)
    return said.group(1).strip(" \"'") if said else ""
