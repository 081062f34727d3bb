"""The plan: every value of every frame, before any model is loaded.

    plan = compile(load("clip.yaml"))         `schedule.compile`, `schedule.load`
    plan["zoom"]            float64 (n,)
    plan.text["sampler"]    n texts
    plan.settings["width"]  one value for the run
    plan[12]["zoom"]        a frame's value
    plan[12].prompts        ((positive, negative, weight), …)

A plan is data: it can be printed, plotted, compared, saved and read back, and its digest tells whether two runs would
ask for the same pictures.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.errors import BadInput, Problem
from animate.schedule.album import NO_ALBUM, Album
from animate.schedule.film import NO_FILM, Film
from animate.schedule.identity import LATER, identity
from animate.schedule.prompts import Prompts
from animate.schedule.schedule import Setting

Array = NDArray[np.float64]
FORMAT = 1


@dataclass(frozen=True)
class Frame:
    """One row of the plan."""

    plan: Plan = field(repr=False)
    index: int

    def __getitem__(self, name: str) -> float:
        """Value of a curve field; whole numbers (`seed`, `subseed`) come as they are."""
        value = self.plan[name][self.index]
        return int(value) if isinstance(value, np.integer) else float(value)

    @property
    def cut(self) -> bool:
        """A new shot begins here."""
        return bool(self.plan.cut[self.index])

    @property
    def redrawn(self) -> bool:
        """The model works here; other frames are carried by the motion."""
        return bool(self.plan.redrawn[self.index])

    @property
    def prompts(self) -> tuple[tuple[str, str, float], ...]:
        """(positive, negative, weight) of each part; the weights add up to 1."""
        return self.plan.prompts.at(self.index)

    @property
    def loras(self) -> tuple[tuple[str, float], ...]:
        """(path, weight)"""
        return tuple((path, float(weight[self.index])) for path, weight in self.plan.loras)

    def text(self, name: str) -> str:
        return self.plan.text[name][self.index]


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A table of n frames.

    Two plans that say the same are told by their digests; as an object each is only equal to itself, so that what
    follows from one can be kept beside it.
    """

    columns: Mapping[str, NDArray[Any]]
    """By curve field, (n,) float64, in range, whole where the field says so; `seed` and `subseed` are int64."""
    text: Mapping[str, tuple[str, ...]]
    """By text field, n texts."""
    settings: Mapping[str, Setting]
    """By field, one value for the run; nothing is missing."""
    prompts: Prompts
    fps: Fraction
    cut: NDArray[np.bool_]
    """(n,) a new shot begins; never at frame 0."""
    redrawn: NDArray[np.bool_]
    """(n,) the model works: the first frame of each shot, and every `diffusion_cadence`-th after it."""
    loras: tuple[tuple[str, Array], ...] = ()
    """(path, weight (n,))"""
    embeddings: tuple[tuple[str, str], ...] = ()
    """(token, path)"""
    variables: Mapping[str, Array] = field(default_factory=dict)
    """`let` curves and audio series, (n,) each; for plots."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the pictures that are named, by setting, and of the files of masks, LoRA and embeddings, by path."""
    film: Film = NO_FILM
    album: Album = NO_ALBUM
    """Pictures that are keys; none without."""
    guides: tuple[tuple[int, str, str], ...] = ()
    """(frame, picture, digest) of `init_images`, ascending."""
    warnings: tuple[Problem, ...] = ()
    seed_drawn: bool = False

    def __len__(self) -> int:
        return len(self.cut)

    def __getitem__(self, key: Any) -> Any:
        """A column by its name, a `Frame` by its index."""
        if isinstance(key, str):
            return self.columns[key]
        index = range(len(self))[key]
        return Frame(self, index)

    def __iter__(self) -> Iterator[Frame]:
        return (Frame(self, index) for index in range(len(self)))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return int(self.settings["height"]), int(self.settings["width"])

    @property
    def shots(self) -> list[slice]:
        """Frames of each shot."""
        starts = [0, *np.flatnonzero(self.cut).tolist()]
        return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(self)])]

    @property
    def seconds(self) -> float:
        return float(len(self) / self.fps)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides what is painted."""
        return identity(self.data())

    # --- as text ----------------------------------------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """The plan in plain Python, as JSON can hold it; a column that never changes is one number."""
        used = self.prompts
        return {
            "format": FORMAT,
            "frames": len(self),
            "fps": str(self.fps),
            "seed_drawn": self.seed_drawn,
            "settings": dict(self.settings),
            "contents": dict(self.contents),
            "cuts": np.flatnonzero(self.cut).tolist(),
            "redrawn": _packed(self.redrawn.astype(np.int64)),
            "columns": {name: _packed(column) for name, column in self.columns.items()},
            "variables": {name: _packed(column) for name, column in self.variables.items()},
            "text": {name: texts[0] if len(set(texts)) == 1 else list(texts) for name, texts in self.text.items()},
            "prompts": {
                "texts": list(used.texts),
                "keys": list(used.key_frames),
                "positive": [_packed(column) for column in used.positive.T],
                "negative": [_packed(column) for column in used.negative.T],
                "weight": [_packed(column) for column in used.weight.T],
            },
            "loras": [[path, _packed(weight)] for path, weight in self.loras],
            "embeddings": [list(pair) for pair in self.embeddings],
            **({"film": self.film.to_json()} if self.film.file else {}),
            **({"album": self.album.to_json()} if self.album.keys else {}),
            **({"guides": [list(guide) for guide in self.guides]} if self.guides else {}),
        }

    def to_json(self, indent: int | None = None) -> str:
        """The plan as JSON, with its digest; `from_json` gives back an equal plan."""
        told = {"digest": self.digest, **self.data()}
        return json.dumps(told, indent=indent, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan that `to_json` wrote. Raises BadInput for anything else."""
        try:
            read = json.loads(text)
            if read["format"] != FORMAT:
                raise BadInput(f"the plan has format {read['format']}; this version of animate reads format {FORMAT}")
            n = int(read["frames"])
            cut = np.zeros(n, dtype=bool)
            cut[read["cuts"]] = True
            whole = {"seed", "subseed"}
            told = read["prompts"]
            return Plan(
                columns={name: np.full(n, value) for name, value in LATER.items()}
                | {
                    name: _unpacked(column, n, np.int64 if name in whole else np.float64)
                    for name, column in read["columns"].items()
                },
                text={
                    name: (texts,) * n if isinstance(texts, str) else tuple(texts)
                    for name, texts in read["text"].items()
                },
                settings=MappingProxyType(read["settings"]),
                prompts=Prompts(
                    texts=tuple(told["texts"]),
                    positive=np.stack([_unpacked(column, n, np.int32) for column in told["positive"]], axis=1),
                    negative=np.stack([_unpacked(column, n, np.int32) for column in told["negative"]], axis=1),
                    weight=np.stack([_unpacked(column, n, np.float64) for column in told["weight"]], axis=1),
                    key_frames=tuple(told["keys"]),
                ),
                fps=Fraction(read["fps"]),
                cut=cut,
                redrawn=_unpacked(read["redrawn"], n, np.int64).astype(bool),
                loras=tuple((path, _unpacked(weight, n, np.float64)) for path, weight in read["loras"]),
                embeddings=tuple((token, path) for token, path in read["embeddings"]),
                variables={name: _unpacked(column, n, np.float64) for name, column in read["variables"].items()},
                contents=read["contents"],
                film=Film.from_json(read["film"]) if "film" in read else NO_FILM,
                album=Album.from_json(read["album"]) if "album" in read else NO_ALBUM,
                guides=tuple((int(frame), str(path), str(digest)) for frame, path, digest in read.get("guides", ())),
                seed_drawn=bool(read["seed_drawn"]),
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise BadInput(f"this is not a plan that animate wrote: {error}") from None

    def to_csv(self) -> str:
        """A line a frame: time, cut, redrawn, every column, every text, the prompt with the largest weight."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        names = list(self.columns)
        writer.writerow(
            ["frame", "seconds", "cut", "redrawn", *names, *self.text, "prompt", "negative_prompt", "weight"]
        )
        for frame in self:
            positive, negative, weight = max(frame.prompts, key=lambda part: part[2])
            writer.writerow(
                [
                    frame.index,
                    f"{float(frame.index / self.fps):.6f}",
                    int(frame.cut),
                    int(frame.redrawn),
                    *(_short_number(frame[name]) for name in names),
                    *(self.text[name][frame.index] for name in self.text),
                    positive,
                    negative,
                    _short_number(weight),
                ]
            )
        return out.getvalue()


def _packed(column: NDArray[Any]) -> Any:
    """A column for JSON; one number where it never changes."""
    same = len(column) > 0 and bool((column == column[0]).all())
    return column[0].item() if same else column.tolist()


def _unpacked(packed: Any, n: int, dtype: Any) -> NDArray[Any]:
    if isinstance(packed, int | float):
        return np.broadcast_to(np.asarray(packed, dtype=dtype), (n,))
    column = np.asarray(packed, dtype=dtype)
    if column.shape != (n,):
        raise ValueError(f"a column has {column.shape} values for {n} frames")
    return column


def _short_number(value: float) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
