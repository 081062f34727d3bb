"""The colours of plots, dark and light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Palette:
    """One theme; colours as `#rrggbb`."""

    paper: str
    panel: str
    grid: str
    text: str
    faint: str
    cut: str
    curves: tuple[str, ...]
    words: tuple[str, ...]
    """For the bands of prompts: muted, so that their text stays legible."""

    def curve(self, number: int) -> str:
        return self.curves[number % len(self.curves)]

    def bands(self) -> list[np.ndarray]:
        """The colours of bands, (3,) each, channels in [0, 1]."""
        return [np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]) for color in self.words]


DARK = Palette(
    paper="#0e1116",
    panel="#151a22",
    grid="#232a35",
    text="#e6e9ef",
    faint="#8b95a5",
    cut="#ff6b6b",
    curves=("#5ec8f8", "#ffb454", "#9be37a", "#f78fb3", "#c3a6ff", "#ffe066", "#63e6be", "#ff8f6b"),
    words=("#27496d", "#5b3f6e", "#2f5d50", "#6e4a34", "#3d4a7a", "#6b3d4f", "#4d5a2e", "#2d5f6b"),
)
LIGHT = Palette(
    paper="#ffffff",
    panel="#f6f8fb",
    grid="#e1e6ee",
    text="#1c2430",
    faint="#667084",
    cut="#d6336c",
    curves=("#1c7ed6", "#e8590c", "#2f9e44", "#c2255c", "#7048e8", "#b08900", "#0c8599", "#d9480f"),
    words=("#bcd9f5", "#e2cdf0", "#c3e8d4", "#f6d9c0", "#cdd4f7", "#f5ccd9", "#e0e8bf", "#c2e6ec"),
)
THEMES = {"dark": DARK, "light": LIGHT}
