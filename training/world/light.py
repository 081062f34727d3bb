"""Light: the colours of sky, sun and air by hour and weather, and where the sun or moon stands."""

import colorsys
from typing import NamedTuple

import numpy as np


class Light(NamedTuple):
    """All a renderer must know of sky and light. Colours are linear RGB float64 (3,); directions unit vectors."""

    zenith: np.ndarray
    horizon: np.ndarray
    glow: np.ndarray
    """Light scattered around the sun."""
    disc: np.ndarray
    """Colour of the sun's or moon's face; black hides it."""
    cloud_lit: np.ndarray
    cloud_dark: np.ndarray
    sun: np.ndarray
    """Light that falls on a surface turned to the sun."""
    ambient: np.ndarray
    """Light that falls from the whole sky."""
    direction: np.ndarray
    """Towards the light that casts the shadows."""
    face: np.ndarray
    """Towards the visible sun or moon."""
    disc_size: float
    """Angular radius, radians."""
    moon: float
    """1: the disc has a moon's spots; 0 < moon < 1 shows that phase as a crescent."""
    stars: float
    aurora: float
    aurora_hue: float
    cover: float
    """Share of the sky under clouds, 0–1."""
    cumulus: float
    """Heaped clouds low in the sky, 0–1."""
    cirrus: float
    haze: float
    """Extinction a world unit."""
    mist: float
    """Extinction of the layer that fills the valleys."""
    mist_fall: float
    """How fast that layer thins with height, per unit."""
    seed: int
    planet: float
    """Angular radius of a planet in the sky; 0: none."""
    planet_dir: np.ndarray
    planet_colour: np.ndarray
    rainbow: float
    bolt: float
    """Azimuth of a flash of lightning, or 9."""


