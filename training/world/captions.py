"""What a picture is called: labels measured from what is in sight, and captions of varied grammar true to them."""

import re
from typing import Any

import numpy as np

from .camera import to_view
from .render import View
from .scene import TIME_GROUPS, Scene
from .sight import shares
from .space import Space

Labels = dict[str, Any]

_HUES = (
    (38, "red"),
    (68, "orange"),
    (100, "yellow"),
    (168, "green"),
    (218, "teal"),
    (302, "blue"),
    (328, "purple"),
    (352, "pink"),
    (361, "red"),
)
"""Upper ends of the hue angles (degrees in Lab) of the words for skies."""


def _lab(rgb: Any) -> np.ndarray:
    """CIE Lab of sRGB 0–255 triples (…, 3)."""
    c = (np.asarray(rgb, float) / 255) ** 2.2
    xyz = (
        c
        @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
        / np.array([0.9505, 1, 1.089])
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def sky_colour(pixels: np.ndarray) -> str:
    """The word for the mean of sky pixels (n, 3) uint8."""
    light, a, b = _lab(pixels.mean(0))
    chroma, hue = float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)
    if chroma < (7 if 218 <= hue < 302 else 9):
        return "black" if light < 14 else "white" if light > 90 else "grey"
    word = next(name for end, name in _HUES if hue < end)
    if word == "blue" and light < 36:
        return "dark blue"
    if word == "red" and light > 62:
        return "pink"
    if word == "orange" and light > 78 and chroma < 26:
        return "pink" if hue < 55 else "yellow"
    return word


def _side(column: float) -> str:
    """Third of the frame (column 0–1)."""
    return "left" if column < 0.37 else "right" if column > 0.63 else "centre"


def _celestial(scene: Scene, view: View) -> list[dict[str, str]]:
    """Sun, moon and planet, when their middle is in the frame and not hidden."""
    assert not isinstance(scene.world, Space)
    light, camera = scene.world.light, scene.camera
    height, width = view.depth.shape
    found = []
    bodies: list[tuple[str, np.ndarray, float]] = []
    if light.disc.sum() > 0:
        name = scene.words.get("moon") if scene.time == "night" else "sun"
        if name:
            bodies.append((name, light.face, light.disc_size))
    if light.planet > 0:
        bodies.append(("planet", light.planet_dir, light.planet))
    for name, to, size in bodies:
        right, up, ahead = to_view(camera, camera.x + to[0], camera.y + to[1], camera.z + to[2])
        if ahead <= 0:
            continue
        i, j = (camera.focal * right / ahead * height + width) / 2, (height - camera.focal * up / ahead * height) / 2
        if not (0 <= i < width and 0 <= j < height):
            continue
        r = max(2, int(size * camera.focal * height / 2))
        patch = view.what[max(int(j) - r, 0) : int(j) + r + 1, max(int(i) - r, 0) : int(i) + r + 1]
        if (patch == 0).mean() > 0.35 and light.cover < 0.7:
            found.append(
                {
                    "name": name,
                    "side": _side(i / width),
                    "size": "large" if size > 0.07 else "small" if size < 0.045 else "medium",
                }
            )
    return found


