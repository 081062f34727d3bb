"""Draw a scene from one integer: which land, hour, weather, colours and things; then compose the view.

`draw(seed)` is the whole truth about a scene: equal seeds give equal scenes. Each kind of scene is one function in
KINDS that fills a `Sketch`; what is common (light, camera, things in the sky) is decided afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import objects
from .camera import Camera, to_view
from .light import COLOUR_WORDS, Light, linear, of_hue, palette
from .noise import textures
from .objects import BUILDING, COLUMNS, HOUSE
from .render import Matter, World, geometry, wooded_at
from .sight import lacking, shares
from .space import Space, draw_space
from .terrain import Ground, Relief, illuminate, lay, path_at, read
from .view import SKY_DEPTH

TIMES = ("dawn", "morning", "noon", "afternoon", "golden hour", "sunset", "dusk", "night")
_TIME_SHARE = (0.11, 0.10, 0.12, 0.10, 0.13, 0.16, 0.10, 0.18)
TIME_GROUPS = {
    "dawn": "dawn",
    "morning": "day",
    "noon": "day",
    "afternoon": "day",
    "golden hour": "sunset",
    "sunset": "sunset",
    "dusk": "dusk",
    "night": "night",
}
"""Hours that look different; mornings and afternoons do not."""


@dataclass(frozen=True)
class Scene:
    """A scene and its camera; `words` is what the captions know without looking."""

    seed: int
    world: World | Space
    camera: Camera
    kind: str
    time: str
    weather: str
    tint: str | None
    """Colour word of a tinted sky, else None."""
    ground_tint: str | None
    names: tuple[str, ...]
    """A name for each row of world.things ("" for filling such as grass)."""
    words: dict[str, Any]


@dataclass
class Sketch:
    """A scene in the making."""

    rng: np.random.Generator
    relief: dict[str, Any] = field(default_factory=dict)
    matter: dict[str, Any] = field(default_factory=dict)
    eye: tuple[float, float] = (0.1, 0.4)
    """Range of the eye's height over the ground or water."""
    pitch: tuple[float, float] = (-0.08, 0.06)
    focal: tuple[float, float] = (1.4, 2.1)
    sown: list[tuple[str, float]] = field(default_factory=list)
    """Things to place later: (what, how many or how likely)."""
    words: dict[str, Any] = field(default_factory=dict)
    horizon: tuple[float, float] = (0.3, 0.65)
    """Share of sky aimed at."""


def _greens(rng: np.random.Generator) -> np.ndarray:
    return linear(str(rng.choice(["4d5a34", "5a6a3a", "4f7a2c", "60803a", "6f8440", "3f6a2c", "7a8a48"])))


def _base(sketch: Sketch, **matter: Any) -> None:
    rng = sketch.rng
    base = {
        "rock": linear(str(rng.choice(["5c5048", "6a625a", "4a4a52", "70655c", "5a5450", "7a6a5c"]))),
        "grass": _greens(rng),
        "shore": linear(str(rng.choice(["a8966e", "8c7c60", "c0aa80", "6e6454"]))),
        "forest": linear(str(rng.choice(["1e3a1c", "24421f", "1c3626", "2c4a20"]))),
        "flower": linear("c03030"),
        "path": linear("6a5a48"),
        "deep": linear(str(rng.choice(["0a3040", "0c3848", "06303e", "0c4450", "103a5a"]))),
    }
    sketch.matter = {**base, **matter}


def mountains(s: Sketch) -> None:
    """Snowy or bare ranges behind a valley."""
    r = s.rng
    amp = r.uniform(3.0, 5.6)
    s.relief = {
        "mountain": amp,
        "rough": r.uniform(0.19, 0.34),
        "front": r.uniform(0.03, 0.22),
        "near": r.uniform(0.8, 2.0),
        "far": r.uniform(4.5, 9),
        "hills": r.uniform(0.1, 0.35),
    }
    snowy = r.random() < 0.6
    _base(s, snow=amp * r.uniform(0.12, 0.38) if snowy else 9.0, wooded=r.choice([0, 0.35, 0.6]))
    s.words["snowy"] = snowy
    s.eye, s.pitch = (0.25, 1.0), (-0.04, 0.14)
    s.sown = [("conifers", r.choice([0, 40, 250, 600])), ("cabin", 0.15)]
    s.horizon = (0.25, 0.55)


def hills(s: Sketch) -> None:
    """Rolling green hills, sometimes farmed."""
    r = s.rng
    s.relief = {"hills": r.uniform(0.9, 1.8), "hill_rate": r.uniform(0.13, 0.24), "floor": 0.0}
    if r.random() < 0.4:
        s.relief |= {"mountain": r.uniform(1.2, 2.4), "front": 0.0, "near": 7.0, "far": 16.0}
    farmed = r.random() < 0.45
    _base(s, grass=_greens(r) * 1.25, fields=0.8 * farmed, wooded=r.choice([0, 0.25, 0.45]), steep=0.5)
    s.words["farmed"] = farmed
    s.eye = (0.15, 0.5)
    s.sown = [
        ("trees", r.choice([20, 60, 160])),
        ("house", 0.12),
        ("windmill", 0.16),
        ("castle", 0.1),
        ("lone tree", 0.15),
    ]


def _road(s: Sketch) -> None:
    r = s.rng
    s.relief |= {"path": r.uniform(0.045, 0.075), "path_x": r.uniform(-0.15, 0.15), "path_bend": r.uniform(0.15, 0.8)}
    paved = r.random() < 0.6
    s.matter |= {"path": linear("45454a") if paved else linear("9a8058"), "line": 1.0 if paved else 0.0}
    s.words["road"] = "road" if paved else "path"


def meadow(s: Sketch) -> None:
    """Grass and flowers near the eye, trees and hills behind."""
    r = s.rng
    s.relief = {"hills": r.uniform(0.3, 0.7), "hill_rate": r.uniform(0.16, 0.3)}
    if r.random() < 0.5:
        s.relief |= {"mountain": r.uniform(1.5, 3.0), "front": 0.0, "near": 5.0, "far": 13.0}
    colour = str(r.choice(["red", "yellow", "purple", "pink", "white", "blue", "orange"]))
    flower = {
        "white": np.array([0.8, 0.8, 0.75]),
        "blue": linear("3450c8"),
        "red": linear("d02418"),
        "yellow": linear("f0c818"),
    }.get(colour)
    if flower is None:
        flower = of_hue(COLOUR_WORDS[colour][0], 0.75, 0.85)
    _base(
        s,
        grass=linear(str(r.choice(["4f7a2c", "5c8830", "6a8c3a"]))) * 1.2,
        flower=flower,
        bloom=r.uniform(0.75, 1.0),
        steep=0.4,
        wooded=r.choice([0.0, 0.3]),
    )
    s.words["flowers"] = colour
    s.eye, s.pitch, s.horizon = (0.07, 0.18), (-0.1, 0.02), (0.3, 0.6)
    s.sown = [
        ("flowers", 1100),
        ("grass", 350),
        ("trees", r.choice([8, 25, 70])),
        ("lone tree", 0.35),
        ("house", 0.2),
        ("windmill", 0.12),
    ]


