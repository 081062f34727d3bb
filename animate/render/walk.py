"""A latent walk as an ordinary schedule: prompts and noise travel from key to key, and no frame needs another.

The way is told by one curve, `way`: 0 at the first prompt, 1 at the second, 1.5 half-way between the second and the
third. `prompt_travel` moves the conditioning along it; the noise goes by how far the way is past `station`, the one
whose seed is in force, so that a way of 0.9999… and a key at the same frame cannot differ. Stations may be pictures
instead (`through_pictures`); then their latents are mixed. An even pace asks for frames that differ equally *as
pictures*: the walk is painted, distances are summed along it, and the frames are placed anew at equal shares of the
sum, until they are even or the rounds are over.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from animate.audio.listen import listen
from animate.errors import BadInput
from animate.picture import convert
from animate.render.checked import load
from animate.render.groups import Groups, width_of
from animate.render.progress import Progress, Quiet
from animate.render.run import painter_of
from animate.schedule.compile import compile
from animate.schedule.sound import ListenError

Array = NDArray[np.float64]

GLANCE = 256
"""Pixels of the longer side of pictures whose differences are measured."""
ROUNDS = 3
EVEN = 1.3
"""The largest step between two frames, in median steps, that is even enough."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What to walk through."""

    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    """One for each prompt, or one for all; or several for one prompt. −1 draws one, once for the run."""
    frames: int
    loop: bool = False
    """Whether the last frame leads back to the first; none is shown twice."""

    def __post_init__(self) -> None:
        several = {len(self.prompts), len(self.seeds)} - {1}
        if len(several) != 1:
            raise BadInput(
                f"{len(self.prompts)} prompts and {len(self.seeds)} seeds make no walk "
                "(two prompts or more with one seed or as many, or one prompt with several seeds)"
            )
        if self.frames < self.places:
            raise BadInput(f"{self.frames} frames are too few for a walk with {self.places} stations")

    @property
    def places(self) -> int:
        """How many stations there are, the way back to the first included."""
        return max(len(self.prompts), len(self.seeds)) + self.loop

    def drawn(self) -> Walk:
        """The same walk; what −1 leaves to chance is drawn."""
        return replace(self, seeds=tuple(secrets.randbelow(2**32) if seed == -1 else seed for seed in self.seeds))

    def steady(self) -> Array:
        """(frames,) the way at a steady pace: the last station is the last frame, or one past it in a loop."""
        return np.linspace(0, self.places - 1, self.frames, endpoint=not self.loop)


def schedule(walk: Walk, way: Array, says: str = "") -> dict[str, Any]:
    """The walk as a schedule's content; `way` (frames,) rises from 0, and `says` is the expression of it, if any."""
    stations = max(len(walk.prompts), len(walk.seeds))
    prompts = [walk.prompts[place % stations % len(walk.prompts)] for place in range(walk.places)]
    told = walk.seeds if len(walk.seeds) == 1 else _told(walk.seeds)
    seeds = [told[place % stations % len(told)] for place in range(walk.places)]
    keys = np.round(np.linspace(0, walk.frames - 1, walk.places)).astype(int).tolist()
    found: dict[str, Any] = {
        "animation_mode": "Interpolation",
        "max_frames": walk.frames,
        "seed": -1 if -1 in walk.seeds else walk.seeds[0],
        "seed_behavior": "fixed",
        "let": {"way": says or _curve(way)},
        "prompt_travel": "way",
        "prompts": dict(zip(keys, prompts)),
    }
    if len(set(seeds)) > 1:
        begins = [int(np.searchsorted(way, place)) for place in range(walk.places)]
        kept = [place for place in range(walk.places) if begins[place] < walk.frames]
        found["seed_behavior"] = "schedule"
        found["seed_schedule"] = {begins[place]: _held(seeds[place]) for place in kept}
        found["subseed"] = {begins[place]: _held(seeds[min(place + 1, walk.places - 1)]) for place in kept}
        found["let"]["station"] = {begins[place]: _held(place) for place in kept}
        found["subseed_strength"] = "clip(way - station, 0, 1)"
    return found


def _told(seeds: Sequence[int]) -> list[int | str]:
    """The seeds as the schedule tells them: those left to chance go by the one that is drawn for the run, and kept."""
    return [f"s + {number}" if seed == -1 else seed for number, seed in enumerate(seeds)]