def labels(scene: Scene, view: View, style: str = "photo") -> Labels:
    """What is in sight: kind, hour, weather, colour of the sky, style, and things with side and size."""
    height, width = view.depth.shape
    total = height * width
    things: dict[str, dict[str, Any]] = {}
    counts = np.bincount(view.seen.ravel(), minlength=len(scene.names) + 1)[1:]
    rows, columns = np.nonzero(view.seen)
    who = view.seen[rows, columns] - 1
    sums = np.bincount(who, weights=columns, minlength=len(scene.names))
    for k in np.nonzero(counts > 6)[0]:
        name = scene.names[k]
        if not name:
            continue
        t = things.setdefault(
            name, {"name": name, "pixels": 0, "columns": 0.0, "count": 0, "most": 0, "least": 1.0, "far": 0.0}
        )
        t["pixels"] += int(counts[k])
        t["columns"] += float(sums[k])
        t["count"] += 1
        t["most"] = max(t["most"], int(counts[k]))
        middle = float(sums[k] / counts[k] / width)
        t["least"], t["far"] = min(t["least"], middle), max(t["far"], middle)
    objects = [] if isinstance(scene.world, Space) else _celestial(scene, view)
    for t in sorted(things.values(), key=lambda q: -q["pixels"]):
        share = t["pixels"] / total
        small = {"birds": 0.0004, "a ship": 0.0006}.get(t["name"], 0.0011)
        if share < small:
            continue
        side = _side(t["columns"] / t["pixels"] / width) if t["far"] - t["least"] < 0.45 else "across"
        objects.append(
            {
                "name": t["name"],
                "side": side,
                "size": "large" if share > 0.045 else "small" if share < 0.008 else "medium",
                "count": t["count"],
                "share": round(share, 4),
            }
        )
    sky = view.what == 0
    colour = None
    if sky.mean() > 0.06:
        colour = scene.tint if scene.tint else sky_colour(view.picture[sky])
    return {
        "kind": scene.kind,
        "time": scene.time,
        "time_group": TIME_GROUPS[scene.time],
        "weather": scene.weather,
        "sky_colour": colour,
        "tinted": scene.tint is not None,
        "ground_colour": scene.ground_tint,
        "style": style,
        "objects": objects,
        **_sights(scene, float(sky.mean())),
        "misty": bool(scene.words.get("misty")),
        **{name: round(share, 3) for name, share in shares(view.what).items()},
        "sky": round(float(sky.mean()), 3),
        "words": {k: v for k, v in scene.words.items() if isinstance(v, str | bool)},
    }


def _sights(scene: Scene, sky: float) -> dict[str, bool]:
    """What may be seen in the air, `sky` being its share of the frame, and whether snow lies."""
    if isinstance(scene.world, Space):
        return {"stars": True, "aurora": False, "rainbow": False, "lightning": False, "snowy": False}
    light = scene.world.light
    return {
        "stars": bool(light.stars > 0.7 and light.cover < 0.75 and sky > 0.1),
        "aurora": bool(light.aurora > 0 and sky > 0.15),
        "rainbow": bool(light.rainbow > 0.06 and sky > 0.3),
        "lightning": bool(light.bolt < 9 and sky > 0.25),
        "snowy": bool(scene.world.matter.snow < 8),
    }


_SUBJECTS = {
    "mountains": ("mountains", "a mountain range", "rocky mountains", "high peaks", "mountains above a valley"),
    "hills": ("rolling hills", "green hills", "hills", "a hilly countryside"),
    "meadow": ("a meadow", "a field of flowers", "a flower meadow", "a blooming field"),
    "forest": ("a forest", "woods", "a woodland"),
    "lake": ("a lake", "a mountain lake", "a calm lake", "a lake among mountains"),
    "sea": ("the sea", "the ocean", "open sea", "an ocean"),
    "coast": ("a coast", "a beach", "a shoreline by the sea", "the seaside"),
    "islands": ("islands in the sea", "a rocky bay", "an archipelago", "an island"),
    "desert": ("a desert", "sand dunes", "desert dunes", "dunes"),
    "canyon": ("a canyon", "red rock mesas", "table mountains", "a rocky desert"),
    "winter": ("a winter landscape", "a snowy landscape", "snow-covered land", "a snow field"),
    "city": ("a city", "a city skyline", "skyscrapers", "a modern city", "downtown towers"),
    "village": ("a village", "a small village", "houses in the countryside", "a hamlet"),
    "valley": ("a river valley", "a river", "a valley with a river", "a winding river between mountains"),
    "space": ("space", "outer space", "deep space", "a scene in space", "the cosmos"),
}