def forest(s: Sketch) -> None:
    """Conifers or leaf trees over hills."""
    r = s.rng
    s.relief = {"hills": r.uniform(0.5, 1.4), "hill_rate": r.uniform(0.12, 0.22)}
    if r.random() < 0.5:
        s.relief |= {"mountain": r.uniform(1.5, 3.4), "front": 0.0, "near": 4.0, "far": 13.0}
    _base(s, wooded=0.85, grass=linear("3f5a2a"))
    leaf = r.random() < 0.42
    s.words["woods"] = "leaf" if leaf else "pine"
    s.eye, s.pitch = (0.10, 0.42), (-0.08, 0.06)
    s.sown = [("leaf wood" if leaf else "pine wood", r.choice([700, 1500, 2400])), ("cabin", 0.18), ("tower", 0.06)]


def lake(s: Sketch) -> None:
    """Still water between mountains or hills."""
    r = s.rng
    width = r.uniform(2.2, 6)
    s.relief = {
        "mountain": r.uniform(1.8, 3.6),
        "rough": r.uniform(0.18, 0.28),
        "front": 0.04,
        "near": 4.0,
        "far": r.uniform(9, 13),
        "hills": r.uniform(0.3, 0.6),
        "floor": r.uniform(0.06, 0.18),
        "basin_x": r.uniform(-1.0, 1.0),
        "basin_z": r.uniform(3.2, 4.8),
        "basin_w": width,
        "basin_l": r.uniform(2.8, 4.2),
        "basin": r.uniform(0.9, 1.3),
    }
    snowy = r.random() < 0.4
    _base(
        s,
        water=0.0,
        wave=r.choice([0.012, 0.03, 0.06]),
        wave_rate=1.6,
        wooded=r.choice([0.2, 0.6, 0.85]),
        snow=r.uniform(0.7, 1.2) if snowy else 9.0,
    )
    s.words["snowy"] = snowy
    s.eye, s.pitch = (0.12, 0.55), (-0.12, 0.04)
    s.sown = [
        ("conifers", r.choice([40, 150, 500])),
        ("boat", 0.4),
        ("cabin", 0.25),
        ("bridge", 0.08),
        ("castle", 0.07),
    ]


def sea(s: Sketch) -> None:
    """Open water to the horizon."""
    r = s.rng
    s.relief = {
        "hills": r.uniform(0.7, 1.2),
        "hill_rate": r.uniform(0.12, 0.22),
        "floor": r.choice([-2.0, -0.42, -0.3]),
    }
    rough = r.choice([0.04, 0.10, 0.17, 0.24])
    _base(
        s,
        water=0.0,
        wave=rough,
        foam=0.9 if rough > 0.2 else 0.5 if rough > 0.15 else 0.0,
        wave_rate=r.uniform(0.6, 1.0),
    )
    s.words["rough"] = bool(rough > 0.15)
    s.eye, s.pitch, s.horizon = (0.14, 0.6), (-0.06, 0.08), (0.4, 0.68)
    s.sown = [("boat", 0.5), ("ship", 0.22), ("lighthouse", 0.2), ("birds", 0.35), ("rocks", 4)]


def coast(s: Sketch) -> None:
    """A beach or cliffs beside the sea."""
    r = s.rng
    side = float(r.choice([-1, 1]))
    cliffs = r.random() < 0.4
    s.relief = {
        "hills": r.uniform(0.5, 0.8) if cliffs else r.uniform(0.25, 0.6),
        "hill_rate": 0.2,
        "floor": 0.45 if cliffs else r.uniform(0.2, 0.34),
        "basin_x": side * r.uniform(6.5, 8),
        "basin_z": r.uniform(14, 24),
        "basin_w": r.uniform(8, 9.5),
        "basin_l": r.uniform(40, 60),
        "basin": 2.4 if cliffs else r.uniform(1.2, 2.0),
    }
    if cliffs:
        s.relief |= {"mountain": r.uniform(1.2, 2.2), "front": 0.5, "near": 1.0, "far": 8.0}
    _base(
        s,
        water=0.0,
        wave=r.choice([0.04, 0.07, 0.1]),
        shore=linear(str(r.choice(["d8c494", "c8b080", "e4d8b8"]))),
        beach=0.07 if cliffs else r.uniform(0.12, 0.3),
        foam=r.choice([0.0, 0.2]),
    )
    s.words["cliffs"] = cliffs
    s.eye, s.pitch = (0.14, 0.5), (-0.12, 0.03)
    s.sown = [
        ("lighthouse", 0.4),
        ("palms", r.choice([0, 8, 20])),
        ("boat", 0.35),
        ("birds", 0.35),
        ("house", 0.2),
        ("rocks", 8),
        ("castle", 0.06),
    ]


def islands(s: Sketch) -> None:
    """Islands in a bay."""
    r = s.rng
    s.relief = {
        "mountain": r.uniform(1.5, 2.6),
        "rough": r.uniform(0.2, 0.34),
        "front": 0.7,
        "near": 1.0,
        "far": 7.0,
        "floor": r.uniform(-0.95, -0.65),
        "hills": 0.25,
        "basin_z": r.uniform(44, 54),  # behind them the open sea
        "basin_w": 90,
        "basin_l": r.uniform(36, 44),
        "basin": 4.0,
    }
    _base(s, water=0.0, wave=r.choice([0.025, 0.05]), wooded=r.choice([0.2, 0.6, 0.85]))
    s.eye = (0.2, 0.6)
    s.sown = [
        ("boat", 0.5),
        ("palms", r.choice([0, 20])),
        ("conifers", r.choice([0, 400])),
        ("lighthouse", 0.2),
        ("birds", 0.3),
    ]


def desert(s: Sketch) -> None:
    """Dunes."""
    r = s.rng
    s.relief = {"dunes": r.uniform(1.0, 2.2), "hills": 0.0, "floor": 0.0}
    sand = linear(str(r.choice(["d8a860", "e0b878", "c88a4c", "e4c898", "d09058"])))
    _base(s, grass=sand, rock=sand * 0.85, ripple=r.uniform(0.4, 1.0), steep=0.12, grain=0.28)
    s.eye = (0.2, 0.7)
    s.sown = [("cacti", r.choice([0, 0, 10])), ("palms", r.choice([0, 0, 9])), ("pyramid", 0.0)]