def linear(colour: str) -> np.ndarray:
    """Linear RGB of a hexadecimal sRGB colour."""
    return np.array([(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (0, 2, 4)])


_GAINS = {
    "dawn": (1, 1, 0.5, 5, 1, 0.9, 1.6, 1.0, 0.12),
    "morning": (1, 1, 0.3, 7, 1.05, 0.9, 1.75, 0.72, 0.42),
    "noon": (1, 1, 0.22, 8, 1.1, 0.9, 1.75, 0.78, 0.9),
    "afternoon": (1, 1, 0.3, 8, 1.05, 0.9, 1.8, 0.72, 0.5),
    "golden hour": (1, 1, 0.55, 9, 1, 0.9, 2.3, 1.0, 0.22),
    "sunset": (1, 1, 0.75, 8, 1, 0.85, 2.0, 1.15, 0.085),
    "dusk": (1, 1, 0.45, 0, 1, 0.8, 0.55, 1.0, 0.05),
    "night": (1, 1, 0.12, 2.2, 0.8, 0.8, 0.95, 1.25, 0.5),
}
"""Gain of each of a palette's eight colours, and the usual height of the sun (radians)."""

_PALETTES = {
    # zenith horizon glow disc | cloud lit, cloud dark | sunlight, ambient
    "dawn": (
        "5a6ea6 ffc9c9 ffb0a0 fff0e0 ffe0dc 9a90ac ffc0a8 8088ac",
        "4a64a0 ffd8b0 ffc090 fff4d8 ffe6cc 9890a8 ffcca0 7c88b0",
        "6a78b4 f8b8c8 ff9a90 ffe8d8 ffd0d0 8c84a8 ffb4a4 8884b0",
        "3c6896 f4dcc0 ffd0a0 fff8e8 fff0e0 9ca0b4 ffd8b0 7890b0",
    ),
    "morning": (
        "3a72b8 d4e4f0 fff4dc ffffff fffaf0 a4b0c4 fff0d0 7c98c0",
        "4884c0 ece4d0 fff0c8 ffffff fff6e4 a8b0be ffe8c0 8098b8",
    ),
    "noon": (
        "2a5ea8 a8c8e8 ffffff ffffff ffffff 8f9fb4 fff4e0 6f8fb8",
        "1f5cb0 b8d8f0 ffffff ffffff ffffff 98a8c0 fff6e8 7094c0",
        "1a70b8 a0dcec ffffff ffffff ffffff 90a8b8 fff8e8 6c9cb8",
    ),
    "afternoon": (
        "3066a8 c8d8e4 fff0d0 ffffff fff8ec 98a2b4 ffecc8 7890b4",
        "386cb0 dce0dc ffecc0 ffffff fff4e0 a0a4b0 ffe4b8 8094b0",
    ),
    "golden hour": (
        "3b6ab0 ffb868 ffb060 fff0c0 ffd9a0 8c7a86 ffb765 6d7898",
        "4a78ac ffd080 ffc060 fff4c8 ffe4b0 988484 ffc070 788098",
        "5c7ca8 fcc890 ffb870 ffeec0 ffdcb4 907e88 ffb070 7c80a0",
    ),
    "sunset": (
        "2b3568 ff7b3a ff8030 ffd890 ff9a62 503a58 ff7a3a 5a5680",
        "343c7c ff5c48 ff6038 ffc880 ff8068 4c3460 ff6840 605488",
        "3a5488 ff9c50 ff9038 ffe0a0 ffb078 64506c ff9048 6470a0",
        "5a3a78 ff6a5c ff7048 ffd098 ff907c 583866 ff7850 705890",
    ),
    "dusk": (
        "1a1d44 b0608c c05a70 000000 a86a94 2b2748 8a5a8c 3d4274",
        "182850 d08878 d07860 000000 b88088 303454 9a6c80 48588c",
        "242058 8460a8 9058a0 000000 8c6ab0 2c2850 7860a0 48488c",
        "14304c 7898a8 c09080 000000 8c98a8 28384c 7888a0 406080",
    ),
    "night": (
        "040816 14244a 203060 e8f0ff 3a4a70 0c1226 7a90d0 2a3e70",
        "060a20 1c2a5c 283870 fff4e0 40487c 101430 8490d0 30427c",
        "03101c 10344c 1c4060 e8fcff 304c64 0a1826 78a8c8 244c6c",
        "0c0820 2c2050 382c68 f8e8ff 4c4070 161030 9088d0 3a347c",
    ),
}
_OVERCAST = (
    "7c8894 b4bcc4 c0c4c8 000000 ccd2d8 5e6874 b8bcc4 98a2ae",
    "68788a bcc4ca c8ccd0 000000 d0d4da 525e6e b4bac4 8e9cae",
)
_STORM = (
    "343c48 78848e 8c949c 000000 7c8894 242a34 7c8690 5c6878",
    "2c3844 80908e 90a09c 000000 808e94 1c262e 7c8c88 586c74",
)

COLOUR_WORDS = {
    # hue (turns), saturation of zenith, saturation of horizon, warmth of the value
    "red": (0.995, 0.88, 0.80),
    "crimson": (0.965, 0.92, 0.78),
    "orange": (0.07, 0.88, 0.80),
    "yellow": (0.135, 0.72, 0.62),
    "golden": (0.115, 0.80, 0.66),
    "green": (0.36, 0.70, 0.50),
    "teal": (0.485, 0.82, 0.55),
    "blue": (0.605, 0.86, 0.60),
    "violet": (0.73, 0.70, 0.48),
    "purple": (0.79, 0.74, 0.52),
    "magenta": (0.86, 0.78, 0.62),
    "pink": (0.92, 0.52, 0.42),
}
"""Words for tinted worlds."""


def of_hue(hue: float, saturation: float, value: float) -> np.ndarray:
    """Linear RGB of a hue in turns, saturation and value 0–1 (sRGB)."""
    return np.array(colorsys.hsv_to_rgb(hue % 1, min(saturation, 1.0), min(value, 1.0))) ** 2.2


def palette(rng: np.random.Generator, time: str, weather: str, tint: str | None) -> tuple[np.ndarray, float]:
    """Eight linear colours (8, 3) for an hour, and the sun's usual height in radians.

    A dull sky keeps some colour of its hour; `tint` (a word of COLOUR_WORDS) turns the whole sky to that colour.
    """
    *gains, height = _GAINS[time]
    table = _PALETTES[time]
    colours = np.array([linear(c) for c in table[rng.integers(len(table))].split()]) * np.array(gains)[:, None]
    jitter = np.exp(rng.normal(0, 0.05, 3))
    colours[:2] *= jitter * np.exp(rng.normal(0, 0.06, (2, 3)))
    bright = {"night": 0.13, "dusk": 0.42, "dawn": 0.85, "sunset": 0.75}.get(time, 1.0)
    if weather in ("overcast", "rain", "snowfall", "fog", "storm"):
        dull = _STORM if weather == "storm" else _OVERCAST
        grey = np.array([linear(c) for c in dull[rng.integers(len(dull))].split()])
        grey *= np.array([1, 1, 0.1, 0, 1, 0.9, 0.7, 1.0])[:, None] * bright
        hour = colours.mean(0) / colours.mean()
        share = {"storm": 0.75, "overcast": 0.82, "rain": 0.85, "fog": 0.7, "snowfall": 0.8}[weather]
        colours = colours * (1 - share) + grey * share * (0.75 + 0.25 * hour)
        colours[3] = 0
    if tint:
        hue, deep, pale = COLOUR_WORDS[tint]
        hue += rng.normal(0, 0.008)
        near = hue + rng.choice([-1, 1]) * rng.uniform(0, 0.03)
        value = {"night": 0.42, "dusk": 0.66, "dawn": 0.92, "sunset": 0.88}.get(time, 0.98)
        night = time == "night"
        colours[0] = of_hue(hue, deep, value * rng.uniform(0.55, 0.8))
        colours[1] = of_hue(near, pale, value * rng.uniform(0.92, 1.0))
        colours[2] = of_hue(near, pale * 0.7, value) * colours[2].max() * 1.2
        colours[3] = of_hue(near, pale * 0.3, 1.0) * max(colours[3].max(), 2.0 if weather != "storm" else 0)
        colours[4] = of_hue(near, pale * 0.55, min(value * 1.1, 1.0))
        colours[5] = of_hue(hue, deep * 0.8, value * 0.42)
        colours[6] = 0.45 * colours[6] + 0.55 * of_hue(near, pale * 0.6, 1.0) * colours[6].max()
        colours[7] = 0.35 * colours[7] + 0.65 * of_hue(hue, deep * 0.6, 0.72) * (0.5 if night else 1.0)
    return colours, float(np.clip(height * rng.uniform(0.7, 1.35), 0.035, 1.15))


def tone(picture: np.ndarray, exposure: float = 1.05) -> np.ndarray:
    """Linear light (H, W, 3) to uint8 sRGB, highlights rolled off (Narkowicz 2015, the ACES curve)."""
    x = np.maximum(picture, 0) * exposure
    x = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
    return (np.clip(x, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)