_TIMES = {
    "dawn": ("at dawn", "at sunrise", "in the early morning", "at daybreak"),
    "morning": ("in the morning", "on a bright morning", "in morning light", "by day"),
    "noon": ("at noon", "at midday", "by day", "in daylight", "on a sunny day"),
    "afternoon": ("in the afternoon", "by day", "in daylight", "on a summer afternoon"),
    "golden hour": ("at golden hour", "in golden light", "in warm evening light", "in the evening light"),
    "sunset": ("at sunset", "at sundown", "under a setting sun", "in the evening"),
    "dusk": ("at dusk", "at twilight", "after sunset", "in the blue hour"),
    "night": ("at night", "at midnight", "by night", "in the night"),
}

_WEATHERS = {
    "clear": ("clear sky", "a clear sky", "a cloudless sky"),
    "cloudy": ("clouds", "drifting clouds", "a cloudy sky", "scattered clouds"),
    "overcast": ("an overcast sky", "grey clouds", "a dull grey sky"),
    "fog": ("fog", "thick fog", "mist"),
    "rain": ("rain", "falling rain", "heavy rain"),
    "snowfall": ("falling snow", "snowfall", "snowflakes in the air"),
    "storm": ("storm clouds", "a dark stormy sky", "a thunderstorm"),
}
_ADJECTIVES = {
    "fog": "foggy",
    "rain": "rainy",
    "storm": "stormy",
    "cloudy": "cloudy",
    "snowfall": "snowy",
    "overcast": "gloomy",
}

STYLE_WORDS = {
    "photo": ("a photo of {}", "a photograph of {}", "{}, photo", "{}, photorealistic", "{}"),
    "watercolour": ("a watercolour of {}", "watercolor painting of {}", "{}, watercolour", "a soft watercolor of {}"),
    "ink": ("an ink drawing of {}", "{}, ink wash", "black ink sketch of {}", "{} drawn in ink"),
    "oil painting": (
        "an oil painting of {}",
        "oil painting of {}",
        "{}, oil on canvas",
        "{}, painted with thick brush strokes",
    ),
    "pixel art": ("pixel art of {}", "{}, pixel art", "a pixel art scene of {}", "{} in 16-bit pixel art"),
    "neon": ("glowing neon lines of {}", "{}, neon", "a neon picture of {}", "{} in glowing neon"),
    "woodcut": ("a woodcut of {}", "{}, woodcut print", "a woodblock print of {}", "linocut of {}"),
}


def _mood(a: Labels) -> list[str]:
    """Adjectives that are true of the land."""
    out = []
    if a["ground_colour"]:
        out += [a["ground_colour"]] * 3
    if a["snowy"] and a["kind"] in ("mountains", "lake", "village"):
        out += ["snowy", "snow-capped"] if a["kind"] != "village" else ["snowy"]
    if a["weather"] in _ADJECTIVES:
        out.append(_ADJECTIVES[a["weather"]])
    if a["misty"]:
        out.append("misty")
    if a["kind"] == "sea":
        out.append("stormy" if a["weather"] == "storm" else "rough" if a["words"].get("rough") else "calm")
    if a["time"] == "night" and any(
        o["name"].endswith(" moon") and not o["name"].startswith("a ") for o in a["objects"]
    ):
        out.append("moonlit")
    return out


_PLURAL = ("mountains", "hills", "woods", "dunes", "peaks", "mesas", "skyscrapers", "towers", "houses", "islands")


def _with(adjective: str, subject: str) -> str:
    """Put an adjective before a subject, mending its article."""
    if subject.startswith(("a ", "an ", "the ")):
        article, rest = subject.split(" ", 1)
        if adjective.split("-")[0] in rest:
            return subject
        if article != "the":
            article = "an" if adjective[0] in "aeiou" else "a"
        return f"{article} {adjective} {rest}"
    return f"{adjective} {subject}"