def canyon(s: Sketch) -> None:
    """Table mountains of layered red rock."""
    r = s.rng
    s.relief = {"mesa": r.uniform(1.6, 2.8), "near": 1.0, "far": 5.0, "hills": 0.15, "hill_rate": 0.3}
    _base(
        s,
        grass=linear(str(r.choice(["b07848", "c08858", "a86a40"]))),
        rock=linear(str(r.choice(["a0522c", "b4623a", "8c4a30"]))),
        strata=r.uniform(0.6, 1.0),
        steep=0.75,
    )
    s.eye, s.pitch = (0.15, 0.5), (-0.04, 0.08)
    s.sown = [("cacti", r.choice([0, 12, 30])), ("bushes", 120)]
    if r.random() < 0.2:
        s.relief |= {"path": 0.2, "path_bend": 0.6, "cut": 0.5, "floor": 0.12}
        s.matter |= {"water": 0.0, "wave": 0.05, "wave_rate": 2.0, "shore": linear("b08458")}
        s.words["river"] = True


def winter(s: Sketch) -> None:
    """Land under snow."""
    r = s.rng
    s.relief = {"hills": r.uniform(0.5, 1.1), "hill_rate": r.uniform(0.13, 0.22)}
    if r.random() < 0.55:
        s.relief |= {"mountain": r.uniform(1.5, 3.4), "front": 0.0, "near": 4.0, "far": 13.0}
    _base(s, snow=-2.0, wooded=r.choice([0.0, 0.4]), forest=linear("3a4a44"))
    s.eye = (0.1, 0.4)
    s.sown = [("snowy wood", r.choice([15, 150, 900])), ("cabin", 0.35), ("lone tree", 0.12)]


def city(s: Sketch) -> None:
    """A skyline, on land or beyond water."""
    r = s.rng
    wet = r.random() < 0.55
    s.relief = {"hills": 0.12, "floor": 0.06}
    _base(s, grass=linear("4a4a46"), rock=linear("4a4a4a"), steep=0.2, shore=linear("5a5a58"))
    if wet:
        s.relief |= {"basin_x": 0.0, "basin_z": 0.8, "basin_w": 30.0, "basin_l": r.uniform(2.6, 3.8), "basin": 0.7}
        s.matter |= {"water": 0.0, "wave": r.choice([0.025, 0.05]), "wave_rate": 1.6}
    s.words["waterfront"] = wet
    s.eye, s.pitch, s.focal = (0.15, 0.5) if wet else (0.25, 1.3), (-0.02, 0.08) if wet else (-0.14, 0.04), (1.3, 1.9)
    s.sown = [("city", r.uniform(0.7, 1.2)), ("boat", 0.3 if wet else 0), ("bridge", 0.3 if wet else 0)]
    s.horizon = (0.3, 0.62)


def village(s: Sketch) -> None:
    """Houses among trees and fields."""
    r = s.rng
    s.relief = {"hills": r.uniform(0.4, 0.8), "hill_rate": r.uniform(0.14, 0.22)}
    if r.random() < 0.6:
        s.relief |= {"mountain": r.uniform(1.5, 3.0), "front": 0.0, "near": 5.0, "far": 13.0}
    _base(s, fields=r.choice([0, 0.7]), wooded=0.3, grass=_greens(r) * 1.15)
    if r.random() < 0.3:
        s.matter |= {"snow": -2.0, "fields": 0.0}
        s.words["snowy"] = True
    s.eye = (0.15, 0.45)
    s.sown = [("houses", int(r.integers(12, 34))), ("trees", r.choice([40, 120])), ("church", 0.7)]
    if r.random() < 0.25:
        _road(s)


def valley(s: Sketch) -> None:
    """A river through mountains."""
    r = s.rng
    s.relief = {
        "mountain": r.uniform(2.0, 3.6),
        "front": 0.06,
        "near": 2.0,
        "far": 11.0,
        "hills": 0.35,
        "floor": r.uniform(0.08, 0.16),
        "path": r.uniform(0.16, 0.34),
        "path_x": r.uniform(-0.5, 0.5),
        "path_bend": r.uniform(0.4, 0.9),
        "cut": 0.4,
    }
    _base(s, water=0.0, wave=0.05, wave_rate=2.5, wooded=r.choice([0.2, 0.55, 0.8]), snow=r.choice([9.0, 0.9]))
    s.words["river"] = True
    s.eye = (0.2, 0.6)
    s.pitch = (-0.12, 0.02)
    s.sown = [("conifers", r.choice([40, 150, 400])), ("cabin", 0.3), ("stone bridge", 0.25)]


def road(s: Sketch) -> None:
    """A road or path that leads the eye into the land."""
    land = (hills, forest, canyon, desert, winter, meadow)[int(s.rng.integers(6))]
    land(s)
    s.relief = {k: v for k, v in s.relief.items() if not k.startswith(("path", "cut"))}
    s.relief["floor"] = 0.0
    if "dunes" in s.relief:
        s.relief["dunes"] *= 0.45
    s.matter.pop("water", None)
    s.words.pop("river", None)
    s.words["land"] = land.__name__
    _road(s)
    s.relief |= {"path": s.rng.uniform(0.07, 0.14), "path_bend": s.rng.uniform(0.1, 0.6)}
    s.eye, s.pitch = (0.12, 0.28), (-0.14, 0.0)


def space(s: Sketch) -> None:
    """Planets and stars; drawn by its own room."""


KINDS: dict[str, tuple[Callable[[Sketch], None], float]] = {
    "mountains": (mountains, 0.11),
    "hills": (hills, 0.08),
    "meadow": (meadow, 0.08),
    "forest": (forest, 0.09),
    "lake": (lake, 0.10),
    "sea": (sea, 0.08),
    "coast": (coast, 0.10),
    "islands": (islands, 0.09),
    "desert": (desert, 0.07),
    "canyon": (canyon, 0.06),
    "winter": (winter, 0.08),
    "city": (city, 0.09),
    "village": (village, 0.08),
    "valley": (valley, 0.07),
    "road": (road, 0.09),
    "space": (space, 0.05),
}
"""Kinds of scene: how to sketch one, and its share of the data."""


def _weather(rng: np.random.Generator, kind: str, time: str, tint: str | None) -> str:
    odds = {"clear": 0.30, "cloudy": 0.40, "overcast": 0.07, "fog": 0.08, "rain": 0.05, "storm": 0.06, "snowfall": 0.02}
    if kind in ("winter",):
        odds |= {"snowfall": 0.26, "rain": 0.0, "storm": 0.02}
    if kind in ("desert", "canyon"):
        odds |= {"snowfall": 0.0, "rain": 0.01, "fog": 0.03, "storm": 0.03}
    if kind == "sea":
        odds |= {"storm": 0.14, "snowfall": 0.0}
    if tint:
        odds |= {"overcast": 0.0, "rain": 0.02, "fog": 0.05, "snowfall": 0.01, "storm": 0.03}
    if time in ("sunset", "golden hour"):
        odds |= {"overcast": 0.02, "rain": 0.02}
    names = list(odds)
    p = np.array([odds[n] for n in names])
    return str(rng.choice(names, p=p / p.sum()))


