"""Where weights of interpolation networks lie: in the user's cache, or in the package."""

from __future__ import annotations

import json
import os
from pathlib import Path

from animate import cache
from animate.errors import MissingModel

FILES = {
    "film": ("film.safetensors", "film_net_fp32.pt", "film_net_fp16.pt", "film_net_fp16.safetensors"),
    "rife": ("rife.safetensors",),
}
"""Names under which each engine's weights are looked for, in order."""

EMBEDDED = Path(__file__).parent.parent / "models" / "inbetween"
"""Folder of the embedded network: `network.safetensors` and `card.json`."""


def folder() -> Path:
    """Where fetched weights go: the folder that ANIMATE_MODELS names, or `animate/models` in the user's cache."""
    if named := os.environ.get("ANIMATE_MODELS"):
        return Path(named).expanduser()
    return cache.folder("models")


def find(name: str) -> Path | None:
    """The weights of an engine, or None: in the folder `models` here, as painters are, or where fetched ones go."""
    places = (folder() / file for file in FILES[name])
    here = (Path("models") / file for file in FILES[name])
    return next((path for path in (*places, *here) if path.is_file()), None)


def needed(name: str, given: Path | None, how: str) -> Path:
    """The weights to load: those given, else those in the user's folder.

    Raises:
        MissingModel: neither is there; `how` says how to get them.
    """
    path = given or find(name)
    if path is None:
        raise MissingModel(f"there are no weights for {name} in {folder()}; {how}")
    return path


def embedded_card() -> dict[str, object]:
    """What the embedded network is and how it was judged.

    Raises:
        MissingModel: this installation has none.
    """
    path = EMBEDDED / "card.json"
    if not path.is_file():
        raise MissingModel(f"this installation has no embedded in-between network ({path} is not there)")
    return dict(json.loads(path.read_text(encoding="utf-8")))