def _subject(rng: np.random.Generator, a: Labels) -> str:
    kind = a["kind"]
    words = a["words"]
    options = list(_SUBJECTS.get(kind, ()))
    if kind == "forest":
        options = (
            ["a pine forest", "a conifer forest", "pine woods", "a forest"]
            if words.get("woods") == "pine"
            else ["a forest", "leafy woods", "a deciduous forest"]
        )
        if words.get("woods") == "leaf":
            options += {
                "autumn": ["an autumn forest"] * 3,
                "blossom": ["cherry blossom trees", "a blossoming grove"],
            }.get(str(words.get("season")), [])
    if kind == "meadow":
        c = words.get("flowers")
        options += [f"a meadow of {c} flowers", f"{c} flowers in a field", f"a field of {c} flowers"] * 2
    if kind == "coast" and words.get("cliffs"):
        options = ["cliffs by the sea", "a rocky coast", "sea cliffs"]
    if kind == "city" and words.get("waterfront"):
        options += ["a city by the water", "a skyline reflected in the water"]
    if kind == "hills" and words.get("farmed"):
        options += ["fields on rolling hills", "a patchwork of farm fields"]
    if kind == "road":
        way = str(words.get("road", "road"))
        land = {
            "hills": ("through rolling hills", "in the countryside"),
            "forest": ("through a forest", "in the woods"),
            "canyon": ("through a canyon", "in a rocky desert"),
            "desert": ("in a desert", "through dunes"),
            "winter": ("through snow", "in a snowy landscape"),
            "meadow": ("through a flower meadow", "across a meadow"),
        }[str(words["land"])]
        options = [f"{n} {p}" for n in (f"a {way}", f"a winding {way}", f"a long {way}") for p in land]
    if kind == "winter":
        options = [o for o in options if "snow" in o or "winter" in o]
    if a["ground_colour"]:
        options = [o.replace("green ", "").replace("red ", "") for o in options]
    subject = str(rng.choice(options))
    mood = _mood(a)
    if mood and rng.random() < (0.9 if a["ground_colour"] else 0.5):
        subject = _with(str(rng.choice(mood)), subject)
    return subject


def _place(rng: np.random.Generator, thing: dict[str, Any]) -> str:
    """A thing with its size and side."""
    name, side = thing["name"], thing["side"]
    if name in ("sun", "planet", "full moon", "crescent moon"):
        article = "a" if name != "sun" or rng.random() < 0.4 else "the"
        size = {"large": ("large ", "huge ", "big "), "small": ("small ", "", "tiny "), "medium": ("",)}[thing["size"]]
        text = f"{article} {rng.choice(size) if article == 'a' else ''}{name}"
    elif name.startswith("a ") and thing["size"] != "medium" and rng.random() < 0.35:
        text = _with("big" if thing["size"] == "large" else "distant", name) if name.count(" ") < 3 else name
    else:
        text = name
    if side in ("left", "right") and rng.random() < 0.6:
        text += str(rng.choice([f" on the {side}", f" to the {side}", f" on the {side} side"]))
    elif side == "centre" and rng.random() < 0.3:
        text += str(rng.choice([" in the centre", " in the middle"]))
    return text


def _sky_words(rng: np.random.Generator, a: Labels) -> str:
    colour = a["sky_colour"]
    night = a["time"] == "night"
    noun = str(rng.choice(["sky", "sky", "sky", "heaven", "skies"]))
    return f"{'' if noun == 'skies' else 'a '}{'deep ' if night and rng.random() < 0.2 else ''}{colour} {noun}".replace(
        "a orange", "an orange"
    )