def _unit(az: float, el: float) -> np.ndarray:
    return np.array([np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)])


def _light(rng: np.random.Generator, sketch: Sketch, time: str, weather: str, tint: str | None, yaw: float) -> Light:
    colours, height = palette(rng, time, weather, tint)
    words = sketch.words
    dull = weather in ("overcast", "rain", "snowfall", "fog", "storm")
    ahead = {
        "dawn": 0.6,
        "morning": 0.25,
        "noon": 0.06,
        "afternoon": 0.2,
        "golden hour": 0.55,
        "sunset": 0.75,
        "dusk": 0.6,
        "night": 0.78,
    }[time]
    if rng.random() < ahead and not dull:
        az = yaw + rng.uniform(-0.55, 0.55)
        height = min(height, 0.42) if time != "night" else rng.uniform(0.10, 0.42)
    else:
        az = yaw + rng.choice([-1, 1]) * rng.uniform(0.8, 2.3)
        height = max(height, 0.16 if time in ("sunset", "dawn", "dusk", "golden hour") else 0.35)
    face = _unit(az, height)
    direction = face
    if time == "dusk":
        direction = _unit(az, 0.25)
        face = _unit(az, 0.02)
    if direction[1] < 0.10:
        direction = _unit(az, 0.10)
    disc = colours[3]
    night = time == "night"
    cover = {
        "clear": rng.uniform(0, 0.12),
        "cloudy": rng.uniform(0.3, 0.72),
        "overcast": rng.uniform(0.85, 1.0),
        "rain": 0.95,
        "snowfall": 0.9,
        "fog": rng.uniform(0.2, 0.8),
        "storm": rng.uniform(0.88, 1.0),
    }[weather]
    if cover < 0.06:
        cover = 0.0
    aurora = float(night and weather in ("clear", "cloudy") and tint is None and rng.random() < 0.28)
    if aurora:
        cover *= 0.4
        colours[7] += np.array([0.004, 0.02, 0.014])
    crescent = night and rng.random() < 0.3
    words["moon"] = ("crescent moon" if crescent else "full moon") if night and disc.sum() > 0 else None
    if night and rng.random() < 0.2 and not crescent:
        disc = np.zeros(3)
        words["moon"] = None
    planet = 0.0
    if weather in ("clear", "cloudy") and rng.random() < (0.30 if tint else 0.02):
        planet = rng.uniform(0.09, 0.30)
    hue = rng.random()
    fog = weather == "fog"
    haze = rng.uniform(0.012, 0.035)
    if weather in ("rain", "snowfall"):
        haze = rng.uniform(0.06, 0.12)
    elif fog:
        haze = rng.uniform(0.08, 0.18) * (0.6 if tint else 1.0)
    mist = 0.0
    if fog:
        mist = rng.uniform(0.25, 0.8) * (0.6 if tint else 1.0)
    elif not dull and rng.random() < (0.4 if time in ("dawn", "morning") else 0.12):
        mist = rng.uniform(0.08, 0.25)
        words["misty"] = True
    words["aurora"] = bool(aurora)
    bow = weather in ("rain", "cloudy") and time in ("morning", "afternoon", "golden hour")
    size = rng.uniform(0.04, 0.085) if night else rng.uniform(0.035, 0.075) * (1.25 if time == "sunset" else 1)
    stars = rng.choice([0.8, 1.0, 1.8]) if night else 0.35 if time == "dusk" else 0.0
    if dull and weather != "fog":
        stars = 0.0
    return Light(
        zenith=colours[0],
        horizon=colours[1],
        glow=colours[2],
        disc=disc,
        cloud_lit=colours[4],
        cloud_dark=colours[5],
        sun=colours[6],
        ambient=colours[7],
        direction=direction,
        face=face,
        disc_size=float(size),
        moon=(0.0 if not night else (0.35 + 0.3 * rng.random() if crescent else 1.0)),
        stars=float(stars),
        aurora=aurora * rng.uniform(0.5, 0.9),
        aurora_hue=float(rng.choice([0.0, 0.0, 1.0]) * rng.random()),
        cover=float(cover),
        cumulus=float(rng.uniform(0.35, 1.0)) if weather == "cloudy" and rng.random() < 0.5 else 0.0,
        cirrus=float(rng.uniform(0.3, 1.0)) if weather in ("clear", "cloudy") and rng.random() < 0.45 else 0.0,
        haze=float(haze),
        mist=float(mist),
        mist_fall=float(rng.uniform(2.0, 5.0)),
        seed=int(rng.integers(1, 1 << 20)),
        planet=planet,
        planet_dir=_unit(yaw + rng.uniform(-0.5, 0.5), rng.uniform(0.22, 0.5)),
        planet_colour=of_hue(hue, rng.uniform(0.25, 0.6), 0.95),
        rainbow=float(rng.uniform(0.05, 0.12)) if bow and rng.random() < 0.12 else 0.0,
        bolt=float(yaw + rng.uniform(-0.45, 0.45)) if weather == "storm" and rng.random() < 0.5 else 9.0,
    )


def _row(
    kind: int,
    x: float,
    y: float,
    z: float,
    height: float,
    width: float,
    rng: np.random.Generator,
    colour: Any,
    yaw: float = 0.0,
    extra: float = 0.0,
    glow: float = 0.0,
) -> list[float]:
    return [kind, x, y, z, height, width, float(rng.integers(1, 10000)), *map(float, colour), yaw, extra, glow]


