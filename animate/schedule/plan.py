"""The plan: every value of every frame, before any model is loaded.

    plan = compile(load("clip.yaml"))
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
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.errors import BadInput, Problem, ScheduleError
from animate.schedule import masks, seeds
from animate.schedule import prompts as prompting
from animate.schedule.album import NO_ALBUM, Album
from animate.schedule.curve import CurveError
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.fields import FIELDS, Field, in_words
from animate.schedule.film import NO_FILM, Film, fingerprint
from animate.schedule.prompts import Prompts, PromptTrack, Voice
from animate.schedule.schedule import Schedule, Setting
from animate.schedule.scope import Scope
from animate.schedule.source import Node, in_order

Array = NDArray[np.float64]
FORMAT = 1

_ELSEWHERE = {"device", "memory", "vary"}
"""Settings that do not change what is painted."""


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


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A table of n frames."""

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
    """SHA-256 of the pictures that are named, by setting, and of the files of masks, by path."""
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
        """SHA-256 over all that decides what is painted and written."""
        found = hashlib.sha256(f"animate plan {FORMAT}\0{self.fps}\0{len(self)}\0".encode())
        paths = set(self.contents)
        for name in sorted(self.settings.keys() - _ELSEWHERE):
            value = self.contents[name] if name in paths else self.settings[name]
            found.update(f"{name}={value!r}\0".encode())
        for name, column in [*sorted(self.columns.items()), ("cut", self.cut), ("redrawn", self.redrawn)]:
            found.update(f"{name}:{column.dtype.str}\0".encode())
            found.update(np.ascontiguousarray(column + 0 if column.dtype.kind == "f" else column).tobytes())
        for name, texts in sorted(self.text.items()):
            found.update(
                "\0".join(
                    (name, *(masks.by_content(text, self.contents) if name in masks.FIELDS else text for text in texts))
                ).encode()
            )
        used = self.prompts
        found.update("\0".join(used.texts).encode())
        for part in (used.positive, used.negative, used.weight):
            found.update(np.ascontiguousarray(part).tobytes())
        for path, weight in self.loras:
            found.update(Path(path).name.encode() + np.ascontiguousarray(weight).tobytes())
        for token, path in self.embeddings:
            found.update(f"{token}={Path(path).name}".encode())
        if self.film.file:
            found.update(json.dumps(Film.painting(self.film.to_json()), sort_keys=True).encode())
        if self.album.keys:
            found.update(json.dumps(Album.painting(self.album.to_json()), sort_keys=True).encode())
        if self.guides:
            found.update(json.dumps([[frame, digest] for frame, _, digest in self.guides]).encode())
        return found.hexdigest()

    # --- as text ----------------------------------------------------------------------------------------------------

    def to_json(self, indent: int | None = None) -> str:
        """The plan as JSON; a column that never changes is one number. `from_json` gives back an equal plan."""
        used = self.prompts
        return json.dumps(
            {
                "format": FORMAT,
                "digest": self.digest,
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
            },
            indent=indent,
            ensure_ascii=False,
            allow_nan=False,
        )

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
                columns={
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


# --- compiling ------------------------------------------------------------------------------------------------------


def compile(schedule: Schedule) -> Plan:
    """Every value of every frame. Raises ScheduleError with all frames that cannot be had, one for each field."""
    plan, problems = evaluated(schedule)
    if plan is None:
        raise ScheduleError(in_order(problems))
    return plan


def evaluated(schedule: Schedule) -> tuple[Plan | None, list[Problem]]:
    """The plan, or what stands against it."""
    n = schedule.clock.max_frames
    settings = schedule.settings
    size = int(settings["height"]), int(settings["width"])
    lenient = schedule.source.lenient
    scope = Scope(schedule.clock, size, schedule.let, schedule.curves, schedule.series, lenient)
    problems: list[Problem] = []
    warnings: list[Problem] = list(schedule.warnings)

    def refuse(name: str, error: CurveError) -> None:
        owner = error.owner or name
        if owner in schedule.let:
            problems.append(_problem_of_let(schedule, owner, error))
        else:
            problems.append(schedule.problem(owner, error.what, error.hint, error.node))

    columns: dict[str, NDArray[Any]] = {}
    variables: dict[str, Array] = {}
    for name in (*schedule.let, *schedule.series):
        try:
            variables[name] = scope.column(name)
        except CurveError as error:
            refuse(name, error)
    for name, keyframes in schedule.curves.items():
        try:
            column = scope.column(name)
        except CurveError as error:
            refuse(name, error)
            continue
        row = FIELDS[name]
        bad = (column < row.low - 1e-9) | (column > row.high + 1e-9)
        if bad.any():
            frame = int(np.argmax(bad))
            what = f"{column[frame]:.6g} at frame {frame} is out of range"
            if lenient:
                warnings.append(schedule.problem(name, f"{what} and is held inside", in_words(row)))
            else:
                problems.append(
                    schedule.problem(name, what, in_words(row), keyframes.key_to_blame(frame, row.low, row.high).node)
                )
                continue
        columns[name] = _fitted(column, row, bool(bad.any()))
    if (crossed := _crossed(columns)) is not None:
        what = f"{columns['near'][crossed]:g} at frame {crossed} is not below far ({columns['far'][crossed]:g})"
        name = "near" if "near" in schedule.written else "far"
        problems.append(schedule.problem(name, what, "the nearest point must be nearer than the farthest"))
    for name, count in scope.filled.items():
        what = f"{count} of {n} frames are not a number and are filled linearly"
        warnings.append(schedule.problem(name, what))

    loras: list[tuple[str, Array]] = []
    for path, keyframes in schedule.loras:
        try:
            loras.append((path, scope.values(keyframes, "loras")))
        except CurveError as error:
            refuse("loras", error)

    shares: list[Array] = []
    for layer in schedule.layers:
        try:
            shares.append(layer.share(scope.values(layer.weight, "prompt_tracks")))
        except CurveError as error:
            refuse("prompt_tracks", error)

    formulas: dict[str, Array] = {}
    for name, spoken in _spoken(schedule):
        for formula, node in spoken:
            if formula.text not in formulas:
                try:
                    formulas[formula.text] = scope.formula(formula)
                except CurveError as error:
                    refuse(name, error)
                except ExpressionError as error:
                    problems.append(schedule.problem(name, f"{formula.text}: {error.what}", error.hint, node))
    if problems:
        return None, problems

    cut, redrawn = _shots(schedule.cuts, n, int(settings["diffusion_cadence"]))
    voices = _voices(schedule, cut, columns["prompt_travel"], shares)
    now, following = voices[0].seeds()
    columns["seed"], columns["subseed"], columns["subseed_strength"] = seeds.resolve(
        str(settings["seed_behavior"]),
        int(settings["seed"]),
        int(settings["seed_iter_N"]),
        redrawn,
        columns["seed_schedule"],
        columns["subseed"],
        columns["subseed_strength"],
        seeds.Own(now, following, voices[0].coming, voices[0].key, settings["animation_mode"] == "Interpolation"),
    )
    against = None
    if schedule.negative_prompts is not None:
        against = _voice(schedule, schedule.negative_prompts, cut, np.ones(n))
    added = [
        _voice(schedule, layer.track, cut, share) for layer, share in zip(schedule.layers, shares) if layer.negative
    ]
    prompts, named = prompting.resolve(voices, against, added, schedule.around, formulas)
    worn: dict[str, Array] = dict(loras)
    for path, weight in named.items():
        worn[path] = worn.get(path, np.zeros(n)) + weight
    warnings += _unheard(schedule, voices, against)
    plan = Plan(
        columns=MappingProxyType({name: _quiet(column) for name, column in columns.items()}),
        text=MappingProxyType({name: track.column(n) for name, track in schedule.texts.items()}),
        settings=schedule.settings,
        prompts=prompts,
        fps=schedule.clock.fps,
        cut=cut,
        redrawn=redrawn,
        loras=tuple(worn.items()),
        embeddings=schedule.embeddings,
        variables=MappingProxyType(variables),
        contents=_contents(settings) | _masked_by(schedule),
        film=schedule.film,
        album=_album(schedule, cut),
        guides=schedule.guides,
        warnings=in_order(warnings),
        seed_drawn=schedule.seed_drawn,
    )
    return plan, problems


def _spoken(schedule: Schedule) -> list[tuple[str, list[tuple[Expression, Node | None]]]]:
    """By field, the formulas in prompts."""
    found: list[tuple[str, list[tuple[Expression, Node | None]]]] = []
    tracks = [("prompts", schedule.prompts), ("negative_prompts", schedule.negative_prompts)]
    tracks += [("prompt_tracks", layer.track) for layer in schedule.layers]
    found += [(name, list(track.expressions())) for name, track in tracks if track]
    around = schedule.around
    for name, texts in (
        ("prompt_prepend", (around.before, around.against[0])),
        ("prompt_template", (around.left, around.right, around.against[1])),
        ("prompt_append", (around.after, around.against[2])),
    ):
        found.append((name, [(part, None) for text in texts for part in text.expressions()]))
    return found


def _album(schedule: Schedule, cut: NDArray[np.bool_]) -> Album:
    """The pictures that are keys, over the frames."""
    if not schedule.images or schedule.settings["animation_mode"] != "Interpolation":
        return NO_ALBUM
    return Album(schedule.images, *_moving(schedule, [frame for frame, _, _ in schedule.images], cut))


def _voice(schedule: Schedule, track: PromptTrack, cut: NDArray[np.bool_], share: Array) -> Voice:
    """A track over the frames of the schedule."""
    return Voice(track, *_moving(schedule, track.times, cut), share)


def _moving(schedule: Schedule, times: list[int], cut: NDArray[np.bool_]) -> tuple[NDArray[np.intp], Array]:
    settings = schedule.settings
    ratio, ease = float(settings["prompt_fixed_ratio"]), str(settings["prompt_ease"])
    return prompting.moving(times, cut, str(settings["prompt_interpolation"]), ratio, ease)


def _voices(schedule: Schedule, cut: NDArray[np.bool_], travel: Array, shares: list[Array]) -> list[Voice]:
    """The schedule's prompts and every positive track beside them; without prompts of its own the tracks alone."""
    alone = any(not layer.negative for layer in schedule.layers) and "prompts" not in schedule.written
    main = _voice(schedule, schedule.prompts, cut, np.full(len(cut), 0.0 if alone else 1.0))
    beside = [
        _voice(schedule, layer.track, cut, share) for layer, share in zip(schedule.layers, shares) if not layer.negative
    ]
    return [main.travelled(travel), *beside]


def _unheard(schedule: Schedule, voices: list[Voice], against: Voice | None) -> list[Problem]:
    """A word for every prompt that no frame shows, and for frames without any; keys past the end were told before."""
    found = []
    for name, voice in (("prompts", voices[0]), ("negative_prompts", against)):
        for key in voice.unreached() if voice and name in schedule.written else ():
            if key.frame <= schedule.clock.max_frames:
                what = f"the key at frame {key.frame} is never reached"
                found.append(schedule.problem(name, what, "", key.node if key.node.line else None))
    silent = np.sum([voice.share for voice in voices], axis=0) <= 0
    if silent.any():
        what = f"no track sounds at frame {int(np.argmax(silent))}"
        found.append(schedule.problem("prompt_tracks", what, "prompts: … sounds everywhere"))
    return found


def _crossed(columns: Mapping[str, NDArray[Any]]) -> int | None:
    """The first frame at which the nearest point of the scene would not be nearer than the farthest."""
    if not {"near", "far"} <= columns.keys():
        return None
    bad = columns["near"] >= columns["far"]
    return int(np.argmax(bad)) if bad.any() else None


def _problem_of_let(schedule: Schedule, name: str, error: CurveError) -> Problem:
    written = schedule.written["let"]
    return written.source.problem(error.node, f"let.{name}", error.what, error.hint)


def _fitted(column: Array, row: Field, may_differ: bool) -> Array:
    """A column held in range, and whole where the field is whole."""
    if may_differ:
        column = np.clip(column, row.low, row.high) if row.low > -np.inf or row.high < np.inf else column
    if row.odd:
        return 2 * np.floor(column / 2) + 1
    return np.floor(column + 0.5) if row.whole else column


def _quiet(column: NDArray[Any]) -> NDArray[Any]:
    """A column nobody can write to; one that never changes takes no memory."""
    if column.strides != (0,) and len(column) > 1 and (column == column[0]).all():
        column = np.broadcast_to(column[0].copy(), column.shape)
    column.flags.writeable = False
    return column


def _shots(cuts: tuple[int, ...], n: int, cadence: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where shots begin, and where the model works: a shot's first frame and every cadence-th after it."""
    cut = np.zeros(n, dtype=bool)
    cut[[frame for frame in cuts if 0 < frame < n]] = True
    frames = np.arange(n)
    start = np.maximum.accumulate(np.where(cut, frames, 0))
    return cut, (frames - start) % cadence == 0


def _contents(settings: Mapping[str, Setting]) -> dict[str, str]:
    """SHA-256 of the pictures that the settings name and that exist."""
    found = {}
    for name, value in settings.items():
        row = FIELDS.get(name)
        if row and row.kind == "file" and row.group != "output" and value and Path(str(value)).is_file():
            found[name] = hashlib.sha256(Path(str(value)).read_bytes()).hexdigest()
    return found


def _masked_by(schedule: Schedule) -> dict[str, str]:
    """SHA-256 of the files that masks name, by path."""
    texts = {text for name in masks.FIELDS for _, text, _ in schedule.texts[name].keys}
    paths = {term.text for text in texts for term in masks.terms(masks.parse(text)) if term.kind == "file"}
    return {path: fingerprint(Path(path)) for path in sorted(paths) if Path(path).is_file()}
