"""A schedule compiled to a plan: every curve at every frame, every prompt and text, or what stands against it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate.errors import Problem, ScheduleError
from animate.schedule import masks, seeds
from animate.schedule import prompts as prompting
from animate.schedule.album import NO_ALBUM, Album
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.fields import FIELDS, Field, in_words
from animate.schedule.files import fingerprint
from animate.schedule.keyframes import CurveError, Key, Keyframes
from animate.schedule.notation import out_of_range
from animate.schedule.plan import Plan
from animate.schedule.prompts import PromptTrack, Voice
from animate.schedule.schedule import Schedule, Setting
from animate.schedule.scope import Scope
from animate.schedule.source import in_order
from animate.schedule.tree import Node
from animate.tokens import by_itself

Array = NDArray[np.float64]


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

    def unknown(name: str, keyframes: Keyframes) -> bool:
        """Whether a curve uses names that there are not; each is told at its key."""
        faults = list(scope.faults(keyframes))
        for fault in faults:
            refuse(name, fault)
        return bool(faults)

    columns: dict[str, NDArray[Any]] = {}
    variables: dict[str, Array] = {}
    for name in (*schedule.let, *schedule.series):
        if name in schedule.let and unknown(name, schedule.let[name]):
            continue
        try:
            variables[name] = scope.column(name)
        except CurveError as error:
            refuse(name, error)
    for name, keyframes in schedule.curves.items():
        if unknown(name, keyframes):
            problems += _beyond(schedule, name, keyframes)
            continue
        try:
            column = scope.column(name)
        except CurveError as error:
            refuse(name, error)
            continue
        row = FIELDS[name]
        bad = (column < row.low - 1e-9) | (column > row.high + 1e-9)
        if bad.any():
            frame = int(np.argmax(bad))
            value = 1 - column[frame] if keyframes.complement else column[frame]
            what = out_of_range(value, frame)
            if lenient:
                warnings.append(schedule.problem(name, f"{what} and is held inside", in_words(row)))
            else:
                blamed = keyframes.key_to_blame(frame, row.low, row.high)
                problems.append(schedule.problem(name, what, in_words(row), blamed.node))
                problems += _beyond(schedule, name, keyframes, told=blamed)
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
        if unknown("loras", keyframes):
            continue
        try:
            loras.append((path, scope.values(keyframes, "loras")))
        except CurveError as error:
            refuse("loras", error)

    shares: list[Array] = []
    for layer in schedule.layers:
        if unknown("prompt_tracks", layer.weight):
            continue
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
    warnings += _unheard(schedule, voices, against, added)
    warnings += _uncalled(schedule, (*prompts.texts, *schedule.texts["source_prompt"].column(n)))
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
        contents=_contents(settings) | _by_path([*_masks(schedule), *worn, *(path for _, path in schedule.embeddings)]),
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
    return [main.travelled(travel, held=schedule.settings["prompt_interpolation"] == "hold"), *beside]


def _unheard(schedule: Schedule, voices: list[Voice], against: Voice | None, added: list[Voice]) -> list[Problem]:
    """A word for every prompt that no frame shows, and for frames without any; keys past the end were told before."""
    found = []
    tracks = [("prompts", voices[0]), *([("negative_prompts", against)] if against else [])]
    tracks += [("prompt_tracks", voice) for voice in (*voices[1:], *added) if (voice.share > 0).any()]
    for name, voice in tracks:
        for key in voice.unreached() if name in schedule.written else ():
            if key.frame <= schedule.clock.max_frames:
                what = f"the key at frame {key.frame} is never reached"
                found.append(schedule.problem(name, what, "", key.node if key.node.line else None))
    silent = np.sum([voice.share for voice in voices], axis=0) <= 0
    if silent.any():
        what = f"no track sounds at frame {int(np.argmax(silent))}"
        found.append(schedule.problem("prompt_tracks", what, "prompts: … sounds everywhere"))
    return found


def _uncalled(schedule: Schedule, texts: Iterable[str]) -> list[Problem]:
    """A word for every embedding whose token stands in no text: its file changes nothing then."""
    spoken = "\n".join(dict.fromkeys(texts))
    found = []
    for token, _ in schedule.embeddings:
        if not re.search(by_itself(token), spoken):
            alike = re.search(by_itself(token), spoken, re.IGNORECASE)
            hint = f"{alike[0]} does: capitals count" if alike else ""
            found.append(schedule.problem("embeddings", f"{token[:60]} stands in no prompt", hint))
    return found


def _crossed(columns: Mapping[str, NDArray[Any]]) -> int | None:
    """The first frame at which the nearest point of the scene would not be nearer than the farthest."""
    if not {"near", "far"} <= columns.keys():
        return None
    bad = columns["near"] >= columns["far"]
    return int(np.argmax(bad)) if bad.any() else None


def _beyond(schedule: Schedule, name: str, keyframes: Keyframes, told: Key | None = None) -> list[Problem]:
    """The numbers of a curve that are out of its field's range, but for the key that is told already."""
    row = FIELDS[name]
    keys = keyframes.beyond(row.low, row.high) if not schedule.source.lenient else []
    return [
        schedule.problem(name, out_of_range(value, key.frame), in_words(row), key.node)
        for key, value in keys
        if key is not told and key.frame <= schedule.clock.last
    ]


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
    """SHA-256 of the files and folders that the settings name and that exist."""
    found = {}
    for name, value in settings.items():
        row = FIELDS.get(name)
        if not row or row.kind != "file" or row.group == "output" or not value:
            continue
        path = Path(str(value))
        if path.is_file() or (name == "depth_file" and path.is_dir()):  # a device or a pipe might never end
            found[name] = fingerprint(path)
    return found


def _masks(schedule: Schedule) -> set[str]:
    """Paths of the files that masks name."""
    texts = {text for name in masks.FIELDS for _, text, _ in schedule.texts[name].keys}
    return {term.text for text in texts for term in masks.terms(masks.parse(text)) if term.kind == "file"}


def _by_path(paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the files that exist, by path."""
    return {path: fingerprint(Path(path)) for path in sorted(set(paths)) if Path(path).is_file()}