class _Sower:
    """Places things on the land in sight; collects rows and names."""

    def __init__(
        self,
        rng: np.random.Generator,
        sketch: Sketch,
        relief: Relief,
        matter: Matter,
        ground: Ground,
        camera: Camera,
        glow: float,
        season: str,
    ) -> None:
        self.rng, self.sketch, self.relief, self.matter, self.ground, self.camera = (
            rng,
            sketch,
            relief,
            matter,
            ground,
            camera,
        )
        self.glow, self.season = glow, season
        self.rows: list[list[float]] = []
        self.names: list[str] = []
        self.half = 1.0 / camera.focal

    def level(self, x: float, z: float) -> float:
        return float(read(self.ground.far, self.ground.near, self.ground, x, z))

    def spot(self, near: float, far: float, spread: float = 1.0) -> tuple[float, float]:
        """A place in the frame between two distances, evenly by logarithm."""
        z = float(np.exp(self.rng.uniform(np.log(near), np.log(far))))
        u = self.rng.uniform(-spread, spread) * self.half * z
        c, s = np.cos(self.camera.yaw), np.sin(self.camera.yaw)
        return self.camera.x + u * c + z * s, self.camera.z - u * s + z * c

    def slope(self, x: float, z: float) -> float:
        e = 0.06
        return max(
            abs(self.level(x + e, z) - self.level(x - e, z)), abs(self.level(x, z + e) - self.level(x, z - e))
        ) / (2 * e)

    def dry(self, x: float, z: float, margin: float = 0.03) -> bool:
        if self.relief.path > 0 and abs(x - path_at(self.relief, z)) < self.relief.path * 1.5:
            return False
        return self.level(x, z) > self.matter.water + margin

    def add(
        self,
        name: str,
        kind: int,
        x: float,
        z: float,
        height: float,
        width: float,
        colour: Any,
        y: float | None = None,
        **more: float,
    ) -> None:
        self.rows.append(
            _row(
                kind,
                x,
                self.level(x, z) - 0.01 * height if y is None else y,
                z,
                height,
                width,
                self.rng,
                colour,
                **more,
            )
        )
        self.names.append(name)

    def leaf(self) -> tuple[Any, str]:
        r = self.rng
        if self.season == "autumn":
            return linear(str(r.choice(["c8641c", "b83c18", "d89020", "a84a20"]))), "autumn trees"
        if self.season == "blossom":
            return linear(str(r.choice(["e8a0b8", "f0b8cc", "d890b0"]))), "blossoming trees"
        return linear(str(r.choice(["3c6a24", "4a7a2a", "5c8434", "34602c", "6a8c34"]))), "trees"

    def wood(self, count: int, mix: str, thick: float, near: float = 0.7) -> None:
        """Many trees where the forest mask allows them."""
        r = self.rng
        tx = textures()
        frost = 1.0 if mix == "snowy" or (self.matter.snow < -1) else 0.0
        base = linear(str(r.choice(["1f4224", "2a4c24", "1c3c2c", "385a2c"])))
        size = r.uniform(0.13, 0.22)
        placed = 0
        for _ in range(int(count * 2.2)):
            if placed >= count:
                break
            x, z = self.spot(near, 9.0, 1.15)
            if thick < 1 and wooded_at(tx, x + self.relief.x, z + self.relief.z, thick) < r.random() * 0.9 + 0.05:
                continue
            if not self.dry(x, z) or self.slope(x, z) > 1.1:
                continue
            y = self.level(x, z)
            if -1 < self.matter.snow < 8 and y > self.matter.snow + 0.1:
                continue
            h = size * r.uniform(0.6, 1.3)
            if mix == "leaf" or (mix == "mixed" and r.random() < 0.4):
                colour, name = self.leaf()
                self.add(
                    name,
                    objects.TREE,
                    x,
                    z,
                    h,
                    h * r.uniform(0.7, 0.95),
                    colour * r.uniform(0.8, 1.2),
                    extra=frost * 0.9,
                )
            else:
                self.add(
                    "snowy pine trees" if frost else "pine trees",
                    objects.CONIFER,
                    x,
                    z,
                    h * 1.25,
                    h * r.uniform(0.45, 0.65),
                    base * r.uniform(0.7, 1.35),
                    extra=frost * r.uniform(0.5, 1.0),
                )
            placed += 1

    def sow(self, what: str, n: float) -> None:
        """Place `n` (a count, or the likelihood of one) of `what`."""
        r = self.rng
        once = n > 0 and r.random() < n
        if what in ("conifers", "pine wood"):
            self.wood(int(n), "pine", 1.0 if what == "pine wood" and r.random() < 0.5 else 0.75)
        elif what == "leaf wood":
            self.wood(int(n), "leaf" if r.random() < 0.6 else "mixed", 1.0)
        elif what == "snowy wood":
            self.wood(int(n), "snowy", 0.8)
        elif what == "trees":
            self.wood(int(n), "leaf" if r.random() < 0.7 else "mixed", 0.55, 0.9)
        elif what == "lone tree" and once:
            x, z = self.spot(0.6, 1.2, 0.6)
            if self.dry(x, z):
                h = r.uniform(0.35, 0.7)
                colour, name = self.leaf()
                bare = 1.0 if self.matter.snow < -1 else 0.0
                if r.random() < 0.25:
                    self.add("a pine tree", objects.CONIFER, x, z, h * 1.2, h * 0.55, linear("24462a"), extra=bare)
                else:
                    self.add(
                        {"trees": "a tree", "autumn trees": "an autumn tree", "blossoming trees": "a blossoming tree"}[
                            name
                        ],
                        objects.TREE,
                        x,
                        z,
                        h,
                        h * 0.95,
                        colour,
                        extra=bare,
                    )
        elif what == "palms":
            for _ in range(int(n)):
                x, z = self.spot(0.6, 4.0)
                if (self.dry(x, z) and self.level(x, z) < self.matter.water + 0.4) or self.matter.water < -99:
                    h = r.uniform(0.22, 0.42)
                    self.add("palm trees", objects.PALM, x, z, h, h * 0.9, linear("3c6a28"))
        elif what == "cacti":
            for _ in range(int(n)):
                x, z = self.spot(0.5, 4.0)
                h = r.uniform(0.12, 0.28)
                self.add("cacti", objects.CACTUS, x, z, h, h * 0.6, linear("4a6a34"))
        elif what == "bushes":
            for _ in range(int(n)):
                x, z = self.spot(0.5, 5.0, 1.1)
                if self.dry(x, z) and self.slope(x, z) < 0.6:
                    h = r.uniform(0.02, 0.05)
                    self.add("", objects.BUSH, x, z, h, h * 2.2, linear("5a6238"))
        elif what == "rocks":
            for _ in range(int(n)):
                x, z = self.spot(0.7, 5.0, 1.1)
                y = max(self.level(x, z), self.matter.water)
                if self.level(x, z) > self.matter.water - 0.4:
                    h = r.uniform(0.05, 0.16)
                    self.add("rocks", objects.ROCK, x, z, h, h * r.uniform(1.6, 2.6), self.matter.rock, y=y - 0.01)
        elif what == "flowers":
            for _k in range(int(n)):
                x, z = self.spot(0.14, 1.6, 1.1)
                if self.dry(x, z):
                    h = r.uniform(0.022, 0.045)
                    odd = r.random() < 0.12
                    self.add(
                        "",
                        objects.FLOWER,
                        x,
                        z,
                        h,
                        h * 0.75,
                        np.array([0.8, 0.78, 0.7]) if odd else self.matter.flower * r.uniform(0.8, 1.15),
                        extra=1.3,
                    )
        elif what == "grass":
            for _k in range(int(n)):
                x, z = self.spot(0.14, 0.9, 1.1)
                if self.dry(x, z):
                    h = r.uniform(0.018, 0.04)
                    self.add("", objects.GRASS, x, z, h, h * 1.1, self.matter.grass * r.uniform(0.8, 1.3))
        elif what in ("cabin", "house") and once:
            for _ in range(6):
                x, z = self.spot(1.0, 2.6, 0.75)
                if self.dry(x, z) and self.slope(x, z) < 0.5:
                    h = r.uniform(0.15, 0.22)
                    wall = (
                        linear("5a3a22")
                        if what == "cabin"
                        else linear(str(r.choice(["d8ccb4", "c8a888", "e4e0d4", "b87858"])))
                    )
                    self.add(
                        "a " + what,
                        HOUSE,
                        x,
                        z,
                        h,
                        h * 1.05,
                        wall,
                        y=self.level(x, z) - 0.03,
                        yaw=r.uniform(-1.2, 1.2),
                        extra=h * r.uniform(1.1, 1.6),
                        glow=self.glow,
                    )
                    break
        elif what == "houses":
            middle = r.uniform(1.35, 2.3)
            cx = r.uniform(-0.3, 0.3) * middle
            for _ in range(int(n)):
                x = self.camera.x + cx + r.normal(0, 0.65)
                z = self.camera.z + middle + r.normal(0, 0.55)
                if z < self.camera.z + 0.6 or not self.dry(x, z) or self.slope(x, z) > 0.7:
                    continue
                if any(abs(x - q[1]) + abs(z - q[3]) < 0.26 for q in self.rows if q[0] >= BUILDING):
                    continue
                h = r.uniform(0.15, 0.21)
                wall = linear(str(r.choice(["d8ccb4", "c8a888", "e4e0d4", "b87858", "a89880", "cbb890"])))
                self.add(
                    "houses",
                    HOUSE,
                    x,
                    z,
                    h,
                    h * r.uniform(0.9, 1.2),
                    wall,
                    y=self.level(x, z) - 0.03,
                    yaw=r.choice([0.0, 1.57]) + r.normal(0, 0.2),
                    extra=h * r.uniform(1.0, 1.6),
                    glow=self.glow,
                )
        elif what == "church" and once:
            x, z = self.camera.x + r.uniform(-0.5, 0.5), self.camera.z + r.uniform(1.7, 2.6)
            if self.dry(x, z):
                self.add("a church tower", objects.TOWER, x, z, 0.5, 0.11, linear("b8ac98"), extra=1.0, glow=self.glow)
        elif what in ("tower", "castle") and once:
            for _ in range(8):
                x, z = self.spot(1.6, 3.6, 0.7)
                if self.dry(x, z) and self.slope(x, z) < 0.9:
                    stone = linear(str(r.choice(["8a8478", "7c766c", "9a8c78"])))
                    if what == "tower":
                        self.add(
                            "a tower",
                            objects.TOWER,
                            x,
                            z,
                            0.5,
                            0.13,
                            stone,
                            extra=float(r.integers(0, 2)),
                            glow=self.glow,
                        )
                    else:
                        roof = float(r.integers(0, 2))
                        y = self.level(x, z) - 0.03
                        self.add(
                            "a castle", BUILDING, x, z, 0.26, 0.42, stone, y=y, yaw=0.3, extra=0.3, glow=0.3 * self.glow
                        )
                        for dx, h in ((-0.22, 0.42), (0.22, 0.40), (0.03, 0.62), (0.12, 0.5)):
                            self.add(
                                "a castle",
                                objects.TOWER,
                                x + dx,
                                z - 0.12,
                                h,
                                0.13,
                                stone,
                                y=y,
                                extra=roof,
                                glow=self.glow,
                            )
                    break
        elif what == "windmill" and once:
            x, z = self.spot(1.0, 2.2, 0.65)
            if self.dry(x, z):
                h = r.uniform(0.42, 0.6)
                self.add("a windmill", objects.WINDMILL, x, z, h, h * 0.75, linear("d0c4b0"), extra=1 / 0.375)
        elif what == "lighthouse" and once:
            best = None
            for _ in range(30):
                x, z = self.spot(1.2, 3.6, 0.75)
                lift = self.level(x, z) - self.matter.water
                if best is None or lift > best[0]:
                    best = (lift, x, z)
            assert best is not None
            h = r.uniform(0.45, 0.8)
            y = max(best[0], 0.0) + self.matter.water
            if best[0] < 0.03:
                self.add(
                    "rocks",
                    objects.ROCK,
                    best[1],
                    best[2] - 0.02,
                    0.10,
                    0.42,
                    self.matter.rock,
                    y=self.matter.water - 0.005,
                )
                y += 0.05
            self.add(
                "a lighthouse",
                objects.LIGHTHOUSE,
                best[1],
                best[2],
                h,
                h * 0.24,
                linear(str(r.choice(["b03020", "b03020", "2a4470", "282828"]))),
                y=y - 0.02,
                glow=max(self.glow, 0.15),
            )
        elif what in ("boat", "ship") and once:
            for _ in range(12):
                x, z = self.spot(0.9 if what == "boat" else 2.0, 3.5 if what == "boat" else 7.0, 0.75)
                if self.level(x, z) < self.matter.water - 0.08:
                    if what == "boat":
                        h = r.uniform(0.2, 0.36)
                        red = r.random() < 0.35
                        self.add(
                            "a red sailboat" if red else "a sailboat",
                            objects.SAILBOAT,
                            x,
                            z,
                            h,
                            h * 0.72,
                            linear("c03024"),
                            y=self.matter.water - 0.006,
                            extra=float(red),
                        )
                    else:
                        self.add(
                            "a ship",
                            objects.SHIP,
                            x,
                            z,
                            0.30,
                            0.75,
                            linear(str(r.choice(["883028", "28384c", "303030"]))),
                            y=self.matter.water - 0.01,
                            glow=self.glow,
                        )
                    break
        elif what == "bridge" and once:
            z = self.camera.z + r.uniform(2.0, 2.9)
            hung = r.random() < 0.6
            self.add(
                "a suspension bridge" if hung else "a bridge",
                objects.BRIDGE,
                self.camera.x + r.uniform(-0.8, 0.8),
                z,
                0.62 if hung else 0.3,
                r.uniform(4.5, 7),
                linear("a04830") if hung and r.random() < 0.6 else linear("8a8478"),
                y=self.matter.water - 0.01,
                yaw=r.uniform(-0.5, 0.5),
                extra=float(hung),
                glow=self.glow,
            )
        elif what == "stone bridge" and once:
            z = r.uniform(1.6, 2.6)
            x = float(path_at(self.relief, z))
            self.add(
                "a stone bridge",
                objects.BRIDGE,
                x,
                z,
                0.16,
                1.5,
                linear("8a7c68"),
                y=self.matter.water - 0.01,
                yaw=r.uniform(-0.2, 0.2),
                extra=0.0,
            )
        elif what == "city":
            self.city(n)

    def city(self, size: float) -> None:
        """Blocks of buildings, highest around one or two centres."""
        r = self.rng
        middle = r.uniform(4.2, 5.2) if self.matter.water > -99 else r.uniform(3.4, 5.0)
        first = middle - 1.1 if self.matter.water > -99 else 1.3
        centres = [(r.uniform(-1.6, 1.6), middle + r.uniform(0, 0.8)) for _ in range(r.integers(1, 3))]
        tones = [
            linear(c)
            for c in r.choice(["a89c8c", "8c8c94", "b8b0a4", "787c88", "9a7c68", "c4beb4", "6a7480", "a48c78"], 4)
        ]
        yaw = r.uniform(-0.35, 0.35)
        pitch = 0.46
        c, s = np.cos(yaw), np.sin(yaw)
        for a in range(-13, 14):
            for b in range(0, 13):
                if r.random() < 0.1:
                    continue
                gx, gz = a * pitch, first + b * pitch
                x, z = self.camera.x + gx * c + (gz - middle) * s, self.camera.z + middle - gx * s + (gz - middle) * c
                if (
                    abs(x - self.camera.x) > (z - self.camera.z) * self.half * 1.2 + 0.6
                    or z - self.camera.z < 1.0
                    or not self.dry(x, z, 0.02)
                ):
                    continue
                lift = max(
                    np.exp(-(((x - self.camera.x - p) / 1.3) ** 2) - ((z - self.camera.z - q) / 1.5) ** 2)
                    for p, q in centres
                )
                h = size * (0.14 + 0.22 * r.random() + lift * r.gamma(2.2, 0.42))
                h = min(h, 2.6)
                w = r.uniform(0.2, 0.36)
                d = r.uniform(0.2, 0.36)
                tone_ = tones[r.integers(4)] * r.uniform(0.7, 1.15)
                y = self.level(x, z) - 0.02
                self.add("buildings", BUILDING, x, z, h, w, tone_, y=y, yaw=yaw, extra=d, glow=self.glow)
                if h > 0.8 and r.random() < 0.5:
                    self.add(
                        "buildings",
                        BUILDING,
                        x,
                        z,
                        h * r.uniform(1.1, 1.3),
                        w * 0.5,
                        tone_ * 0.9,
                        y=y,
                        yaw=yaw,
                        extra=d * 0.5,
                        glow=self.glow,
                    )
                elif h > 0.9 and r.random() < 0.5:
                    self.add("buildings", BUILDING, x, z, h + 0.3, 0.015, tone_ * 0.4, y=y, yaw=yaw, extra=0.015)

    def fly(self, time: str, weather: str) -> None:
        """Balloons and birds."""
        r = self.rng
        calm = weather in ("clear", "cloudy")
        if calm and r.random() < 0.07:
            count = int(r.choice([1, 1, 2, 4]))
            for _ in range(count):
                x, z = self.spot(1.6, 4.5, 0.75)
                d = np.hypot(x - self.camera.x, z - self.camera.z)
                y = self.camera.y + d * (self.camera.pitch + r.uniform(0.08, 0.38))
                if y < self.level(x, z) + 0.2:
                    continue
                h = r.uniform(0.35, 0.55)
                word = str(r.choice(["red", "orange", "yellow", "blue", "purple", "green"]))
                hue, sat, _p = COLOUR_WORDS[word]
                self.add(
                    f"a {word} hot air balloon" if count == 1 else "hot air balloons",
                    objects.BALLOON,
                    x,
                    z,
                    h,
                    h * 0.70,
                    of_hue(hue, sat, 0.85),
                    y=y,
                    extra=float(r.random() < 0.6),
                    glow=self.glow,
                )
        likely = next((n for what, n in self.sketch.sown if what == "birds"), 0.10)
        if calm and time != "night" and r.random() < likely:
            cx, cy = r.uniform(-0.5, 0.5), r.uniform(0.12, 0.36)
            for _ in range(int(r.integers(3, 14))):
                z = r.uniform(1.0, 2.0)
                u = (cx + r.normal(0, 0.16)) * self.half * z * 1.5
                c, s = np.cos(self.camera.yaw), np.sin(self.camera.yaw)
                y = self.camera.y + z * (self.camera.pitch + cy + r.normal(0, 0.05))
                w = r.uniform(0.04, 0.075)
                self.add(
                    "birds",
                    objects.BIRD,
                    self.camera.x + u * c + z * s,
                    self.camera.z - u * s + z * c,
                    w * 0.6,
                    w,
                    linear("20201e"),
                    y=y,
                    extra=float(r.uniform(-0.3, 1.0)),
                )


