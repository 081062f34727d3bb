"""Weights of interpolation engines, for the command line."""

from __future__ import annotations

from pathlib import Path

from animate.interp import fetch as bringing


def fetch(engine: str, to: Path | None = None) -> Path:
    """Download the weights of an engine (`rife`), or find them there. Raises MissingModel."""
    assert engine == "rife"
    return bringing.fetch_rife(to)


def convert(engine: str, file: Path, to: Path | None = None) -> Path:
    """A published weight file as safetensors where the engine looks for it. Raises BadInput, MissingModel."""
    return bringing.convert(engine, file, to)