def _one(rng: np.random.Generator, a: Labels, length: int) -> str:
    """One caption: length 0 is the subject alone, 3 nearly all there is to say."""
    subject = _subject(rng, a)
    time = str(rng.choice(_TIMES[a["time"]]))
    if a["weather"] in ("storm", "rain", "overcast", "fog", "snowfall") and ("sunny" in time or "bright" in time):
        time = "by day"
    if time == "under a setting sun" and not any(o["name"] == "sun" for o in a["objects"]):
        time = "at sunset"
    tail: list[str] = []
    extra: list[str] = []
    if a["stars"]:
        extra += ["stars", "a starry sky", "many stars"]
    if a["aurora"]:
        extra += ["the aurora", "northern lights", "green aurora"] * 2 if a["kind"] else []
    if a["rainbow"]:
        extra += ["a rainbow"]
    if a["lightning"]:
        extra += ["lightning", "a flash of lightning"]
    if (a["kind"] != "space" and a["sky"] > 0.1) or a["weather"] in ("fog", "rain", "snowfall"):
        extra.append(str(rng.choice(_WEATHERS[a["weather"]])))
    important = [
        o
        for o in a["objects"]
        if not (o["name"] == "buildings" and a["kind"] == "city")
        and not (o["name"] == "houses" and a["kind"] == "village")
    ]
    if a["kind"] == "forest":
        important = [o for o in important if "trees" not in o["name"]]
    if a["kind"] == "space":
        if a["tinted"]:
            extra = [f"a {a['sky_colour']} nebula", f"{a['sky_colour']} clouds of gas", *extra]
            extra += extra[:2] * 2
        if a["objects"] and rng.random() < 0.35:
            subject = (
                f"{a['objects'][0]['name']} in {rng.choice(['space', 'outer space', 'deep space', 'the starry void'])}"
            )
            important = important[1:]
    parts = [subject]
    told = important[: max(1, length)]
    if length >= 1 and told and rng.random() < 0.85:
        pick = [told[k] for k in sorted(rng.choice(len(told), min(len(told), 1 if length < 3 else 3), replace=False))]
        names = [_place(rng, o) for o in pick]
        tail.append(" and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0])
    colour = a["sky_colour"]
    tell_colour = (
        colour is not None and a["kind"] != "space" and rng.random() < (0.85 if a["tinted"] else 0.4) and length >= 1
    )
    tell_time = rng.random() < (0.35 if length == 0 else 0.88)
    scheme = rng.integers(4)
    text = parts[0]
    with_ = list(tail)
    loud = a["aurora"] or a["lightning"]
    if extra and ((length >= 2 and (loud or rng.random() < 0.75)) or (length == 1 and not tail and rng.random() < 0.5)):
        with_.append(str(rng.choice(extra)))
    lead = ""
    if a["kind"] == "space":
        tell_time = False
    if with_:
        joined = " and ".join(with_) if " and " not in with_[0] else ", ".join(with_)
        link = {0: " with ", 1: ", ", 2: " with ", 3: ", "}[int(scheme)]
    else:
        joined, link = "", ""
    if tell_time and scheme != 3:
        text += f" {time}"
    if tell_colour and scheme in (0, 1, 3):
        text += f" under {_sky_words(rng, a)}"
    text += link + joined
    if tell_colour and scheme == 2:
        text += f", {_sky_words(rng, a)}"
    if tell_time and scheme == 3:
        text += f", {a['time']}"
    return lead + text


def mirrored(text: str) -> str:
    """The caption of the mirrored picture."""
    return re.sub(r"\b(left|right)\b", lambda m: "right" if m[0] == "left" else "left", text)


def captions(seed: int, a: Labels, count: int = 5) -> list[str]:
    """`count` captions from short to long, none twice where the grammar allows; the same for a seed and a style."""
    rng = np.random.default_rng([seed, sum(map(ord, a["style"]))])
    out: list[str] = []
    for k in range(count * 3):
        length = (0, 1, 1, 2, 3, 2)[len(out) % 6]
        text = _one(rng, a, length)
        frames = STYLE_WORDS[a["style"]]
        frame = str(frames[rng.integers(len(frames))]) if a["style"] != "photo" or rng.random() < 0.3 else "{}"
        text = frame.format(text)
        if text not in out or k > 2 * count:
            out.append(text)
        if len(out) == count:
            break
    return out