LEAST, MOST = 4, 16
"""Views tried: at least, and at most until one shows what its kind must."""


def _compose(rng: np.random.Generator, sketch: Sketch, kind: str) -> tuple[Relief, Camera]:
    """Draw a few places and cameras on coarse land and keep the one that shows its kind and has the richest view."""
    best: tuple[float, Relief, Camera] | None = None
    matter = Matter(**sketch.matter)
    short = 1.0
    for tried in range(MOST):
        if tried >= LEAST and short == 0:
            break
        relief = Relief(
            seed=int(rng.integers(1, 1 << 20)),
            x=float(rng.uniform(-300, 300)),
            z=float(rng.uniform(-300, 300)),
            **sketch.relief,
        )
        if kind == "road":  # it comes in where it can be seen
            relief = relief._replace(path_x=float(rng.uniform(-0.25, 0.25)) - path_at(relief._replace(path_x=0), 0.8))
        yaw = float(rng.uniform(-0.2, 0.2))
        coarse = lay(relief, 0.0, 0.0, yaw, far=96, near=40, octaves=6)
        around = [
            float(read(coarse.far, coarse.near, coarse, dx, dz)) for dx in (-0.15, 0.0, 0.15) for dz in (0.0, 0.25, 0.5)
        ]
        floor = max(*around, matter.water)
        pitch = float(rng.uniform(*sketch.pitch))
        camera = Camera(
            0.0, floor + float(rng.uniform(*sketch.eye)), 0.0, pitch, yaw, float(rng.uniform(*sketch.focal))
        )
        dummy = World(relief, matter, _NO_LIGHT, coarse, np.zeros((0, COLUMNS)))
        depth, what = geometry(dummy, camera, 32, 32)
        air = float((what == 0).mean())
        low, high = sketch.horizon
        score = -4 * max(low - air, air - high, 0.0)
        near = np.log(np.clip(depth, 0.1, 60))
        score += 0.45 * float(near[what > 0].std()) if (what > 0).any() else -3
        skyline = (what == 0).sum(0) / 32
        score += 1.2 * min(float(skyline.std()), 0.16)
        score -= 3 * float((depth < 0.3).mean())
        if matter.water > -99:
            wet = float((what == 2).mean())
            score += 1.5 * min(wet, 0.3) - 2 * max(0.08 - wet, 0) * 10
        lacks = lacking(kind, shares(what))
        score -= 20 * lacks
        if best is None or score > best[0]:
            best, short = (score, relief, camera), lacks
    assert best is not None
    return best[1], best[2]


