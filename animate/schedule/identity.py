"""What of a plan decides its pictures: two plans with one identity paint the same.

Runs are gone on with on the strength of it: what it is computed from must not change without
need.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from animate.schedule import masks
from animate.schedule.album import Album
from animate.schedule.fields import FIELDS
from animate.schedule.film import Film

_BESIDE = {row.name for row in FIELDS.values() if row.group in ("output", "batch")} | {
    *("fps", "duration", "max_frames"),  # the columns are as long as the run, and hold what the rate decided
    *("device", "memory"),
}
"""Settings that decide how a run is written, or where it is made, and not what is painted."""

_ASIDE = {"fps", "variables", "seed_drawn", "contents", "settings", "format", "digest"}
"""Parts of a plan that paint nothing, or are looked at by themselves."""

LATER: Mapping[str, float] = {"guidance_end": 1.0}
"""Curves that the plans of earlier versions lack, and the value at which they paint what those versions painted: runs
begun before there was the field go on."""


def painting(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a plan, as data, that decides the pictures: without encoding, sound, rate and device.

    Files count by what is in them, those of LoRA and embeddings by their name too, and not by where they are.
    """
    contents = plan.get("contents", {})
    rest = {name: value for name, value in plan.items() if name not in _ASIDE}
    if "columns" in rest:
        rest["columns"] = {name: value for name, value in rest["columns"].items() if LATER.get(name) != value}
    for name in ("loras", "embeddings"):
        if name in rest:
            rest[name] = [
                [weights(part, contents) if isinstance(part, str) else part for part in row] for row in rest[name]
            ]
    if "film" in rest:
        rest["film"] = Film.painting(rest["film"])
    if "album" in rest:
        rest["album"] = Album.painting(rest["album"])
    if "text" in rest:
        rest["text"] = {
            name: _by_content(value, contents) if name in masks.FIELDS else value
            for name, value in rest["text"].items()
        }
    if "guides" in rest:
        rest["guides"] = [[frame, digest] for frame, _, digest in rest["guides"]]
    if "prompts" in rest:
        rest["prompts"] = {name: value for name, value in rest["prompts"].items() if name != "keys"}
    settings = {
        name: contents.get(name, value) for name, value in plan.get("settings", {}).items() if name not in _BESIDE
    }
    return {"settings": settings, **rest}


def _by_content(texts: Any, contents: Mapping[str, str]) -> Any:
    if isinstance(texts, str):
        return masks.by_content(texts, contents)
    return [masks.by_content(text, contents) for text in texts]


def identity(plan: Mapping[str, Any]) -> str:
    """SHA-256 of `painting`: equal for two plans, as data, that paint the same pictures."""
    text = json.dumps(painting(plan), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def weights(path: str, contents: Mapping[str, str]) -> str:
    """A file of a LoRA or an embedding, by its name and what is in it: where it lies decides nothing."""
    return f"{Path(path).name} {contents.get(path, '')[:16]}".strip()