def to_music(
    prompts: Sequence[str], seeds: Sequence[int], audio: Path, *, frames: int, fps: str, loop: bool = False
) -> dict[str, Any]:
    """A walk that is fast where much is struck, as a schedule's content; `frames` 0 lasts as long as the sound.

    Raises BadInput for a sound that cannot be heard, or that is too short for so many stations.
    """
    song = {"audio": str(audio.absolute()), "fps": fps}
    try:
        rate = compile(load({**song, "prompts": "a", "max_frames": 1})).fps
        lasting = frames or max(1, int(listen(audio).seconds * rate))
    except ListenError as error:
        raise BadInput(f"{audio}: {error.what}" + (f" ({error.hint})" if error.hint else "")) from error
    wanted = Walk(prompts=tuple(prompts), seeds=tuple(seeds), frames=lasting, loop=loop)
    length = (wanted.places - 1) * (1 - loop / lasting)  # a loop ends one frame before its first station
    plan = compile(load({**song, "prompts": "a", "max_frames": lasting}))
    return {**schedule(wanted, length * plan.variables["audio_travel"], f"{length!r}*audio_travel"), **song}


def through_pictures(
    pictures: Sequence[Path], frames: int, *, prompt: str, seed: int, loop: bool = False
) -> dict[str, Any]:
    """A walk from picture to picture as a schedule's content. Raises BadInput for too few pictures or frames."""
    stations = [str(path.absolute()) for path in pictures]
    if len(stations) < 2:
        raise BadInput("one picture makes no walk (two or more, or prompts)")
    if loop:
        stations.append(stations[0])
    if frames < len(stations):
        raise BadInput(f"{frames} frames are too few for a walk with {len(stations)} stations")
    last = frames if loop else frames - 1  # the way back ends one frame past the end, so that none is shown twice
    keys = np.round(np.linspace(0, last, len(stations))).astype(int).tolist()
    return {
        "animation_mode": "Interpolation",
        "max_frames": frames,
        "seed": seed,
        "seed_behavior": "fixed",
        "image_keys": dict(zip(keys, stations)),
        "prompts": prompt,
    }


def _curve(way: Array) -> dict[int, float] | dict[int, dict[str, float]]:
    """The way by frame; only its ends where it is straight."""
    straight = np.linspace(way[0], way[-1], len(way))
    if np.allclose(way, straight, atol=1e-9):
        return {0: float(way[0]), len(way) - 1: float(way[-1])}
    return {frame: round(float(value), 6) for frame, value in enumerate(way)}


def _held(value: int | str) -> dict[str, Any]:
    return {"value": value, "ease": "hold"}


def even(walk: Walk, extra: Mapping[str, Any], overrides: Mapping[str, Any], progress: Progress | None = None) -> Array:
    """(frames,) the way on which consecutive pictures differ as equally as can be found in `ROUNDS` rounds.

    `extra` and `overrides` are what the schedule is rendered with beside the walk itself. Of all the ways that were
    painted it is the most even one.
    """
    told = progress or Quiet()
    walk = walk.drawn()  # every round paints the same noise
    painter = painter_of(compile(load({**schedule(walk, walk.steady()), **extra}, overrides)))
    way = walk.steady()
    known: dict[float, Array] = {}
    measured: list[tuple[float, Array]] = []
    for number in range(ROUNDS):
        if number:
            way = _placed(walk, known)
        plan = compile(load({**schedule(walk, way), **extra}, overrides))
        groups = Groups(plan, painter, width_of(plan))
        for index, place in enumerate(way.tolist()):
            if place not in known:
                known[place] = _glance(groups.picture(index))
        if walk.loop:
            known[walk.places - 1.0] = known[0.0]  # the last frame's step is the one to the first
        steps = _distances([*way.tolist(), *[walk.places - 1.0] * walk.loop], known)
        measured.append((float(steps.max() / np.median(steps)), way))
        told.say(f"pace, round {number + 1}: the largest step is {measured[-1][0]:.2f} × the median")
        if measured[-1][0] <= EVEN:
            break
    return min(measured, key=lambda one: one[0])[1]


def _glance(picture: Tensor) -> Array:
    """A picture (3, H, W) as it is compared and kept: small, as all of all rounds are."""
    height, width = picture.shape[-2:]
    scale = min(1.0, GLANCE / max(height, width))
    seen = convert.fit(picture.cpu(), round(height * scale), round(width * scale), "stretch")
    return seen.numpy().astype(np.float16)


def _distances(places: Sequence[float], known: Mapping[float, Array]) -> Array:
    """Mean absolute differences of the pictures at consecutive places, one fewer than places."""
    pictures = (known[place].astype(np.float32) for place in places)
    return np.array([float(np.abs(b - a).mean()) for a, b in itertools.pairwise(pictures)]) + 1e-9


def _placed(walk: Walk, known: Mapping[float, Array]) -> Array:
    """(frames,) places at equal shares of the distance along all that has been painted."""
    places = sorted(known)
    steps = _distances(places, known)
    # Distances of small steps add up to more than one large step's; along the whole way the bias is the same.
    along = np.concatenate([[0.0], np.cumsum(steps)])
    share = np.linspace(0, along[-1], walk.frames, endpoint=not walk.loop)
    return np.interp(share, along, places)