_NONE = np.zeros(3)
_NO_LIGHT = Light(
    _NONE,
    _NONE,
    _NONE,
    _NONE,
    _NONE,
    _NONE,
    _NONE,
    _NONE,
    _NONE,
    _NONE,
    0.05,
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    0.0,
    1.0,
    1,
    0.0,
    _NONE,
    _NONE,
    0.0,
    9.0,
)


def draw(
    seed: int, kind: str | None = None, time: str | None = None, weather: str | None = None, tint: str | None = "?"
) -> Scene:
    """The scene of a seed; a given kind, time, weather or tint overrules the draw."""
    rng = np.random.default_rng([seed, 77])
    names = list(KINDS)
    share = np.array([KINDS[k][1] for k in names])
    kind_ = str(rng.choice(names, p=share / share.sum()))
    time_ = str(rng.choice(TIMES, p=_TIME_SHARE))
    tint_ = str(rng.choice(list(COLOUR_WORDS))) if rng.random() < 0.24 else None
    ground_tint = (
        str(rng.choice([w for w in COLOUR_WORDS if w not in ("golden", "green")])) if rng.random() < 0.07 else None
    )
    kind, time = kind or kind_, time or time_
    tint = tint_ if tint == "?" else tint
    if tint:
        ground_tint = ground_tint if rng.random() < 0.3 else None
    weather_ = _weather(rng, kind, time, tint)
    weather = weather or weather_
    sketch = Sketch(rng)
    if kind == "space":
        void, bodies, eye = draw_space(rng, COLOUR_WORDS[tint][0] if tint else None)
        return Scene(seed, void, eye, kind, "night", "clear", tint, None, bodies, {})
    KINDS[kind][0](sketch)
    if weather == "storm" and sketch.matter.get("water", -999) > -99:
        sketch.matter["wave"] = max(sketch.matter["wave"], 0.10)
        if kind in ("sea", "coast"):
            sketch.matter |= {"wave": 0.26, "foam": 1.0}
    if ground_tint and kind in ("mountains", "hills", "desert", "canyon", "islands", "valley", "lake"):
        hue, deep, _p = COLOUR_WORDS[ground_tint]
        for part, value in (("rock", 0.42), ("grass", 0.55), ("forest", 0.28)):
            sketch.matter[part] = 0.25 * sketch.matter[part] + 0.75 * of_hue(
                hue + rng.normal(0, 0.01), deep * 0.9, value
            )
    else:
        ground_tint = None
    season = (
        str(rng.choice(["summer", "summer", "summer", "autumn", "blossom"])) if kind not in ("winter",) else "winter"
    )
    if season == "autumn" and kind in ("forest", "lake", "hills", "valley", "village"):
        sketch.matter["forest"] = linear(str(rng.choice(["8a4418", "7a3414", "9a6420"])))
        if sketch.words.get("woods") == "leaf" or kind == "hills":
            sketch.matter["grass"] = linear("8a7434")
    sketch.words["season"] = season
    relief, camera = _compose(rng, sketch, kind)
    light = _light(rng, sketch, time, weather, tint, camera.yaw)
    matter = Matter(**sketch.matter)
    ground = lay(relief, camera.x, camera.z, camera.yaw)
    glow = {"night": 1.0, "dusk": 0.9, "sunset": 0.3, "dawn": 0.15}.get(
        time, 0.25 if weather in ("storm", "rain") else 0.0
    )
    sower = _Sower(rng, sketch, relief, matter, ground, camera, glow, season)
    for what, n in sketch.sown:
        sower.sow(what, n)
    sower.fly(time, weather)
    things = np.array(sower.rows, dtype=np.float64).reshape(-1, COLUMNS)
    things, labels = _in_sight(things, sower.names, camera)
    ground = illuminate(
        ground,
        tuple(light.direction),
        objects.raise_ground(ground.far, ground.far_x, ground.far_z, ground.far_cell, things),
        objects.raise_ground(ground.near, ground.near_x, ground.near_z, ground.near_cell, things),
    )
    key = {"night": 0.115, "dusk": 0.20, "dawn": 0.36, "sunset": 0.27, "golden hour": 0.36}.get(time, 0.40)
    if weather in ("storm", "rain"):
        key *= 0.72
    if kind == "desert":
        key *= 1.1
    elif sketch.matter["snow"] < -1 if "snow" in sketch.matter else False:
        key *= 0.92
    world = World(
        relief,
        matter,
        light,
        ground,
        things,
        rain=float(rng.uniform(0.6, 1.2)) if weather == "rain" or (weather == "storm" and rng.random() < 0.4) else 0.0,
        snowfall=float(rng.uniform(0.6, 1.3)) if weather == "snowfall" else 0.0,
        key=key,
    )
    return Scene(seed, world, camera, kind, time, weather, tint, ground_tint, labels, sketch.words)


def _in_sight(things: np.ndarray, names: list[str], camera: Camera) -> tuple[np.ndarray, tuple[str, ...]]:
    """Drop things far outside the frame."""
    if not len(things):
        return things, ()
    right, _up, ahead = to_view(camera, things[:, 1], things[:, 2], things[:, 3])
    keep = (ahead > 0.06) & (np.abs(right) < ahead / camera.focal * 1.6 + things[:, 5])
    keep |= things[:, 0] >= objects.BRIDGE
    return things[keep], tuple(n for n, k in zip(names, keep) if k)


def moved(
    camera: Camera, right: float = 0.0, up: float = 0.0, ahead: float = 0.0, yaw: float = 0.0, pitch: float = 0.0
) -> Camera:
    """The camera after a small move along its own axes (world units, radians)."""
    c, s = np.cos(camera.yaw), np.sin(camera.yaw)
    return camera._replace(
        x=camera.x + right * c + ahead * s,
        y=camera.y + up,
        z=camera.z - right * s + ahead * c,
        yaw=camera.yaw + yaw,
        pitch=camera.pitch + pitch,
    )


__all__ = ["KINDS", "SKY_DEPTH", "TIMES", "TIME_GROUPS", "Scene", "draw", "moved"]
