"""What a picture of the world may be asked, and the right answers: kind, hour, colour of the sky, style.

A question has an answer only where the picture shows it: an hour is not seen in a woodcut, nor which of two words a
colour between them bears. Where more than one kind may be said of a picture, any of them is right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.world.captions import sky_colour
from training.world.dataset import Shard

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "kind": (
        *("canyon", "city", "coast", "desert", "forest", "hills", "islands", "lake", "meadow", "mountains", "road"),
        *("sea", "space", "valley", "village", "winter"),
    ),
    "time_group": ("dawn", "day", "sunset", "dusk", "night"),
    "sky_colour": ("blue", "grey", "pink", "orange", "yellow", "green", "teal", "purple", "red", "black"),
    "style": ("photo", "watercolour", "ink", "oil painting", "pixel art", "neon", "woodcut"),
}
"""What the judge is asked, and the answers it knows."""
THINGS: Mapping[str, str] = {
    "pine": "pine",
    "palm": "palm",
    "cactus": "cact",
    "rock": "rock|boulder",
    "building": "building|skyscraper|tower block",
    "sailboat": "sailboat|sailing",
    "house": "house|cabin|cottage|hut",
    "lighthouse": "lighthouse",
    "church": "church",
    "blossom": "blossom",
    "balloon": "balloon",
    "windmill": "windmill",
    "moon": "moon",
    "bridge": "bridge",
    "bird": "bird",
    "planet": "planet|giant",
    "castle": "castle",
    "ship": r"\bship",
    "tree": "tree",
    "autumn": "autumn",
    "tower": "tower",
}
"""Things that may be in a picture, each with the words (a regular expression) that captions and labels have for it."""
VISIBLE = 0.002
"""Share of a picture that a thing must cover for anybody to see it."""
COLOURS = {
    "dark blue": "blue",
    "golden": "yellow",
    "violet": "purple",
    "magenta": "pink",
    "crimson": "red",
    "white": "grey",
}
"""Words of one colour to the eye: which of the two a sky is called is the caption's choice."""
DRAWN = ("ink", "woodcut", "neon")
"""Styles of lines: they wear neither the hour's light nor the sky's colour."""
NEAR = tuple(itertools.product((0.97, 1.03), repeat=3))
"""Gains of red, green and blue that leave a colour its word, unless it lies between two words."""


def answers(labels: Mapping[str, Any]) -> list[int]:
    """The right answer to each question, -1 where a picture has none or does not show it."""
    found = []
    for name, known in QUESTIONS.items():
        value = labels[name]
        value = COLOURS.get(value, value)
        found.append(known.index(value) if value in known and shows(name, labels) else -1)
    return found


def things(labels: Mapping[str, Any]) -> list[int]:
    """Of each of THINGS: 1 it is in sight, 0 it is not, -1 it is too small to tell."""
    largest = [
        max((thing.get("share", 0.0) for thing in labels["objects"] if re.search(words, thing["name"])), default=0.0)
        for words in THINGS.values()
    ]
    return [1 if share > VISIBLE else 0 if share == 0 else -1 for share in largest]


def told(caption: str) -> list[bool]:
    """Which of THINGS a caption names."""
    return [re.search(words, caption) is not None for words in THINGS.values()]


def kinds(labels: Mapping[str, Any]) -> set[str]:
    """Every kind that may be said of a picture: woods with a road through them are a forest and a road."""
    said, words = labels["kind"], labels["words"]
    found = {said}
    found |= {"road"} if words.get("road") else set()
    found |= {words["land"]} if said == "road" else set()
    found |= {"valley"} if words.get("river") else set()
    found |= {"forest"} if _share(labels, "tree") > 0.1 else set()
    found |= {"village"} if _share(labels, "house") > 0.02 else set()
    found |= {"desert"} if said == "canyon" else set()
    found |= {"winter"} if said == "village" and labels["snowy"] else set()
    return found


def shows(question: str, labels: Mapping[str, Any]) -> bool:
    """Whether a picture of the world shows the answer: only then can anybody be right or wrong about it."""
    if question == "sky_colour":
        return labels["style"] not in DRAWN
    if question == "time_group":  # a tinted sky has its own colour at every hour
        return labels["style"] not in DRAWN and not labels["tinted"]
    if question == "kind":
        kind = labels["kind"]
        if kind in ("village", "forest"):
            return _share(labels, "house" if kind == "village" else "tree") > 0.03
        return kind != "hills" or _share(labels, "house") < 0.02
    return True


def _share(labels: Mapping[str, Any], name: str) -> float:
    """How much of the picture things of that name cover."""
    return sum(thing.get("share", 0) for thing in labels["objects"] if name in thing["name"])


@dataclass(frozen=True)
class Truth:
    """The right answers to n pictures."""

    named: Tensor
    """(n, 4) to each question, -1 where there is none: what is learned."""
    right: Mapping[str, Tensor]
    """(n, answers) of bools by question: whatever counts as right."""

    def __getitem__(self, rows: slice) -> Truth:
        return Truth(self.named[rows], {name: all[rows] for name, all in self.right.items()})


def truths(named: Sequence[Sequence[int]], kinds: Sequence[set[str]] | None = None) -> Truth:
    """One right answer to each question, and any of `kinds` besides where the kind is asked for."""
    answers = torch.tensor(named)
    right = {
        name: nn.functional.one_hot(answers[:, place].clamp(min=0), len(known)).bool() & (answers[:, place, None] >= 0)
        for place, (name, known) in enumerate(QUESTIONS.items())
    }
    if kinds is not None:
        also = torch.tensor([[kind in all for kind in QUESTIONS["kind"]] for all in kinds])
        right["kind"] = also & (answers[:, :1] >= 0)
    return Truth(answers, right)


def joined(parts: Sequence[Truth]) -> Truth:
    """One after the other."""
    right = {name: torch.cat([part.right[name] for part in parts]) for name in QUESTIONS}
    return Truth(torch.cat([part.named for part in parts]), right)


def truth(shard: Shard) -> Truth:
    """The right answers to a shard's rows."""
    found = []
    photo = clear = -1
    for place, row in enumerate(shard.rows):
        labels = row["labels"]
        if labels["style"] == "photo":
            photo, clear = place, -1
        if clear < 0:
            clear = labels["tinted"] or _clear(shard.pictures[photo], shard.depth[photo])
        found.append(answers(labels if clear else {**labels, "sky_colour": None}))
    return truths(found, [kinds(row["labels"]) for row in shard.rows])


def _clear(picture: NDArray[np.uint8], depth: NDArray[np.float16]) -> bool:
    """Whether a sky's colour has one word: no small change of it has another."""
    sky = cv2.resize(picture, depth.shape, interpolation=cv2.INTER_AREA)[depth == 0]
    if not len(sky):
        return False
    mean = sky.mean(0, keepdims=True)
    said = [sky_colour(np.clip(mean * gains, 0, 255)) for gains in NEAR]
    return len({COLOURS.get(word, word) for word in said}) == 1
